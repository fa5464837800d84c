"""Sends what happens to a URL, as JSON over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fairlead.errors import StoreError
from fairlead.model.notices import Notice
from fairlead.model.run import Run
from fairlead.observers.documents import Kind, documents

__all__ = ["Webhook"]

_TIMES = 3
"""Tries of one request."""


class Webhook:
    """Posts events in batches: `{"events": [...]}`; what comes in meanwhile goes with the next request."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        events: Sequence[Kind],
        *,
        batch: int,
        every: float,
        timeout: float,
        grace: float,
    ) -> None:
        self.url = url
        self.headers = {"Content-Type": "application/json", "User-Agent": "fairlead", **headers}
        self.events = tuple(events)
        self.batch = batch
        self.pause = every
        self.timeout = timeout
        self.grace = grace
        self.wants_output = "output" in events

    def notify(self, run: Run, event: Notice) -> None:
        """Send one event."""
        self.notify_all(run, [event])

    def notify_all(self, run: Run, events: Sequence[Notice]) -> None:
        """Send what has come in; StoreError when nobody takes it."""
        found = documents(run, events, self.events)
        for start in range(0, len(found), self.batch):
            self._post(msgspec.json.encode({"events": found[start : start + self.batch]}))

    def _post(self, body: bytes) -> None:
        import time
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        why = ""
        for turn in range(_TIMES):
            if turn:
                time.sleep(0.2 * 2**turn)
            try:
                request = Request(self.url, data=body, headers=self.headers)  # noqa: S310 - the scheme is checked
                with urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                    answer.read()
                return
            except HTTPError as error:
                why = f"it answers {error.code} {error.reason}"
                error.close()
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, HTTPException) as error:
                why = str(getattr(error, "reason", error)) or type(error).__name__
        # Not the whole URL: those of many services hold a key.
        raise StoreError(f"{_host(self.url)} takes no events: {why}")


def _host(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
