"""What a process imports that only looks at definitions: a worker, above all."""

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
