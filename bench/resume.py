"""Resume of a run of 10,000 tasks of which one failed, as a whole process.

The task that failed does nothing the second time, so all that is measured is ours.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.parts import Figure, Side, Target, Work

__all__ = ["WORK"]

_RESUME = "resume"


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Run, fail, mend, resume by the command line."""
    from flows import fragiles

    mended = Path("mended")
    command = str(Path(sys.executable).parent / "fairlead")
    while True:
        mended.unlink(missing_ok=True)
        run = fragiles(list(range(n))).run("local", check=False)
        if run.get_status() != "failed":
            raise AssertionError(f"the run that must fail is {run.get_status()}")
        mended.touch()
        start = time.perf_counter()
        done = subprocess.run([command, "resume", run.id], capture_output=True, text=True, check=False)
        spent = time.perf_counter() - start
        if done.returncode:
            raise AssertionError(f"'fairlead resume' ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        if run.get_results() != sum(range(n)):
            raise AssertionError(f"the resumed run gave {run.get_results()!r}")
        yield {_RESUME: spent}


WORK = Work(
    name=_RESUME,
    title="resume of a 10,000-task run of which one failed",
    sides=(Side("fairlead", fairlead, 10_000, records="everything, durable"),),
    figures=(Figure(_RESUME, "fairlead resume, whole process", "s", "fairlead", digits=3),),
    targets=(Target(_RESUME, 1.0),),
    rounds=4,
    quick_rounds=2,
)
