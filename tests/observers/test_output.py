import pytest

from fairlead.observers.output import OutputLines


def lines(*pieces, **options):
    output = OutputLines(**options)
    found = [text for piece in pieces for _, text in output.take("t", piece)]
    return found + [text for _, text in output.rest()]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((b"a\nb\n",), ["t | a", "t | b"]),
        ((b"a", b"b\n"), ["t | ab"]),
        ((b"a\nb",), ["t | a", "t | b"]),
        ((b"\n\n",), ["t | ", "t | "]),
        ((b"",), []),
        ((b"a\r\nb\r\n",), ["t | a", "t | b"]),
        ((b"10%\r20%\r30%\n",), ["t | 30%"]),
        ((b"10%\r", b"20%\r", b"30%"), ["t | 30%"]),
        ((b"\r10%", b"\r20%", b"\rdone\n"), ["t | done"]),
        (("é".encode()[:1], "é".encode()[1:] + b"\n"), ["t | é"]),
        ((b"\xff\n",), ["t | \ufffd"]),
    ],
)
def test_pieces_become_lines_that_name_their_task(pieces, expected):
    assert lines(*pieces) == expected


def test_tasks_are_kept_apart():
    output = OutputLines()
    assert output.take("a", b"one ") == []
    assert output.take("b", b"two\n") == [("", "b | two")]
    assert output.rest("b") == []
    assert output.rest("a") == [("", "a | one ")]
    assert output.rest() == []


def test_a_line_without_end_is_not_kept_back_for_ever():
    output = OutputLines()
    assert len(output.take("t", b"x" * 10_000)) == 1
    assert output.rest() == []


def test_a_progress_bar_keeps_nothing_but_its_last_state():
    output = OutputLines()
    for step in range(1000):
        assert output.take("t", b"\r" + b"x" * 100 + str(step).encode()) == []
    assert output.rest() == [("", "t | " + "x" * 100 + "999")]


def test_what_would_move_the_cursor_is_taken_out_on_a_terminal():
    text = b"\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07 [/x] \x00\tz\n"
    assert lines(text, clean=True) == ["t | \x1b[31mred\x1b[0m [/x] \tz\x1b[0m"]
    assert lines(text, clean=True, keep_colour=False) == ["t | red [/x] \tz"]
    assert lines(text) == ["t | \x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07 [/x] \x00\tz"]
