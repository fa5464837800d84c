"""Which edits of a project change what a task is known to reach."""

# ruff: noqa: E501 - programs of a line each, and tables that are read in rows

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

from fairlead.engine.lineage import analyse, class_code, diff, python_version, root_of
from fairlead.engine.lineage_modules import project_root
from fairlead.model.run import TaskCode

_ticks = itertools.count(1)

PROJECT = {
    "pyproject.toml": "",
    "jobs.py": '''
        """A study."""
        import os
        import features
        from config import RATE, LIMITS as bounds
        from models import Boosted
        import shop.prices as prices
        from shop import discount, tax
        from stars import *
        import decorate
        from registry import handle, shape
        from fairlead.author.functions import task

        FACTOR = float(os.environ.get("FACTOR", "1"))
        OPTIONS = {}
        OPTIONS["depth"] = 3
        WEIGHTS = [1]
        WEIGHTS.append(2)
        COUNT = 0
        COUNT += 1
        square = lambda x: x * x

        @task(retries=3)
        def train(rows, rate=RATE, *, low=bounds):
            """Fit."""
            # a comment
            model = Boosted(rate)
            total = [features.scale(row) for row in rows]
            return model.fit(total), starred(2), FACTOR, square(3)

        @decorate.timed
        def decorated(x):
            return x

        def local_import(x):
            from models import Plain
            import shop.prices
            return Plain().fit(shop.prices.net(x))

        def uses_shop(x):
            return prices.net(x) + discount(x) + tax.add(x)

        def uses_tables(x):
            return OPTIONS["depth"] + WEIGHTS[0] + COUNT

        def uses_fast(x):
            return features.speed(x)

        def even(n):
            return n == 0 or odd(n - 1)

        def odd(n):
            return n != 0 and even(n - 1)

        def uses_registry(x):
            return handle(x), shape(x)

        def whole():
            return [name for name in vars(features)]

        def scoped(scale):
            import math as features
            return [RATE for RATE in range(3)], features.pi, scale

        def unused():
            return RATE

        if __name__ == "__main__":
            print(train(1))
    ''',
    "features.py": """
        import numpy as np
        try:
            import fastlib_that_is_not_there as impl
        except ImportError:
            import slowlib as impl
        if np:
            def speed(x): return impl.go(x)
        else:
            def speed(x): return x

        def scale(x):
            return helper(np.mean(x))

        def helper(x):
            def inner(y): return y + OFFSET
            return inner(x)

        OFFSET: int = 3
        LONELY = 1
    """,
    "slowlib.py": "def go(x): return x\n",
    "config.py": "RATE = 0.1\nLIMITS = (1, 2)\nOTHER = 5\n",
    "models.py": """
        from dataclasses import dataclass
        from base import Model
        import base

        DEPTH = 4

        @dataclass
        class Boosted(Model):
            rate: float
            depth: int = DEPTH
            def fit(self, x):
                return self.helper(x)
            def helper(self, x):
                return x

        class Plain(base.Root):
            pass
    """,
    "base.py": """
        class Root:
            def fit(self, x): return x
        class Model(Root):
            def save(self): return 1
    """,
    "shop/__init__.py": "from .cheap import reduce as discount\nfrom . import tax\n",
    "shop/cheap.py": "from ..config_of_nobody import x\n" if False else "def reduce(x): return x - 1\n",
    "shop/prices.py": "from .tax import add\ndef net(x): return add(x)\n",
    "shop/tax.py": "QUOTA = 19\ndef add(x): return x * QUOTA\n",
    "stars.py": "from more_stars import *\n_hidden = 1\n",
    "more_stars.py": "def starred(x): return x\n",
    "decorate.py": """
        import functools
        def timed(f):
            @functools.wraps(f)
            def wrapper(*args):
                return clock(f(*args))
            return wrapper
        def clock(x): return x
    """,
    "registry.py": """
        from functools import singledispatch
        @singledispatch
        def handle(x): return x
        @handle.register
        def _int(x: int): return x + 1
        SHAPES = {}
        def shape(x): return SHAPES[x]
        def fill(table): table["a"] = 1
        fill(SHAPES)
        def add(x):
            global SHAPES
            SHAPES = x
    """,
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        # Two versions written within one tick of the file system's clock are still two versions.
        os.utime(path, ns=(0, 10**15 + next(_ticks) * 10**6))


@pytest.fixture
def project(tmp_path, monkeypatch):
    for file in PROJECT:  # whatever another test has left under these names
        monkeypatch.delitem(sys.modules, file.removesuffix(".py").partition("/")[0], raising=False)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path, PROJECT)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]


