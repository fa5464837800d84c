"""A drawing as SVG: one file that needs nothing, light or dark as its reader prefers."""

from __future__ import annotations

import msgspec

from fairlead.cli.drawings.layout import Placed, place
from fairlead.cli.drawings.outline import Arrow, Box, Scope
from fairlead.cli.text import cells, fit
from fairlead.model.words import tone

__all__ = ["svg"]

_MARGIN = 24.0
_PAD = 14.0
_TITLE, _SMALL = 7.7, 6.3
"""Width of a letter in the larger and the smaller size: fonts differ, so with some room."""
_HEAD = 30.0
"""Height of the line above the inside of a map."""
_BEHIND = 4.0
"""How far the copies behind a map look out."""

_STYLE = """\
    text { font-family: ui-sans-serif, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #0f172a }
    .name { font-size: 13px; font-weight: 600 }
    .small { font-size: 11px; fill: #64748b }
    .label { font-size: 10.5px; fill: #64748b; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
    .page { fill: #ffffff }
    .box { fill: #f8fafc; stroke: #cbd5e1; stroke-width: 1.25 }
    .scope { fill: #f8fafc; stroke: #cbd5e1; stroke-width: 1.25 }
    .pill { fill: #ffffff; stroke: #cbd5e1; stroke-width: 1.25; stroke-dasharray: 3 3 }
    .line { fill: none; stroke: #94a3b8; stroke-width: 1.4 }
    .order { stroke-dasharray: 4 4 }
    .each { stroke-width: 2.6 }
    .head { fill: #94a3b8 }
    .rest { fill: #e2e8f0 }
    .good { fill: #f0fdf4; stroke: #4ade80 } .bad { fill: #fef2f2; stroke: #f87171 }
    .busy { fill: #eff6ff; stroke: #60a5fa } .kept { fill: #f0fdfa; stroke: #2dd4bf }
    .odd { fill: #fffbeb; stroke: #fbbf24 } .quiet { fill: #f8fafc; stroke: #cbd5e1 }
    .dot-good { fill: #16a34a } .dot-bad { fill: #dc2626 } .dot-busy { fill: #2563eb }
    .dot-kept { fill: #0d9488 } .dot-odd { fill: #d97706 } .dot-quiet { fill: #cbd5e1 }
    .edge-good { stroke: #4ade80 } .edge-bad { stroke: #f87171 } .edge-busy { stroke: #60a5fa }
    .edge-kept { stroke: #2dd4bf } .edge-odd { stroke: #fbbf24 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e2e8f0 } .small { fill: #94a3b8 } .label { fill: #94a3b8; stroke: #0f172a } .page { fill: #0f172a }
      .box, .quiet { fill: #1e293b; stroke: #475569 } .scope { fill: #172033; stroke: #475569 }
      .pill { fill: #0f172a; stroke: #475569 } .line { stroke: #64748b } .head { fill: #64748b } .rest { fill: #334155 }
      .good { fill: #0f2a1c; stroke: #16a34a } .bad { fill: #331517; stroke: #dc2626 }
      .busy { fill: #14233f; stroke: #2563eb } .kept { fill: #0d2b2a; stroke: #0d9488 }
      .odd { fill: #33260c; stroke: #d97706 } .dot-quiet { fill: #475569 }
      .edge-good { stroke: #16a34a } .edge-bad { stroke: #dc2626 } .edge-busy { stroke: #2563eb }
      .edge-kept { stroke: #0d9488 } .edge-odd { stroke: #d97706 }
    }
"""

_HEAD_OF_ARROWS = (
    '  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
    ' markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0.5 L8 4 L0 7.5 z"/></marker></defs>'
)


class _Inside(msgspec.Struct):
    """A scope that has been laid out, with the same for every map inside."""

    placed: Placed
    sizes: list[tuple[float, float]]
    maps: dict[int, _Inside]


