"""Amounts as people write them, and what they come to. Pure."""

from __future__ import annotations

import re

from fairlead.errors import DefinitionError

__all__ = ["memory_bytes"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_AMOUNT = r"(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?"


def memory_bytes(text: str) -> int:
    """Read an amount of memory such as "4Gi" or "500M"; raises DefinitionError."""
    match = re.fullmatch(_AMOUNT, text.strip())
    if match is None:
        raise DefinitionError(f"memory {text!r} is not an amount such as '500M' or '4Gi'")
    return int(float(match[1]) * _UNITS[match[2] or ""])