def load(project: Path, text: str, name: str = "extra") -> object:
    write(project, {f"{name}.py": text})
    return importlib.import_module(name)


def code(project: Path, function: object) -> TaskCode:
    return analyse([function], root=project)[0]


EDITS = [
    # function, file, old, new, what `diff` says
    ("train", "jobs.py", "# a comment", "# another comment", []),
    ("train", "jobs.py", '"""Fit."""', '"""Fit it well."""', []),
    ("train", "jobs.py", "retries=3", "retries=5", []),
    ("train", "jobs.py", "model = Boosted(rate)", "model = Boosted( rate )\n", []),
    ("train", "jobs.py", "model = Boosted(rate)", "model = Boosted(rate + 1)", ["jobs.py: train changed"]),
    ("train", "jobs.py", "*, low=bounds", "*, low=3", ["config.py: LIMITS removed", "jobs.py: train changed"]),
    ("train", "jobs.py", "FACTOR = float(os", "FACTOR = 2 * float(os", ["jobs.py: FACTOR changed"]),
    ("train", "jobs.py", "lambda x: x * x", "lambda x: x ** 2", ["jobs.py: square changed"]),
    ("train", "jobs.py", "def unused():\n    return RATE", "def unused():\n    return 1", []),
    ("train", "config.py", "RATE = 0.1", "RATE = 0.2", ["config.py: RATE changed"]),
    ("train", "config.py", "LIMITS = (1, 2)", "LIMITS = (1, 3)", ["config.py: LIMITS changed"]),
    ("train", "config.py", "OTHER = 5", "OTHER = 6", []),
    ("train", "features.py", "return helper(np.mean(x))", "return helper(x)", ["features.py: scale changed", f"numpy {version('numpy')} removed"]),
    ("train", "features.py", "return y + OFFSET", "return y - OFFSET", ["features.py: helper changed"]),
    ("train", "features.py", "OFFSET: int = 3", "OFFSET: int = 4", ["features.py: OFFSET changed"]),
    ("train", "features.py", "LONELY = 1", "LONELY = 2", []),
    ("train", "models.py", "rate: float", "rate: int", ["models.py: Boosted changed"]),
    ("train", "models.py", "return self.helper(x)", "return self.helper(x) + 1", ["models.py: Boosted changed"]),
    ("train", "models.py", "DEPTH = 4", "DEPTH = 5", ["models.py: DEPTH changed"]),
    ("train", "models.py", "@dataclass", "@dataclass(frozen=True)", ["models.py: Boosted changed"]),
    ("train", "base.py", "def save(self): return 1", "def save(self): return 2", ["base.py: Model changed"]),
    ("train", "base.py", "def fit(self, x): return x", "def fit(self, x): return -x", ["base.py: Root changed"]),
    ("train", "more_stars.py", "return x", "return x + 1", ["more_stars.py: starred changed"]),
    ("decorated", "decorate.py", "def clock(x): return x", "def clock(x): return -x", ["decorate.py: clock changed"]),
    ("decorated", "decorate.py", "clock(f(*args))", "clock(f(*args) + 1)", ["decorate.py: timed changed"]),
    ("decorated", "jobs.py", "@decorate.timed\n", "", ["decorate.py: clock removed", "decorate.py: timed removed", "jobs.py: decorated changed"]),
    ("local_import", "base.py", "def fit(self, x): return x", "def fit(self, x): return -x", ["base.py: Root changed"]),
    ("local_import", "shop/tax.py", "QUOTA = 19", "QUOTA = 7", ["shop/tax.py: QUOTA changed"]),
    ("uses_shop", "shop/tax.py", "x * QUOTA", "x / QUOTA", ["shop/tax.py: add changed"]),
    ("uses_shop", "shop/cheap.py", "x - 1", "x - 2", ["shop/cheap.py: reduce changed"]),
    ("uses_shop", "shop/prices.py", "return add(x)", "return -add(x)", ["shop/prices.py: net changed"]),
    ("uses_tables", "jobs.py", 'OPTIONS["depth"] = 3', 'OPTIONS["depth"] = 4', ["jobs.py: OPTIONS changed"]),
    ("uses_tables", "jobs.py", "WEIGHTS.append(2)", "WEIGHTS.append(3)", ["jobs.py: WEIGHTS changed"]),
    ("uses_tables", "jobs.py", "COUNT += 1", "COUNT += 2", ["jobs.py: COUNT changed"]),
    ("uses_fast", "slowlib.py", "return x", "return -x", ["slowlib.py: go changed"]),
    ("uses_fast", "features.py", "    def speed(x): return x", "    def speed(x): return -x", ["features.py: speed changed"]),
    ("uses_fast", "features.py", "if np:", "if not np:", ["features.py: speed changed"]),
    ("even", "jobs.py", "n != 0 and", "n > 0 and", ["jobs.py: odd changed"]),
    ("odd", "jobs.py", "n != 0 and", "n > 0 and", ["jobs.py: odd changed"]),
    ("uses_registry", "registry.py", "return x + 1", "return x + 2", ["registry.py: _int changed", "registry.py: handle changed"]),
    ("uses_registry", "registry.py", "fill(SHAPES)", "fill(SHAPES, 1)", ["registry.py: SHAPES changed"]),
    ("whole", "features.py", "LONELY = 1", "LONELY = 2", ["features.py: LONELY changed"]),
    ("scoped", "features.py", "LONELY = 1", "LONELY = 2", []),
    ("scoped", "config.py", "RATE = 0.1", "RATE = 0.2", []),
    ("unused", "jobs.py", 'if __name__ == "__main__":\n    print(train(1))', "", []),
]  # fmt: skip


