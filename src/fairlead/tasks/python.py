"""Tasks that are Python functions: how inputs become arguments, and how coroutines are run.

Nothing here loads, stores or records anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping
from types import CoroutineType
from typing import Any

from fairlead.model.task import TaskDefinition
from fairlead.ports import Current

__all__ = ["PythonKind", "await_elsewhere"]


class PythonKind:
    """Calls functions; awaits what `async def` gives, in one event loop per thread."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._runners: list[Any] = []

    def run(
        self,
        task: TaskDefinition,
        function: Callable[..., Any] | None,
        inputs: Mapping[str, Any],
        current: Current,  # noqa: ARG002  # functions ask for it by current_run()
    ) -> Any:
        """Call the function with the inputs, as its parameters want them."""
        assert function is not None
        for param in task.params:
            kind = param.kind
            if kind != "normal" and kind != "keyword_only":  # noqa: PLR1714  # a set costs more than the call
                result = _call(task, function, inputs)
                break
        else:
            result = _call(task, function, inputs) if hasattr(function, "__wrapped__") else function(**inputs)
        if type(result) is CoroutineType:
            return self._await(result)
        return result

    def close(self) -> None:
        """Close the event loops that were opened."""
        while self._runners:
            self._runners.pop().close()
        self._local = threading.local()

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        import asyncio
        from contextvars import copy_context

        if asyncio._get_running_loop() is not None:
            # A notebook's own loop runs in this thread, and loops do not nest.
            return await_elsewhere(coroutine)
        runner = getattr(self._local, "runner", None)
        if runner is None:
            runner = self._local.runner = asyncio.Runner()
            self._runners.append(runner)
        try:
            return runner.run(coroutine, context=copy_context())
        except BaseException as error:
            if not isinstance(error, Exception):
                # Whatever ended the task may have hit the loop itself; nobody can say what state it is in.
                self._local.runner = None
                self._runners.remove(runner)
                runner.close()
            raise


def await_elsewhere(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Await it in a loop of its own, in a thread of its own; whoever interrupts this thread ends it there."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    begun: list[tuple[Any, Any]] = []

    async def whole() -> Any:
        begun.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await coroutine

    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(copy_context().run, asyncio.run, whole())
        try:
            return future.result()
        except BaseException:
            if not future.done():
                for loop, awaited in begun:
                    loop.call_soon_threadsafe(awaited.cancel)
            raise


def _call(task: TaskDefinition, function: Callable[..., Any], inputs: Mapping[str, Any]) -> Any:
    """Call a function that has more than plain parameters, or that a decorator stands in for.

    `*args` come as one container under the parameter's name; what is left over belongs to `**kw`. A
    decorator's function may take `*args` where the parameters of the wrapped one are plain, so these
    go by position as far as they come one after the other, as in a plain call.
    """
    positional: list[Any] = []
    named = dict(inputs)
    by_position = hasattr(function, "__wrapped__") or any(
        param.kind == "varargs" and param.name in named for param in task.params
    )
    for param in task.params:
        if param.kind == "namespace":
            from argparse import Namespace

            return function(Namespace(**named))
        if param.name not in named:
            by_position = by_position and param.kind != "normal"
            continue
        if param.kind == "positional_only" or (param.kind == "normal" and by_position):
            positional.append(named.pop(param.name))
        elif param.kind == "varargs":
            positional.extend(named.pop(param.name))
    return function(*positional, **named)
