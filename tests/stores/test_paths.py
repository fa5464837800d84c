import os
import stat
from pathlib import Path

import pytest

from fairlead.errors import ArtifactMissing, UnstorableValue
from fairlead.model.values import Pick, Stored, Tree
from fairlead.stores.artifacts import FolderArtifacts
from fairlead.stores.values import StoredValues


@pytest.fixture
def values(tmp_path: Path) -> StoredValues:
    return StoredValues(FolderArtifacts(tmp_path / "artifacts"), files_dir=tmp_path / "files")


@pytest.mark.parametrize("name", ["report.html", ".env", "100%.txt", "%2Ex", "a b ä"])
@pytest.mark.parametrize("size", [0, 10, 9_000_000])
def test_files_come_back_as_copies_under_their_name(values: StoredValues, tmp_path: Path, name: str, size: int) -> None:
    path = tmp_path / name
    path.write_bytes(b"r" * size)
    encoded = values.encode(path, hint="runs/a/plot.1")
    assert isinstance(encoded, Stored)
    assert encoded.codec == "file"
    one, two = values.decode(encoded), values.decode(encoded)
    assert one != two != path
    assert (one.name, two.name) == (name, name)
    one.write_bytes(b"changed")
    assert two.read_bytes() == b"r" * size
    assert type(one) is type(path)


def test_the_digest_of_a_file_is_of_its_name_and_content(values: StoredValues, tmp_path: Path) -> None:
    def digest(folder: str, name: str, content: bytes) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / name
        path.write_bytes(content)
        encoded = values.encode(path)
        assert values.digest(encoded) == values.digest(Stored(encoded.key, "file", encoded.size))
        return values.digest(encoded)

    assert digest("a", "x", b"1") == digest("b", "x", b"1")
    assert digest("a", "x", b"1") != digest("a", "x", b"2")
    assert digest("a", "x", b"1") != digest("a", "y", b"1")
    big = b"1" * 9_000_000
    assert digest("a", "x", big) == digest("b", "x", big)


def test_folders_come_back_with_everything_in_them(values: StoredValues, tmp_path: Path) -> None:
    folder = tmp_path / "site.d"
    (folder / "empty").mkdir(parents=True)
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "big.bin").write_bytes(os.urandom(300_000))
    (folder / ".hidden").write_text("h")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("deep/er/big.bin")
    (folder / "absolute").symlink_to(folder / "deep" / "er" / "big.bin")
    (folder / "broken").symlink_to("nowhere")
    (tmp_path / "outside").write_text("outside")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "locked").mkdir()
    (folder / "locked" / "x").write_text("x")
    (folder / "locked").chmod(0o555)
    encoded = values.encode(folder)
    again = values.decode(encoded)
    assert again != folder
    assert again.name == "site.d"
    assert sorted(p.relative_to(again) for p in again.rglob("*")) == sorted(
        p.relative_to(folder) for p in folder.rglob("*")
    )
    for name in ("deep/er/big.bin", ".hidden", "link", "absolute", "out", "locked/x"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert (again / "run.sh").stat().st_mode & stat.S_IXUSR
    assert (again / "link").readlink() == Path("deep/er/big.bin")
    assert (again / "absolute").resolve().is_relative_to(again.resolve())
    assert not (again / "out").is_symlink()
    assert values.digest(encoded) == values.digest(values.encode(again))
    (again / "run.sh").write_text("changed")
    assert values.digest(encoded) != values.digest(values.encode(again))


def test_what_is_neither_file_nor_folder_is_refused(values: StoredValues, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "d" / "pipe")
    with pytest.raises(UnstorableValue, match=r"d/pipe is neither a file nor a folder"):
        values.encode(tmp_path / "d")
    assert values.decode(values.encode(tmp_path / "d" / "pipe")) == tmp_path / "d" / "pipe"


def test_names_that_are_not_utf8_are_refused(values: StoredValues, tmp_path: Path) -> None:
    bad = tmp_path / os.fsdecode(b"\xff.txt")
    bad.write_text("x")
    with pytest.raises(UnstorableValue, match="is not UTF-8"):
        values.encode(bad)
    (tmp_path / "d").mkdir()
    bad.rename(tmp_path / "d" / bad.name)
    with pytest.raises(UnstorableValue, match="is not UTF-8"):
        values.encode(tmp_path / "d")


def test_paths_that_do_not_exist_and_paths_as_parameters_travel_as_paths(values: StoredValues, tmp_path: Path) -> None:
    assert values.decode(values.encode(tmp_path / "later")) == tmp_path / "later"
    assert values.decode(values.encode(tmp_path, files=False)) == tmp_path
    assert values.decode(values.encode([tmp_path], rows=True, files=False)) == [tmp_path]


def test_files_inside_plain_containers_are_kept_too(values: StoredValues, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    encoded = values.encode({"files": [path, tmp_path / "gone"], "n": (1, path), path: 2})
    assert isinstance(encoded, Tree)
    again = values.decode(encoded)
    path.unlink()
    assert again["files"][0].read_text() == again["n"][1].read_text() == "hello"
    assert again["files"][1] == tmp_path / "gone"
    assert again[path] == 2
    assert values.decode(Pick(encoded, ("files", 0))).read_text() == "hello"
    assert len(values.digest(encoded)) == 40


def test_a_container_that_holds_itself_and_a_file_keeps_the_path(values: StoredValues, tmp_path: Path) -> None:
    knot: list[object] = [tmp_path / "none"]
    knot.append(knot)
    assert values.decode(values.encode(knot))[0] == tmp_path / "none"


def test_without_a_folder_files_go_to_a_temporary_one(
    values: StoredValues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    again = StoredValues(values.artifacts).decode(values.encode(tmp_path / "a"))
    assert again.read_text() == "1"
    assert again.is_relative_to(tmp_path)


def test_a_file_that_was_cut_in_the_store_is_named(values: StoredValues, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("12345")
    encoded = values.encode(tmp_path / "a")
    (tmp_path / "artifacts" / encoded.key).write_text("1")
    with pytest.raises(ArtifactMissing, match="has 1 bytes where 5 were recorded"):
        values.decode(encoded)
