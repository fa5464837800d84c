"""What a process imports that only looks at definitions: a worker, above all."""

import os
import subprocess
import sys


def _imported_by(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_defining_a_workflow_imports_nothing_that_carries_runs():
    names = _imported_by("from fairlead import task, workflow\n@workflow\ndef flow(): pass")
    heavy = ("engine", "executors", "stores", "api.launch", "api.running", "config.services")
    assert not [name for name in names if name.startswith(tuple(f"fairlead.{part}" for part in heavy))]


def test_a_short_run_imports_nothing_that_only_others_need(tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(
        "from fairlead import task, workflow\n@task\ndef one(): return 1\n@workflow\ndef flow(): return one()\n"
    )
    command = [sys.executable, "-X", "importtime", "-m", "fairlead", "run", "jobs.py:flow"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it imports, too
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=env)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "sqlite3" in imported, "these are the imports of the command"
    costly = {"hashlib", "_hashlib", "pickle", "click", "yaml", "inspect", "ast", "tokenize", "subprocess", "random"}
    assert not imported & costly
