"""Artifacts in a bucket of a real S3 API, through a proxy that breaks what it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.errors import ArtifactMissing, StoreError
from fairlead.ports import Site
from fairlead.stores.bucket_open import open_bucket
from fairlead.stores.bucket_plugins import BucketOptions
from fairlead.stores.object_artifacts import ObjectArtifacts
from fairlead.testing.contracts.artifact_store import ArtifactStoreContract
from tests.engines.buckets import artifacts as opened
from tests.engines.faulty import Fault, Proxy, proxy
from tests.engines.s3 import S3

_MB = 1024 * 1024


class TestS3Artifacts(ArtifactStoreContract):
    @pytest.fixture
    def store(self, s3: S3, s3_bucket: str) -> ObjectArtifacts:
        return opened(s3_bucket, s3.endpoint)


class TestS3ArtifactsInParts(ArtifactStoreContract):
    """The same, where almost everything is large."""

    @pytest.fixture
    def store(self, s3: S3, s3_bucket: str) -> ObjectArtifacts:
        return opened(s3_bucket, s3.endpoint, part=100_000)


@pytest.fixture
def broken(s3: S3) -> Iterator[Proxy]:
    with proxy(s3.endpoint) as made:
        yield made


@pytest.fixture
def store(broken: Proxy, s3_bucket: str) -> ObjectArtifacts:
    return opened(s3_bucket, broken.endpoint)


def every_nth(n: int, fault: Fault, *, methods: tuple[str, ...] = ("GET", "PUT", "POST", "HEAD", "DELETE")):
    """Break every n-th request of these methods; the first is the first to be broken."""
    seen = [0]

    def faults(method: str, path: str) -> Fault:
        if method not in methods:
            return ""
        seen[0] += 1
        return fault if seen[0] % n == 1 else ""

    return faults


@pytest.mark.parametrize("fault", ["before", "after", "500", "503", "slow"])
def test_what_breaks_off_is_tried_again(store: ObjectArtifacts, broken: Proxy, fault: Fault, tmp_path: Path) -> None:
    broken.faults = every_nth(2, fault)
    data = os.urandom(9 * _MB)
    assert store.put("small", [b"small"]) == 5
    assert store.put("large", [data]) == len(data)
    assert bytes(store.get("small")) == b"small"
    assert bytes(store.get("large")) == data
    store.fetch("large", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
    assert dict(store.list()) == {"small": 5, "large": len(data)}
    assert store.exists("large", len(data))
    store.remove("small")
    assert not store.exists("small")


def test_a_service_that_stays_broken_is_told_in_bounded_time(store: ObjectArtifacts, broken: Proxy) -> None:
    broken.faults = lambda method, path: "503"
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"cannot write .k. in s3://bucket-.*: it answered 503"):
        store.put("k", [b"1"])
    assert time.monotonic() - began < 40
    assert len(broken.requests) <= 20
    broken.faults = lambda method, path: ""
    assert not store.exists("k")


def test_a_small_object_is_one_request(store: ObjectArtifacts, broken: Proxy) -> None:
    store.put("sha256/aa/aa", [b"x" * 1000])
    assert [method for method, _ in broken.requests] == ["PUT"]
    store.get("sha256/aa/aa")
    assert [method for method, _ in broken.requests] == ["PUT", "GET"]


def test_a_large_object_that_is_there_is_not_sent_again(store: ObjectArtifacts, broken: Proxy) -> None:
    data = bytes(20 * _MB)
    store.put("sha256/bb/bb", [data])
    before = len(broken.requests)
    assert store.put("sha256/bb/bb", [data]) == len(data)
    assert [method for method, _ in broken.requests[before:]] == ["HEAD"]


def test_of_twenty_writers_of_one_key_one_wins(store: ObjectArtifacts) -> None:
    threads = [threading.Thread(target=store.put, args=("k", [b"%d" % n * 100])) for n in range(10, 30)]
    for thread in threads:
        thread.start()
    first = None
    for thread in threads:
        thread.join()
        first = first or bytes(store.get("k"))
    assert bytes(store.get("k")) == first


def test_a_file_much_larger_than_a_part_is_never_whole_in_memory(
    s3: S3, s3_bucket: str, tmp_path: Path, store: ObjectArtifacts
) -> None:
    source = tmp_path / "in"
    source.write_bytes(os.urandom(_MB) * 64)
    script = f"""
