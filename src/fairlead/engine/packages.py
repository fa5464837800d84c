"""Which installed distribution a module comes from, without importing either.

`importlib.metadata` reads every record of every distribution to answer this; here the folder names
of one `site-packages` answer nearly always, and files are read only for what they leave open.
Whether a module is the user's own is not decided here.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path

from fairlead.model.hashing import sha256

__all__ = ["distribution", "installed", "site_of", "version_of"]

_SITE = re.compile(r"^(.*?[/\\](?:site|dist)-packages)(?:[/\\]|$)")
_METADATA = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)


@lru_cache(4096)
def site_of(file: str) -> str | None:
    """Give the `site-packages` folder that a file lies in, if it does."""
    found = _SITE.match(file)
    return found.group(1) if found else None


@lru_cache(4096)
def distribution(module: str, file: str) -> tuple[str, str] | None:
    """Name the distribution and version that installed `file` as `module`; None when nobody says.

    `scikit-learn` for `sklearn.svm`, `PyYAML` for `yaml`. A module without a record falls back on its
    own `__version__` where it is loaded.
    """
    site = site_of(file)
    top = module.partition(".")[0]
    if site is not None:
        records = _records(site)
        direct = records.get(_normal(top))
        owners = [direct] if direct else _owners(site, top)
        if len(owners) > 1:  # a namespace such as `google` belongs to many
            owners = [owner for owner in owners if _has_file(site, owner, file)] or owners
        if owners:
            return _name_and_version(site, owners[0])
    version = getattr(sys.modules.get(top), "__version__", None)
    return (top, version) if isinstance(version, str) else None


def version_of(name: str) -> str | None:
    """Give the version of an installed distribution; None where none of that name is installed."""
    for site in _sites():
        record = _records(site).get(_normal(name))
        if record is not None:
            return _name_and_version(site, record)[1]
    return None


def installed() -> str:
    """Give a digest of all distributions that are installed: their names and versions."""
    names = sorted({record for site in _sites() for record in _records(site).values()})
    return sha256("\n".join(names).encode()).hexdigest()[:16]


def _sites() -> list[str]:
    """List the folders that packages are installed in, as imports look through them."""
    return [entry for entry in dict.fromkeys(sys.path) if site_of(entry) == entry]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


@lru_cache(64)
def _records(site: str) -> dict[str, str]:
    """Folders of metadata by normalised distribution name; the folder is listed once per process."""
    found = {}
    try:
        names = os.listdir(site)  # noqa: PTH208 - several times faster than making a Path of each
    except OSError:
        return {}
    for name in sorted(names):
        if name.endswith((".dist-info", ".egg-info")):
            found[_normal(name.rpartition(".")[0].partition("-")[0])] = name
    return found


def _read(site: str, *names: str) -> str:
    try:
        return Path(site, *names).read_text("utf-8", "replace")
    except OSError:  # one of the optional files of a distribution: the caller asks the next
        return ""


@lru_cache(64)
def _tops(site: str) -> dict[str, list[str]]:
    """Top-level names by what setuptools wrote down; other build tools write no such file."""
    tops: dict[str, list[str]] = {}
    for record in _records(site).values():
        for top in _read(site, record, "top_level.txt").split():
            tops.setdefault(top, []).append(record)
    return tops


@lru_cache(1024)
def _owners(site: str, top: str) -> list[str]:
    """List the distributions that put `top` there, from the cheapest source that knows."""
    owners = list(_tops(site).get(top, ()))
    start = re.compile(rf"^{re.escape(top)}(/|\.py,|\.[^/,]*\.so,|\.pyd,)", re.MULTILINE)
    for record in _records(site).values():
        if record not in owners and start.search(_record_of_files(site, record)):
            owners.append(record)
    return owners


@lru_cache(1024)
def _record_of_files(site: str, record: str) -> str:
    return _read(site, record, "RECORD")


def _has_file(site: str, record: str, file: str) -> bool:
    inside = file[len(site) + 1 :].replace("\\", "/")
    return f"\n{inside}" in "\n" + _record_of_files(site, record)


def _name_and_version(site: str, record: str) -> tuple[str, str]:
    head = _read(site, record, "METADATA") or _read(site, record, "PKG-INFO") or _read(site, record)
    facts = dict(reversed(_METADATA.findall(head)))
    stem = record.rpartition(".")[0]
    return facts.get("Name", stem.partition("-")[0]), facts.get("Version", stem.partition("-")[2] or "unknown")
