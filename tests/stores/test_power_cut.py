"""What a power cut leaves of artifacts: a disk of our own, copied as it is at one moment, is what would be found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.executors.ray.direct import PIECE, write
from fairlead.stores.artifacts import FolderArtifacts

SIZE = 3 * PIECE + 5

CUT = """
set -e
truncate -s 100M disk
mkfs.ext4 -q -F disk
mkdir before after
mount -o loop disk before
"$1" "$2" before/artifacts
cp --sparse=always disk found
umount before
mount -o loop found after
cp -r after/artifacts left
umount after
"""

WRITER = f"""
import os
import sys
from pathlib import Path
from fairlead.executors.ray.direct import Paces, write
from fairlead.stores.artifacts import FolderArtifacts

def paced(past, through):
    paces = Paces()
    paces.past, paces.through = past, through
    return paces

store = FolderArtifacts(Path(sys.argv[1]))
data = b"x" * {SIZE}
views = [memoryview(data)]
store.put("put", [data])
store.put_by("past", {SIZE}, lambda file: write(file, views, paced(1e-9, 1.0)))
store.put_by("through", {SIZE}, lambda file: write(file, views, paced(1.0, 1e-9)))
store.put_by("both", {SIZE}, lambda file: write(file, views))
# As a fact that is committed: what the file system knows of names and sizes is on the disk with it.
with open(f"{{sys.argv[1]}}/runs.db", "wb") as runs:
    runs.write(b"x")
    runs.flush()
    os.fsync(runs.fileno())
"""


def test_what_a_power_cut_leaves_is_whole_or_too_short(tmp_path: Path) -> None:
    (tmp_path / "writer.py").write_text(WRITER)
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", CUT, "cut", sys.executable, "writer.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert "Traceback" not in done.stderr, done.stderr
        pytest.skip(f"no disks of one's own here: {done.stderr}")
    left = FolderArtifacts(tmp_path / "left")
    assert left.exists("runs.db", 1)
    for key in ("put", "past", "through", "both"):
        assert not left.exists(key, SIZE) or bytes(left.get(key)) == b"x" * SIZE, key


def test_a_file_has_its_size_only_when_its_last_bytes_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[int, int]] = []

    def noted(way):
        def call(descriptor, *args):
            before = os.fstat(descriptor).st_size
            done = way(descriptor, *args)
            found.append((before, os.fstat(descriptor).st_size))
            return done

        return call

    monkeypatch.setattr(os, "writev", noted(os.writev))
    monkeypatch.setattr(os, "pwrite", noted(os.pwrite))
    store = FolderArtifacts(tmp_path)
    data = bytes(SIZE)
    store.put("put", [data])
    store.put_by("by", SIZE, lambda file: write(file, [memoryview(data)]))
    assert all(before < SIZE for before, _ in found)
    assert [after for _, after in found].count(SIZE) == 2
