"""How many log events may be written now; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW_NS: Final = 1_000_000_000


class RateLimit:
    """Lets at most `limit` events through in any second, however it is laid.

    A bucket that fills steadily would let through twice as many: a full bucket, and what
    comes into it meanwhile. So the times of the last `limit` events are kept.
    """

    def __init__(self, limit: int, clock: Callable[[], int]) -> None:
        """Allow `limit` events a second of `clock`, which tells nanoseconds."""
        self._limit = limit
        self._clock = clock
        self._times: deque[int] = deque(maxlen=limit)

    def room(self) -> int:
        """Return how many events may be written now."""
        since = self._clock() - WINDOW_NS
        while self._times and self._times[0] <= since:
            self._times.popleft()
        return self._limit - len(self._times)

    def note(self) -> None:
        """Take note of an event that has just been written."""
        self._times.append(self._clock())
