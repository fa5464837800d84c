"""A task's process sees the project as it was when the run was made."""

# ruff: noqa: E501 - programs of a line each, and tables that are read in rows

from __future__ import annotations

import importlib
import linecache
import pickle
import shutil
import sys
import traceback
import types
from hashlib import sha256
from pathlib import Path

import pytest

from fairlead.errors import DefinitionError, NotFound
from fairlead.model.names import canonical_module, script_module
from fairlead.model.run import Code, SourceFile, TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Inline
from fairlead.node.code import function_of, install, uninstall
from fairlead.node.loading import StopLoading, is_loading, load_target_file


class Kept:
    """An artifact store in a dict."""

    def __init__(self):
        self.data = {}

    def get(self, key):
        return memoryview(self.data[key])


class Plain:
    """Values that decode to what they hold."""

    def decode(self, value):
        return pickle.loads(value.data)


def made(kept: Kept, folder: Path, files: dict[str, str]) -> Code:
    """Write files and give the code of a run that has them all."""
    modules = {}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        digest = sha256(text.encode()).hexdigest()
        kept.data[digest] = text.encode()
        dotted = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        modules[dotted] = SourceFile(str(path), digest, digest, name.endswith("__init__.py"))
    return Code(str(folder), modules, paths=(str(folder),))


def task(target: str, name: str = "fit") -> TaskDefinition:
    return TaskDefinition(name=name, target=target)


_NO_CODE = TaskCode("")


def called(target: str, *arguments: object, code: TaskCode = _NO_CODE) -> object:
    return function_of(task(target), code, Plain())(*arguments)


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    before, path = set(sys.modules), list(sys.path)
    yield
    uninstall()
    sys.path[:] = path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or "/tmp/"
        if file.startswith("/tmp/"):
            del sys.modules[name]


def test_a_file_that_was_edited_after_the_run_was_made_changes_nothing(kept, tmp_path):
    code = made(
        kept,
        tmp_path,
        {
            "ca_jobs.py": "import ca_help\ndef f():\n    return ca_help.two()\n",
            "ca_help.py": "def two():\n    return 2\n",
        },
    )
    (tmp_path / "ca_help.py").write_text("# edited\ndef two():\n    return 3\n")
    install(code, kept)
    assert called("ca_jobs:f") == 2
    assert sys.modules["ca_help"].__file__ == str(tmp_path / "ca_help.py")


