"""Which operation stands in which row of the screen; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from taskspan._protocols import Live
from taskspan._snapshot import Snapshot

DEFAULT_ROWS = 12
"""Rows of bars at most; what does not fit is counted in one more."""


_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Row:
    """One bar: what it shows, and its label, indented by its depth."""

    snapshot: Snapshot
    label: str


class Slots:
    """Gives every operation a row of its own, which it keeps as long as it runs.

    An operation takes the first free row below the one that encloses it. Rows that an end
    has freed go to those that wait, the oldest first.
    """

    def __init__(self) -> None:
        self._slots: list[Live | None] = []
        self._waiting: dict[Live, None] = {}

    def take(self, live: Live) -> None:
        """Let an operation wait for a row."""
        self._waiting[live] = None

    def free(self, live: Live) -> None:
        """Take an operation off the screen."""
        self._waiting.pop(live, None)
        if live in self._slots:
            self._slots[self._slots.index(live)] = None

    def arrange(self, height: int) -> None:
        """Give the waiting operations the rows that are free among the first `height`."""
        self._waiting = {
            **{live: None for live in self._slots[height:] if live is not None},
            **self._waiting,
        }
        del self._slots[height:]
        while self._slots and self._slots[-1] is None:
            self._slots.pop()
        for live in list(self._waiting):
            if len(self._slots) >= height and None not in self._slots:
                return
            if self._place(live, height):
                del self._waiting[live]

    def _place(self, live: Live, height: int) -> bool:
        for index in range(self._first_row(live, height), self._end_row(live, height)):
            self._slots.extend([None] * (index + 1 - len(self._slots)))
            if self._slots[index] is None:
                self._slots[index] = live
                return True
        return False

    def _first_row(self, live: Live, height: int) -> int:
        """Return the row below whatever encloses it and is shown."""
        above = live.enclosing
        while above is not None and above not in self._slots:
            above = above.enclosing
        below = 0 if above is None else self._slots.index(above) + 1
        return max(below, min(live.snapshot().position, height - 1))

    def _end_row(self, live: Live, height: int) -> int:
        """Return the row of the first that lies within it and came to be shown before it."""
        within = (
            index
            for index, other in enumerate(self._slots)
            if other is not None and _lies_within(other, live)
        )
        return min(within, default=height)

    @property
    def hidden(self) -> int:
        """How many operations wait for a row."""
        return len(self._waiting)

    def rows(self) -> list[Row | None]:
        """Return what stands in each row; `None` for one that is free or hidden."""
        return [self._row(index) for index in range(len(self._slots))]

    def _row(self, index: int) -> Row | None:
        live = self._slots[index]
        if live is None:
            return None
        snapshot = live.snapshot()
        if snapshot.is_hidden:
            return None
        return Row(snapshot, label_of(live, snapshot, self._slots[:index]))


def label_of(live: Live, snapshot: Snapshot, above: Sequence[Live | None] = ()) -> str:
    """Return the indented text in front of a bar.

    Rows keep their places, so a row may stand away from the one that encloses it: it then
    names it, as `load › parse`.
    """
    enclosing = live.enclosing
    text = snapshot.description
    if enclosing is not None and enclosing in above and not _is_adjacent(enclosing, above):
        text = f"{enclosing.snapshot().description} › {text}"
    return _INDENT * live.depth + text


def _is_adjacent(enclosing: Live, above: Sequence[Live | None]) -> bool:
    """Whether only rows inside `enclosing` lie between it and the row after `above`."""
    between = above[list(above).index(enclosing) + 1 :]
    return all(live is None or _lies_within(live, enclosing) for live in between)


def _lies_within(live: Live, enclosing: Live) -> bool:
    above = live.enclosing
    while above is not None and above is not enclosing:
        above = above.enclosing
    return above is enclosing
