"""Stand-ins for the running operations that views are shown."""

from __future__ import annotations

from taskspan._live import LiveProgress
from taskspan._snapshot import Snapshot
from taskspan.conventions import Kind, Outcome


class FakeLive:
    """A running operation whose figures the test sets."""

    def __init__(
        self,
        description: str,
        enclosing: FakeLive | None = None,
        *,
        kind: Kind = "operation",
        unit: str = "rows",
        total: int | None = None,
        is_drawn: bool = True,
        position: int = 0,
    ) -> None:
        self.enclosing = enclosing
        self.progress = LiveProgress(
            kind=kind,
            name=description,
            description=description,
            unit=unit,
            total=total,
            is_drawn=is_drawn,
            position=position,
            elapsed_ns=0,
        )

    @property
    def depth(self) -> int:
        """How many enclose it."""
        return 0 if self.enclosing is None else self.enclosing.depth + 1

    def at(self, completed: int, elapsed_s: float) -> FakeLive:
        """Set how far it is."""
        self.progress.counter.completed = completed
        self.progress.elapsed_ns = int(elapsed_s * 1e9)
        return self

    def with_outcome(self, outcome: Outcome, error_type: str | None = None) -> FakeLive:
        """Set how it ended."""
        self.progress.outcome = outcome
        self.progress.error_type = error_type
        return self

    def snapshot(self) -> Snapshot:
        """Return how far it is."""
        return self.progress.snapshot()
