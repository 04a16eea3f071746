"""What the SDK hands to an exporter at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

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