def test_an_unchanged_file_is_imported_by_way_of_its_compiled_form(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    code = made(kept, tmp_path, {"cb_jobs.py": "def f(): return 1\n"})
    kept.data.clear()
    install(code, kept)
    assert called("cb_jobs:f") == 1
    assert list((tmp_path / "__pycache__").glob("cb_jobs.*.pyc"))


def test_a_changed_file_leaves_no_compiled_form_behind(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    code = made(kept, tmp_path, {"cc_jobs.py": "def f(): return 1\n"})
    (tmp_path / "cc_jobs.py").write_text("def f(): return 2\n")
    install(code, kept)
    assert called("cc_jobs:f") == 1
    assert not list(tmp_path.glob("__pycache__/*"))


def test_tracebacks_show_the_source_that_ran(kept, tmp_path):
    code = made(kept, tmp_path, {"cd_jobs.py": "def f():\n    raise ValueError('snapshot')\n"})
    (tmp_path / "cd_jobs.py").write_text("# this\n# is\n# new\n")
    install(code, kept)
    with pytest.raises(ValueError, match="snapshot") as caught:
        called("cd_jobs:f")
    linecache.checkcache()
    text = "".join(traceback.format_exception(caught.value))
    assert "raise ValueError('snapshot')" in text
    assert str(tmp_path / "cd_jobs.py") in text


def test_packages_keep_their_folders_and_data_files(kept, tmp_path):
    files = {"ce_pkg/__init__.py": "from .part import f\n", "ce_pkg/part.py": "def f(): return 1\n"}
    code = made(kept, tmp_path, files)
    (tmp_path / "ce_pkg" / "left_out.py").write_text("def f(): return 5\n")
    (tmp_path / "ce_pkg" / "data.txt").write_text("data")
    install(code, kept)
    assert called("ce_pkg:f") == 1
    package = sys.modules["ce_pkg"]
    assert package.__path__ == [str(tmp_path / "ce_pkg")]
    assert importlib.import_module("ce_pkg.left_out").f() == 5
    assert package.__loader__.get_data(str(tmp_path / "ce_pkg" / "data.txt")) == b"data"


def test_a_project_that_is_gone_is_served_from_the_snapshot(kept, tmp_path):
    folder = tmp_path / "gone"
    files = {"cf_space/deep/part.py": "def f(): return 1\n", "cf_other/whole/__init__.py": "def f(): return 2\n"}
    code = made(kept, folder, files)
    shutil.rmtree(folder)
    install(code, kept)
    assert called("cf_space.deep.part:f") == 1
    assert called("cf_other.whole:f") == 2


def test_modules_without_kept_bytes_are_left_to_python(kept, tmp_path):
    code = made(kept, tmp_path, {"cg_jobs.py": "def f(): return 1\n"})
    source = code.modules["cg_jobs"]
    install(Code(code.root, {"cg_jobs": SourceFile(source.path, source.digest)}, paths=code.paths), kept)
    (tmp_path / "cg_jobs.py").write_text("def f(): return 2\n")
    assert called("cg_jobs:f") == 2


def test_another_run_s_version_of_a_module_takes_its_place(kept, tmp_path):
    first = made(kept, tmp_path, {"ch_jobs.py": "import ch_same\ndef f(): return 1\n", "ch_same.py": ""})
    install(first, kept)
    assert called("ch_jobs:f") == 1
    same = sys.modules["ch_same"]
    second = made(kept, tmp_path, {"ch_jobs.py": "import ch_same\ndef f(): return 2\n", "ch_same.py": ""})
    install(second, kept)
    assert called("ch_jobs:f") == 2
    assert sys.modules["ch_same"] is same
    assert len([finder for finder in sys.meta_path if type(finder).__module__ == "fairlead.node.code"]) == 2


STARTS = """
from fairlead.node.loading import StopLoading, is_loading
def f(): return is_loading()
def run():
    if is_loading(): raise StopLoading
    raise SystemExit("it ran")
run()
def never(): pass
"""


def test_a_script_that_starts_its_run_unguarded_is_imported_up_to_there(kept, tmp_path):
    install(made(kept, tmp_path, {"ci_jobs.py": STARTS}), kept)
    assert called("ci_jobs:f") is False
    with pytest.raises(DefinitionError, match=r"module 'ci_jobs' has no 'never' when it is imported"):
        called("ci_jobs:never")


def test_task_objects_and_methods_give_the_plain_function(kept, tmp_path):
    text = "from fairlead.author.functions import task\n@task(retries=3)\ndef f(x): return x\nclass A:\n    @staticmethod\n    def g(x): return -x\nK = 3\n"
    install(made(kept, tmp_path, {"cj_jobs.py": text}), kept)
    assert type(function_of(task("cj_jobs:f"), TaskCode(""), Plain())) is types.FunctionType
    assert called("cj_jobs:A.g", 1) == -1
    with pytest.raises(DefinitionError, match=r"task 'fit': cj_jobs:K is int, which cannot be called"):
        called("cj_jobs:K")


def test_a_pickled_function_is_given_back_as_value_or_as_bytes():
    for value in (len, pickle.dumps(len)):
        payload = Inline("pickle", pickle.dumps(value))
        assert called("", "abc", code=TaskCode("", payload=payload)) == 3
    broken = Inline("pickle", pickle.dumps(b"nothing of that kind"))
    with pytest.raises(DefinitionError, match=r"task 'fit': its pickled function cannot be read here"):
        called("", code=TaskCode("", payload=broken))


@pytest.mark.parametrize("target", ["", "jobs", "jobs:make.<locals>.f", "jobs:<lambda>"])
def test_a_function_that_cannot_be_imported_needs_its_payload(target):
    with pytest.raises(DefinitionError, match=r"task 'fit' has no importable function .*move the function"):
        called(target)


def test_errors_of_the_user_s_file_are_told_by_its_own_line(kept, tmp_path):
    install(made(kept, tmp_path, {"ck_jobs.py": "import ck_help\n", "ck_help.py": "\n\n1 / 0\n"}), kept)
    with pytest.raises(DefinitionError) as caught:
        called("ck_jobs:f")
    text = str(caught.value)
    assert text.startswith("task 'fit': cannot import 'ck_jobs': ck_help.py:3: ZeroDivisionError: division by zero")
    assert "ck_jobs.py" in text
    assert "fairlead" not in text
    with pytest.raises(DefinitionError, match=r"cannot import 'not_here_at_all': .*ModuleNotFoundError"):
        called("not_here_at_all:f")


def test_an_import_error_without_a_run_is_told_all_the_same():
    uninstall()
    with pytest.raises(DefinitionError, match=r"cannot import 'not_here_at_all': .*ModuleNotFoundError"):
        called("not_here_at_all:f")


# --- the file that a user names on the command line ----------------------------------------------


def test_a_target_is_imported_under_its_own_name_with_its_folder_on_the_path(tmp_path):
    (tmp_path / "cl_help.py").write_text("K = 4\n")
    (tmp_path / "cl_jobs.py").write_text("import cl_help\ndef f(): return cl_help.K\n")
    module = load_target_file(tmp_path / "cl_jobs.py")
    assert (module.__name__, module.f(), sys.modules["cl_jobs"]) == ("cl_jobs", 4, module)
    assert load_target_file(str(tmp_path / "cl_jobs.py")) is module


def test_a_target_that_starts_its_run_is_loaded_up_to_there(tmp_path):
    (tmp_path / "cm_jobs.py").write_text(STARTS)
    module = load_target_file(tmp_path / "cm_jobs.py")
    assert hasattr(module, "f")
    assert not hasattr(module, "never")
    assert not is_loading()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(:\n", "cn_jobs.py:1: SyntaxError: invalid syntax\n    def f(:"),
        ("\nimport cn_not_there\n", "cn_jobs.py:2: ModuleNotFoundError: No module named 'cn_not_there'"),
        ("import sys\nsys.exit(3)\n", "cn_jobs.py:2: the file ends the program (exit 3) while its definitions are loaded; put that under `if __name__ == '__main__':`"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_target_is_told_without_our_frames(tmp_path, text, expected):
    (tmp_path / "cn_jobs.py").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        load_target_file(tmp_path / "cn_jobs.py")
    assert str(caught.value) == expected
    assert caught.value.__cause__ is not None
    assert "cn_jobs" not in sys.modules


def test_an_error_deep_in_a_target_shows_the_way_there(tmp_path):
    (tmp_path / "co_jobs.py").write_text("def f():\n    return {}['depth']\nf()\n")
    with pytest.raises(DefinitionError) as caught:
        load_target_file(tmp_path / "co_jobs.py")
    first, *rest = str(caught.value).splitlines()
    assert first == "co_jobs.py:2: KeyError: 'depth'"
    assert "line 3, in <module>" in rest[0]


def test_an_interruption_is_not_taken_for_an_error_of_the_file(tmp_path):
    (tmp_path / "cp_jobs.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_target_file(tmp_path / "cp_jobs.py")
    assert "cp_jobs" not in sys.modules


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="no file"):
        load_target_file(tmp_path / "none.py")


def test_a_script_does_not_take_the_name_of_a_module_that_is_loaded(tmp_path, monkeypatch):
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cq_jobs.py").write_text(f"NAME = {folder!r}\n")
    loaded = [load_target_file(tmp_path / folder / "cq_jobs.py") for folder in ("a", "b", "c")]
    assert [module.NAME for module in loaded] == ["a", "b", "c"]
    assert script_module("/x/queue.py") == "queue__script"
    assert script_module("/x/my.study.py") == "my_study"


def test_the_script_s_own_process_uses_what_it_has_defined(tmp_path, monkeypatch):
    main = types.ModuleType("__main__")
    main.__file__ = str(tmp_path / "cr_jobs.py")
    main.f = lambda: "mine"
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert canonical_module("__main__") == "cr_jobs"
    assert called("cr_jobs:f") == "mine"


def test_the_name_of_a_module_is_its_own_unless_it_is_the_script(monkeypatch):
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert canonical_module("shop.prices") == "shop.prices"
    assert canonical_module("__main__") == "__main__"
    main.__spec__ = importlib.machinery.ModuleSpec("shop.jobs", None)
    assert canonical_module("__main__") == canonical_module("__mp_main__") == "shop.jobs"


def test_stopping_is_no_error_that_user_code_catches():
    assert not issubclass(StopLoading, Exception)
