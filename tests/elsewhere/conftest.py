"""A project folder of its own for each test, and `exec-node` on the runs that are made in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead import Environment
from fairlead.config.services import close_all, open_services
from fairlead.model.fold import fold
from fairlead.model.scope import READY

ROOT = str(Path(__file__).parents[2])


class Place:
    """A project folder with a store, and processes that run tasks of its runs."""

    def __init__(self, folder):
        self.folder = folder
        self.env = Environment(executor="in_process")

    @property
    def store(self):
        return open_services(self.env).store

    def make(self, flow, *args, **kwargs):
        """Record a run that nobody carries."""
        return flow(*args, **kwargs).prepare(self.env)

    def begin(self, run, path, *more, **environ):
        return subprocess.Popen(
            [sys.executable, "-m", "fairlead", "exec-node", run.id, path, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": ROOT, **environ},
        )

    def node(self, run, path, *more, **environ):
        """Run a task; gives the exit code and what was complained of."""
        process = self.begin(run, path, *more, **environ)
        self.out, err = process.communicate(timeout=40)
        assert "Traceback" not in err, err
        return process.returncode, err.removeprefix("fairlead: ").removeprefix("error: ").strip()

    def attempts(self, run, path):
        return list(self.store.attempts(run.id, path=path))

    def ready(self, run):
        """The paths that may start, as a driver sees it."""
        epoch = self.store.summary(run.id).epoch
        state = fold(self.store.get(run.id), self.store.attempts(run.id), epoch=max(1, epoch), alive=True, keep=True)
        return [path for path, live in state.lives.items() if live.status == READY]

    def carry(self, run):
        """Run everything that may start, one after the other; gives the exit codes by path."""
        codes = {}
        while ready := [path for path in self.ready(run) if codes.get(path) in (None, 21)]:
            for path in ready:
                codes[path] = self.node(run, path)[0]
        return codes


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    yield Place(tmp_path)
    close_all()
