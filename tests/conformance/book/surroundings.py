"""What is around a task: variables, secrets, files, its log, metrics and artifacts."""

from __future__ import annotations

import os
from pathlib import Path

from fairlead import Catalog, current_run, task, workflow
from tests.conformance.case import Case


@task(env_vars={"CONFORMANCE_RATE": "0.5"})
def variable() -> str:
    return os.environ["CONFORMANCE_RATE"]


@workflow
def varied():
    return variable()


@task(secrets=["CONFORMANCE_KEY"])
def use_key() -> int:
    key = current_run().secret("CONFORMANCE_KEY")
    print("the key is", key)
    return len(key)


@task(secrets=["CONFORMANCE_KEY"])
def give_key() -> str:
    return current_run().secret("CONFORMANCE_KEY")


@workflow
def keyed():
    return use_key()


@workflow
def told():
    return give_key()


@task(catalog=Catalog(put=["out/*.txt"]))
def put() -> int:
    Path("out").mkdir()
    for number in range(2):
        Path(f"out/{number}.txt").write_text(str(number))
    return 2


@task(catalog=Catalog(get=["out/*.txt"]))
def get(count: int) -> list[str]:
    return sorted(f"{path}: {path.read_text()}" for path in Path("out").iterdir())


@workflow
def catalogued():
    return get(put())


@task
def tell(x: int) -> int:
    print("here is", x)
    current_run().log_metric("loss", x / 2)
    current_run().log_artifact("page", {"x": x})
    return x


@workflow
def telling():
    return tell.map([1, 2])


def heard(run) -> bool:
    said: dict[str, str] = {}
    for path, text in run.get_logs():
        said[path] = said.get(path, "") + text
    metrics = {path: found["loss"] for path, found in run.get_metrics().items()}
    pages = {name: found.load() for name, found in run.get_artifacts().items() if name.endswith("page")}
    return (
        said == {f"tell[{x - 1}]": f"here is {x}\n" for x in (1, 2)}
        and metrics == {"tell[0]": 0.5, "tell[1]": 1.0}
        and pages == {"tell[0]/page": {"x": 1}, "tell[1]/page": {"x": 2}}
    )


@task
def tell_by_a_child() -> None:
    os.system("echo from a child; echo and an error >&2")


@workflow
def telling_by_a_child():
    return tell_by_a_child()


def overheard(run) -> bool:
    said = "".join(text for _, text in run.get_logs())
    return "from a child" in said and "and an error" in said


def masked(run) -> bool:
    return "".join(text for _, text in run.get_logs()) == "the key is ***\n"


CASES = [
    Case("environment variables of a task", lambda _: varied(), "0.5", tasks="variable"),
    Case("a secret, masked in what is printed", lambda _: keyed(), 13, tasks="use_key", seen=masked, core=True),
    Case(
        "a result that holds a secret",
        lambda _: told(),
        status="failed",
        error="holds the secret 'CONFORMANCE_KEY'",
        tasks="give_key=failed",
    ),
    Case(
        "files that one task puts away and another gets",
        lambda _: catalogued(),
        ["out/0.txt: 0", "out/1.txt: 1"],
        tasks="put get",
    ),
    Case("what tasks print, measure and keep", lambda _: telling(), [1, 2], tasks="tell[0-1]", seen=heard, core=True),
    Case(
        "what a task's child processes print",
        lambda _: telling_by_a_child(),
        tasks="tell_by_a_child",
        seen=overheard,
        left_out={"in_process": "they print to the driver's own terminal"},
    ),
]
