"""The running operations of one task by name, which need not be unique."""

from __future__ import annotations

import threading

from taskspan.producer._tracker import ProgressTracker


class RunningByName:
    """Holds trackers by the name of their operation, the oldest of a name first."""

    def __init__(self) -> None:
        # Protects the dictionary; no span is started or ended under it.
        self._lock = threading.Lock()
        self._trackers: dict[str, list[ProgressTracker]] = {}

    def add(self, tracker: ProgressTracker) -> None:
        """Take in the tracker of an operation that has started."""
        with self._lock:
            self._trackers.setdefault(_name_of(tracker), []).append(tracker)

    def remove(self, tracker: ProgressTracker) -> None:
        """Forget a tracker; one that is not there is none."""
        name = _name_of(tracker)
        with self._lock:
            trackers = self._trackers.get(name, [])
            if tracker in trackers:
                trackers.remove(tracker)
            if not trackers:
                self._trackers.pop(name, None)

    def first(self, name: str) -> ProgressTracker | None:
        """Return the one of that name that started first."""
        # Without the lock: this is the way of every `update_operation`. Reading a list and
        # its first item are steps that another thread cannot cut in two.
        trackers = self._trackers.get(name)
        if not trackers:
            return None
        try:
            tracker = trackers[0]
        except IndexError:  # it has ended between the two lines
            return None
        return _first_of(trackers, tracker) if tracker.operation.has_ended else tracker

    def take_first(self, name: str) -> ProgressTracker | None:
        """Remove the one of that name that started first and return it.

        In one step: of two threads that complete operations of one name, each gets its own.
        """
        with self._lock:
            trackers = self._trackers.get(name)
            if not trackers:
                return None
            tracker = _first_of(trackers, trackers[0])
            trackers.remove(tracker)
            if not trackers:
                del self._trackers[name]
            return tracker

    def by_key(self) -> dict[str, ProgressTracker]:
        """Return all, further ones of the same name as `name#2`, `name#3`, ..."""
        with self._lock:
            all_of = {
                name: [tracker for tracker in trackers if not tracker.operation.has_ended]
                for name, trackers in self._trackers.items()
            }
        by_key = {name: trackers[0] for name, trackers in all_of.items() if trackers}
        for name, trackers in all_of.items():
            number = 2
            for tracker in trackers[1:]:
                while f"{name}#{number}" in by_key:  # somebody's own name
                    number += 1
                by_key[f"{name}#{number}"] = tracker
        return by_key

    def youngest_first(self) -> list[ProgressTracker]:
        """Return all, in the reverse order of their start."""
        trackers = list(self.by_key().values())
        trackers.sort(key=lambda tracker: tracker.operation.progress.started_ns, reverse=True)
        return trackers


def _first_of(trackers: list[ProgressTracker], otherwise: ProgressTracker) -> ProgressTracker:
    """Return the first that still runs: a block may have ended what was started inside it."""
    return next((t for t in list(trackers) if not t.operation.has_ended), otherwise)


def _name_of(tracker: ProgressTracker) -> str:
    return tracker.operation.progress.name
