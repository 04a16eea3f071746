"""Resident memory of the process."""

from __future__ import annotations

import psutil
import pytest

from taskspan import _memory

MEBIBYTE = 1024 * 1024


def test_a_sample_agrees_with_the_system() -> None:
    """The memory is what psutil says, within a few megabytes."""
    sample = _memory.MemoryProbe().sample()
    assert abs(sample - psutil.Process().memory_info().rss) < 8 * MEBIBYTE


def test_the_high_water_mark_keeps_a_peak() -> None:
    """Memory that was given back still shows in the high-water mark."""
    block = bytearray(64 * MEBIBYTE)
    with_block = psutil.Process().memory_info().rss
    del block
    assert _memory.high_water_mark() >= with_block - 8 * MEBIBYTE


def test_a_fresh_sample_is_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two operations within a millisecond read the memory once."""
    probe = _memory.MemoryProbe()
    now = [0]
    monkeypatch.setattr("taskspan._memory.time.perf_counter_ns", lambda: now[0])
    reads: list[int] = []

    def read(_: _memory.MemoryProbe) -> int:
        reads.append(now[0])
        return 5

    monkeypatch.setattr(_memory.MemoryProbe, "_read", read)
    for now[0] in (0, _memory.FRESH_NS - 1, _memory.FRESH_NS, _memory.FRESH_NS + 1):
        assert probe.sample() == 5
    assert reads == [0, _memory.FRESH_NS]
