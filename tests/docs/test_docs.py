"""What the pages say happens, happens; and what there is, the pages say."""

import importlib.util
import re
from pathlib import Path
from typing import get_args

import pytest

from fairlead import errors
from fairlead.author.options import OPTIONS
from fairlead.config.layers import KEYS
from fairlead.model.events import Reason
from fairlead.model.run import RunStatus, TaskStatus
from tests.docs.pages import blocks, follow, matches

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNABLE = [page for page in PAGES if any("skip" not in block.marks for block in blocks(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_a_page_works_as_printed(page, tmp_path):
    if "fairlead[notebook]" in page.read_text(encoding="utf-8"):
        pytest.importorskip("nbclient", reason="the extra 'notebook' is not installed")
    (tmp_path / "pyproject.toml").write_text("")  # the root of the reader's project
    (tmp_path / ".fairlead").mkdir()
    follow(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert not [link for link in local if not (page.parent / link).exists()]


def test_the_glossary_has_a_sentence_for_every_status():
    runs, tasks = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split("## Statuses of a task run")
    assert not [status for status in get_args(RunStatus) if f"| `{status}` |" not in runs]
    assert not [status for status in get_args(TaskStatus) if f"| `{status}` |" not in tasks]


def test_every_error_is_documented_with_its_exit_code():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for name in errors.__all__:
        row = re.search(rf"^\| `{name}` \|.*\| (\d+) \|$", page, re.MULTILINE)
        assert row, name
        assert int(row[1]) == getattr(errors, name).exit_code, name


def test_every_reason_of_a_failure_is_documented():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert not [reason for reason in get_args(Reason) if f"| `{reason}` |" not in page]


def test_dots_in_expected_output_stand_for_anything():
    assert matches("one … three\n…\nend", "one two three\nmore\nand more\nend\n")
    assert not matches("one …", "two one")


def test_the_commands_are_documented_as_they_are():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == reference.page(), "run 'python scripts/reference.py'"


def test_every_option_and_setting_is_documented():
    options, environments = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").split("## Environments")
    assert not [name for name in OPTIONS if f"| `{name}` |" not in options]
    assert not [key for key in KEYS if f"| `{key}` |" not in environments]