def svg(scope: Scope, title: str = "") -> str:
    """Draw a scope; `title` stands above it."""
    inside = _measure(scope)
    head = 34.0 if title else 0.0
    width = max(inside.placed.width, cells(title) * _TITLE) + 2 * _MARGIN
    height = inside.placed.height + 2 * _MARGIN + head
    size = f"{_n(width)} {_n(height)}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" {_dimensions(width, height)} role="img">',
        f"  <title>{_escaped(title or scope.name)}</title>",
        f"  <style>\n{_STYLE}  </style>",
        _HEAD_OF_ARROWS,
        '  <rect class="page" width="100%" height="100%" rx="10"/>',
    ]
    if title:
        lines.append(f'  <text class="name" x="{_n(_MARGIN)}" y="{_n(_MARGIN + 8)}">{_escaped(title)}</text>')
    left = _MARGIN + (width - 2 * _MARGIN - inside.placed.width) / 2
    _draw(scope, inside, lines, left, _MARGIN + head)
    return "\n".join([*lines, "</svg>", ""])


def _measure(scope: Scope) -> _Inside:
    sizes, maps = [], {}
    for position, box in enumerate(scope.boxes):
        if box.inner is None:
            sizes.append(_size(box))
            continue
        inner = maps[position] = _measure(box.inner)
        head = max(inner.placed.width, cells(_scope_head(box)) * _TITLE)
        behind = _BEHIND * 2 if box.many else 0.0
        sizes.append((head + 2 * _PAD + behind, inner.placed.height + _HEAD + 2 * _PAD + behind))
    index = {box.id: position for position, box in enumerate(scope.boxes)}
    arrows = [(index[arrow.source], index[arrow.target]) for arrow in scope.arrows]
    return _Inside(place(sizes, arrows), sizes, maps)


def _size(box: Box) -> tuple[float, float]:
    details = [text for text in (box.detail, box.progress) if text]
    width = max(
        [cells(box.label) * _TITLE + (14 if box.status else 0), *(cells(fit(text, 44)) * _SMALL for text in details)]
    )
    if box.kind in ("parameter", "result"):
        return max(width, 30.0) + 2 * _PAD, 26.0 + 15.0 * len(details)
    behind = _BEHIND * 2 if box.many else 0.0
    return max(width, 62.0) + 2 * _PAD + behind, 36.0 + 15.0 * len(details) + behind + (6 if box.share else 0)


def _scope_head(box: Box) -> str:
    return f"{box.label}  {box.heading}"


def _draw(scope: Scope, inside: _Inside, lines: list[str], left: float, top: float) -> None:
    for arrow, route in zip(scope.arrows, inside.placed.routes, strict=True):
        lines.append(_line(arrow, [(x + left, y + top) for x, y in route]))
    for position, box in enumerate(scope.boxes):
        x, y = inside.placed.corners[position]
        width, height = inside.sizes[position]
        lines.append(f'  <g transform="translate({_n(x + left)} {_n(y + top)})">')
        if box.about:
            lines.append(f"    <title>{_escaped(box.about)}</title>")
        if box.inner is None:
            _draw_box(box, lines, width, height)
        else:
            _draw_map(box, inside.maps[position], lines, width, height)
        lines.append("  </g>")
    lines += _labels(scope, inside, left, top)


def _labels(scope: Scope, inside: _Inside, left: float, top: float) -> list[str]:
    """Write labels where nothing is in their way; what finds no room is left to the arrow's hover."""
    taken = [
        (x, y, x + width, y + height)
        for (x, y), (width, height) in zip(inside.placed.corners, inside.sizes, strict=True)
    ]
    lines = []
    for arrow, route in zip(scope.arrows, inside.placed.routes, strict=True):
        label = f"if {arrow.when}" if arrow.order and arrow.when != "ok" else arrow.label
        half = cells(label) * _SMALL / 2
        for start, end, part in ((1, 2, 0.62), (-3, -2, 0.62), (1, 2, 0.4), (-3, -2, 0.8)) if label else ():
            x, y = _along(route[start], route[end], part)
            around = (x - half, y - 6, x + half, y + 6)
            if not any(_overlap(around, other) for other in taken):
                taken.append(around)
                place = f'x="{_n(x + left)}" y="{_n(y + top + 3)}"'
                lines.append(f'  <text class="label" {place} text-anchor="middle">{_escaped(label)}</text>')
                break
    return lines


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _along(start: tuple[float, float], end: tuple[float, float], part: float) -> tuple[float, float]:
    """Give the point of an S-curve at a part of its way."""
    rise = part * part * (3 - 2 * part)
    middle = (start[1] + end[1]) / 2
    rest = 1 - part
    height = rest**3 * start[1] + 3 * rest * part * middle + part**3 * end[1]
    return start[0] + (end[0] - start[0]) * rise, height


