"""What `run TARGET --help` says about a workflow: its own words and its own parameters."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import cleandoc

import msgspec

from fairlead.cli.text import Column, Line, Span, plain, table

__all__ = ["Given", "target_page"]

_ORDER = """The most specific value counts: -p NAME=VALUE; FAIRLEAD_PARAM_<NAME> in the process environment;
--params FILE; 'parameters' in the environment file; the default."""


class Given(msgspec.Struct, frozen=True):
    """One parameter, in words."""

    name: str
    type: str = ""
    required: bool = True
    default: str = ""
    """As one would write it; empty where it may be left out and has none."""
    static: bool = False
    doc: str = ""
    """What its author says about it."""
    now: str = ""
    """The environment variable that sets it now, where one does."""


def target_page(target: str, name: str, doc: str, parameters: Sequence[Given]) -> list[Line]:
    """Tell what a workflow does and takes."""
    usage = " ".join(f"-p {one.name}=…" for one in parameters if one.required)
    page: list[Line] = [
        [Span("Usage: ", "dim"), Span(f"fairlead run {target}{f' {usage}' if usage else ''} [OPTIONS]")]
    ]
    page += [[], [Span(f"  {name}", "bold")]]
    if doc:
        page += [[], *plain(cleandoc(doc), indent=2)]
    page += [[], [Span("Parameters:", "bold")]]
    if not parameters:
        page.append([Span("  none")])
    rows = []
    for one in parameters:
        says = "required" if one.required else f"default {one.default}" if one.default else "optional"
        says += ", shapes the graph" * one.static + f", now from {one.now}" * bool(one.now)
        rows.append((Span(one.name, "bold"), one.type, Span(says, "dim"), one.doc))
    page += table((Column(""), Column(""), Column(""), Column("", elastic=True)), rows, indent=2)
    if parameters:
        page += [[], *plain(_ORDER, indent=2)]
    example = next((one for one in parameters if one.default), None)
    if example is not None and not usage:
        page += [[], [Span(f"Example: fairlead run {target} -p {example.name}={_as_word(example.default)}", "dim")]]
    return [*page, [], [Span("'fairlead run --help' lists the options.", "dim")]]


def _as_word(text: str) -> str:
    """Write a default as one would type it."""
    plain_text = text[1:-1] if text[:1] in "'\"" and text[-1:] == text[:1] else text
    return plain_text if plain_text and all(sign.isalnum() or sign in "._-/:" for sign in plain_text) else "…"
