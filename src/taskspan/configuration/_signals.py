"""The three signals of OpenTelemetry, and what their batches hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

SignalName: TypeAlias = Literal["traces", "metrics", "logs"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: its name in variables and paths, and what people call its records."""

    name: SignalName
    noun: str
    """In the singular."""

    def amount(self, count: int) -> str:
        """Return so many records in words."""
        return f"{count:,} {self.noun}" if count == 1 else f"{count:,} {self.noun}s"


TRACES: Final = Signal("traces", "span")
METRICS: Final = Signal("metrics", "metric reading")
LOGS: Final = Signal("logs", "log record")
SIGNALS: Final = (TRACES, METRICS, LOGS)

Batch: TypeAlias = Any
"""What an exporter of the SDK takes: a sequence of spans or log records, or a `MetricsData`."""


def size_of(batch: Batch) -> int:
    """Return how many records a batch holds; one for a reading of all metrics."""
    return len(batch) if isinstance(batch, Sequence) else 1


def halves_of(batch: Batch) -> tuple[Batch, ...]:
    """Return two smaller batches, or none where it cannot be split."""
    if not isinstance(batch, Sequence) or len(batch) < 2:  # noqa: PLR2004  one is not split
        return ()
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]
