"""One contender in a process of its own: it prepares, then does a repetition for every line it is sent.

Runs in any of the environments, so it imports the standard library and the work's module only.
Usage: `python -m bench.side WORK SIDE N`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback

from bench.parts import CPU
from bench.works import WORKS


def main() -> int:
    """Answer each line of standard input with the figures of one repetition."""
    work, name, n = sys.argv[1:]
    # Peers write what they like to standard output: the answers go out by a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    side = next(side for side in WORKS[work].sides if side.name == name)
    repetitions = side.measure(int(n))
    try:
        for _ in sys.stdin:
            spent = time.process_time()
            figures = next(repetitions)
            figures.setdefault(CPU, (time.process_time() - spent) / int(n) * 1e6)
            answers.write(json.dumps({"figures": figures}) + "\n")
    except Exception as problem:  # noqa: BLE001 - whatever a peer raises, it is a result to report
        traceback.print_exc()
        answers.write(json.dumps({"failed": f"{type(problem).__name__}: {problem}"}) + "\n")
        return 1
    finally:
        repetitions.close()  # type: ignore[attr-defined]
    return 0


if __name__ == "__main__":
    sys.exit(main())
