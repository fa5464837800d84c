"""The project's files as they were when the run was made."""

from __future__ import annotations

import importlib
import os
import sys
import types
from hashlib import sha256

import pytest

from fairlead.engine.snapshot import code_of, project_paths, snapshot


class Kept:
    """An artifact store in a dict, which counts what is written."""

    def __init__(self):
        self.data = {}
        self.writes = 0

    def exists(self, key, size=None):
        return key in self.data

    def put(self, key, chunks):
        self.writes += 1
        self.data[key] = b"".join(chunks)
        return len(self.data[key])


FILES = {
    "pyproject.toml": "",
    "snap_jobs.py": (
        "import os, snap_features as features\n"
        "from snap_shop import (  # what we sell\n    prices,\n    nothing_else,\n)\n"
        "def work(x):\n    from snap_space.inner import deep; import snap_late\n"
        "    import snap_long_name, \\\n        snap_other\n    return x\n"
        'TEXT = """\nimport snap_not_there\nimport numpy\n"""\n'
        "def made():\n    def inner(): return features, work\n    return inner\n"
        "def later():\n    def inner(): return lost\n    if 0: lost = 1\n    return inner\n"
    ),
    "snap_features.py": "import snap_jobs\nimport numpy\n",
    "snap_shop/__init__.py": "nothing_else = 1\n",
    "snap_shop/prices.py": "from . import tax\nfrom .tax import add\n",
    "snap_shop/tax.py": "def add(): pass\n",
    "snap_shop/unused.py": "",
    "snap_space/inner/deep.py": "",
    "snap_late.py": "",
    "snap_long_name.py": "",
    "snap_other.py": "",
    "snap_unused.py": "",
}
EXPECTED = [
    "snap_features", "snap_jobs", "snap_late", "snap_long_name", "snap_other", "snap_shop", "snap_shop.prices",
    "snap_shop.tax", "snap_space.inner.deep",
]  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "snap_shop" / "__init__.py").write_text("nothing_else = 1\nfrom . import prices\n")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("snap_")]:
        del sys.modules[name]


def test_every_project_file_that_is_imported_anywhere_is_kept_by_content(project):
    jobs = importlib.import_module("snap_jobs")
    kept = Kept()
    files = snapshot([None, jobs.work], kept)
    assert list(files) == EXPECTED
    for source in files.values():
        with open(source.path, "rb") as file:
            assert kept.data[source.key] == file.read()
        assert source.key == f"sha256/{source.digest[:2]}/{source.digest}"
    assert [name for name, source in files.items() if source.package] == ["snap_shop"]


def test_a_file_that_did_not_change_is_neither_read_nor_written_again(project):
    jobs = importlib.import_module("snap_jobs")
    kept = Kept()
    first = snapshot([jobs.work], kept)
    writes = kept.writes
    assert snapshot([jobs.work], kept) == first
    assert kept.writes == writes
    path = project / "snap_late.py"
    path.write_text("LATE = 1\n")
    os.utime(path, ns=(0, 10**18))
    changed = snapshot([jobs.work], kept)
    assert changed["snap_late"].digest == sha256(b"LATE = 1\n").hexdigest()
    assert kept.writes == writes + 1


def test_a_new_store_gets_the_bytes_of_files_that_are_known(project):
    jobs = importlib.import_module("snap_jobs")
    snapshot([jobs.work], Kept())
    kept = Kept()
    files = snapshot([jobs.work], kept)
    assert {source.key for source in files.values()} == set(kept.data)


def test_without_a_store_nothing_is_kept(project):
    jobs = importlib.import_module("snap_jobs")
    assert {source.key for source in snapshot([jobs.work], None).values()} == {""}


def test_a_session_without_a_file_brings_what_its_functions_use(project, monkeypatch):
    jobs = importlib.import_module("snap_jobs")
    importlib.import_module("snap_late")
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    names = {"__name__": "__main__", "late": sys.modules["snap_late"]}
    exec("def helper(): return [late for _ in (1,)]\ndef f(): return (lambda: helper())", names)
    assert list(snapshot([names["f"]], None)) == ["snap_late"]
    names["helper"] = jobs.made
    assert list(snapshot([names["f"]], None)) == EXPECTED
    assert list(snapshot([jobs.made(), jobs.later()], None)) == EXPECTED


def test_the_code_of_a_run_is_put_together(project):
    jobs = importlib.import_module("snap_jobs")
    code = code_of([jobs.work, None])
    assert code.root == str(project)
    assert list(code.modules) == EXPECTED
    assert list(code.tasks[0].symbols) == ["snap_jobs.py: work"]
    assert code.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert str(project) in code.paths
    assert not any("site-packages" in path or path == os.path.dirname(os.__file__) for path in project_paths())
