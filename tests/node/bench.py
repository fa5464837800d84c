"""What tests of the node run tasks with: real values, and functions that stand in the test."""

from pathlib import Path

import msgspec

from fairlead.model.run import Code, TaskCode
from fairlead.model.task import Param, TaskDefinition
from fairlead.model.values import Inline
from fairlead.node.execute import Bench
from fairlead.node.secrecy import Guard
from fairlead.ports import Brief, Job
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.values import StoredValues
from fairlead.tasks.python import PythonKind
from fairlead.tasks.stub import StubKind


def make_bench(*functions, log=None, vault=None, sets_env=False, root="", scratch="/nowhere", **options):
    """A bench with one task for each function; `options` are those of every task."""
    tasks = []
    for function in functions:
        code = getattr(function, "__code__", None)
        params = code.co_varnames[: code.co_argcount] if code else ()
        given = {
            "name": getattr(function, "__name__", "task"),
            "target": "here:it",
            "params": tuple(map(Param, params)),
        }
        tasks.append(TaskDefinition(**{**given, **options}))
    brief = Brief("calm-otter", tuple(tasks), Code(root=root, tasks=tuple(TaskCode("") for _ in tasks)), scratch)
    places = {id(task): place for place, task in enumerate(tasks)}
    return Bench(
        brief,
        values=StoredValues(MemoryArtifacts(), files_dir=Path(scratch, "files")),
        kinds={"python": PythonKind(), "stub": StubKind()},
        function_of=lambda task, code, values: functions[places[id(task)]],
        log=log,
        guard=Guard(lambda: vault) if vault is not None else None,
        worker="here:1",
        sets_env=sets_env,
    )


def job(path="t", task=0, rows=(), **args):
    """A job with plain arguments, or values."""
    values = {
        n: a if isinstance(a, msgspec.Struct) else Inline("json", msgspec.json.encode(a)) for n, a in args.items()
    }
    return Job("calm-otter", path, 1, task, values, rows)


def run(function, *, rows=(), bench=None, options=None, **args):
    """Run one function as a task; gives the record."""
    bench = bench or make_bench(function, **(options or {}))
    try:
        return bench.execute(job(rows=rows, **args))
    finally:
        bench.close()
