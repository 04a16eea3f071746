"""Resident memory of this process, sampled on demand; no timer."""

from __future__ import annotations

import os
import sys
import time
from typing import Final

import psutil

if sys.platform != "win32":
    import resource

_RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024

FRESH_NS: Final = 1_000_000
"""A sample younger than this, a millisecond, is as good as a new one (which costs 20 µs)."""


class MemoryProbe:
    """Reads the memory of the current process; survives a fork."""

    __slots__ = ("_pid", "_process", "_sampled_ns", "latest")

    def __init__(self) -> None:
        self._pid = 0
        self._sampled_ns = -FRESH_NS
        self._process: psutil.Process | None = None
        self.latest = 0
        """Bytes at the last sample, whoever asked for it."""

    def sample(self) -> int:
        """Return the resident memory in bytes, at most a millisecond old."""
        now_ns = time.perf_counter_ns()
        if now_ns - self._sampled_ns >= FRESH_NS:
            self.latest = self._read()
            self._sampled_ns = now_ns
        return self.latest

    def _read(self) -> int:
        pid = os.getpid()
        process = self._process
        if process is None or pid != self._pid:
            process = self._process = psutil.Process(pid)
            self._pid = pid
        return int(process.memory_info().rss)


def high_water_mark() -> int:
    """Return the largest resident memory this process ever had, in bytes; 0 if unknown.

    The kernel's own record: it sees a peak between two samples.
    """
    if sys.platform == "win32":
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * _RUSAGE_UNIT


PROBE = MemoryProbe()
