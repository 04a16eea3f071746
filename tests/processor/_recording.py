"""A view that remembers what it was told."""

from __future__ import annotations

from taskspan._protocols import Live
from taskspan._snapshot import Snapshot


class RecordingView:
    """Remembers starts and ends in order, and what runs at the last tick."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.running: dict[Live, None] = {}
        self.ended_as: list[Snapshot] = []
        self.at_tick: list[Snapshot] = []

    def started(self, live: Live) -> None:
        """Note a start."""
        assert live not in self.running
        self.running[live] = None
        self.told.append(f"{live.snapshot().name} starts at depth {live.depth}")

    def ended(self, live: Live) -> None:
        """Note an end."""
        del self.running[live]
        snapshot = live.snapshot()
        self.ended_as.append(snapshot)
        self.told.append(f"{snapshot.name} ends: {snapshot.outcome}")

    def ticked(self) -> None:
        """Note how far all are."""
        self.at_tick = [live.snapshot() for live in self.running]

    @property
    def figures(self) -> dict[str, tuple[int, int | None]]:
        """Count and total of what ran at the last tick, by name."""
        return {now.name: (now.completed, now.total) for now in self.at_tick}


class RaisingView:
    """Fails at whatever it is told."""

    def __init__(self, fails_at: str) -> None:
        self.fails_at = fails_at
        self.calls: list[str] = []

    def started(self, live: Live) -> None:
        """Fail, or not."""
        self._called("started")

    def ended(self, live: Live) -> None:
        """Fail, or not."""
        self._called("ended")

    def ticked(self) -> None:
        """Fail, or not."""
        self._called("ticked")

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if what == self.fails_at:
            raise RuntimeError(f"fails at {what}")