@pytest.mark.parametrize(("function", "file", "old", "new", "expected"), EDITS)
def test_an_edit_changes_what_reaches_it_and_nothing_else(project, function, file, old, new, expected):
    jobs = importlib.import_module("jobs")
    before = code(project, getattr(jobs, function))
    text = (project / file).read_text()
    assert text.count(old) == 1
    write(project, {file: text.replace(old, new)})
    after = code(project, getattr(jobs, function))
    assert diff(before, after) == expected
    assert (before.digest != after.digest) == bool(expected)


def test_the_order_of_definitions_does_not_count(project):
    jobs = importlib.import_module("jobs")
    before = code(project, jobs.even)
    write(
        project,
        {"jobs.py": "def odd(n):\n  return n != 0 and even(n - 1)\n\n\ndef even(n):\n  return n == 0 or odd(n - 1)\n"},
    )
    assert code(project, jobs.even) == before


def test_a_script_and_the_module_that_it_is_have_the_same_digests(project):
    script = """
        import sys
        from dataclasses import dataclass
        import features
        RATE = 2
        @dataclass
        class Point:
            x: int = RATE
        def helper(x): return Point(x)
        def work(x): return helper(features.scale(x))
        def made(k):
            def inner(x): return helper(x) * k
            return inner
        if __name__ == "__main__":
            import show
            show.show(work, made(3))
    """
    show = """
        import sys
        from pathlib import Path
        def show(*functions):
            from fairlead.engine.lineage import analyse
            print([(c.digest, sorted(c.symbols)) for c in analyse(functions, root=Path(sys.argv[1]))])
    """
    write(project, {"study.py": script, "show.py": show})
    imported = "import study, show; show.show(study.work, study.made(3))"
    outputs = [
        subprocess.run([sys.executable, *arguments, str(project)], cwd=project, capture_output=True, text=True, check=True).stdout
        for arguments in (["study.py"], ["-m", "study"], ["-c", imported])
    ]  # fmt: skip
    assert len(set(outputs)) == 1
    assert "study.py: Point" in outputs[0]
    assert "study.py: made.<locals>.inner.k" in outputs[0]


