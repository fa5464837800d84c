"""The ways in which Fairlead itself keeps values hold what codecs of others are held to."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.codecs import json_bytes, json_value
from fairlead.stores.digest import canonical_digest
from fairlead.stores.pickled import dump, load_buffers
from fairlead.stores.values import StoredValues
from fairlead.testing.contracts.codec import CodecContract


class Buffers:
    """Pickle with its buffers beside it, as a codec."""

    def handles(self, value):
        return isinstance(value, np.ndarray)

    def dump(self, value):
        return dump(value).packed()

    def load(self, data):
        return load_buffers(data)


class TestBuffers(CodecContract):
    @pytest.fixture
    def codec(self):
        return Buffers()

    @pytest.fixture
    def values(self):
        return [np.arange(3), np.arange(100_000.0), np.zeros((300, 300), dtype="float32")]

    def test_equal_values_have_equal_bytes(self, codec, values):
        """They need not: what is pickled is known by what it is, and not by its bytes."""
        stored = StoredValues(MemoryArtifacts())
        for value in values:
            kept = stored.encode(value)
            assert stored.digest(kept) == stored.digest(stored.encode(stored.decode(kept))) == canonical_digest(value)

    def same(self, one, other):
        return one.dtype == other.dtype and np.array_equal(one, other)


class Exact:
    """JSON of what JSON keeps exactly, as a codec; only of long texts, since JSON takes the rest by itself."""

    def handles(self, value):
        return isinstance(value, Text)

    def dump(self, value):
        return [json_bytes(str.__str__(value))]

    def load(self, data):
        return Text(json_value(data))


class Text(str):
    __slots__ = ()


class TestJson(CodecContract):
    @pytest.fixture
    def codec(self):
        return Exact()

    @pytest.fixture
    def values(self):
        return [Text("ümläut 🦊"), Text(""), Text("x" * 100_000)]


CHEAT = """
import pytest
from fairlead.testing.contracts.codec import CodecContract

class Number:
    def __init__(self, n): self.n = n
    def __eq__(self, other): return self.n == other.n

class Cheat:
    known = {}
    def handles(self, value): return isinstance(value, Number)
    def dump(self, value):
        key = f"the number {value.n}".encode()
        self.known[key] = value
        return [key]
    def load(self, data): return Number(self.known[bytes(data)].n)

class TestCheat(CodecContract):
    @pytest.fixture
    def codec(self): return Cheat()
    @pytest.fixture
    def values(self): return [Number(1), Number(2)]
"""


SKIPS = CHEAT.replace("return Cheat()", "os.getenv('FAIRLEAD_CONTRACT_FOLDER') and pytest.skip(); return Cheat()")
"""In the other process it is skipped: that shows nothing."""


@pytest.mark.parametrize("text", [CHEAT, f"import os\n{SKIPS}"], ids=["fails there", "is skipped there"])
def test_a_codec_that_remembers_in_place_of_writing_does_not_pass(tmp_path, text):
    (tmp_path / "test_cheat.py").write_text(text)
    done = suite(tmp_path, "test_cheat.py")
    failed = [line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert failed == ["FAILED test_cheat.py::TestCheat::test_bytes_mean_the_same_in_another_process"], done.stdout
    assert "in another process" in done.stdout


SIDES = """
import enum
import pytest
from fairlead.testing.contracts.codec import CodecContract

class Side(enum.Enum):
    NONE = ""
    LEFT = "left"

class Sides:
    def handles(self, value): return isinstance(value, Side)
    def dump(self, value): return [value.value.encode()]
    def load(self, data): return Side(bytes(data).decode())

class TestSides(CodecContract):
    @pytest.fixture
    def codec(self): return Sides()
    @pytest.fixture
    def values(self, given): return [*Side]
"""
GIVEN = """
import pytest

@pytest.fixture
def given(): return None
"""


def test_a_codec_of_what_never_changes_passes_with_fixtures_of_a_plugin_that_addopts_names(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p given\npythonpath = .\n")
    (tmp_path / "given.py").write_text(GIVEN)
    for folder in ("a", "b"):  # of one name, which only `importlib` takes
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test_sides.py").write_text(SIDES)
    done = suite(tmp_path, "a/test_sides.py", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def suite(folder, file, PYTHONPATH=""):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [PYTHONPATH, *sys.path]))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
