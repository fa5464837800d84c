"""Code that only the running program knows: closures, partials, notebooks, sessions without files."""

# ruff: noqa: E501 - programs of a line each, and tables that are read in rows

from __future__ import annotations

import importlib
import linecache
import sys
import types
from pathlib import Path

import pytest

from fairlead.engine.lineage import analyse, class_code, diff

ROOT = Path("/")


def cell(text: str, number: int = 1, *, source: bool = True, names: dict | None = None) -> dict:
    """Execute a notebook cell as IPython does, in the names of the cells before it."""
    file = f"<ipython-input-{number}-{abs(hash(text))}>"
    names = {"__name__": "__main__"} if names is None else names
    if source:
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    plain = "".join("\n" if line.startswith("%") else line for line in text.splitlines(keepends=True))
    exec(compile(plain, file, "exec"), names)
    return names


@pytest.fixture(autouse=True)
def session(monkeypatch):
    """Make `__main__` a session without a file, as a kernel's is."""
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))


@pytest.fixture
def module(tmp_path, monkeypatch):
    names = []

    def load(text: str, name: str = "objects_made_here") -> types.ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        names.append(name)
        return importlib.import_module(name)

    yield load
    for name in names:
        del sys.modules[name]


def code(function: object, root: Path = ROOT):
    return analyse([function], root=root)[0]


@pytest.mark.parametrize("source", [True, False])
def test_a_notebook_s_function_counts_with_the_functions_and_values_it_uses(source):
    text = "%time\nRATE = 1\ndef helper(x):\n    return x * RATE\ndef f(x):\n    'doc'\n    return helper(x)\n"
    first = code(cell(text, source=source)["f"])
    assert set(first.symbols) == {"__main__: f", "__main__: helper", "__main__: RATE"}
    assert diff(first, code(cell(text.replace("x * RATE", "x - RATE"), source=source)["f"])) == [
        "__main__: helper changed"
    ]
    assert diff(first, code(cell(text.replace("RATE = 1", "RATE = 2"), source=source)["f"])) == [
        "__main__: RATE changed"
    ]
    assert first.opaque == ()


def test_comments_in_a_cell_do_not_count():
    text = "def f(x):\n    return x\n"
    assert code(cell(text)["f"]) == code(cell("# said\n\n" + text)["f"])


def test_names_from_different_cells_are_found():
    names = cell("import numpy as np\nimport math\n")
    names = cell("def helper(x):\n    return np.mean(x)\n", 2, names=names)
    names = cell(
        "def f(x):\n    from yaml import dump\n    import json\n    return helper(x), math.pi, dump, json.dumps, len(x), eval(x), lost\n",
        3,
        names=names,
    )
    found = code(names["f"])
    assert sorted(found.packages) == ["PyYAML", "numpy"]
    assert set(found.symbols) == {"__main__: f", "__main__: helper"}
    assert found.opaque == ("eval, __main__:4", "'lost', which nothing visible defines, __main__")


def test_a_notebook_s_class_counts_with_its_bases_methods_and_constants():
    text = (
        "class Base:\n    DEPTH = 3\n    def fit(self): return 1\n"
        "class Model(Base):\n    rate: int\n    @property\n    def size(self): return 1\n"
        "    @classmethod\n    def make(cls): return cls()\n"
        "def f(): return Model()\n"
    )
    first = code(cell(text)["f"])
    assert {"__main__: f", "__main__: Model", "__main__: Base", "__main__: Base.DEPTH", "__main__: Base.fit"} <= set(
        first.symbols
    )
    assert {"__main__: Model.size", "__main__: Model.make"} <= set(first.symbols)
    assert diff(first, code(cell(text.replace("DEPTH = 3", "DEPTH = 4"))["f"])) == ["__main__: Base.DEPTH changed"]
    assert diff(first, code(cell(text.replace("rate: int", "rate: str"))["f"])) == ["__main__: Model changed"]


def test_a_notebook_s_class_is_known_by_its_name():
    names = cell("class Model:\n    def fit(self): return 1\n")
    vars(sys.modules["__main__"]).update(names)
    assert set(class_code("__main__:Model", root=ROOT).symbols) == {"__main__: Model", "__main__: Model.fit"}


def test_a_function_without_any_source_is_known_by_its_instructions():
    text = "def f(x):\n    def g(y): return y + 1\n    return g(x)\n"
    first = code(cell(text, source=False)["f"])
    assert first == code(cell("\n\n# below\n" + text, source=False)["f"])
    assert diff(first, code(cell(text.replace("y + 1", "y + 2"), source=False)["f"])) == ["__main__: f changed"]


CLOSURES = """
import math, functools
import config_made_here as config
K = 2
def helper(x): return x * K
class Model:
    def __init__(self, rate): self.rate = rate
    def fit(self, x): return x
def make(k, g=helper):
    def inner(x, low=k, *, high=k):
        return g(x) * k + config.A + math.pi
    return inner
def later():
    def inner(): return lost
    if K == 3:
        lost = 1
    return inner
def nested():
    class Inner:
        SIZE = 3
        def fit(self): return helper(1)
    def inner(): return Inner()
    return inner
def mapped(k): return (lambda x: x + k), (lambda x: x - k)
def plus(a, b): return a + b
@functools.lru_cache
def cached(x): return helper(x)
def holds(value):
    def inner(): return value
    return inner
def tower(x):
    if x: return holds(tower(x - 1))
    return helper
"""


