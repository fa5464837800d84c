"""What can be known of buckets without one: settings, what errors say, the same objects in memory and in a folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead.config.registry import missing, plugin
from fairlead.errors import ArtifactMissing, ConfigurationError, StoreError
from fairlead.stores.artifacts import FolderArtifacts
from fairlead.stores.aws_profile import read
from fairlead.stores.bucket import Bucket
from fairlead.stores.bucket_errors import is_temporary, refusal
from fairlead.stores.bucket_open import open_bucket
from fairlead.stores.bucket_plugins import BucketArtifactOptions, BucketOptions, StoreOptions
from fairlead.stores.object_artifacts import ObjectArtifacts
from fairlead.testing.contracts.artifact_store import ArtifactStoreContract

stores = pytest.importorskip("obstore.store", reason="the extra 'object' is not installed")


def memory(name: str = "s3://bucket/prefix") -> Bucket:
    return Bucket(stores.MemoryStore(), name)


class TestArtifactsInMemory(ArtifactStoreContract):
    @pytest.fixture
    def store(self) -> ObjectArtifacts:
        return ObjectArtifacts(memory())


class TestArtifactsInMemoryInParts(ArtifactStoreContract):
    @pytest.fixture
    def store(self) -> ObjectArtifacts:
        return ObjectArtifacts(memory(), part=1000)


class TestArtifactsWithCopiesNearby(ArtifactStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectArtifacts:
        return ObjectArtifacts(memory(), part=1000, near=FolderArtifacts(tmp_path / "near"), near_size=5_000_000)


def test_a_large_value_comes_to_a_machine_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, near = memory(), FolderArtifacts(tmp_path / "near")
    stores = [ObjectArtifacts(bucket, part=1000, near=near, near_size=500_000) for _ in range(2)]
    data = bytes(range(250)) * 800
    stores[0].put("a", [data])
    parts = list[int]()
    part = bucket.part
    monkeypatch.setattr(bucket, "part", lambda key, start, end: parts.append(start) or part(key, start, end))
    assert [bytes(store.get("a")) for store in (*stores, *stores)] == [data] * 4
    assert len(parts) == 200
    for key in ("b", "c", "d"):
        stores[0].put(key, [data])
        assert bytes(stores[0].get(key)) == data
    assert sorted(key for key, _ in near.list()) == ["c", "d"], "the oldest make room"
    stores[0].remove("d")
    with pytest.raises(ArtifactMissing):
        stores[1].get("d")


class Crowded(FolderArtifacts):
    """Copies that another process removes `times` before they can be opened."""

    times = 0

    def get(self, key):
        if self.times:
            self.times -= 1
            self.remove(key)
        return super().get(key)


@pytest.mark.parametrize(("times", "parts", "kept"), [(1, 400, ["a"]), (1000, 600, [])])
def test_copies_that_others_remove_are_made_again_and_done_without_in_the_end(
    tmp_path, monkeypatch, times, parts, kept
):
    bucket, near = memory(), Crowded(tmp_path / "near")
    store = ObjectArtifacts(bucket, part=1000, near=near, near_size=500_000)
    data = bytes(range(250)) * 800
    store.put("a", [data])
    asked = list[int]()
    part = bucket.part
    monkeypatch.setattr(bucket, "part", lambda key, start, end: asked.append(start) or part(key, start, end))
    near.times = times
    assert bytes(store.get("a")) == data
    assert (len(asked), [key for key, _ in near.list()]) == (parts, kept)


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "stores.md").read_text()
    assert not [
        name
        for name in {*StoreOptions.__struct_fields__, *BucketArtifactOptions.__struct_fields__}
        if f"| `{name}` |" not in page
    ]


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_the_extra_is_named_where_it_is_missing(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = missing("artifacts", scheme, plugin("artifacts", scheme))
    assert told.endswith("needs obstore, which is not installed: pip install 'fairlead[object]'")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "s3://"}, "names no bucket; write s3://BUCKET/PREFIX"),
        ({"url": "ftp://b"}, "is none of s3://, gs://, az:// and file://"),
        ({"url": "az://box/p"}, "names no storage account; say 'account', or set AZURE_STORAGE_ACCOUNT_NAME"),
    ],
)
def test_what_names_no_place_is_refused(settings: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        open_bucket(BucketOptions(**settings))


class GenericError(Exception):
    """As obstore's is called."""


def answer(status: int, code: str = "", message: str = "") -> GenericError:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"
    return GenericError(f"Generic S3 error: Error performing PUT http://x in 5ms - status code: {status} No: {body}")


