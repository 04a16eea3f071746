"""Tells progress in plain lines on stderr, where there is no terminal to draw on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final, TextIO

from taskspan import _console, _text
from taskspan._protocols import Live
from taskspan._snapshot import Snapshot
from taskspan.conventions import ERROR_TYPE_OTHER
from taskspan.views._figures import duration, items_rate

FIRST_LINE_S: Final = 30.0
"""Seconds after which a running operation gets its first line in between."""

GROWTH: Final = 1.5
"""Each further wait is this much longer: a day makes some 20 lines."""

MAX_LINES_PER_TICK: Final = 100
"""Lines of one tick; more starts and ends than that are counted in one line."""


@dataclass(slots=True)
class _Due:
    at_s: float = FIRST_LINE_S


class LinesView:
    """Writes a line at the start and end of each operation, and at growing intervals between.

    What people miss from bars in CI, cron and Kubernetes logs.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`, by default to what `sys.stderr` is at the time."""
        self._stream = stream
        self._running: dict[Live, _Due] = {}
        self._lines: list[str] = []
        self._left_out = 0

    def started(self, live: Live) -> None:
        """Note the start."""
        snapshot = live.snapshot()
        if snapshot.is_drawn:
            self._running[live] = _Due()
            self._note(_started(live, snapshot))

    def ended(self, live: Live) -> None:
        """Note the end."""
        snapshot = live.snapshot()
        if self._running.pop(live, None) is not None and snapshot.outcome is not None:
            self._note(_ended(live, snapshot))

    def ticked(self) -> None:
        """Write the lines that have come together."""
        for live, due in self._running.items():
            snapshot = live.snapshot()
            if snapshot.elapsed_s >= due.at_s:
                due.at_s = snapshot.elapsed_s * GROWTH
                self._note(_running(live, snapshot))
        if self._left_out:
            self._lines.append(f"taskspan: … and {self._left_out:,} more starts and ends")
        self._write()

    def _note(self, line: str) -> None:
        if len(self._lines) < MAX_LINES_PER_TICK:
            self._lines.append(line)
        else:
            self._left_out += 1

    def _write(self) -> None:
        if not self._lines:
            return
        text = "".join(f"{line}\n" for line in self._lines)
        self._lines.clear()
        self._left_out = 0
        stream = sys.stderr if self._stream is None else self._stream
        with _console.lines_above():
            stream.write(_text.encodable(text, getattr(stream, "encoding", None) or "utf-8"))
            stream.flush()


def _started(live: Live, snapshot: Snapshot) -> str:
    of_total = "" if snapshot.total is None else f", {snapshot.total:,} {snapshot.unit}"
    return f"{_label(live, snapshot)}: started{of_total}"


def _running(live: Live, snapshot: Snapshot) -> str:
    parts = [
        _how_far(snapshot),
        duration(snapshot.elapsed_s),
        items_rate(snapshot),
        snapshot.postfix,
    ]
    return f"{_label(live, snapshot)}: {', '.join(filter(None, parts))}"


def _ended(live: Live, snapshot: Snapshot) -> str:
    outcome = str(snapshot.outcome)
    if snapshot.error_type not in (None, ERROR_TYPE_OTHER):
        outcome += f" ({snapshot.error_type})"
    parts = [outcome, _how_far(snapshot), duration(snapshot.elapsed_s), items_rate(snapshot)]
    return f"{_label(live, snapshot)}: {', '.join(filter(None, parts))}"


def _label(live: Live, snapshot: Snapshot) -> str:
    path = [snapshot.description]
    above = live.enclosing
    while above is not None:
        path.append(above.snapshot().description)
        above = above.enclosing
    return "taskspan: " + " › ".join(reversed(path))


def _how_far(snapshot: Snapshot) -> str:
    if not snapshot.completed and not snapshot.total:
        return ""  # it counts nothing
    if not snapshot.total:
        return f"{snapshot.completed:,} {snapshot.unit}"
    share = 100 * snapshot.completed / snapshot.total
    return f"{share:.0f}% {snapshot.completed:,}/{snapshot.total:,} {snapshot.unit}"
