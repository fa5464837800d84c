"""A result that is not valid any more is never reused: each test edits a project between two processes."""

# ruff: noqa: E501 - a file of a small project is one string on one line
import subprocess
import sys

import pytest

HEAD = "from fairlead import task, workflow\n"
USE = (
    HEAD
    + """from models import make
@task
def build():
    return make()
@task(cache=True)
def use(m):
    return {use}
@workflow
def wf():
    return use(build())
"""
)
MODEL = "from helper import scale\nclass M:\n    def score(self, x): return scale(x)\ndef make(): return {made}\n"
FIT = "@task(cache=True)\ndef fit(n: str):\n    return {fit}\n@workflow\ndef wf():\n    return fit('a')\n"
PLUS = "def scale(x): return x + 1\n"

EDITS = {
    "a helper of a value's class": (
        {"flow.py": USE.format(use="m.score(3)"), "models.py": MODEL.format(made="M()"), "helper.py": PLUS},
        ("helper.py", "x + 1", "x + 100"),
    ),
    "a helper of a class deep in a value": (
        {"flow.py": USE.format(use="m[0]['m'].score(3)"), "models.py": MODEL.format(made="[{'m': M()}]"), "helper.py": PLUS},
        ("helper.py", "x + 1", "x + 100"),
    ),
    "a helper of a function that is a value": (
        {"flow.py": USE.format(use="m(3)"), "models.py": "from helper import scale\ndef f(x): return scale(x)\ndef make(): return f\n", "helper.py": PLUS},
        ("helper.py", "x + 1", "x + 100"),
    ),
    "a base class in another module": (
        {"flow.py": USE.format(use="m.score(3)"), "models.py": "from helper import Base\nclass M(Base): pass\ndef make(): return M()\n", "helper.py": "class Base:\n    k = 2\n    def score(self, x): return x * self.k\n"},
        ("helper.py", "k = 2", "k = 3"),
    ),
    "a constant that a value's class uses": (
        {"flow.py": USE.format(use="m.score()"), "models.py": "K = 1\nclass M:\n    def score(self): return K\ndef make(): return M()\n"},
        ("models.py", "K = 1", "K = 2"),
    ),
    "a helper of a pydantic model": (
        {"flow.py": USE.format(use="m.score()"), "models.py": "from pydantic import BaseModel\nfrom helper import scale\nclass M(BaseModel):\n    k: int = 1\n    def score(self): return scale(self.k)\ndef make(): return M()\n", "helper.py": PLUS},
        ("helper.py", "x + 1", "x + 100"),
    ),
    "a class in a registry": (
        {"flow.py": HEAD + "MODELS = {}\ndef register(n):\n    def inner(c):\n        MODELS[n] = c\n        return c\n    return inner\n@register('a')\nclass A:\n    def fit(self): return 1\n" + FIT.format(fit="MODELS[n]().fit()")},
        ("flow.py", "return 1", "return 2"),
    ),
    "a subclass that is asked for": (
        {"flow.py": HEAD + "class Base: pass\nclass A(Base):\n    def fit(self): return 1\n" + FIT.format(fit="Base.__subclasses__()[0]().fit()")},
        ("flow.py", "return 1", "return 2"),
    ),
    "a subclass that enters itself": (
        {"flow.py": HEAD + "class Base:\n    known = {}\n    def __init_subclass__(cls): Base.known['a'] = cls\nclass A(Base):\n    def fit(self): return 1\n" + FIT.format(fit="Base.known[n]().fit()")},
        ("flow.py", "return 1", "return 2"),
    ),
    "a registration of a generic function": (
        {"flow.py": HEAD + "from proc import process\nimport plug\n" + FIT.format(fit="process(n)"), "proc.py": "from functools import singledispatch\n@singledispatch\ndef process(x): return 0\n", "plug.py": "from proc import process\n@process.register\ndef _(x: str): return 1\n"},
        ("plug.py", "return 1", "return 2"),
    ),
    "an object that a call changes": (
        {"flow.py": HEAD + "class C: pass\nc = C()\ndef setup(o): o.rate = 2\nx = setup(c)\n" + FIT.format(fit="c.rate")},
        ("flow.py", "rate = 2", "rate = 3"),
    ),
    "a constant from a file": (
        {"flow.py": HEAD + "import json, pathlib\nCFG = json.loads(pathlib.Path('cfg.json').read_text())\n" + FIT.format(fit="CFG['k']"), "cfg.json": '{"k": 1}'},
        ("cfg.json", "1", "2"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_a_result_is_not_reused_after_an_edit_of(project, case):
    files, (name, old, new) = EDITS[case]
    for file, text in files.items():
        project.write(file, text)
    first = project.fairlead("run", "flow.py", "--env", "in_process", code=0).stdout
    again = project.fairlead("run", "flow.py", "--id", "again", "--env", "in_process", code=0).stdout
    assert again == first
    assert "reused" in project.fairlead("explain", "again").stdout
    assert files[name].count(old) == 1
    project.write(name, files[name].replace(old, new))
    assert project.fairlead("run", "flow.py", "--env", "in_process", code=0).stdout != first


def test_resume_does_not_reuse_after_an_edit_of_a_helper_of_a_value(project):
    text = USE.format(use="m.score(3)").replace("(cache=True)", "")
    last = "@task\ndef last(x):\n    import os\n    if not os.path.exists('go'): raise ValueError('not yet')\n    return x\n"
    project.write(
        "flow.py", text.replace("@workflow", last + "@workflow").replace("use(build())", "last(use(build()))")
    )
    project.write("models.py", MODEL.format(made="M()"))
    project.write("helper.py", PLUS)
    project.fairlead("run", "flow.py", "--id", "a", "--env", "in_process", code=1)
    project.write("helper.py", PLUS.replace("1", "100"))
    project.write("go", "")
    assert project.fairlead("resume", "a", code=0).stdout.strip() == "103"


def test_comments_near_a_class_of_a_value_do_not_count(project):
    project.write("flow.py", USE.format(use="m.score(3)"))
    project.write("models.py", MODEL.format(made="M()"))
    project.write("helper.py", PLUS)
    project.fairlead("run", "flow.py", "--env", "in_process", code=0)
    project.write("helper.py", "# said more\n" + PLUS + "\ndef other(): return 1\n")
    project.fairlead("run", "flow.py", "--id", "b", "--env", "in_process", code=0)
    assert "use\n  reused" in project.fairlead("explain", "b").stdout


def test_what_old_code_made_after_its_file_was_edited_is_taken_by_nobody_else(project):
    project.write("flow.py", HEAD + "from helper import scale\n" + FIT.format(fit="scale(1)"))
    project.write("helper.py", PLUS)
    done = project.python(
        """
        import flow, pathlib
        print(flow.wf().run("in_process").get_results())
        pathlib.Path("helper.py").write_text("def scale(x): return x + 1000\\n")
        run = flow.wf().run("in_process")
        print(run.get_results())
        """
    )
    assert done.stdout.split() == ["2", "2"], done.stderr
    assert project.fairlead("run", "flow.py", "--env", "in_process", code=0).stdout.strip() == "1001"


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_a_constant_that_the_script_assigns_counts_by_its_value(project, env):
    main = f"if __name__ == '__main__':\n    import sys\n    CFG['k'] = int(sys.argv[1])\n    print(wf().run('{env}').get_results())\n"
    script = project.write("jobs.py", HEAD + "CFG = {'k': 1}\n" + FIT.format(fit="CFG['k']") + main)
    said = [
        subprocess.run([sys.executable, str(script), k], cwd=project.folder, capture_output=True, text=True, timeout=60).stdout.strip()
        for k in ("2", "5")
    ]  # fmt: skip
    assert said == ["2", "5"]
