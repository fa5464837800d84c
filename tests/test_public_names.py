"""What `import fairlead` gives, and what it does not cost."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import fairlead
import fairlead.api


@pytest.mark.parametrize("module", ["fairlead", "fairlead.api"])
def test_every_public_name_can_be_imported(module):
    home = importlib.import_module(module)
    for name in home.__all__:
        assert getattr(home, name) is not None, name
    assert len(set(home.__all__)) == len(home.__all__) and sorted(home.__all__, key=str) == list(home.__all__)


def test_names_are_listed_and_others_are_refused():
    assert set(dir(fairlead)) >= set(fairlead.__all__) - {"__version__"}
    with pytest.raises(AttributeError, match=r"module 'fairlead' has no attribute 'tusk'"):
        _ = fairlead.tusk
    with pytest.raises(AttributeError, match=r"'fairlead.api' has no attribute 'tusk'"):
        _ = fairlead.api.tusk


def test_every_public_thing_says_what_it_is():
    silent = [name for name in fairlead.__all__ if name != "__version__" and not getattr(fairlead, name).__doc__]
    assert silent == []


@pytest.mark.parametrize("lines", ["import fairlead", "from fairlead import task, workflow\n@task\ndef f(): ..."])
def test_importing_brings_in_nothing_heavy(lines):
    heavy = "{'yaml', 'cloudpickle', 'click', 'rich', 'sqlite3', 'asyncio', 'multiprocessing', 'numpy'}"
    program = f"import sys; before = set(sys.modules)\n{lines}\nprint(sorted({heavy} & (set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
