"""The state of one running task or operation: the producer writes it, the processor reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from taskspan import _redaction, _text
from taskspan._counter import Counter
from taskspan._protocols import RecordedSpan, Watcher
from taskspan._secret_hints import STAND_IN
from taskspan._snapshot import Snapshot, throughput
from taskspan.conventions import Kind, Outcome

MEASURED: Final = frozenset(
    {
        "current",
        "execution_time",
        "peak_memory_mb",
        "memory_delta_mb",
        "items_per_second",
        "failed",
        "outcome",
        "trace_id",
        "span_id",
    }
)
"""What `metrics` has of every operation that has ended, beside what the application put there."""

_LABEL_LIMIT = 200
_POSTFIX_LIMIT = 200


@dataclass(slots=True, eq=False)
class LiveProgress:
    """What is known of one task or operation while it runs; memory in bytes, times in ns."""

    kind: Kind
    name: str
    description: str
    unit: str
    total: int | None
    parent: LiveProgress | None = None
    task_type: str = ""
    task_id: str = ""
    is_drawn: bool = True
    leaves_bar: bool = False
    colour: str | None = None
    position: int = 0
    reporter: Any = None
    counter: Counter = field(default_factory=Counter)
    postfix: Mapping[str, object] = field(default_factory=dict)
    is_hidden: bool = False
    started_ns: int = field(default_factory=time.perf_counter_ns)
    elapsed_ns: int | None = None
    start_memory: int = 0
    peak_memory: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    error_type: str | None = None
    write_overdue_event: Callable[[], None] | None = None
    """Set by the producer: writes a progress event if none was written for long."""
    span_id: int | None = None
    """Set by the processor that took it in."""
    span: RecordedSpan | None = None
    """Set by the processor that took it in."""
    watcher: Watcher | None = None
    """Set by the processor that took it in; `None` when nobody watches."""
    is_reported: bool = False
    """Whether its reporter has been told of the end."""
    is_announced: bool = False
    """Whether its start has been written as a log event."""

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start until now, or until the end, on the monotonic clock."""
        return self.lasted_ns() / 1e9

    def lasted_ns(self) -> int:
        """Return the nanoseconds from the start until now, or until the end."""
        elapsed_ns = self.elapsed_ns
        return time.perf_counter_ns() - self.started_ns if elapsed_ns is None else elapsed_ns

    @property
    def throughput(self) -> float:
        """Items per second since the start."""
        return throughput(self.counter.completed, self.elapsed_s)

    def see_memory(self, usage: int) -> None:
        """Raise the peak if `usage` is above it."""
        self.peak_memory = max(self.peak_memory, usage)

    def snapshot(self) -> Snapshot:
        """Return the state at this moment, its texts safe for a terminal."""
        return Snapshot(
            kind=self.kind,
            name=_text.one_line(self.name, _LABEL_LIMIT),
            description=_text.one_line(self.description, _LABEL_LIMIT),
            unit=_text.one_line(self.unit, 20),
            completed=self.counter.completed,
            total=self.total,
            elapsed_s=self.elapsed_s,
            postfix=_postfix_text(self.postfix),
            colour=self.colour,
            position=self.position,
            leaves_bar=self.leaves_bar,
            is_drawn=self.is_drawn,
            is_hidden=self.is_hidden,
            outcome=self.outcome,
            error_type=None if self.error_type is None else _text.name(self.error_type),
        )


def _postfix_text(postfix: Mapping[str, object]) -> str:
    """Return `key=value` pairs, numbers with three significant digits as tqdm shows them."""
    parts = (f"{_text.one_line(k, 40)}={_postfix_value(k, v)}" for k, v in postfix.items())
    return _text.shortened(", ".join(parts), _POSTFIX_LIMIT)


def _postfix_value(name: object, value: object) -> str:
    if _redaction.hides(name, value):
        return STAND_IN
    if isinstance(value, float):
        return f"{value:.3g}"
    return _text.one_line(value, 80)
