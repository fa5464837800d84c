"""What went wrong with a bucket, in words: which errors pass by themselves, and what to do about the others.

What the service answers may hold the key's id and signed headers, so that no more than its code and
message is told, and nothing is chained.
"""

from __future__ import annotations

import re

from fairlead.errors import StoreError

__all__ = ["is_temporary", "refusal", "status_of"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>", re.DOTALL)
_PASSING = frozenset({408, 409, 429})
_METADATA = ("169.254.169.254", "metadata.google.internal", "/metadata/identity", "ECS credential")
"""Where credentials are looked for when the environment has none."""

_TELLS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or say 'profile'",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or log in with 'gcloud auth"
    " application-default login'",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_SAS_KEY)",
}


def status_of(error: BaseException) -> int | None:
    """Give the HTTP status that the service answered with; None where there was no answer."""
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None


def is_temporary(error: BaseException) -> bool:
    """Whether the same request may well succeed a little later."""
    text = str(error)
    if type(error).__name__ != "GenericError" or "Generic LocalFileSystem" in text or _asks_for_credentials(text):
        return False
    status = status_of(error)
    return status is None or status >= 500 or status in _PASSING


def refusal(error: BaseException, doing: str, name: str, endpoint: str) -> StoreError:
    """Say why something could not be done with the bucket called `name`, and what to do."""
    text = str(error)
    scheme = name.partition("://")[0]
    bucket = name.partition("://")[2].partition("/")[0] or name
    status, code = status_of(error), _first(_CODE, text)
    at = f" at {endpoint}" if endpoint else ""
    if code in {"NoSuchBucket", "ContainerNotFound"}:
        why = f"there is no bucket {bucket!r}{at}; make it, or correct 'url'"
    elif _asks_for_credentials(text):
        why = f"no credentials were found; {_TELLS.get(scheme, 'set them in the process environment')}"
    elif status in {301, 400} and code in {"PermanentRedirect", "AuthorizationHeaderMalformed", ""} and scheme == "s3":
        why = f"the bucket may be in another region ({_answer(status, code, text)}); say 'region'"
    elif status in {401, 403}:
        why = f"the credentials were refused ({_answer(status, code, text)}); {_TELLS.get(scheme, 'check them')}"
    elif status is None and _unreachable(text):
        why = f"nothing answers{at or ' there'}; check 'endpoint', the network, and that the service runs"
    else:
        why = _answer(status, code, text)
    return StoreError(f"cannot {doing} in {name}: {why}")


def _asks_for_credentials(text: str) -> bool:
    return any(place in text for place in _METADATA)


def _unreachable(text: str) -> bool:
    return any(word in text for word in ("kind: Connect", "error sending request", "kind: Timeout", "TimedOut"))


def _answer(status: int | None, code: str, text: str) -> str:
    told = ": ".join(part for part in (code, _first(_MESSAGE, text)) if part)
    if status is not None:
        return f"it answered {status}{f', {told}' if told else ''}"
    return told or text.partition("\n")[0].partition(" - Server returned")[0][:300]


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return " ".join(found[1].split()) if found else ""
