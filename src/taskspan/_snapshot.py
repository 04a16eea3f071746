"""What views and reports read: frozen records, and the ratios that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

from taskspan.conventions import Kind, Outcome


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One task or operation at one moment; times in seconds, memory in bytes."""

    kind: Kind
    name: str
    description: str
    unit: str
    completed: int
    total: int | None
    elapsed_s: float
    postfix: str
    colour: str | None
    position: int
    leaves_bar: bool
    is_drawn: bool
    is_hidden: bool
    outcome: Outcome | None
    error_type: str | None

    @property
    def throughput(self) -> float:
        """Items per second since the start; 0 before any time has passed."""
        return throughput(self.completed, self.elapsed_s)

    @property
    def has_failed(self) -> bool:
        """Whether it ended, and not well."""
        return self.outcome in ("error", "interrupted")


def throughput(completed: int, elapsed_s: float) -> float:
    """Return items per second; 0 when no time has passed."""
    return completed / elapsed_s if elapsed_s > 0 else 0.0
