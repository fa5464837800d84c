"""A workflow, and in test_greeting.py what there is to test of one."""

from pathlib import Path

from fairlead import current_run, task, workflow


@task
def load(path: str) -> list[str]:
    return Path(path).read_text().split()


@task(retries=2, retry_delay=600)
def greet(name: str) -> str:
    if current_run().attempt == 1:
        raise ConnectionError("the line is busy")
    return f"hello, {name}"


@task
def join(greetings: list[str]) -> str:
    return "; ".join(greetings)


@workflow
def greeting(path: str = "names.txt"):
    return join(greet.map(load(path)))
