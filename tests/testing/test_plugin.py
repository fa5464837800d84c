"""The fixtures that pytest knows wherever Fairlead is installed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pytest_in(folder, text):
    (folder / "test_it.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "fairlead_pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_is_found_by_its_entry_point():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"fairlead_pytest": "fairlead_pytest"}


def test_a_session_that_uses_no_fixture_imports_nothing_of_it(tmp_path):
    done = pytest_in(
        tmp_path,
        "import sys\n"
        "def test_it():\n"
        "    assert not [name for name in sys.modules if name.split('.')[0] == 'fairlead']\n",
    )
    assert done.returncode == 0, done.stdout


def test_its_fixtures_are_there(tmp_path):
    done = pytest_in(
        tmp_path,
        "from fairlead import current_run, task, workflow\n"
        "@task\n"
        "def load(x): return x\n"
        "@workflow\n"
        "def work(x): return load(x)\n"
        "def test_env(fairlead_env):\n"
        "    assert work(3).run().get_results() == 3\n"
        "def test_run(fairlead_run):\n"
        "    current_run().log_metric('n', 1)\n"
        "    assert fairlead_run.metrics == {'n': 1}\n"
        "def test_clock(fairlead_clock, fairlead_env):\n"
        "    assert work(3).run().summary().started == fairlead_clock.now()\n",
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["test_it.py"]