def test_packages_count_by_version_and_the_standard_library_does_not(project):
    module = load(
        project,
        "import yaml, math, json\nimport numpy.linalg\ndef f(x): return math.pi, json.dumps(yaml.dump(numpy.linalg.norm(x)))",
    )
    assert sorted(code(project, module.f).packages) == ["PyYAML", "numpy"]


def test_what_a_package_gives_by_star_counts_by_its_version(project):
    module = load(project, "from numpy.linalg import *\ndef f(x): return norm(x)")
    assert code(project, module.f) == code(project, module.f)
    assert list(code(project, module.f).packages) == ["numpy"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(o, n):\n  return getattr(o, n)", "getattr by a computed name, extra.py:2"),
        ("def f(o):\n  return exec(o)", "exec, extra.py:2"),
        ("def f(o):\n  return eval(o)", "eval, extra.py:2"),
        ("def f(o):\n  return __import__(o)", "__import__ by a computed name, extra.py:2"),
        ("import importlib\ndef f(o):\n  return importlib.import_module(o)", "importlib.import_module of a computed name, extra.py:3"),
        ("from importlib import import_module as im\ndef f(o):\n  return im(o)", "importlib.import_module of a computed name, extra.py:3"),
        ("def f(o):\n  return globals()[o]", "globals() by a computed name, extra.py:2"),
        ("import sys\ndef f(o):\n  return sys.modules[o]", "sys.modules, extra.py:3"),
        ("import ctypes\ndef f(o):\n  return ctypes.CDLL(o)", "a C library opened with ctypes, extra.py:3"),
        ("def f(loss, x):\n  return loss(x)", "'loss', a callable that is passed in, extra.py:2"),
        ("def f(loss, x):\n  return [loss(y) for y in x]", "'loss', a callable that is passed in, extra.py:2"),
        ("def f():\n  import not_there_at_all\n  return not_there_at_all.x", "module 'not_there_at_all', which cannot be found, extra.py:3"),
        ("def f():\n  return nowhere", "'nowhere', which nothing visible defines, extra.py:2"),
        ("N = 0\ndef f():\n  return N\ndef g():\n  if 1:\n    global N\n    N = 2", "'N' is assigned inside a function, extra.py:6"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_named(project, text, expected):
    assert code(project, load(project, text).f).opaque == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        "def f(): return getattr(features, 'scale')\nimport features",
        "def f(): return __import__('features').scale",
        "import importlib\ndef f(): return importlib.import_module('features').scale",
        "from features import scale\ndef f(): return globals()['scale']",
        "import features\nfrom functools import partial\ng = partial(features.scale, 1)\ndef f(): return g()",
        "import features\ndef f(x):\n  match x:\n    case [a, *b]: return a, b\n    case {'k': v, **rest}: return v, rest\n    case int() as n: return n, features.scale\n  return x",
        "import features\ndef f(x):\n  try: return features.scale(x)\n  except ValueError as error: return error",
        "import features\nclass A:\n  scale = features.scale\n  other = scale\n  def f(self): return self.scale\ndef f(): return A().f",
        "from contextlib import suppress\nwith suppress(ImportError) as _s:\n  import features\ndef f(): return features.scale",
        "import features\nfor one in (features.scale,):\n  TABLE = {'a': one}\nwhile False:\n  TABLE = 3\nelse:\n  pass\ndef f(): return TABLE, one",
        "import features\nmatch 1:\n  case 1:\n    T = features.scale\n  case _:\n    T = None\ndef f(): return T",
        "import features\n(A, *B), C = (1, 2), features.scale\ndef f(): return C",
        "import features\ndef f(x):\n  if (g := features.scale) and [h := g for _ in x]: return h",
        "import features\nasync def f(x, /, *a, k: features.scale = 1, **kw) -> int: return a, kw, x",
        "import features\ndef f(x):\n  g = lambda y, z=features.scale: z(y)\n  def h():\n    nonlocal x\n    x = 3\n  return g",
        "import features\nT = {'a': float}\nT['b'] = features.scale\ndef f(): return {k: v for k, v in T.items()}, {k for k in T}, (k for k in T)",
        "import typing\nif typing.TYPE_CHECKING:\n  import nothing_there\n  X = int\n  Y: int\nimport features\ndef f(x: 'X') -> 'nothing_there.Y': return features.scale(x)",
        "try:\n  import features\nfinally:\n  pass\ndef f(): return features.scale",
        "import features\nSTATE = 1\ndef f():\n  global STATE\n  STATE = features.scale\n  del STATE",
        "import features\nclass A[T]: pass\ndef f[T](x: T) -> T: return features.scale(x), A[T]\ntype X = int" if sys.version_info >= (3, 12) else "import features\ndef f(): return features.scale",
    ],
)  # fmt: skip
def test_every_way_to_reach_a_function_is_followed(project, text):
    found = code(project, load(project, text).f)
    assert "features.py: scale" in found.symbols
    assert "features.py: OFFSET" in found.symbols
    assert [words for words in found.opaque if "assigned inside" not in words] == []


