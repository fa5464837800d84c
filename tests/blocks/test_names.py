"""Names and keys become parts of paths, which people read and type, line by line."""

from __future__ import annotations

import pytest

from fairlead import DefinitionError, switch, task, workflow


@task
def same(x):
    return x


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a\x1b[31m", "a\u2028b"])
def test_a_name_is_one_line_of_letters(name):
    with pytest.raises(DefinitionError, match="name may not hold"):
        same.options(name=name)


def test_it_does_not_begin_as_options_of_commands_do():
    with pytest.raises(DefinitionError, match="name may not begin with -, as options of commands do; got '-rf'"):
        same.options(name="-rf")


@pytest.mark.parametrize("name", ["ünï cödé", "日本", "a'b", "{x}"])
def test_it_may_hold_what_can_be_read(name):
    @workflow
    def named(x):
        return same.options(name=name).map([x])

    run = named(1).run("in_process")
    assert [one.id for one in run.get_tasks()] == [f"{name}[0]"]


def test_a_case_whose_key_is_a_whole_text_has_a_short_path():
    key = "first line\nsecond line\n" * 10_000

    @workflow
    def chosen(x: str):
        return switch(x, {key: same, key + "!": same})(x)

    run = chosen(key + "!").run("in_process")
    assert run.get_results() == key + "!"
    assert all(len(one.id) < 120 and "\n" not in one.id for one in run.get_tasks())
