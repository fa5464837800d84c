import pytest

from fairlead.model.globs import check_pattern, literal_part, matches, may_meet


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("raw/*.csv", "raw/a.csv", True),
        ("raw/*.csv", "raw/deep/a.csv", False),
        ("raw/*.csv", "Raw/a.csv", False),
        ("*.csv", "a.CSV", False),
        ("*", "a", True),
        ("*", "a/b", False),
        ("**", "a/b/c", True),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "a/b/c.csv", True),
        ("a/**/z.txt", "a/z.txt", True),
        ("a/**/z.txt", "a/b/c/z.txt", True),
        ("a/**/z.txt", "az.txt", False),
        ("a/**", "a/b", True),
        ("a/**", "a", False),
        ("models", "models/m/1.bin", True),
        ("models/", "models/m/1.bin", True),
        ("models/", "models", False),
        ("models", "models2/x", False),
        ("m.bin", "m.bin", True),
        ("./m.bin", "m.bin", True),
        ("run[0-9].txt", "run7.txt", True),
        ("run[!0-9].txt", "run7.txt", False),
        ("run?.txt", "run7.txt", True),
        ("run?.txt", "run/.txt", False),
        ("a[/]b", "a/b", False),
        ("a[b", "a[b", True),
        ("a+(1).csv", "a+(1).csv", True),
        ("my data/*.csv", "my data/a b.csv", True),
        ("*.txt", "größe.txt", True),
        ("gro\u0308\u00dfe.txt", "gr\u00f6\u00dfe.txt", True),
        ("*", ".hidden", False),
        ("**", ".git/config", False),
        ("**", "a/.git/config", False),
        (".config/*", ".config/x", True),
        ("a\n*", "a\nb", True),
    ],
)
def test_a_pattern_stands_for_files_as_in_a_shell(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


@pytest.mark.parametrize("pattern", ["raw/*.csv", "a", "**", "a..b/x", "größe/*", "a b"])
def test_relative_patterns_are_fine(pattern: str) -> None:
    assert check_pattern(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("/etc/*", "relative"),
        ("~/x", "relative"),
        ("../x", "out of the folder"),
        ("a/../../x", "out of the folder"),
        ("", "pattern such as"),
        ("//", "pattern such as"),
        (7, "pattern such as"),
        ("[z-a]", "is none"),
    ],
)
def test_what_leads_elsewhere_is_no_pattern(pattern: object, said: str) -> None:
    assert said in check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("raw/*.csv", ("raw", 0)),
        ("*/*.csv", ("", 1)),
        ("a/b/**/c", ("a/b", None)),
        ("a/b", ("a/b", None)),
        ("a/", ("a", None)),
    ],
)
def test_it_is_known_where_matches_can_be(pattern: str, expected: tuple[str, int | None]) -> None:
    assert literal_part(pattern) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("out/*.csv", "raw/*.csv", False),
        ("out/*", "out2/*", False),
        ("out/*.csv", "out/deep/*", True),
        ("out/", "out/a.csv", True),
        ("**/*.csv", "raw/*", True),
        ("a.csv", "b.csv", False),
        ("a.csv", "a.csv", True),
    ],
)
def test_patterns_meet_unless_they_certainly_do_not(one: str, other: str, expected: bool) -> None:
    assert may_meet(one, other) is may_meet(other, one) is expected
