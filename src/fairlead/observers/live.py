"""The live table: one line for each task name, repainted a few times a second. Needs rich.

It paints what is known whenever it is time to, and nothing ever waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.console import Console, RenderableType
from rich.console import Group as Stack
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fairlead.model.run import Group
from fairlead.model.words import Tone, done, duration, leading, number, plural, said_counts, symbol, tone
from fairlead.observers.sentences import is_over, summary_line
from fairlead.observers.standing import Standing

__all__ = ["LiveTable", "chosen"]

_STYLES: dict[Tone, str] = {
    "good": "green",
    "bad": "red",
    "busy": "blue",
    "kept": "cyan",
    "odd": "yellow",
    "quiet": "bright_black",
}
_BAR = 20
_A_SECOND = 8
"""Times that it is painted."""


class LiveTable:
    """Paints a run's standing until it is stopped; lines for the record go above it."""

    def __init__(
        self,
        stream: TextIO,
        standing: Standing,
        *,
        colour: bool = True,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._standing = standing
        self._clock = clock
        self._wall = wall
        self._console = Console(file=stream, no_color=not colour, highlight=False, markup=False, soft_wrap=True)
        self._live = Live(
            get_renderable=self.picture,
            console=self._console,
            refresh_per_second=_A_SECOND,
            # What tasks and the user's own program print is theirs; rich must not take it over.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def above(self, lines: list[tuple[str, str]]) -> None:
        """Write lines above the table, in one go."""
        text = Text()
        for place, (style, line) in enumerate(lines):
            piece = Text.from_ansi(line) if "\x1b" in line else Text(line)
            piece.stylize(_STYLES.get(style, ""))  # type: ignore[call-overload]
            text.append_text(piece)
            if place < len(lines) - 1:
                text.append("\n")
        self._console.print(text)

    def stop(self) -> None:
        """Paint it once more, and leave it there."""
        self._live.stop()

    def picture(self) -> RenderableType:
        """Draw how the run stands."""
        groups = list(self._standing.groups.values())
        shown = chosen(groups, max(self._console.height - 5, 3))
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_column(no_wrap=True, width=_BAR if any((group.total or 0) != 1 for group in groups) else 0)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for group in shown:
            grid.add_row(*self._cells(group))
        footer = Text(f"{summary_line(self._standing.counts)}  {duration(self._clock() - self._standing.started)}")
        footer.stylize("bold")
        if len(shown) < len(groups):
            footer.append(f"  ({plural(len(groups) - len(shown), 'other task name')} not shown)", style="bright_black")
        return Stack(grid, footer)

    def _cells(self, group: Group) -> list[Text]:
        status = leading(group.counts)
        style = _STYLES[tone(status)]
        total = "?" if group.total is None else number(group.total)
        others = said_counts(group.counts, without=("succeeded", "waiting", "ready", "queued"))
        name = Text(f"{symbol(status)} ", style=style)
        name.append(group.name, style="default")
        return [
            name,
            _bar(group),
            Text(f"{number(done(group.counts))}/{total}"),
            Text(self._time(group), style="bright_black"),
            Text(others if group.total != 1 or status == "reused" else "", style=style),
        ]

    def _time(self, group: Group) -> str:
        if group.started is None:
            return duration(group.seconds) if group.seconds else ""
        if group.ended is not None and set(_said(group)) <= {"reused", "skipped"}:
            return ""
        end = group.ended if is_over(group) and group.ended is not None else self._wall()
        return duration(max(end - group.started, 0.0))


def _said(group: Group) -> list[str]:
    return [status for status, amount in group.counts.items() if amount]


def _bar(group: Group) -> Text:
    """Draw how many of several task runs have ended, the failed ones in red."""
    if group.total == 1 or (group.total is None and not group.counts):
        return Text("")
    known = group.total if group.total is not None else sum(group.counts.values())
    full = _BAR / max(known, 1)
    ended = int(done(group.counts) * full)
    failed = min(ended, round(group.counts.get("failed", 0) * full) or (1 if group.counts.get("failed") else 0))
    bar = Text("━" * (ended - failed), style="green")
    bar.append("━" * failed, style="red")
    bar.append("─" * (_BAR - ended), style="bright_black")
    return bar


def chosen(groups: Sequence[Group], room: int) -> list[Group]:
    """Choose what is shown where there is no room for all: what runs or failed, then what is next.

    The order stays that of the graph.
    """
    if len(groups) <= room:
        return list(groups)
    ranks = {"failed": 1, "lost": 1, "running": 0, "waiting": 2}
    order = sorted(range(len(groups)), key=lambda place: (ranks.get(leading(groups[place].counts), 3), place))
    keep = set(order[:room])
    return [group for place, group in enumerate(groups) if place in keep]
