from pathlib import Path

from fairlead.model.files import File, catalog_value, choose, chosen_args, entries, holds_files, unmatched
from fairlead.model.task import CATALOG, FOLDER, Catalog, TaskDefinition
from fairlead.model.values import NONE, Inline, Pick, Rows, Stored, Tree


def stored(name: str) -> Stored:
    return Stored(f"sha256/{name}", "file", 1)


def test_a_file_is_the_path_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1")
    assert File(path) == path
    assert File(path).read_text() == "1"
    assert repr(File("a.csv")) == "File('a.csv')"


def test_catalogs_in_lists_are_read_in_the_order_in_which_they_were_put() -> None:
    one, two, three = (catalog_value({"a": stored(name), name: stored(name)}) for name in ("x", "y", "z"))
    nested = Tree("list", (one, Rows([two, NONE, Tree("tuple", (three,))]), Inline("json", b"{}")))
    assert [path for path, _ in entries(nested)] == ["a", "x", "a", "y", "a", "z"]
    assert dict(entries(nested))["a"] == stored("z")


def test_a_part_of_a_list_of_catalogs_is_found() -> None:
    rows = Rows([catalog_value({"a": stored("x")}), catalog_value({"b": stored("y")})])
    assert dict(entries(Pick(rows, (1,)))) == {"b": stored("y")}
    assert dict(entries(Pick(NONE, (1,)))) == {}


def test_what_the_run_put_hides_what_the_folder_has_for_a_pattern() -> None:
    put = {"out/new.csv": stored("new")}
    folder = {"out/old.csv": stored("old"), "raw/a.csv": stored("a")}
    assert choose(["out/*.csv", "raw/*"], put, folder) == {"out/new.csv": stored("new"), "raw/a.csv": stored("a")}


def test_what_the_run_put_wins_whatever_pattern_finds_it() -> None:
    put, folder = {"a.csv": stored("new")}, {"a.csv": stored("old"), "b.txt": stored("b")}
    assert choose(["*.csv", "b.*"], put, folder)["a.csv"] == stored("new")


def test_patterns_without_a_file_are_named() -> None:
    assert unmatched(["*.csv", "*.txt"], ["a.csv"]) == ["*.txt"]


def given(get: list[str], **put: str) -> dict[str, Stored]:
    """What a task is given of a folder with `a.csv` and of what was put: name to key."""
    files = catalog_value({f"{name}.csv": stored(key) for name, key in put.items()})
    args = {"x": NONE, FOLDER: catalog_value({"a.csv": stored("own")}), **({CATALOG: files} if put else {})}
    found = chosen_args(args, TaskDefinition(name="t", catalog=Catalog(get)))
    assert set(found) == {"x", CATALOG}
    return dict(entries(found[CATALOG]))


def test_a_task_is_given_what_it_gets_and_no_more() -> None:
    assert given(["a.*"]) == {"a.csv": stored("own")}
    assert given(["a.*"], b="b", a="new") == {"a.csv": stored("new")}
    assert given(["b.*"], b="b") == {"b.csv": stored("b")}


def test_where_there_is_nothing_to_get_it_is_told_what_there_is() -> None:
    assert list(given(["*.txt", "a.csv"], b="b")) == ["a.csv", "b.csv"]


def test_files_are_found_in_containers() -> None:
    assert holds_files(Tree("list", (NONE, Tree("tuple", (stored("x"),)))))
    assert not holds_files(Tree("list", (NONE, Stored("k", "pickle", 1))))
    assert not holds_files(NONE)