def _draw_box(box: Box, lines: list[str], width: float, height: float) -> None:
    shade = tone(box.status) if box.status else ""
    if box.kind in ("parameter", "result"):
        lines.append(f'    <rect class="pill" {_dimensions(width, height)} rx="13"/>')
    elif box.many:
        width, height = _stack(lines, f"box {shade}", width, height)
    else:
        lines.append(f'    <rect class="box {shade}" {_dimensions(width, height)} rx="8"/>')
    y = 17.0 if box.kind in ("parameter", "result") else 23.0
    lines.append(
        f'    <text class="name" x="{_n(width / 2)}" y="{_n(y)}" text-anchor="middle">'
        f"{_dot(box.status)}{_escaped(box.label)}</text>"
    )
    for text in (box.detail, box.progress):
        if text:
            y += 16
            lines.append(_small(fit(text, 44), width / 2, y))
    if box.share is not None:
        _bar(lines, box.share, width, height)


def _draw_map(box: Box, inner: _Inside, lines: list[str], width: float, height: float) -> None:
    assert box.inner is not None
    edge = f" edge-{tone(box.status)}" if box.status else ""
    if box.many:
        width, height = _stack(lines, f"scope{edge}", width, height)
    else:
        lines.append(f'    <rect class="scope{edge}" {_dimensions(width, height)} rx="8"/>')
    lines.append(
        f'    <text class="name" x="{_n(_PAD)}" y="23">{_dot(box.status)}{_escaped(box.label)}'
        f'<tspan class="small" dx="8" font-weight="400">{_escaped(box.heading)}</tspan></text>'
    )
    _draw(box.inner, inner, lines, (width - inner.placed.width) / 2, _HEAD + _PAD)


def _dot(status: str) -> str:
    """Write a status as part of the text beside it: only the reader's font knows how wide that is."""
    return f'<tspan class="dot-{tone(status)}">●</tspan><tspan dx="5">&#8203;</tspan>' if status else ""


def _stack(lines: list[str], classes: str, width: float, height: float) -> tuple[float, float]:
    """Draw a box with two copies looking out behind it; gives the size of the one in front."""
    width, height = width - 2 * _BEHIND, height - 2 * _BEHIND
    for step in (2, 1, 0):
        shift = _n(step * _BEHIND)
        lines.append(f'    <rect class="{classes}" x="{shift}" y="{shift}" {_dimensions(width, height)} rx="8"/>')
    return width, height


def _bar(lines: list[str], share: tuple[float, float], width: float, height: float) -> None:
    full = width - 2 * _PAD
    ended, failed = full * min(share[0], 1), full * min(share[1], 1)
    for name, length in (("rest", full), ("dot-bad", ended), ("dot-good", ended - failed)):
        if length > 0.5:
            place = f'x="{_n(_PAD)}" y="{_n(height - 9)}"'
            lines.append(f'    <rect class="{name}" {place} {_dimensions(length, 3)} rx="1.5"/>')


def _line(arrow: Arrow, route: list[tuple[float, float]]) -> str:
    """Write an arrow: straight down within a layer, an S between layers."""
    (x, y), *rest = route
    path = [f"M{_n(x)} {_n(y)}"]
    for position, (to_x, to_y) in enumerate(rest):
        if to_x == x:
            path.append(f"V{_n(to_y)}")
        elif position % 2:
            middle = _n((y + to_y) / 2)
            path.append(f"C{_n(x)} {middle} {_n(to_x)} {middle} {_n(to_x)} {_n(to_y)}")
        x, y = to_x, to_y
    classes = "line" + (" order" if arrow.order else "") + (" each" if arrow.each else "")
    said = " to ".join(text for text in (arrow.label, arrow.takes) if text)
    about = f"<title>{_escaped(said)}</title>" if said else ""
    return f'  <path class="{classes}" d="{"".join(path)}" marker-end="url(#head)">{about}</path>'


def _small(text: str, x: float, y: float) -> str:
    return f'    <text class="small" x="{_n(x)}" y="{_n(y)}" text-anchor="middle">{_escaped(text)}</text>'


def _dimensions(width: float, height: float) -> str:
    return f'width="{_n(width)}" height="{_n(height)}"'


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _escaped(text: str) -> str:
    clean = "".join(sign if sign.isprintable() else " " for sign in text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
