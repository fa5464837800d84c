"""Environments and plugins, as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fairlead.api.configuring import Listed, PluginFound
from fairlead.cli.text import Column, Line, Span, table
from fairlead.config.shown import Setting

__all__ = ["environment_page", "environments_page", "plugin_page", "plugins_page"]


def environments_page(found: Sequence[Listed], *, width: int | None = None) -> list[Line]:
    """Give a line for each environment."""
    columns = (Column("environment"), Column("from"), Column("runs on", elastic=True), Column("file", elastic=True))
    rows = [
        (Span(one.name, "bold"), one.how, one.says if one.ok else Span(one.says, "bad"), one.source) for one in found
    ]
    return table(columns, rows, width=width)


def environment_page(name: str, source: str, settings: Sequence[Setting], *, width: int | None = None) -> list[Line]:
    """Give a line for each setting: what it is, what was written, and where."""
    columns = (Column("setting"), Column("value", elastic=True), Column("from", elastic=True))
    rows = [(Span(one.key, "bold"), _value(one.value), Span(one.where, "dim")) for one in settings]
    return [
        [Span(name, "bold"), Span(f"  {source}" if source else "  built in", "dim")],
        *table(columns, rows, width=width),
    ]


def plugins_page(found: Sequence[PluginFound], *, width: int | None = None) -> list[Line]:
    """Give a line for each plugin."""
    columns = (Column("plugin"), Column("is a"), Column("from"), Column("", elastic=True))
    rows = [
        (Span(one.name, "bold"), one.kind, one.origin, Span(one.missing, "bad") if one.missing else one.doc)
        for one in found
    ]
    return table(columns, rows, width=width)


def plugin_page(one: PluginFound, *, width: int | None = None) -> list[Line]:
    """Say what a plugin is, and what can be set."""
    page: list[Line] = [[Span(one.name, "bold"), Span(f"  {one.kind}, {one.origin}", "dim")]]
    page += [[Span(text)] for text in (one.doc, one.missing) if text]
    if not one.settings:
        return [*page, [Span("It has no settings.")]]
    columns = (Column("setting"), Column("type"), Column("default"), Column("", elastic=True))
    rows = [
        (
            Span(setting["name"], "bold"),
            setting["type"],
            _value(setting["default"]) if "default" in setting else "required",
            setting["says"],
        )
        for setting in one.settings
    ]
    return [*page, *table(columns, rows, width=width)]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
