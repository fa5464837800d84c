"""Functions that travel as bytes, and those that need not."""

# ruff: noqa: E501 - programs of a line each, and tables that are read in rows

from __future__ import annotations

import functools
import linecache
import pickle
import subprocess
import sys
import threading
import types

import pytest

from fairlead.author.functions import task
from fairlead.errors import DefinitionError
from fairlead.node.payload import canonical_target, needs_payload, payload


def importable(x):
    return x


@task
def as_task(x):
    return x


class Owner:
    def method(self):
        return 1


def replaced():
    return 1


original = replaced


def replaced():
    return 2


def test_functions_of_modules_travel_by_name():
    for function in (importable, as_task, as_task.fn, Owner.method):
        assert not needs_payload(function)
    assert canonical_target(importable) == f"{__name__}:importable"
    assert canonical_target(Owner.method) == f"{__name__}:Owner.method"


def test_functions_that_no_name_leads_to_travel_as_bytes():
    def inner():
        return 1

    for function in (inner, lambda: 1, original, functools.partial(importable, 1)):
        assert needs_payload(function)
        assert canonical_target(function) is None


def test_a_session_without_a_file_has_no_names_for_others(monkeypatch):
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec("def f(): return 1", vars(main))
    assert needs_payload(main.f)
    assert canonical_target(main.f) is None
    main.__file__ = "<stdin>"
    assert canonical_target(main.f) is None


def test_a_script_s_function_has_a_name_for_the_case_that_it_cannot_be_pickled(monkeypatch, tmp_path):
    main = types.ModuleType("__main__")
    main.__file__ = str(tmp_path / "study.py")
    (tmp_path / "study.py").write_text("def f(): return 1")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec("def f(): return 1", vars(main))
    assert needs_payload(main.f)
    assert canonical_target(main.f) == "study:f"


def test_a_payload_works_where_the_function_is_not_known():
    def outer(k):
        def inner(x):
            return x * k + len([helper(x)])

        return inner

    helper = importable
    data = payload(task(outer(3)))
    assert pickle.loads(data)(2) == 7


def test_a_payload_of_a_script_works_in_another_process(tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys\nfrom fairlead.node.payload import payload\nRATE = 3\ndef helper(x): return x * RATE\n"
        "def f(x): return helper(x)\nsys.stdout.buffer.write(payload(f))\n"
    )
    data = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, check=True).stdout
    assert pickle.loads(data)(2) == 6


def names(text: str) -> dict:
    file = "<cell payload>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    found = {"__name__": "__main__", "threading": threading}
    exec(compile(text, file, "exec"), found)
    return found


def test_what_cannot_be_pickled_is_named_with_its_place():
    found = names("def f():\n    return lock\nlock = threading.Lock()\n")
    expected = (
        "task 'fit' uses 'lock' (<cell payload>:3), a _thread.lock, which can't be sent to another process:"
        " create it inside the function, or move the function to a module"
    )
    with pytest.raises(DefinitionError) as caught:
        payload(found["f"], task="fit")
    assert str(caught.value) == expected


def test_what_a_helper_uses_is_named_too():
    found = names(
        "lock: object = threading.Lock()\nK = 1\ndef helper():\n    return lock\ndef f():\n    return K, (lambda: helper())\n"
    )
    with pytest.raises(DefinitionError, match=r"task 'f' uses 'lock' \(<cell payload>:1\), a _thread.lock"):
        payload(found["f"])


def test_functions_that_call_each_other_do_not_hide_what_is_wrong():
    found = names("def f():\n    return g()\ndef g():\n    return f(), held\nheld = threading.Lock()\n")
    with pytest.raises(DefinitionError, match=r"task 'f' uses 'held' \(<cell payload>:5\), a _thread.lock"):
        payload(found["f"])


def test_what_was_made_elsewhere_is_named_without_a_place():
    found = names("def f():\n    return held\n")
    found["held"] = threading.Lock()
    with pytest.raises(DefinitionError, match=r"task 'f' uses 'held', a _thread.lock"):
        payload(found["f"])


def test_a_variable_around_the_function_is_named():
    lock = threading.Lock()

    def later():
        return lock, unbound

    with pytest.raises(DefinitionError, match=r"task 'later' uses 'lock' \(test_payload.py:\d+\), a _thread.lock"):
        payload(later)
    if lock is None:
        unbound = 1


def test_a_default_that_cannot_be_pickled_is_named():
    def late(x, lock=threading.Lock()):  # noqa: B008
        return x, lock

    with pytest.raises(DefinitionError, match=r"task 'late' uses 'default 1', a _thread.lock"):
        payload(late)


def test_values_that_refuse_in_their_own_way_are_named():
    class Refuses:
        def __reduce__(self):
            raise RuntimeError("never")

    held = Refuses()
    with pytest.raises(DefinitionError, match=r"uses 'held' .*test_payload\..*Refuses"):
        payload(lambda: held, task="fit")
    with pytest.raises(DefinitionError, match=r"task 'fit' cannot be sent to another process \(never\)"):
        payload(held, task="fit")


def test_a_variable_that_has_no_value_yet_does_not_hide_what_is_wrong():
    def later():
        return unbound, lock

    lock = threading.Lock()
    with pytest.raises(DefinitionError, match="task 'later' uses 'lock'"):
        payload(later)
    if lock is None:
        unbound = 1


def test_a_function_with_an_attribute_that_cannot_be_pickled_is_refused_with_the_reason():
    def marked():
        return threading.active_count()

    marked.lock = threading.Lock()
    with pytest.raises(DefinitionError, match=r"task 'marked' cannot be sent to another process \(cannot pickle"):
        payload(marked)
