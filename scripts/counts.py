"""Adds up JUnit files into one closing line: `N passed, N failed`.

What was run again by itself stands in a file beside (`junit-parts-alone.xml`), and counts by that.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(files: list[str]) -> None:
    found: list[str] = []
    for file in map(Path, files):
        if not file.exists():
            print(f"no report {file.name}: what should have written it ended before")
        elif not file.stem.endswith("-alone"):
            again = file.with_name(f"{file.stem}-alone.xml")
            found += {**outcomes(file), **(outcomes(again) if again.exists() else {})}.values()
    passed, failed, skipped = (found.count(word) for word in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))


def outcomes(file: Path) -> dict[tuple[str | None, str | None], str]:
    made: dict[tuple[str | None, str | None], str] = {}
    for case in ElementTree.parse(file).getroot().iter("testcase"):
        kinds = {part.tag for part in case}
        word = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        name = case.get("classname"), case.get("name")
        made[name] = "failed" if made.get(name) == "failed" else word
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
