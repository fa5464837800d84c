"""Every kind of task."""

from __future__ import annotations

import asyncio

from fairlead import Component, Pipeline, PythonTask, Runner, Stub, notebook, shell, task, workflow
from tests.conformance.case import Case


@task
async def later(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


@workflow
def awaited():
    return later(later(1))


count = shell("n=$(printf '%s' \"$text\" | wc -c); export n", outputs=["n"], name="count")


@task
def number(text: str) -> int:
    return int(text)


@workflow
def counted(text: str):
    return number(count(text))


clean = notebook("clean.ipynb", outputs=["table"])


@workflow
def cleaned():
    return clean([3, 30, 5])


def last():
    found = 1
    return found


STUBBED = Pipeline([Stub("first"), PythonTask(last)], "stubbed")


class Scale(Component):
    factor: float = 2.0

    def scaled(self, x: float) -> float:
        return x * self.factor


class Scaled(Runner):
    scale: Scale

    @workflow
    def twice(self, x: float = 1.0):
        return self.scale.scaled(self.scale.scaled(x))


def make_adder(more):
    @task
    def adder(x):
        return x + more

    @workflow
    def added(x):
        return adder(adder(x))

    return added


CASES = [
    Case("a coroutine", lambda _: awaited(), 3, tasks="later later#2"),
    Case("a shell command", lambda _: counted("four"), 4, tasks="count number"),
    Case("a notebook", lambda _: cleaned(), [3, 5], tasks="clean", needs=("nbclient", "ipykernel")),
    Case("a stub", lambda _: STUBBED.bound_to({}), {"found": 1}, tasks="first last"),
    Case(
        "methods of a component",
        lambda _: Scaled(scale=Scale(factor=3.0)).twice(2.0),
        18.0,
        tasks="scale:scaled scale:scaled#2",
    ),
    Case("a function that only this process has", lambda _: make_adder(10)(1), 21, tasks="adder adder#2", core=True),
]
