"""Notebooks in real kernels: what goes in and comes out, what is kept, and that no kernel is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead import (
    FairleadError,
    NotebookFailed,
    NotebookTask,
    NotFound,
    Pipeline,
    PythonTask,
    notebook,
    shell,
    task,
    workflow,
)
from fairlead.api.targets import load_target
from fairlead.errors import DefinitionError
from tests.tasks.conftest import eventually, gone, logged

pytest.importorskip("nbclient", reason="the extra 'notebook' is not installed")


def cell(source, *tags, kind="code"):
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {"tags": list(tags)}, "source": source, **extra}


def write(name, *cells, kernel="python3", language="python"):
    metadata = {"kernelspec": {"name": kernel, "language": language, "display_name": kernel}}
    data = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": list(cells)}
    Path(name).write_text(json.dumps(data))
    return Path(name).absolute()


def kernels():
    """Kernels that this process or its workers have started, and that have not ended; other tests run beside."""
    own = f"FAIRLEAD_TESTS_OF={os.getpid()}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"ipykernel_launcher" in command and not gone(int(entry.name)):
                if own in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


class Odd:
    """What JSON cannot hold."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other).__name__ == "Odd" and other.x == self.x

    __hash__ = None


@task
def make():
    return {Odd(1).x, (2, "a")}


# --- in and out -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_values_go_in_and_come_out_exactly(project, env):
    path = write(
        "clean.ipynb",
        cell("# Title", kind="markdown"),
        cell("rate = 0.1\nrows = None\nlater = 1 + 1", "parameters"),
        cell("import sys\nprint('rate', rate)\nprint('to err', file=sys.stderr)\nrows"),
        cell("class Made:\n    def __init__(self): self.rows = rows\nmade = Made()\nboth = (rate, later, [rows])"),
    )

    @workflow
    def flow():
        made, both = notebook(path, outputs=["made", "both"])(rate=float("inf"), rows=make())
        return again(made), both, made

    again = notebook(write("again.ipynb", cell("x = 1", "parameters"), cell("y = x.rows")), outputs=["y"])
    run = flow().run(env)
    found, both, made = run.get_results()
    assert (found, both) == ({1, (2, "a")}, (float("inf"), 2, [{1, (2, "a")}]))
    assert made.rows == found and type(made).__name__ == "Made"
    log = "".join(text for name, text in run.get_logs() if name == "clean")
    assert "rate inf\n" in log and "to err\n" in log and "(2, 'a')" in log

    executed = run.get_artifacts()["clean/notebook"].save(project / "done.ipynb")
    import nbformat

    done = nbformat.read(executed, as_version=4)
    assert [one.metadata.tags for one in done.cells] == [[], ["parameters"], ["injected-parameters"], [], []]
    assert done.cells[2].source.startswith('# Parameters\nrate = float("inf")\nrows = __import__("pickle").loads(')
    assert done.cells[3].outputs[0].text == "rate inf\n"
    assert not kernels()


def test_what_a_cell_displays_is_in_the_log_but_for_pictures(project):
    code = cell("from IPython.display import SVG\ndisplay({'rows': 3}, SVG('<svg/>'))\n'the end'")
    shown = notebook(write("shown.ipynb", code))

    @workflow
    def flow():
        shown()

    log = "".join(text for _, text in flow().run("in_process").get_logs())
    assert log == "{'rows': 3}\n'the end'\n"


def test_a_notebook_is_called_plainly_too(project, capfd):
    (project / "helper_of_nb.py").write_text("LIMIT = 3\n")
    path = write(
        "a.ipynb", cell("import os, helper_of_nb\nprint(n)\nhere = os.getcwd(), helper_of_nb.LIMIT, os.environ['A1']")
    )
    made = notebook(path, outputs=["here"], secrets=["A1"])
    os.environ["A1"] = "hush hush"
    try:
        assert made(n="x hush hush") == (str(project), 3, "hush hush")
    finally:
        del os.environ["A1"]
    assert capfd.readouterr().out == "x ***\n"


def test_notebooks_and_commands_are_steps_among_functions(project, env):
    path = write("step.ipynb", cell("df: list\nfactor = 2", "parameters"), cell("table = [x * factor for x in df]"))
    flow = Pipeline(
        [
            PythonTask(lambda: [1, 2], name="load", returns=["df"]),
            NotebookTask(path, returns=["table"]),
            shell_step(),
        ]
    )
    assert flow.run(env).get_results() == {"df": [1, 2], "table": [2, 4], "text": "[2,4]"}


