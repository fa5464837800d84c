"""Reads the fenced blocks of a page, and does with them what a reader would.

A block's first line says what it is, in words that Markdown viewers ignore:

    ```python title=jobs.py     written to that file
    ```python                   run as a program
    ```console                  lines with `$ ` are commands; what is printed must match the lines below,
                                where `…` stands for anything, also for whole lines
    ```console exit=1           the last command exits with 1
    ``` anything skip           left alone, and so is every block in another language
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"^```(\w+)([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    marks: dict[str, str]
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """List the blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        marks = {name: value for name, _, value in (word.partition("=") for word in match[2].split())}
        found.append(Block(match[1], marks, match[3], text.count("\n", 0, match.start()) + 1))
    return found


def follow(page: Path, folder: Path) -> None:
    """Do what the page says, in a folder."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
        "COLUMNS": "120",
        "PYTEST_ADDOPTS": "-p fairlead_pytest",  # also in a checkout that was installed before there was a plugin
    }
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        if "skip" in block.marks:
            continue
        if "title" in block.marks:
            target = folder / block.marks["title"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            program = folder / "_block.py"
            program.write_text(block.text, encoding="utf-8")
            _call([sys.executable, str(program)], folder, environment, where, code=0)
        elif block.language == "console":
            _session(block, folder, environment, where)


def _session(block: Block, folder: Path, environment: dict[str, str], where: str) -> None:
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"{where}: a console block begins with '$ '"
    for place, part in enumerate(parts[1:], 1):
        command, _, expected = part.partition("\n")
        code = int(block.marks.get("exit", 0)) if place == len(parts) - 1 else 0
        said = _call(["bash", "-c", command], folder, environment, f"{where}: {command}", code=code)
        assert matches(expected, said), f"{where}: {command}\n--- the page says\n{expected}\n--- it printed\n{said}"


def matches(expected: str, said: str) -> bool:
    """Whether a text is as the page says, where `…` stands for anything; space at ends of lines does not count."""
    pattern = ".*".join(re.escape(part) for part in _tidy(expected).split("…"))
    return re.fullmatch(pattern, _tidy(said), re.DOTALL) is not None


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _call(words: list[str], folder: Path, environment: dict[str, str], where: str, *, code: int) -> str:
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, f"{where}: exit {done.returncode}, not {code}\n{done.stdout}"
    return done.stdout
