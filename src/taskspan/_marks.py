"""At which counts and times a progress event is worth writing; pure arithmetic.

A span keeps at most `MAX_EVENTS` progress events whatever its length: the SDK drops
the oldest events of a span past 128 (`OTEL_SPAN_EVENT_COUNT_LIMIT`), and the
first ones say when the work really began.
"""

from __future__ import annotations

from typing import Final

MAX_EVENTS: Final = 100
"""Progress events of one span, the first and the last included."""

COUNT_MARKS: Final = 48
"""Events that the count alone asks for, over a run of known length."""

FIRST_GAP_S: Final = 10.0
"""Seconds without an event after which a slow operation gets one."""


def next_mark(completed: int, total: int | None, written: int) -> int:
    """Return the count from which the next progress event is due.

    The first item is one. A known total is cut in `COUNT_MARKS` parts. Without one, past
    it, or when a total that keeps being raised has used up its marks, the gap doubles.
    """
    if completed == 0:
        return 1
    if total is None or completed >= total or written >= COUNT_MARKS:
        return completed * 2
    # Rounded up: rounding down would give a total of 90 ninety events.
    return completed + -(-total // COUNT_MARKS)


def next_event_s(elapsed_s: float) -> float:
    """Return the seconds since the start from which an event is due whatever the count."""
    return elapsed_s + max(FIRST_GAP_S, elapsed_s / 4)


def has_room(written: int) -> bool:
    """Whether one more event still leaves a place for the last one."""
    return written < MAX_EVENTS - 1
