"""Prints how much of each package the tests reach, and fails when a package that decides is below its floor.

Lines and branches are counted apart: a package is as good as the worse of the two.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

FLOOR = {"model": 95.0, "engine": 95.0, "node": 95.0, "author": 95.0}


def main(report: str) -> int:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for name, file in json.loads(Path(report).read_text())["files"].items():
        inside = Path(name).parts[Path(name).parts.index("fairlead") + 1 :]
        package = inside[0] if len(inside) > 1 else "(top)"
        for place, key in enumerate(("covered_lines", "num_statements", "covered_branches", "num_branches")):
            sums[package][place] += file["summary"][key]
    below = []
    for package, (lines, all_lines, branches, all_branches) in sorted(sums.items()):
        line = 100 * lines / all_lines if all_lines else 100.0
        branch = 100 * branches / all_branches if all_branches else 100.0
        floor = FLOOR.get(package)
        if floor is not None and min(line, branch) < floor:
            below.append(package)
        note = "" if floor is None else f"   floor {floor:.0f}" + ("  BELOW" if package in below else "")
        print(f"{package:12} lines {line:5.1f} %   branches {branch:5.1f} %{note}")
    missing = sorted(FLOOR.keys() - sums.keys())
    if below or missing:
        print(f"below the floor: {', '.join(below + missing)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
