"""A drawing in dot, for Graphviz."""

from __future__ import annotations

from fairlead.cli.drawings.outline import Arrow, Box, Scope
from fairlead.model.words import Tone, tone

__all__ = ["dot"]

_COLOURS: dict[Tone, tuple[str, str]] = {
    "good": ("#dcfce7", "#16a34a"),
    "bad": ("#fee2e2", "#dc2626"),
    "busy": ("#dbeafe", "#2563eb"),
    "kept": ("#ccfbf1", "#0d9488"),
    "odd": ("#fef3c7", "#d97706"),
    "quiet": ("#f8fafc", "#94a3b8"),
}
"""Fill and stroke."""

_HEAD = """\
  compound=true
  graph [fontname="Helvetica", fontsize=11, fontcolor="#475569", style=rounded, color="#94a3b8", nodesep=0.35]
  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded,filled", fillcolor="#f8fafc", color="#94a3b8"]
  edge [fontname="Helvetica", fontsize=9, fontcolor="#64748b", color="#94a3b8", arrowsize=0.7]
"""


def dot(scope: Scope) -> str:
    """Write a scope as a directed graph."""
    lines: list[str] = []
    _write(scope, lines, "  ")
    return f"digraph {_quoted(scope.name)} {{\n{_HEAD}" + "\n".join(lines) + "\n}\n"


def _write(scope: Scope, lines: list[str], indent: str) -> None:
    ends: dict[str, tuple[str, str]] = {}
    for box in scope.boxes:
        if box.inner is None:
            lines.append(f"{indent}{box.id} [{_attributes(box)}]")
            continue
        stroke = _COLOURS[tone(box.status)][1]
        lines.append(f"{indent}subgraph cluster_{box.id} {{")
        lines.append(f'{indent}  label={_quoted(" · ".join(filter(None, (box.label, box.heading))))}; color="{stroke}"')
        # Graphviz draws no arrow to a cluster: it goes to a box inside and is clipped at the border.
        lines.append(f"{indent}  {box.id} [shape=point, style=invis, width=0.01]")
        _write(box.inner, lines, indent + "  ")
        lines.append(f"{indent}}}")
        ends[box.id] = (_first(box), _last(box))
    lines.extend(f"{indent}{_arrow(arrow, ends)}" for arrow in scope.arrows)


def _first(box: Box) -> str:
    if box.inner is None or not box.inner.boxes:
        return box.id
    return _first(box.inner.boxes[0])


def _last(box: Box) -> str:
    if box.inner is None or not box.inner.boxes:
        return box.id
    return _last(box.inner.boxes[-1])


def _attributes(box: Box) -> str:
    label = "\\n".join(_escaped(part) for part in (box.label, box.detail, box.progress) if part)
    given = [f'label="{label}"']
    if box.kind in ("parameter", "result"):
        given.append('shape=plaintext, style="", fontcolor="#64748b"')
    if box.many:
        given.append("peripheries=2")
    if box.status:
        fill, stroke = _COLOURS[tone(box.status)]
        given.append(f'fillcolor="{fill}", color="{stroke}"')
    if box.about:
        given.append(f"tooltip={_quoted(box.about)}")
    return ", ".join(given)


def _arrow(arrow: Arrow, ends: dict[str, tuple[str, str]]) -> str:
    given = []
    source, target = arrow.source, arrow.target
    if source in ends:
        given.append(f"ltail=cluster_{source}")
        source = ends[source][1]
    if target in ends:
        given.append(f"lhead=cluster_{target}")
        target = ends[target][0]
    label = f"if {arrow.when}" if arrow.order and arrow.when != "ok" else arrow.label
    if label:
        given.append(f"label={_quoted(label)}")
    if arrow.order:
        given.append("style=dashed")
    if arrow.each:
        given.append("penwidth=1.8")
    return f"{source} -> {target}" + (f" [{', '.join(given)}]" if given else "")


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