def test_names_are_told_apart_by_scope(project):
    text = "def scale(): return 1\ndef f(scale, x):\n  return scale, [x for x in x]\ndef g():\n  for scale in (1,): pass\n  return scale"
    module = load(project, text)
    assert list(code(project, module.f).symbols) == ["extra.py: f"]
    assert list(code(project, module.g).symbols) == ["extra.py: g"]


def test_a_name_imported_inside_a_function_is_not_the_module_s_own(project):
    text = "def scale(): return 1\ndef f():\n  from features import scale as s, LONELY\n  return s, LONELY, scale\n"
    assert {"extra.py: scale", "features.py: scale", "features.py: LONELY"} <= set(
        code(project, load(project, text).f).symbols
    )


def test_decorators_of_ours_do_not_count_by_any_name(project):
    texts = [
        "def f(x): return x",
        "import fairlead\n@fairlead.task\ndef f(x): return x",
        "import fairlead as fl\n@fl.task(retries=2)\ndef f(x): return x",
        "from common import step\n@step\ndef f(x): return x",
        "import common\n@common.step(cache=True)\ndef f(x): return x",
    ]
    write(project, {"common.py": "from fairlead.author.functions import task as step\n"})
    digests = set()
    for text in texts:
        write(project, {"extra.py": text})
        digests.add(class_code("extra:f", root=project).digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import common\n@common.own\ndef f(x): return x",
        "from common import loop\n@loop\ndef f(x): return x",
        "import common\n@common\ndef f(x): return x",
        "@(lambda g: g)\ndef f(x): return x",
    ],
)
def test_decorators_of_others_count(project, text):
    write(project, {"common.py": "from common import loop\ndef own(f): return f\n", "extra.py": "def f(x): return x"})
    plain = class_code("extra:f", root=project)
    write(project, {"extra.py": text})
    assert "extra.py: f changed" in diff(plain, class_code("extra:f", root=project))


