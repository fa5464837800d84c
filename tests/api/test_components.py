"""`fairlead components`: what could fill the roles of a project's runners, and what does."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from fairlead import NotFound
from fairlead.api.components import list_components

JOBS = '''
    from fairlead import Component, Runner, Secret, workflow

    class Source(Component):
        """Where rows come from."""
        def load(self): ...

    class Csv(Source):
        """A file of rows."""
        path: str
        """One row in each line."""
        delimiter: str = ","

    class Trainer(Component):
        source: Source
        depth: int = 3

    class Jobs(Runner):
        source: Source = Csv(path="here.csv")
        trainer: Trainer

        @workflow
        def go(self):
            return self.source.load()
'''

MORE = '''
    import jobs as base

    class Db(base.Source):
        password: base.Secret
        tables: list[str] = []

    class Forest(base.Trainer):
        """Many trees."""
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wiring")
    (folder / ".fairlead").mkdir()
    files = {
        "jobs.py": JOBS,
        "more.py": MORE,
        "broken.py": "from jobs import Source\nclass Broken(Source): ...\n1 / 0\n",
        "unrelated.py": "1 / 0\nclass Nothing(Exception): ...\n",
        "nonsense.py": "class (",
        "empty.py": "",
        "prod.yaml": """
            components:
              trainer:
                class: more:Forest
                settings: {depth: 9}
                components:
                  source: {class: "more:Db", settings: {password: KEY}}
        """,
    }
    for name, text in files.items():
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def fairlead(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "fairlead", "components", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )


def test_roles_classes_settings_and_choices_are_listed(project):
    done = fairlead(project, "jobs.py", "--env", "prod")
    assert done.returncode == 0, done.stderr
    assert done.stdout == textwrap.dedent("""\
        Jobs.source: Source  Where rows come from.
          filled by jobs:Csv (the default in code)
          * jobs:Csv  jobs.py:8  A file of rows.
              path       str  = 'here.csv'  One row in each line.
              delimiter  str  = ','
          - more:Db  more.py:4
              password  Secret     required
              tables    list[str]  default []

        Jobs.trainer: Trainer
          filled by more:Forest (prod.yaml:3:3)
          * more:Forest  more.py:8  Many trees.
              depth   int     = 9
              source  Source  a role of its own

        Jobs.trainer.source: Source  Where rows come from.
          filled by more:Db (prod.yaml:7:7)
          - jobs:Csv  jobs.py:8  A file of rows.
              path       str  required     One row in each line.
              delimiter  str  default ','
          * more:Db  more.py:4
              password  Secret     = 'KEY'
              tables    list[str]  default []
    """)
    assert "broken.py is left out: " in done.stderr and "ZeroDivisionError" in done.stderr
    assert "unrelated" not in done.stderr


def test_programs_get_documents(project):
    roles = json.loads(fairlead(project, "jobs.py:Jobs", "-o", "json").stdout)
    assert [(one["role"], one["chosen"]) for one in roles] == [("source", "jobs:Csv"), ("trainer", "")]
    assert [one["name"] for one in roles[1]["fillers"]] == ["more:Forest"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("empty.py", "has no runner: no class that is made from fairlead.Runner"),
        ("jobs.py:Jbos", "has no runner 'Jbos' (nearest: 'Jobs')"),
        ("jobs.py:Source", "has no runner 'Source'"),
    ],
)
def test_what_is_no_runner_is_not_found(project, target, said, monkeypatch):
    monkeypatch.chdir(project)
    before = set(sys.modules), list(sys.path)
    with pytest.raises(NotFound) as caught:
        list_components(target)
    for name in {"jobs", "empty"} - before[0]:
        sys.modules.pop(name, None)
    sys.path[:] = before[1]
    assert said in str(caught.value)