import resource, sys
from pathlib import Path
from tests.engines.buckets import artifacts as opened
store = opened({s3_bucket!r}, {s3.endpoint!r})
store.put("warm", [bytes(9 << 20)])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert store.put_file("file", Path({str(source)!r})) == 64 << 20
store.fetch("file", Path({str(tmp_path / "out")!r}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60_000, "kilobytes"
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def test_a_writer_that_is_killed_in_the_middle_leaves_nothing_under_the_key(s3: S3, s3_bucket: str) -> None:
    with proxy(s3.endpoint) as slow:
        slow.faults = lambda method, path: "slow"
        script = f"""
from tests.engines.buckets import artifacts as opened
print("ready", flush=True)
opened({s3_bucket!r}, {slow.endpoint!r}).put("large", [bytes(60 << 20)])
"""
        writer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        deadline = time.monotonic() + 30
        while sum("partNumber" in path for _, path in list(slow.requests)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    store = opened(s3_bucket, s3.endpoint)
    assert not store.exists("large")
    assert store.put("large", [b"whole"]) == 5
    assert bytes(store.get("large")) == b"whole"


def test_an_old_object_that_is_needed_again_is_written_anew(
    store: ObjectArtifacts, broken: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("sha256/aa/aa", [b"x"])
    store.put("runs/r/log", [b"x"])
    now = time.time()
    assert abs(store.written("sha256/aa/aa") - now) < 60
    monkeypatch.setattr("fairlead.stores.object_artifacts.time.time", lambda: now + 4000)
    before = len(broken.requests)
    store.put("sha256/aa/aa", [b"x"])
    store.put("runs/r/log", [b"y"])
    assert [method for method, _ in broken.requests[before:]] == ["PUT", "HEAD", "PUT", "PUT", "HEAD"]
    assert bytes(store.get("runs/r/log")) == b"x"
    with pytest.raises(ArtifactMissing):
        store.written("gone")


# --- what is said -------------------------------------------------------------------------------


def problem(bucket: str, endpoint: str, **settings: object) -> str:
    options = BucketOptions(url=f"s3://{bucket}/p", endpoint=endpoint, timeout=2, **settings)  # type: ignore[arg-type]
    store = ObjectArtifacts(open_bucket(options))
    told = set()
    for act in (lambda: store.put("k", [b"1"]), lambda: store.get("k"), lambda: list(store.list())):
        with pytest.raises(StoreError) as caught:
            act()
        told.add(str(caught.value).partition(": ")[2])
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    assert len(told) == 1, told
    return told.pop()


def test_a_bucket_that_is_not_there_is_named(s3: S3) -> None:
    assert problem("nobodys", s3.endpoint) == (
        f"there is no bucket 'nobodys' at {s3.endpoint}; make it, or correct 'url'"
    )


def test_an_endpoint_where_nothing_answers_is_named(s3: S3) -> None:
    assert problem("b", "http://127.0.0.1:9") == (
        "nothing answers at http://127.0.0.1:9; check 'endpoint', the network, and that the service runs"
    )


def test_refused_credentials_are_told_without_being_shown(s3: S3, s3_bucket: str, broken: Proxy) -> None:
    broken.refuse = (
        b"<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match</Message>"
        b"<AWSAccessKeyId>AKIASHOWN</AWSAccessKeyId></Error>"
    )
    broken.faults = lambda method, path: "403"
    told = problem(s3_bucket, broken.endpoint)
    assert told.startswith(
        "the credentials were refused (it answered 403, SignatureDoesNotMatch: The signature does not match); set AWS_"
    )
    assert "AKIASHOWN" not in told


def test_credentials_may_come_from_a_profile(
    s3: S3, s3_bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    keys = tmp_path / "credentials"
    keys.write_text("[team]\naws_access_key_id = a\naws_secret_access_key = b%c\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    options = BucketOptions(url=f"s3://{s3_bucket}", endpoint=s3.endpoint, profile="team")
    assert ObjectArtifacts(open_bucket(options)).put("k", [b"1"]) == 1
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert ObjectArtifacts(open_bucket(BucketOptions(url=f"s3://{s3_bucket}", endpoint=s3.endpoint))).exists("k")


def test_a_plugin_of_that_name_opens_it(s3: S3, s3_bucket: str, tmp_path: Path) -> None:
    from fairlead.config.registry import open_plugin

    settings = {"url": f"s3://{s3_bucket}/x", "endpoint": s3.endpoint, "region": "us-east-1"}
    store = open_plugin("artifacts", settings, Site(folder=tmp_path))
    assert store.reach == "network"
    store.put("k", [b"1"])
    assert repr(store) == f"<ObjectArtifacts s3://{s3_bucket}/x>"
