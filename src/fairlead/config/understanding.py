"""What the settings of an environment mean, and everything that is wrong with them.

Works on a document that is written out, laid over its base, and expanded. Imports no code of the
user's: what a component's class is, say those who build it.
"""

from __future__ import annotations

from typing import Any

from fairlead.config.documents import Document, Keys, Problems
from fairlead.config.layers import KEYS, LISTED, TYPED
from fairlead.config.registry import SEAMS, Seam, missing, names, plugin
from fairlead.errors import ConfigurationError
from fairlead.ports import Plugin
from fairlead.wire import converted

__all__ = ["check_options", "refuse_secrets", "understand"]

_SEAMS: dict[str, Seam] = {
    "executor": "executors",
    "orchestrator": "orchestrators",
    "store": "stores",
    "secrets": "secrets",
    "observers": "observers",
    "codecs": "codecs",
}


def understand(document: Document, problems: Problems) -> dict[str, Any]:
    """Check every setting; gives those that are known, and notes what is wrong in `problems`."""
    data = {}
    for key, value in document.data.items():
        if key in KEYS:
            data[key] = value
        else:
            problems.misspelt((key,), KEYS)
    for key in TYPED:
        if key in data:
            _check_section(_SEAMS[key], data[key], (key,), problems)
    _check_executors(data.get("executors", {}), problems)
    _check_artifacts(data.get("artifacts", {}), problems)
    for key in LISTED:
        _check_listed(key, data.get(key, []), problems)
    for key in ("components", "parameters"):
        _check_mapping(data.get(key, {}), (key,), "names", problems)
    if "tasks" in data:
        from fairlead.config.patches import check_patches

        check_patches(data["tasks"], set(data.get("executors") or ()), problems)
    if data.get("code", "bundle") not in ("bundle", "image"):
        problems.add(("code",), f"{data['code']!r} is neither 'bundle' nor 'image'")
    if data.get("durability", "grouped") not in ("grouped", "each"):
        problems.add(("durability",), f"{data['durability']!r} is neither 'grouped' nor 'each'")
    return data


def refuse_secrets(document: Document, problems: Problems) -> None:
    """Note secrets that stand in what was written of stores: every run records it, and passes it on."""
    stores = [key for key in ("store", "artifacts") if isinstance(document.data.get(key), dict)]
    if not stores:
        return
    from fairlead.config.shown import hidden

    for key in stores:
        for name, value in document.data[key].items():
            if isinstance(value, str) and hidden(name, value) != value:
                told = "holds a password as text, which every run would record; write ${NAME} in its place"
                problems.add((key, name), told)


def _check_mapping(value: Any, keys: Keys, of: str, problems: Problems) -> bool:
    if isinstance(value, dict):
        return True
    problems.add(keys, f"must be a mapping of {of} to values, and is {value!r:.60}")
    return False


def _check_executors(value: Any, problems: Problems) -> None:
    if not isinstance(value, dict):
        problems.add(("executors",), f"must be a mapping of names to executors, and is {value!r:.60}")
        return
    for name, settings in value.items():
        _check_section("executors", settings, ("executors", name), problems)


def _check_artifacts(value: Any, problems: Problems) -> None:
    keys: Keys = ("artifacts",)
    if not isinstance(value, dict):
        problems.add(keys, f"must be a URL or a mapping, and is {value!r:.60}")
        return
    url = value.get("url")
    if "object" in value:
        return
    if not isinstance(url, str) or not url:
        if value:
            problems.add((*keys, "url") if "url" in value else keys, _no_url(value))
        return
    scheme, mark, _ = url.partition("://")
    if mark and scheme not in names("artifacts"):
        known = ", ".join(f"{name}://" for name in names("artifacts"))
        problems.add((*keys, "url"), f"{url!r} is neither a folder nor one of {known}")
        return
    _check_settings("artifacts", scheme if mark else "file", value, keys, problems)


def _no_url(value: dict[str, Any]) -> str:
    if "url" in value:
        return f"must be a folder or another URL, and is {value['url']!r:.60}"
    unknown = next(iter(value))
    return f"says no 'url' (it says {unknown!r})"


def _check_listed(key: str, value: Any, problems: Problems) -> None:
    for place, settings in enumerate(value):
        _check_section(_SEAMS[key], settings, (key, place), problems)


def _check_section(seam: Seam, settings: Any, keys: Keys, problems: Problems) -> None:
    """Check one section that names a plugin."""
    if not isinstance(settings, dict):
        problems.add(keys, f"must be a name or a mapping, and is {settings!r:.60}")
        return
    name = settings.get("type")
    if "object" in settings and not isinstance(settings["object"], (str, int, float, bool, list, dict)):
        return
    if not isinstance(name, str):
        problems.add(keys, f"says no 'type'; {SEAMS[seam]}s are {', '.join(names(seam)) or 'none yet'}")
        return
    _check_settings(seam, name, settings, keys, problems)


def _check_settings(seam: Seam, name: str, settings: dict[str, Any], keys: Keys, problems: Problems) -> None:
    """Check the settings of one plugin against their types, each by itself."""
    from fairlead.config.documents import nearest

    try:
        found = plugin(seam, name)
    except ConfigurationError as error:
        known = names(seam)
        told = f"{name!r} is no {SEAMS[seam]}{nearest(name, known)}" if name not in known else str(error)
        problems.add((*keys, "type"), told)
        return
    absent = missing(seam, name, found)
    if absent:
        problems.add((*keys, "type"), absent)
    check_options(seam, name, found, settings, keys, problems)


def check_options(
    seam: Seam, name: str, found: Plugin, settings: dict[str, Any], keys: Keys, problems: Problems
) -> None:
    """Check settings against the types that a plugin has for them; text becomes what it stands for."""
    import msgspec

    fields = {one.encode_name: one for one in msgspec.structs.fields(found.options)} if found.options else {}
    before = len(problems.told)
    for key, value in settings.items():
        if key == "type" and key not in fields:
            continue
        if key not in fields:
            problems.misspelt((*keys, key), [*fields, "type"] if seam not in ("artifacts", "kinds") else fields)
            continue
        try:
            typed = converted(value, fields[key].type, strict=False)
        except msgspec.ValidationError as error:
            problems.add((*keys, key), f"{value!r:.60}: {_in_words(str(error))}")
            continue
        if isinstance(value, str):
            settings[key] = typed  # what `${…}` brings is text
    for key, field in fields.items():
        if field.required and key not in settings:
            problems.add(keys, f"{key!r} is missing: {SEAMS[seam]} {name!r} cannot do without")
    if hasattr(found.options, "__post_init__") and len(problems.told) == before:
        try:
            msgspec.convert({key: settings[key] for key in fields if key in settings}, found.options, strict=False)
        except msgspec.ValidationError as error:
            problems.add(keys, str(error))


def _in_words(text: str) -> str:
    """Say what the validation library says, as we say things."""
    text = text.replace("`", "")
    return text[:1].lower() + text[1:]
