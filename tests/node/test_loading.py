"""Files of the user are loaded as they are now."""

import os
import sys

import pytest

from fairlead.node.loading import load_target_file

NOW = 1_900_000_000


def edit(file, text, at):
    file.write_text(text)
    os.utime(file, (at, at))


def compiled_at(folder, at):
    for file in (folder / "__pycache__").iterdir():
        os.utime(file, (at, at))


@pytest.fixture
def forget(tmp_path):
    before = list(sys.path)

    def drop():
        here = [name for name, one in sys.modules.items() if str(tmp_path) in str(getattr(one, "__file__", ""))]
        for name in here:
            del sys.modules[name]

    yield drop
    drop()
    sys.path[:] = before


@pytest.mark.parametrize("which", ["fresh_target.py", "fresh_helper.py"])
def test_an_edit_of_the_same_size_in_the_same_second_counts(tmp_path, forget, which, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    texts = {"fresh_target.py": "import fresh_helper\nRATE = 1\n", "fresh_helper.py": "RATE = 1\n"}
    for name, text in texts.items():
        edit(tmp_path / name, text, NOW + 0.2)

    def rates():
        target = load_target_file(tmp_path / "fresh_target.py")
        return target.RATE, target.fresh_helper.RATE

    assert rates() == (1, 1)
    compiled_at(tmp_path, NOW + 0.5)
    edit(tmp_path / which, texts[which].replace("1", "2"), NOW + 0.8)
    forget()
    assert sorted(rates()) == [1, 2]


def test_what_was_compiled_later_is_used(tmp_path, forget, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    edit(tmp_path / "fresh_target.py", "RATE = 1\n", NOW)
    load_target_file(tmp_path / "fresh_target.py")
    compiled_at(tmp_path, NOW + 1)
    edit(tmp_path / "fresh_target.py", "RATE = 2\n", NOW + 0.5)  # a second later, it would be another file for Python
    forget()
    assert load_target_file(tmp_path / "fresh_target.py").RATE == 1, "it was compiled anew for nothing"
