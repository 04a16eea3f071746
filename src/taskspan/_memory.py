"""Resident memory of this process, sampled on demand; no timer."""

from __future__ import annotations

import os
import sys

import psutil

try:
    import resource
except ImportError:  # Windows has no such module; psutil's sample is then all there is.
    resource = None  # type: ignore[assignment]

_RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024


class MemoryProbe:
    """Reads the memory of the current process; survives a fork."""

    __slots__ = ("_pid", "_process", "latest")

    def __init__(self) -> None:
        self._pid = 0
        self._process: psutil.Process | None = None
        self.latest = 0
        """Bytes at the last sample, whoever asked for it."""

    def sample(self) -> int:
        """Return the resident memory in bytes, and remember it as `latest`."""
        pid = os.getpid()
        process = self._process
        if process is None or pid != self._pid:
            process = self._process = psutil.Process(pid)
            self._pid = pid
        self.latest = int(process.memory_info().rss)
        return self.latest


def high_water_mark() -> int:
    """Return the largest resident memory this process ever had, in bytes; 0 if unknown.

    The kernel's own record: it sees a peak between two samples.
    """
    if resource is None:
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * _RUSAGE_UNIT


PROBE = MemoryProbe()