def test_an_import_cycle_of_modules_and_of_names_ends(project):
    write(project, {"ring_a.py": "import ring_b\nfrom ring_b import lost\ndef a(): return ring_b.b(), lost\n"})
    write(
        project,
        {
            "ring_b.py": "import ring_a\nfrom ring_a import lost\nfrom ring_c import *\ndef b(): return ring_a.a(), star\n"
        },
    )
    write(project, {"ring_c.py": "from ring_c import *\nstar = 1\n"})
    assert list(class_code("ring_a:a", root=project).symbols) == ["ring_a.py: a", "ring_b.py: b", "ring_c.py: star"]


def test_a_namespace_package_is_followed_without_being_imported(project):
    write(project, {"spaced/inner/deep.py": "K = 1\ndef deep(): return K\n"})
    text = "def f():\n  import spaced.inner.deep\n  from spaced.inner import deep\n  return spaced.inner.deep.deep, deep.K\ndef g():\n  import spaced\n  return spaced.nothing"
    module = load(project, text)
    assert set(code(project, module.f).symbols) == {
        "extra.py: f",
        "spaced/inner/deep.py: K",
        "spaced/inner/deep.py: deep",
    }
    assert "spaced" not in sys.modules
    assert code(project, module.g).opaque == ("module 'spaced.nothing', which cannot be found, extra.py:7",)


def test_names_that_only_the_running_module_knows_are_asked_of_it(project):
    text = "import features\nvars()['made'] = features.scale\nvars()['number'] = 3\nvars()['data'] = object()\ndef f(): return made, number, data"
    found = code(project, load(project, text).f)
    assert {"features.py: scale", "extra.py: number"} <= set(found.symbols)
    assert found.opaque == ("extra.py: data, a value of object",)