def shell_step():
    from fairlead import ShellTask

    return ShellTask("text=$table; export text", returns=["text"], name="say")


def test_an_edit_during_a_run_changes_nothing_and_the_file_is_not_needed(project):
    path = write("kept.ipynb", cell("n = 1"))

    @workflow
    def flow():
        shell(f"rm {path}", name="remove")()
        return notebook(path, outputs=["n"])()

    assert flow().run("local").get_results() == 1


@pytest.mark.slow
def test_only_code_counts_for_reuse_and_the_changed_cell_is_named(project):
    def run(*cells):
        path = write("cached.ipynb", *cells)

        @workflow(name="cached")
        def flow():
            return notebook(path, outputs=["n"], cache=True)()

        return flow().run("in_process")

    run(cell("a = 1"), cell("n = a"))
    again = run(cell("# words", kind="markdown"), cell("a = 1  # one"), cell("n = a"))
    assert again.explain()["cached"][0].startswith("reused")
    changed = run(cell("a = 1"), cell("n = a + 1"))
    assert changed.get_results() == 2
    assert changed.explain()["cached"][0].startswith("ran: cached.ipynb: cell 2 changed since ")


def test_a_notebook_is_a_target_by_itself(project):
    write("alone.ipynb", cell("rate: float = 0.1\nname = 'x' + 'y'", "parameters"), cell("print(rate * 2, name)"))
    target = load_target("alone.ipynb")
    assert next((one.name, one.annotation, one.required) for one in target.inputs) == ("rate", float, False)
    run = target.bind({"rate": "0.5"}).run("in_process")
    assert (run.get_results(), logged(run)) == (None, "1.0 xy\n")
    assert "alone/notebook" in run.get_artifacts()
    assert load_target(run.record.target).name == "alone"
    with pytest.raises(NotFound, match=r"no file 'gone\.ipynb' in "):
        load_target("gone.ipynb")


# --- failures ---------------------------------------------------------------------------------------


def test_a_failing_cell_is_told_like_a_failing_function_and_kept(project, env):
    path = write(
        "bad.ipynb",
        cell("k = 1", "parameters"),
        cell("def f(x):\n    y = 1\n    return y / x"),
        cell("print('in')\n\nf(k)"),
        cell("print('never')"),
    )

    @workflow
    def flow():
        return notebook(path)(k=0)

    run = flow().run(env, check=False)
    (bad,) = run.get_tasks()
    failure = bad.attempts[-1].failure
    assert (failure.type, failure.message, failure.reason) == ("ZeroDivisionError", "division by zero", "exception")
    assert (failure.place.file, failure.place.line) == ("bad.ipynb, cell 2", 3)
    assert "bad.ipynb, cell 3, line 3" in failure.traceback and "\x1b" not in failure.traceback
    assert failure.arguments == {"k": "0"}
    data = json.loads(run.get_artifacts()["bad/notebook"].load().read_text())
    assert [one["outputs"][-1]["output_type"] for one in data["cells"] if one.get("outputs")] == ["stream", "error"][1:]
    assert logged(run) == "in\n"
    assert not kernels()


@pytest.mark.parametrize(
    ("cells", "options", "said"),
    [
        ([cell("tabel = 1")], {"outputs": ["table"]}, "x.ipynb sets no 'table' (nearest: 'tabel')"),
        (
            [cell("import threading\nt = threading.Lock()")],
            {"outputs": ["t"]},
            "'t' cannot leave the kernel: TypeError",
        ),
        ([cell("import os\nos.kill(os.getpid(), 9)")], {}, "the kernel went away in cell 1 of x.ipynb"),
        ([cell("a b")], {}, "invalid syntax"),
    ],
)
def test_what_goes_wrong_in_a_kernel_is_said(project, cells, options, said):
    with pytest.raises(NotebookFailed) as caught:
        notebook(write("x.ipynb", *cells), **options)()
    assert said in str(caught.value)
    assert not kernels()


def test_a_missing_kernel_is_named_with_those_that_there_are(project):
    path = write("x.ipynb", cell("n = 1"), kernel="nowhere")
    with pytest.raises(
        FairleadError, match=r"no kernel 'nowhere' on this machine; there is: .*python3.*; install it, or"
    ):
        notebook(path)()
    assert notebook(path, kernel="python3", outputs=["n"])() == 1