@pytest.fixture
def closures(module):
    module("A = 1\n", "config_made_here")
    return module(CLOSURES)


def test_a_closure_counts_with_what_it_holds(closures, tmp_path):
    found = code(closures.make(3), tmp_path)
    words = "objects_made_here.py: make.<locals>.inner"
    assert set(found.symbols) == {
        words, f"{words}.k", f"{words} default[0]", f"{words} default[high]",
        "objects_made_here.py: helper", "objects_made_here.py: K", "config_made_here.py: A",
    }  # fmt: skip
    assert f"{words}.k changed" in diff(found, code(closures.make(4), tmp_path))
    assert found == code(closures.make(3), tmp_path)


def test_two_lambdas_of_one_line_both_count(closures, tmp_path):
    one, other = closures.mapped(1)
    assert code(one, tmp_path).symbols == code(other, tmp_path).symbols
    assert code(one, tmp_path).symbols != code(closures.mapped(2)[0], tmp_path).symbols


def test_a_variable_that_has_no_value_yet_is_named(closures, tmp_path):
    words = "objects_made_here.py: later.<locals>.inner.lost, which has no value yet"
    assert code(closures.later(), tmp_path).opaque == (words,)


def test_a_class_made_in_a_function_counts_by_its_parts(closures, tmp_path):
    found = set(code(closures.nested(), tmp_path).symbols)
    assert {"objects_made_here: nested.<locals>.Inner", "objects_made_here: nested.<locals>.Inner.SIZE"} <= found
    assert "objects_made_here.py: nested.<locals>.Inner.fit" in found
    assert "objects_made_here.py: helper" in found


def test_a_partial_counts_with_its_arguments(closures, tmp_path):
    from functools import partial

    found = code(partial(closures.plus, 1, b=closures.helper), tmp_path)
    assert {"objects_made_here.py: plus", "objects_made_here.py: helper", "partial[0]"} <= set(found.symbols)
    assert code(partial(closures.plus, 2, b=closures.helper), tmp_path).digest != found.digest


def test_methods_and_callable_objects_count_with_their_class_and_their_state_is_named(closures, tmp_path):
    model = closures.Model(3)
    found = code(model.fit, tmp_path)
    assert set(found.symbols) == {"objects_made_here.py: Model"}
    assert found.opaque == ("Model.fit, a value of Model",)
    assert code(closures.Model.fit, tmp_path).opaque == ()
    assert code(closures.Model, tmp_path).symbols == found.symbols


def test_a_cached_function_counts_as_what_it_caches(closures, tmp_path):
    assert "objects_made_here.py: cached" in code(closures.cached, tmp_path).symbols


def test_tasks_are_followed_like_functions(closures, tmp_path):
    from fairlead.author.functions import task

    assert code(task(closures.helper), tmp_path) == code(closures.helper, tmp_path)
    assert "objects_made_here.py: helper" in code(closures.holds(task(closures.helper)), tmp_path).symbols


@pytest.mark.parametrize(
    ("value", "opaque"),
    [
        (3, ()), (None, ()), ({"a": [1, (2.0, "x")], "b": {1, 2}}, ()), (range(3), ()), (len, ()), (list[int], ()),
        (dict, ()), (Path, ()), ([object], ("value, a value of list",)), (object(), ("value, a value of object",)),
    ],
)  # fmt: skip
def test_what_a_closure_holds_is_plain_or_named(closures, tmp_path, value, opaque):
    words = "objects_made_here.py: holds.<locals>.inner."
    assert code(closures.holds(value), tmp_path).opaque == tuple(words + said for said in opaque)


def test_a_value_that_holds_itself_is_named(closures, tmp_path):
    ring: list = []
    ring.append(ring)
    assert code(closures.holds(ring), tmp_path).opaque != ()


def test_what_packages_made_counts_by_their_version(closures, tmp_path):
    import msgspec
    import numpy
    import yaml

    assert list(code(closures.holds(numpy.mean), tmp_path).packages) == ["numpy"]
    assert list(code(closures.holds(numpy.ndarray), tmp_path).packages) == ["numpy"]
    assert list(code(closures.holds(yaml.safe_load), tmp_path).packages) == ["PyYAML"]
    assert list(code(closures.holds(msgspec.json.encode), tmp_path).packages) == ["msgspec"]
    assert list(code(closures.holds(numpy), tmp_path).packages) == ["numpy"]


def test_what_the_standard_library_made_does_not_count(closures, tmp_path):
    import json

    found = code(closures.holds(json.dumps), tmp_path)
    assert (found.packages, found.opaque) == ({}, ())


def test_a_c_function_of_nobody_is_named(closures, tmp_path):
    native = type(len).__call__  # a slot of a C type: any object that is no Python function will do
    assert code(closures.holds(native), tmp_path).opaque != ()


def test_closures_in_closures_are_followed(closures, tmp_path):
    assert "objects_made_here.py: helper" in code(closures.tower(5), tmp_path).symbols


def test_a_function_of_a_file_that_is_gone_is_known_by_its_instructions(module, tmp_path):
    loaded = module("def helper(x): return x\ndef f(x): return helper(x)\n", "soon_gone")
    (tmp_path / "soon_gone.py").unlink()
    linecache.clearcache()
    assert set(code(loaded.f, tmp_path).symbols) == {"soon_gone: f", "soon_gone: helper"}