def test_project_code_outside_of_the_root_is_named_from_its_package(project, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    write(other, {"editable_lib/__init__.py": "from .core import go", "editable_lib/core.py": "def go(): return 1"})
    monkeypatch.syspath_prepend(str(other))
    module = load(
        project,
        "from editable_lib import go\nimport editable_lib\ndef f(): return go, editable_lib.core.go\ndef g(): return editable_lib",
    )
    assert set(code(project, module.f).symbols) == {"extra.py: f", "editable_lib/core.py: go"}
    assert set(code(project, module.g).symbols) == {"extra.py: g", "editable_lib/core.py: go"}


def test_an_installed_package_that_is_not_loaded_counts_by_its_version(project):
    assert "grimp" not in sys.modules
    assert list(class_code("grimp:ImportGraph", root=project).packages) == ["grimp"]
    module = load(
        project,
        "def f():\n  import grimp.domain\n  return grimp.domain.x\ndef g():\n  from nowhere_at_all.sub import x\n  return x",
    )
    assert list(code(project, module.f).packages) == ["grimp"]
    assert code(project, module.g).opaque == ("module 'nowhere_at_all.sub', which cannot be found, extra.py:6",)


def test_a_package_that_nothing_records_is_named(project):
    write(project, {"lib/site-packages/unrecorded_lib.py": "x = 1"})
    sys.path.insert(0, str(project / "lib" / "site-packages"))
    try:
        module = load(project, "import unrecorded_lib\ndef f(): return unrecorded_lib.x")
        assert code(project, module.f).opaque == (
            "package 'unrecorded_lib', whose version nothing records, extra.py:2",
        )
    finally:
        del sys.path[0]


def test_a_module_passed_whole_brings_what_it_takes_by_star(project):
    module = load(project, "import stars\ndef f(): return dir(stars)")
    assert {"stars.py: _hidden", "more_stars.py: starred"} <= set(code(project, module.f).symbols)


def test_names_with_an_underscore_do_not_come_by_star(project):
    module = load(
        project,
        "from stars import *\nimport runpy\ndef f(): return _hidden\ndef g(): return runpy.run_path('x.py'), __file__, __import__('features')",
    )
    assert code(project, module.f).opaque == ("'_hidden', which nothing visible defines, extra.py:3",)
    assert code(project, module.g).opaque == ("runpy.run_path of a computed name, extra.py:4",)


def test_a_file_too_deep_for_the_parser_is_named(project):
    write(project, {"deep.py": "K = 1\nX = " + " + ".join(["K"] * 100_000)})
    module = load(project, "def f():\n  import deep\n  return deep.X")
    assert code(project, module.f).opaque == (f"{project}/deep.py, which cannot be read as Python, extra.py:3",)


def test_a_name_that_a_package_beside_gives_is_its_module(project):
    write(project, {"shop/deals/__init__.py": "", "shop/deals/now.py": "def go(): return 1"})
    module = load(project, "import shop.deals.now\ndef f(): return shop.deals.now.go, shop.nothing_there")
    found = code(project, module.f)
    assert "shop/deals/now.py: go" in found.symbols
    assert found.opaque == ("'nothing_there', which nothing visible defines, extra.py:2",)


def test_a_file_that_is_no_python_is_named(project):
    write(project, {"broken.py": "def (:"})
    module = load(project, "def f():\n  import broken\n  return broken.x")
    assert code(project, module.f).opaque == (f"{project}/broken.py, which cannot be read as Python, extra.py:3",)


def test_a_compiled_module_of_the_project_is_named(project):
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    (project / f"native{suffix}").write_bytes(b"")
    module = load(project, "def f():\n  import native\n  return native.solve")
    assert code(project, module.f).opaque == ("compiled module 'native', extra.py:3",)


def test_a_sum_of_thousands_of_terms_is_read_too(project):
    text = "K = 1\ndef f():\n  return " + " + ".join(["K"] * 2000) + "\n"
    module = load(project, text)
    before = code(project, module.f)
    assert set(before.symbols) == {"extra.py: f", "extra.py: K"}
    write(project, {"extra.py": text.replace("+ K\n", "- K\n")})
    assert diff(before, code(project, module.f)) == ["extra.py: f changed"]


def test_the_code_of_a_class_is_known_by_its_name_without_loading_it(project):
    found = class_code("models:Boosted", root=project)
    assert set(found.symbols) == {"models.py: Boosted", "models.py: DEPTH", "base.py: Model", "base.py: Root"}
    assert "models" not in sys.modules
    assert list(class_code("numpy:ndarray", root=project).packages) == ["numpy"]
    assert list(class_code("cloudpickle:CloudPickler", root=project).packages) == ["cloudpickle"]
    assert list(class_code("import_linter_of_nobody:X", root=project).opaque)
    assert class_code("nowhere:Thing", root=project).opaque == ("class nowhere:Thing, which cannot be found",)
    assert class_code("collections:OrderedDict", root=project).symbols == {}


def test_a_difference_is_told_in_words():
    old = TaskCode(
        "1", {"a.py: f": "1", "a.py: gone": "1", "a.py: same": "1"}, {"numpy": "2.0", "dask": "1", "ray": "2"}
    )
    new = TaskCode(
        "2", {"a.py: f": "2", "a.py: here": "1", "a.py: same": "1"}, {"numpy": "2.1", "polars": "3", "ray": "2"}
    )
    assert diff(old, new) == ["a.py: f changed", "a.py: gone removed", "a.py: here added",
                              "dask 1 removed", "numpy 2.0 -> 2.1", "polars 3 added"]  # fmt: skip


def test_a_stub_reaches_nothing_and_a_function_is_worked_out_once(project):
    jobs = importlib.import_module("jobs")
    first, second, third = analyse([None, jobs.even, jobs.even], root=project)
    assert first.symbols == {}
    assert second is third
    assert python_version() == ".".join(sys.version.split(".")[:2])


def test_the_root_is_the_nearest_folder_with_a_mark(project, tmp_path_factory):
    jobs = importlib.import_module("jobs")
    assert root_of([None, jobs.even]) == project
    bare = tmp_path_factory.mktemp("bare")
    assert project_root(str(bare / "deep.py")) == bare
    assert root_of([]).is_dir()
