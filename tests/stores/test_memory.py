import pytest

from fairlead.stores.memory import MemoryStore
from fairlead.testing.contracts.run_store import RunStoreContract


class TestMemoryStore(RunStoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


def test_its_repr_counts_the_runs() -> None:
    assert repr(MemoryStore()) == "<MemoryStore: 0 runs>"
