"""The ways in which Fairlead itself keeps values hold what codecs of others are held to."""

import numpy as np
import pytest

from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.codecs import dump, json_bytes, json_value, load_buffers
from fairlead.stores.digest import canonical_digest
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
