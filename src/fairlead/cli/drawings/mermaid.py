"""A drawing in mermaid, which GitHub, GitLab and notebooks show as a picture."""

from __future__ import annotations

from fairlead.cli.drawings.outline import Arrow, Box, Scope
from fairlead.model.words import Tone, tone

__all__ = ["mermaid"]

_CLASSES: dict[Tone, str] = {
    "good": "fill:#dcfce7,stroke:#16a34a,color:#14532d",
    "bad": "fill:#fee2e2,stroke:#dc2626,color:#7f1d1d",
    "busy": "fill:#dbeafe,stroke:#2563eb,color:#1e3a8a",
    "kept": "fill:#ccfbf1,stroke:#0d9488,color:#134e4a",
    "odd": "fill:#fef3c7,stroke:#d97706,color:#78350f",
    "quiet": "fill:#f1f5f9,stroke:#94a3b8,color:#334155",
}
_EDGE = "fill:none,stroke:#94a3b8,stroke-dasharray:3 3"
"""How parameters and results look."""


def mermaid(scope: Scope) -> str:
    """Write a scope as a mermaid flowchart."""
    lines = ["flowchart TD"]
    used: set[str] = set()
    _write(scope, lines, used, "  ")
    for name, style in (*_CLASSES.items(), ("edge", _EDGE)):
        if name in used:
            lines.append(f"  classDef {name} {style}")
    return "\n".join(lines) + "\n"


def _write(scope: Scope, lines: list[str], used: set[str], indent: str) -> None:
    for box in scope.boxes:
        if box.inner is None:
            lines.append(f"{indent}{box.id}{_shape(box)}{_class(box, used)}")
            continue
        lines.append(f'{indent}subgraph {box.id}["{_text(" · ".join(filter(None, (box.label, box.heading))))}"]')
        _write(box.inner, lines, used, indent + "  ")
        if not box.inner.boxes:
            lines.append(f'{indent}  {box.id}_e(["each item"])')
        lines.append(f"{indent}end")
        if box.status:
            lines.append(f"{indent}class {box.id} {tone(box.status)}")
            used.add(tone(box.status))
    lines.extend(f"{indent}{_arrow(arrow)}" for arrow in scope.arrows)


def _shape(box: Box) -> str:
    label = "<br/>".join(_text(part) for part in (box.label, box.detail, box.progress) if part)
    if box.kind in ("parameter", "result"):
        return f'(["{label}"])'
    return f'[["{label}"]]' if box.many else f'["{label}"]'


def _class(box: Box, used: set[str]) -> str:
    name = "edge" if box.kind in ("parameter", "result") else tone(box.status) if box.status else ""
    if name:
        used.add(name)
    return f":::{name}" if name else ""


def _arrow(arrow: Arrow) -> str:
    label = _text(arrow.label) if not arrow.order else "" if arrow.when == "ok" else f"if {arrow.when}"
    link = "-.->" if arrow.order else "==>" if arrow.each else "-->"
    return f'{arrow.source} {link}|"{label}"| {arrow.target}' if label else f"{arrow.source} {link} {arrow.target}"


def _text(text: str) -> str:
    """Escape what mermaid would take for its own: it knows HTML's entities with `#` for `&`."""
    for sign, entity in (("#", "#35;"), ("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        text = text.replace(sign, entity)
    return text
