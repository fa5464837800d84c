"""Orders as executors write them, and the process that carries them out."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from fairlead.model.events import Attempt
from fairlead.model.run import Code, TaskCode
from fairlead.model.task import Param, TaskDefinition
from fairlead.model.values import Inline
from fairlead.ports import Brief, Job

ROOT = str(Path(__file__).parents[2])


class Written:
    """An order in a folder."""

    def __init__(self, folder, *calls, artifacts=None, secrets=None, scratch=None, **options):
        """`calls`: (function, argument), one job each; `options` are those of every task."""
        self.folder = folder / "order"
        self.folder.mkdir()
        if artifacts is None:
            (folder / "artifacts").mkdir(exist_ok=True)
            artifacts = {"url": str(folder / "artifacts")}
        given = {"params": (Param("x"),), **options}
        tasks = tuple(TaskDefinition(name=name, target=f"tests.elsewhere.jobs:{name}", **given) for name, _ in calls)
        code = Code(tasks=tuple(TaskCode("") for _ in tasks), paths=(ROOT,))
        self.scratch = scratch or folder / "scratch"
        brief = Brief("calm-otter", tasks, code, str(self.scratch), artifacts, secrets or {})
        jobs = [
            Job("calm-otter", f"t[{place}]", 1, place, {"x": Inline("json", msgspec.json.encode(given))})
            for place, (_, given) in enumerate(calls)
        ]
        self.write(brief, jobs)

    def write(self, brief, jobs):
        self.brief, self.jobs = brief, jobs
        (self.folder / "brief").write_bytes(msgspec.msgpack.encode(brief))
        (self.folder / "jobs").write_bytes(msgspec.msgpack.encode(jobs))

    @property
    def records(self):
        """What was handed back, by place."""
        found = sorted((self.folder / "records").iterdir(), key=lambda file: int(file.name))
        return [msgspec.msgpack.decode(file.read_bytes(), type=Attempt) for file in found]

    def words(self, *more):
        return [sys.executable, "-m", "fairlead", "exec-node", "calm-otter", "t[0]", f"--order={self.folder}", *more]

    def begin(self, *more, **environ):
        """Start the process; its output is one stream."""
        return subprocess.Popen(
            self.words(*more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environ},
            cwd=self.folder.parent,
        )

    def run(self, *more, **environ):
        """Carry it out; gives the exit code and what was printed."""
        process = self.begin(*more, **environ)
        out, _ = process.communicate(timeout=30)
        return process.returncode, out
