"""Figures for people: three digits that count, thousands apart, never an exponent."""

from __future__ import annotations

from typing import Final

from taskspan._snapshot import Snapshot
from taskspan.conventions import KIND_TASK

NONE: Final = "–"
"""Stands for a figure that there is not."""

_MINUTE_S: Final = 60


def rate(value: float) -> str:
    """Return a number of items per second: `0.0123`, `1.23`, `129,200`."""
    if value >= 100:  # noqa: PLR2004  three digits before the point
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 or value == 0 else f"{value:.6f}"  # noqa: PLR2004  as below a thousandth %g turns to exponents


def items_rate(snapshot: Snapshot) -> str:
    """Return how many items a second: `1.23 rows/s`; nothing for a task, or before the first."""
    if snapshot.kind == KIND_TASK or not snapshot.completed:
        return ""
    return f"{rate(snapshot.throughput)} {snapshot.unit}/s"


def duration(seconds: float) -> str:
    """Return a time: `1.5s`, `2m05s`, `3h04m05s`."""
    if seconds < _MINUTE_S:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), _MINUTE_S)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m{rest:02d}s" if hours else f"{minutes}m{rest:02d}s"