@pytest.mark.parametrize(
    ("error", "temporary", "told"),
    [
        (answer(503, "SlowDown", "Reduce"), True, "it answered 503, SlowDown: Reduce"),
        (answer(429), True, "it answered 429"),
        (answer(400, "EntityTooLarge", "Too large"), False, "it answered 400, EntityTooLarge: Too large"),
        (answer(404, "NoSuchBucket", "None"), False, "there is no bucket 'b' at http://s3; make it, or correct 'url'"),
        (answer(403, "AccessDenied", "No"), False, "the credentials were refused (it answered 403, AccessDenied: No)"),
        (answer(301, "PermanentRedirect", "Go"), False, "the bucket may be in another region"),
        (GenericError("HTTP error: error sending request, kind: Connect"), True, "nothing answers at http://s3; check"),
        (
            GenericError("Error performing PUT http://169.254.169.254/latest/api/token"),
            False,
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        ),
        (GenericError("Generic LocalFileSystem error: no\nDebug source"), False, "Generic LocalFileSystem error: no"),
        (PermissionError("odd"), False, "odd"),
    ],
)
def test_an_error_says_whether_it_passes_and_what_to_do(error: Exception, temporary: bool, told: str) -> None:
    assert is_temporary(error) == temporary
    said = refusal(error, "write 'k'", "s3://b/p", "http://s3")
    assert isinstance(said, StoreError)
    assert str(said).startswith(f"cannot write 'k' in s3://b/p: {told}")
    assert "AKIA" not in str(said)


# --- profiles ---------------------------------------------------------------------------------------


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path


def test_a_profile_gives_its_keys_and_its_region(aws: Path) -> None:
    (aws / "credentials").write_text("[team]\naws_access_key_id = a\naws_secret_access_key = b%c\n")
    (aws / "config").write_text("[profile team]\nregion = eu-west-1\n")
    assert read("team") == {"access_key_id": "a", "secret_access_key": "b%c", "region": "eu-west-1"}


def test_a_profile_that_is_not_there_is_named_with_the_files(aws: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no AWS profile 'tem' in .*credentials and .*config"):
        read("tem")


def test_a_file_that_cannot_be_read_is_named_without_its_lines(aws: Path) -> None:
    (aws / "credentials").write_text("[team]\nnonsense hunter2\n")
    with pytest.raises(ConfigurationError, match="credentials cannot be read: ParsingError") as caught:
        read("team")
    assert "hunter2" not in str(caught.value)


def test_a_profile_without_keys_takes_boto3(aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    (aws / "config").write_text("[profile sso]\nsso_account_id = 1\n")
    with pytest.raises(ConfigurationError, match="pip install boto3"):
        read("sso")


# --- the rules of a bucket --------------------------------------------------------------------------


def test_a_claim_is_told_from_somebody_elses() -> None:
    bucket = memory()
    first = bucket.claim("k", b"mine")
    assert first is not None
    assert bucket.claim("k", b"mine") == first, "a request that was made again finds its own object"
    assert bucket.claim("k", b"other") is None


def test_an_update_needs_the_state_that_was_seen() -> None:
    bucket = memory()
    first = bucket.create("k", b"1")
    assert first is not None
    assert bucket.create("k", b"2") is None
    second = bucket.update("k", b"2", first)
    assert second is not None
    assert bucket.update("k", b"3", first) is None
    assert bucket.update("k", b"2", first) == second, "a request that was made again finds its own state"
    assert bucket.update("gone", b"1", first) is None


def test_folders_are_named_without_what_they_hold() -> None:
    bucket = memory()
    for key in ("runs/a/1", "runs/b%/1", "runs/b%/2", "runs/c\n/1", "other"):
        bucket.put(key, b"")
    assert sorted(bucket.folders("runs")) == ["a", "b%", "c\n"]
    assert [entry.key for entry in bucket.list("runs/b%")] == ["runs/b%/1", "runs/b%/2"]
    assert [entry.key for entry in bucket.list("runs", after="runs/b%/1")] == ["runs/b%/2", "runs/c\n/1"]


def test_several_objects_are_removed_at_once_whether_they_are_there_or_not(tmp_path: Path) -> None:
    for bucket in (memory(), open_bucket(BucketOptions(url=str(tmp_path / "bucket")))):
        bucket.put("a", b"")
        bucket.put("c", b"")
        bucket.remove("a", "b", "c")
        assert list(bucket.list()) == []