def test_what_no_pickle_can_hold_is_named(project):
    with pytest.raises(FairleadError, match=r"'x' \(generator\) cannot be sent to the kernel"):
        notebook(write("x.ipynb", cell("x")))(x=(one for one in []))


def test_without_the_extra_the_error_names_it(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbclient", None)
    with pytest.raises(FairleadError, match=r"pip install 'fairlead\[notebook\]'"):
        notebook(write("x.ipynb", cell("1")))()


def test_a_language_that_nobody_speaks_takes_no_parameters(project):
    path = write("x.ipynb", cell("1"), kernel="cob", language="cobol")
    with pytest.raises(FairleadError, match=r"x\.ipynb is in 'cobol', which can be given no parameters"):
        notebook(path)(a=1)


def test_secrets_are_masked_in_what_is_kept(project, monkeypatch):
    from fairlead.tasks.notebook import NotebookKind

    kept = {}

    class Vault:
        path, attempt, run_id = "x", 1, "r"

        def secret(self, name):
            return 'qu"ote'

        def log_artifact(self, name, value):
            kept[name] = value.read_text()

    made = notebook(write("x.ipynb", cell("import os\nprint(os.environ['KEY'])\nos.environ['KEY']")), secrets=["KEY"])
    NotebookKind().run(made.definition, None, {}, Vault())
    assert "ote" not in kept["notebook"].replace("notebook", "") and "***" in kept["notebook"]


# --- ends -------------------------------------------------------------------------------------------

_LONG = """
import os, subprocess, time
child = subprocess.Popen(['sleep', '70'])
open('pids', 'w').write(f'{os.getpid()} {child.pid}')
open('ready', 'w').close()
time.sleep(60)
"""


def ended(project):
    return eventually(lambda: all(gone(int(pid)) for pid in (project / "pids").read_text().split()), 15)


@pytest.mark.slow
def test_a_time_limit_ends_the_kernel_with_its_children(project, env):
    path = write("slow.ipynb", cell("print('begun')"), cell(f"import os; os.chdir({str(project)!r})\n{_LONG}"))

    @workflow
    def flow():
        return notebook(path, timeout=8)()

    run = flow().run(env, check=False)
    (slow,) = run.get_tasks()
    assert slow.attempts[0].failure.reason == "timeout"
    assert ended(project)


def test_stopping_a_run_ends_the_kernel_with_its_children(project, env):
    path = write("long.ipynb", cell(f"import os; os.chdir({str(project)!r})\n{_LONG}"))

    @workflow
    def flow():
        return notebook(path)()

    run = flow().prepare(env).start()
    assert eventually((project / "ready").exists, 40)
    run.stop()
    assert run.wait(timeout=20) == "cancelled"
    assert ended(project)


def test_a_killed_worker_leaves_no_kernel(project):
    path = write(
        "killer.ipynb",
        cell(
            f"import os, signal, time; os.chdir({str(project)!r})\n"
            "if not os.path.exists('pids'):\n"
            "    open('pids', 'w').write(str(os.getpid()))\n"
            "    os.kill(os.getppid(), signal.SIGKILL)\n"
            "    time.sleep(60)\n"
            "n = 2"
        ),
    )

    @workflow
    def flow():
        return notebook(path, outputs=["n"])()

    assert flow().run("local").get_results() == 2
    assert ended(project)


def test_a_killed_program_leaves_no_kernel(project):
    import subprocess

    write("long.ipynb", cell(_LONG))
    program = "from fairlead import notebook\nnotebook('long.ipynb')()\n"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=project)
    assert eventually((project / "ready").exists, 40)
    process.kill()
    process.wait()
    kernel = int((project / "pids").read_text().split()[0])
    assert eventually(lambda: gone(kernel), 15)
    child = int((project / "pids").read_text().split()[1])
    if not gone(child):
        os.kill(child, 9)


# --- other languages --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_kernel_of_another_language_takes_and_gives_what_json_holds(project, monkeypatch):
    pytest.importorskip("bash_kernel")
    spec = project / "jupyter" / "kernels" / "bashy"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "b", "language": "bash"}))
    monkeypatch.setenv("JUPYTER_PATH", str(project / "jupyter"))
    path = write("b.ipynb", cell("name=x", "parameters"), cell("n=007; both=$name-$n"), kernel="bashy", language="bash")
    assert notebook(path, outputs=["n", "both"])("a'b c") == ("007", "a'b c-007")
    with pytest.raises(FairleadError, match=r"'x' \(set\) cannot be given to the notebook: .* what JSON can hold"):
        notebook(path)(x={1})


