"""The limit of log events a second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taskspan.views._log_limit import WINDOW_NS, RateLimit
from tests.views._recording_spans import FakeClock

LIMIT = 5


@given(st.lists(st.tuples(st.integers(0, WINDOW_NS), st.integers(0, 3 * LIMIT)), max_size=60))
def test_no_second_has_more_than_the_limit(steps: list[tuple[int, int]]) -> None:
    """However events are asked for, no window of a second has more than the limit."""
    clock = FakeClock()
    limit = RateLimit(LIMIT, clock)
    written: list[int] = []
    for gap, wanted in steps:
        clock.now_ns += gap
        for _ in range(min(wanted, limit.room())):
            limit.note()
            written.append(clock.now_ns)
    for first in written:
        assert sum(first <= at < first + WINDOW_NS for at in written) <= LIMIT


def test_there_is_room_again_after_a_second() -> None:
    """What was written a second ago counts no more."""
    clock = FakeClock()
    limit = RateLimit(LIMIT, clock)
    for _ in range(LIMIT):
        limit.note()
    assert limit.room() == 0
    clock.pass_s(0.999)
    assert limit.room() == 0
    clock.pass_s(0.001)
    assert limit.room() == LIMIT
