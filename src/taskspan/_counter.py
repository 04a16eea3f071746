"""The count of one operation.

Problem: many threads add to one count, millions of times a second, and the count
must be exact. A lock costs five times the addition. Per-thread cells need a
look-up of the thread on each call.

Taken: on an interpreter with a global lock (CPython 3.10 to 3.13) the statement
`counter.completed += steps` cannot be cut in two. The interpreter looks for other
threads and for signals only when a function starts, a loop jumps back or a call
returns; between reading and writing the attribute none of these happens as long as
`steps` is a plain `int`. A subclass of `int` may bring an `__radd__` of its own, so
callers pass nothing else. On a free-threaded interpreter `add` takes the lock.

What must never enter here: a clock, a string, OpenTelemetry, a call.
"""

from __future__ import annotations

import sys
import threading
from typing import Final

# Public name in 3.13 docs despite the underscore; absent before, where the lock always exists.
_is_gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)

ADDITION_IS_ATOMIC: Final[bool] = bool(_is_gil_enabled())

ENDED: Final = -1
"""A `next_mark` that every addition reaches: the operation has ended."""


class Counter:
    """A count that only grows, and the value from which somebody wants to be told."""

    __slots__ = ("completed", "lock", "next_mark")

    def __init__(self) -> None:
        self.completed = 0
        self.next_mark = 1
        # Protects `completed` where addition is not atomic; nothing is called under it.
        self.lock = threading.Lock()

    def add(self, steps: int) -> bool:
        """Add to the count; `True` when the next mark is reached or passed."""
        if ADDITION_IS_ATOMIC:
            self.completed += steps
        else:
            with self.lock:
                self.completed += steps
        return self.completed >= self.next_mark