def test_parameters_are_written_in_the_language_of_the_notebook(project):
    from fairlead.tasks.notebook_languages import LANGUAGES, assignments

    values = {"a": None, "b": True, "c": "q'\"$x", "d": [1, 0.5], "e": {"k": [False]}, "f": Path("p/q")}
    expected = {
        "python": "a = None\nb = True\nc = 'q\\'\"$x'\nd = [1, 0.5]\ne = {'k': [False]}\n"
        "f = __import__(\"pathlib\").Path('p/q')",
        "r": 'a <- NULL\nb <- TRUE\nc <- "q\'\\"$x"\nd <- list(1, 0.5)\ne <- list("k" = list(FALSE))\nf <- "p/q"',
        "julia": 'a = nothing\nb = true\nc = "q\'\\"\\$x"\nd = [1, 0.5]\ne = Dict("k" => [false])\nf = "p/q"',
        "bash": "a=''\nb=true\nc='q'\"'\"'\"$x'\nd='[1, 0.5]'\ne='{\"k\": [false]}'\nf=p/q",
    }
    for language, text in expected.items():
        assert assignments(LANGUAGES[language], values, project) == f"# Parameters\n{text}", language
    namespace = {}
    exec(assignments(LANGUAGES["python"], {"t": ((1,), ()), "b": b"\0", "long": "x" * 20_000}, project), namespace)
    assert (namespace["t"], namespace["b"], namespace["long"]) == (((1,), ()), b"\0", "x" * 20_000)
    assert 'exists("m"' in LANGUAGES["r"].give(["m"], "/f") and "isdefined(m)" in LANGUAGES["julia"].give(["m"], "/f")


def test_a_notebook_from_a_definition_that_is_wrong_is_refused(project):
    with pytest.raises(DefinitionError):
        notebook("nowhere.ipynb")


def test_nothing_of_jupyter_is_imported_unless_a_notebook_runs(project):
    import subprocess

    write("x.ipynb", cell("1"))
    program = (
        "import sys\nfrom fairlead import notebook, shell\nfrom fairlead.config.kinds import kinds\nkinds()\n"
        "notebook('x.ipynb').definition, shell('ls $x').definition\n"
        "print([name for name in ('nbclient', 'nbformat', 'zmq', 'subprocess', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


def test_what_the_notebook_of_a_killed_process_has_left_is_removed_by_the_next_command(project, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(project / "tmp"))
    (project / "tmp").mkdir()
    path = write(
        "nap.ipynb",
        cell("import os, time\nopen('begun.new', 'w').write(str(os.getpid()))"),
        cell("os.replace('begun.new', 'begun')\ntime.sleep(60)"),
    )
    run = [sys.executable, "-c", f"from fairlead import notebook; notebook({str(path)!r})()"]
    with subprocess.Popen(run) as process:
        assert eventually(lambda: (project / "begun").exists(), 30)
        process.send_signal(signal.SIGKILL)
    os.kill(int((project / "begun").read_text()), signal.SIGKILL)
    (parent,) = (project / "tmp").glob("fairlead-own-*")
    assert any("notebook" in one.name for one in parent.iterdir())
    subprocess.run([sys.executable, "-m", "fairlead", "runs"], check=True)
    assert list(parent.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("Rscript"), reason="there is no R here")
def test_a_notebook_in_r_takes_and_gives_what_json_can_hold_and_what_it_sets_only(project):
    path = write(
        "r.ipynb",
        cell("rate <- 0\nrows <- NULL\nwho <- ''", "parameters"),
        cell("total <- sum(unlist(rows)) * rate\nsaid <- paste('hi', who)\nboth <- list(a=1L, b=c(TRUE,FALSE))"),
        kernel="ir",
        language="R",
    )
    outputs = ["total", "said", "both"]
    found = notebook(path, outputs=outputs)(rate=0.5, rows=[1, 2, 3.5], who='é "x" \\ $y\nz')
    assert found == (3.25, 'hi é "x" \\ $y\nz', {"a": 1, "b": [True, False]})
    with pytest.raises(NotebookFailed, match=r"r\.ipynb sets no 'df'"):
        notebook(path, outputs=["df"])()
