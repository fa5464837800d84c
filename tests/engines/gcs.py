"""The parts of Google Cloud Storage's XML API that obstore calls, on this machine, as its documentation has them.

Written for these tests, because no imitation of that service that can be installed here knows conditional writes by
the XML API (`gcp-storage-emulator` 2026.7 answers neither HEAD, nor lists, nor conditions). What these tests show is
that obstore and we agree with the documentation, not that the service does.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from time import gmtime, strftime, time
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

__all__ = ["GCS", "gcs", "gcs_bucket", "gcs_server"]

CREDENTIALS = {
    "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(
        {"private_key": "", "private_key_id": "", "client_email": "", "disable_oauth": True}
    )
}
_PAGE = 1000


class Kept(NamedTuple):
    """One generation of an object."""

    data: bytes
    generation: int
    at: float

    @property
    def e_tag(self) -> str:
        return f'"{hashlib.md5(self.data).hexdigest()}"'


class GCS:
    """A service that is up, at `endpoint`."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.buckets: dict[str, dict[str, Kept]] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.conditions = 0
        """Requests that were to be carried out in one state of an object only."""
        self.lock = threading.Lock()
        self._numbers = count(1_700_000_000_000_000)
        self._serial = count(1)

    def make_bucket(self) -> str:
        """Make a bucket, and give its name."""
        name = f"bucket-{next(self._serial)}"
        self.buckets[name] = {}
        return name

    def put(self, bucket: str, key: str, data: bytes, match: str | None = None) -> Kept | None:
        """Write an object; None where it is not in the generation that the request is about."""
        with self.lock:
            there = self.buckets[bucket].get(key)
            self.conditions += match is not None
            if match is not None and int(match) != (there.generation if there else 0):
                return None
            kept = self.buckets[bucket][key] = Kept(data, next(self._numbers), time())
            return kept

    def begin(self) -> str:
        """Begin an upload in parts, and give its name."""
        name = f"upload-{next(self._numbers)}"
        self.uploads[name] = {}
        return name


class Request(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    service: GCS

    def do_PUT(self) -> None:
        data = self._body()
        if not self._found():
            return
        if "uploadId" in self.query:
            self.service.uploads[self.query["uploadId"]][int(self.query["partNumber"])] = data
            self._answer(200, headers={"ETag": f'"{hashlib.md5(data).hexdigest()}"'})
            return
        kept = self.service.put(self.bucket, self.key, data, self.headers.get("x-goog-if-generation-match"))
        if kept is None:
            self._refuse(412, "PreconditionFailed")
        else:
            self._answer(200, kept=kept)

    def do_POST(self) -> None:
        body = self._body()
        if not self._found():
            return
        if "uploads" in self.query:
            self._answer(
                200,
                f"<InitiateMultipartUploadResult><UploadId>{self.service.begin()}</UploadId>"
                "</InitiateMultipartUploadResult>".encode(),
            )
            return
        parts = self.service.uploads.pop(self.query["uploadId"])
        wanted = [int(one.text or 0) for one in ElementTree.fromstring(body).iter() if one.tag.endswith("PartNumber")]
        kept = self.service.put(self.bucket, self.key, b"".join(parts[number] for number in wanted))
        assert kept is not None
        self._answer(
            200,
            f"<CompleteMultipartUploadResult><ETag>{escape(kept.e_tag)}</ETag></CompleteMultipartUploadResult>".encode(),
            kept=kept,
        )

    def do_DELETE(self) -> None:
        if not self._found():
            return
        if "uploadId" in self.query:
            self.service.uploads.pop(self.query["uploadId"], None)
            self._answer(204)
        elif self.service.buckets[self.bucket].pop(self.key, None) is None:
            self._refuse(404, "NoSuchKey")
        else:
            self._answer(204)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if not self._found():
            return
        if not self.key:
            self._list()
            return
        kept = self.service.buckets[self.bucket].get(self.key)
        if kept is None:
            self._refuse(404, "NoSuchKey")
            return
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        if not asked:
            self._answer(200, kept.data, kept=kept)
            return
        first, last = asked.split("-")
        end = min(int(last or len(kept.data)) + 1, len(kept.data))
        said = {"Content-Range": f"bytes {first}-{end - 1}/{len(kept.data)}"}
        self._answer(206, kept.data[int(first) : end], kept=kept, headers=said)

    def _list(self) -> None:
        prefix, mark = self.query.get("prefix", ""), self.query.get("delimiter", "")
        after = max(self.query.get("start-after", ""), self.query.get("continuation-token", ""))
        with self.service.lock:
            there = sorted(self.service.buckets[self.bucket].items())
        found, folders = [], dict[str, None]()
        for key, kept in there:
            if not key.startswith(prefix) or key <= after:
                continue
            head, slash, _ = key[len(prefix) :].partition(mark) if mark else ("", "", "")
            if slash:
                folders[prefix + head + slash] = None
            else:
                found.append((key, kept))
        page, more = found[:_PAGE], len(found) > _PAGE
        rows = [
            f"<Contents><Key>{escape(key)}</Key><Generation>{kept.generation}</Generation>"
            f"<LastModified>{strftime('%Y-%m-%dT%H:%M:%S', gmtime(kept.at))}.000Z</LastModified>"
            f"<ETag>{escape(kept.e_tag)}</ETag><Size>{len(kept.data)}</Size></Contents>"
            for key, kept in page
        ]
        rows += [f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in folders]
        token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if more else ""
        whole = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(rows)}"
        self._answer(200, f"<ListBucketResult>{whole}</ListBucketResult>".encode())

    # --- words ---

    def _found(self) -> bool:
        parts = urlsplit(self.path)
        bucket, _, key = parts.path.removeprefix("/").partition("/")
        self.bucket, self.key = unquote(bucket), unquote(key)
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if self.bucket in self.service.buckets:
            return True
        self._refuse(404, "NoSuchBucket")
        return False

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>as the documentation says</Message></Error>".encode())

    def _answer(
        self, status: int, body: bytes = b"", *, kept: Kept | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        said = dict(headers or {})
        if kept is not None:
            said |= {"ETag": kept.e_tag, "x-goog-generation": str(kept.generation)}
            said["Last-Modified"] = formatdate(kept.at, usegmt=True)
        if status != 204:
            said["Content-Length"] = str(len(body))
        for name, value in said.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of what went well."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is no failure of the test."""


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GCS]:
    """Start the server, and end it with the session."""
    service = GCS()
    with _Server(("127.0.0.1", 0), type("Bound", (Request,), {"service": service})) as server:
        service.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def gcs(gcs_server: GCS, monkeypatch: pytest.MonkeyPatch) -> GCS:
    """The server, with credentials for it in the process environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return gcs_server


@pytest.fixture
def gcs_bucket(gcs: GCS) -> str:
    """A bucket that nobody else uses."""
    return gcs.make_bucket()
