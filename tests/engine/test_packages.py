"""Which distribution a module comes from, on an installed tree made for the test and on the real one."""

# ruff: noqa: E501 - programs of a line each, and tables that are read in rows

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy
import pytest
import yaml

from fairlead.engine.packages import distribution, site_of


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "lib" / "site-packages"
    files = {
        "scikit_learn-1.5.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: scikit-learn\nVersion: 1.5.0\n\nName: no\n",
        "scikit_learn-1.5.0.dist-info/top_level.txt": "sklearn\n",
        "pillow-11.0.dist-info/METADATA": "Name: pillow\nVersion: 11.0\n",
        "pillow-11.0.dist-info/RECORD": "PIL/__init__.py,sha256=x,1\nPIL/Image.py,,\n",
        "six_of_them-2.dist-info/RECORD": "lonely.py,sha256=x,1\n_fast.cpython-311-x86_64-linux-gnu.so,,\n",
        "goog_a-1.dist-info/METADATA": "Name: goog-a\nVersion: 1\n",
        "goog_a-1.dist-info/RECORD": "goog/a/__init__.py,,\n",
        "goog_b-2.dist-info/METADATA": "Name: goog-b\nVersion: 2\n",
        "goog_b-2.dist-info/RECORD": "goog/b/__init__.py,,\n",
        "Old-0.9.egg-info/PKG-INFO": "Name: Old\nVersion: 0.9\n",
        "flat-3.1.egg-info": "Name: flat\nVersion: 3.1\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("module", "file", "expected"),
    [
        ("sklearn.svm", "sklearn/svm/__init__.py", ("scikit-learn", "1.5.0")),
        ("PIL.Image", "PIL/Image.py", ("pillow", "11.0")),
        ("lonely", "lonely.py", ("six_of_them", "2")),
        ("_fast", "_fast.cpython-311-x86_64-linux-gnu.so", ("six_of_them", "2")),
        ("goog.a", "goog/a/__init__.py", ("goog-a", "1")),
        ("goog.b", "goog/b/__init__.py", ("goog-b", "2")),
        ("goog", "goog", ("goog-a", "1")),
        ("old", "old/__init__.py", ("Old", "0.9")),
        ("flat", "flat.py", ("flat", "3.1")),
        ("nobody", "nobody.py", None),
    ],
)
def test_a_module_is_traced_to_its_distribution(site, module, file, expected):
    assert distribution(module, str(site / file)) == expected


def test_the_installed_packages_of_this_process_are_known():
    assert distribution("numpy.linalg", numpy.__file__) == ("numpy", numpy.__version__)
    assert distribution("yaml", yaml.__file__) == ("PyYAML", yaml.__version__)


def test_a_module_without_a_record_says_its_own_version(tmp_path, monkeypatch):
    module = types.ModuleType("unrecorded")
    module.__version__ = "7.1"
    monkeypatch.setitem(sys.modules, "unrecorded", module)
    assert distribution("unrecorded", str(tmp_path / "gone" / "site-packages" / "unrecorded.py")) == (
        "unrecorded",
        "7.1",
    )
    assert distribution("unrecorded.sub", str(tmp_path / "elsewhere.py")) == ("unrecorded", "7.1")


def test_a_file_of_the_project_is_in_no_site_folder():
    assert site_of("/home/me/project/jobs.py") is None
    assert site_of("/x/lib/python3.11/site-packages/numpy/__init__.py") == "/x/lib/python3.11/site-packages"
    assert site_of("/usr/lib/python3/dist-packages/yaml.py") == "/usr/lib/python3/dist-packages"
    assert site_of(str(Path("/x/site-packages"))) == "/x/site-packages"
