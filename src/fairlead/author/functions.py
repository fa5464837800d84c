"""Tasks: plain functions that can be placed in a graph.

Outside a workflow function a task is its function. Inside one, a call places a node. Nothing here
runs a graph.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from fairlead.author.handles import Handle
from fairlead.author.maps import map_plainly, map_task, submit_plainly
from fairlead.author.options import Core
from fairlead.author.placing import Body, map_body
from fairlead.author.problems import place_of
from fairlead.author.scope import current
from fairlead.errors import DefinitionError
from fairlead.model.task import Catalog, Resources, TaskDefinition

__all__ = ["Task", "dress", "handles_in", "is_method", "task"]

P = ParamSpec("P")
R = TypeVar("R")


class Task(Generic[P, R]):
    """A function that can be called inside a workflow, with its options."""

    def __init__(self, function: Callable[P, R], **options: Any) -> None:
        self._take(function, Core(function, options), ())

    def _take(self, function: Callable[P, R], core: Core, after: tuple[Handle, ...]) -> None:
        self.fn = function
        """The plain function."""
        self._core = core
        self._after = after
        self.handler: Callable[..., Any] | None = None
        """Runs in the place of a call that failed."""
        dress(self, function, core.name)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function; inside a workflow, place the call and give a handle for its result."""
        scope = current.get()
        if self.handler is not None:
            return self._guarded(scope, args, kwargs)  # type: ignore[no-any-return]
        if not scope:
            if scope is None or scope is False:
                return self.fn(*args, **kwargs)
            return scope.call(self._core, args, kwargs)  # type: ignore[no-any-return]
        return scope.call(self._core, self._after, args, kwargs)  # type: ignore[return-value]

    @property
    def definition(self) -> TaskDefinition:
        """The task as data."""
        return self._core.definition

    @property
    def name(self) -> str:
        """What the task is called in graphs and runs."""
        return self._core.name

    def options(self, **options: Any) -> Task[P, R]:
        """Give a copy with these options changed."""
        return self._copy(self._core.changed(options), self._after)

    def after(self, *handles: Any) -> Task[P, R]:
        """Give a copy whose calls wait for these results without taking them."""
        if not current.get():
            return self
        return self._copy(self._core, (*self._after, *handles_in(handles, self.name)))

    def map(self, *lists: Any, **values: Any) -> Any:
        """Call once for every item: positional arguments are lists, keywords are passed whole."""
        scope = current.get()
        if not scope:
            if scope is not None and scope is not False:
                return scope.map(self._core, lists, values, self.handler)
            call = self if self.handler is not None else self.fn
            return map_plainly(call, lists, values, self._core.options.get("min_success"))
        if self.handler is not None:
            body = Body(self, self._core.layout, self.name, self._after, self._core.options)
            return map_body(scope, body, lists, values)
        return map_task(scope, self._core, self._after, lists, values)

    def on_failure(self, handler: Callable[..., Any]) -> Task[P, R]:
        """Give a copy whose calls have `handler` called in their place when they fail.

        It takes arguments of the call by name, and `failure`: a dict of `task`, `type` and `message`. What it
        gives stands for what the call would have given.
        """
        if not callable(handler):
            raise DefinitionError(f"{self.name}.on_failure takes a task or workflow; got {handler!r}")
        copy = self._copy(self._core, self._after)
        copy.handler = handler
        return copy

    def _guarded(self, scope: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        handler = self.handler
        assert handler is not None
        if scope is None or scope is False:
            from fairlead.author.blocks import guard_plainly

            return guard_plainly(self.fn, self.name, self._core.layout, handler, args, kwargs)
        plain = self._copy(self._core, self._after)
        plain.handler = None
        if not scope:
            return scope.guard(plain, self._core.layout, handler, args, kwargs)
        from fairlead.author.blocks import guard

        return guard(scope, plain, self.name, self._core.layout, handler, args, kwargs)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Call in a dynamic workflow without waiting: gives a future, whose `result()` waits.

        A future may be an argument of another call. In plain Python the call is made at once.
        """
        scope = current.get()
        if scope:
            raise DefinitionError(
                f"{self.name}.submit ({place_of(sys._getframe(1))}): calls in a graph are not waited for anyway; "
                f"write {self.name}(…), or make the workflow dynamic"
            )
        if scope is None or scope is False:
            return submit_plainly(self.fn, args, kwargs)
        return scope.submit(self._core, args, kwargs)

    def _copy(self, core: Core, after: tuple[Handle, ...]) -> Task[P, R]:
        copy = object.__new__(type(self))
        copy._take(self.fn, core, after)
        copy.handler = self.handler
        return copy

    def __get__(self, instance: object, owner: type) -> Task[P, R]:
        bind = getattr(owner, "_bind_task", None) if instance is not None else None
        if bind is not None:  # a component's method
            return bind(self, instance)  # type: ignore[no-any-return]
        if instance is not None and is_method(self.fn, owner):
            raise DefinitionError(
                f"{self.name!r} is a method of {owner.__name__} and cannot be a task ({place_of(sys._getframe(1))}); "
                "write a function, or put @staticmethod above @task"
            )
        return self

    def __reduce__(self) -> Any:
        home = sys.modules.get(getattr(self.fn, "__module__", None) or "")
        known: Any = home
        for part in getattr(self.fn, "__qualname__", "").split("."):
            known = getattr(known, part, None)
        if not isinstance(known, Task) or known.fn is not self.fn or home is sys.modules.get("__main__"):
            return _restored, (type(self), self.fn, self._core.options)
        # Plain pickle finds the task where its function would be, and never sees the function.
        if known is self:
            return self.fn.__qualname__
        return _changed, (known, self._core.options)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str = ...,
    outputs: tuple[str, ...] | list[str] = ...,
    retries: int = ...,
    retry_delay: float = ...,
    timeout: float | None = ...,
    cache: bool = ...,
    resources: Resources = ...,
    env_vars: dict[str, str] = ...,
    secrets: list[str] | tuple[str, ...] = ...,
    image: str | None = ...,
    chunk: int = ...,
    workdir: str = ...,
    catalog: Catalog | None = ...,
    tracked: list[str] | tuple[str, ...] = ...,
    order: str = ...,
    min_success: float | None = ...,
    max_parallel: int | None = ...,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
@overload
def task(function: Callable[P, R], /, **options: Any) -> Task[P, R]: ...
def task(function: Any = None, /, **options: Any) -> Any:
    """Make a function a task: `@task`, or `@task(retries=2, …)`.

    `timeout` and `retry_delay` are seconds. Raises DefinitionError for what cannot be a task and
    for options that cannot be right, all at once.
    """
    if function is None:
        return lambda later: task(later, **options)
    if isinstance(function, Task):
        raise DefinitionError(f"{function.name!r} is a task already; change a copy with .options(…)")
    if isinstance(function, (staticmethod, classmethod)):
        raise DefinitionError(f"{function.__name__!r} is a method; put @staticmethod above @task")
    return Task(function, **options)


def handles_in(value: Any, name: str) -> list[Handle]:
    """Collect the handles that `after` is given, alone or in lists, tuples and dicts."""
    if type(value) is Handle:
        return [value]
    if isinstance(value, (list, tuple)):
        return [handle for one in value for handle in handles_in(one, name)]
    if isinstance(value, dict):
        return [handle for one in value.values() for handle in handles_in(one, name)]
    raise DefinitionError(
        f"{name}.after takes results of earlier calls; got {value!r} ({place_of(sys._getframe(1))})"
        + ("; a workflow that returns nothing is waited for anyway" if value is None else "")
    )


def is_method(function: Any, owner: type) -> bool:
    """Whether a function was written in the body of a class."""
    name = getattr(function, "__name__", "")
    return bool(getattr(function, "__qualname__", "") == f"{owner.__qualname__}.{name}")


def dress(target: Any, function: Any, name: str) -> None:
    """Make an object look like the function that it stands for, as functools.wraps does."""
    target.__wrapped__ = function
    target.__name__ = getattr(function, "__name__", name)
    for attribute in ("__module__", "__qualname__", "__doc__"):
        setattr(target, attribute, getattr(function, attribute, None))


def _restored(kind: type[Task[..., Any]], function: Callable[..., Any], options: dict[str, Any]) -> Task[..., Any]:
    return kind(function, **options)


def _changed(known: Task[..., Any], options: dict[str, Any]) -> Task[..., Any]:
    return known.options(**options)
