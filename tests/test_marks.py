"""At which counts and times a progress event is due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taskspan import _marks


def marks_of(total: int | None, count: int) -> list[int]:
    """The counts at which events are written when items come one by one up to `count`."""
    marks: list[int] = []
    due = _marks.next_mark(0, total, 0)
    while due <= count:
        marks.append(due)
        due = _marks.next_mark(due, total, len(marks))
    return marks


def test_a_known_total_is_cut_in_equal_parts() -> None:
    """A run of 480 items makes an event for the first item and every tenth after it."""
    assert marks_of(480, 480) == [1, *range(11, 481, 10)]


def test_a_total_just_above_the_marks_is_thinned() -> None:
    """A run of 49 items makes an event every second item, not forty-nine."""
    assert marks_of(49, 49) == list(range(1, 50, 2))


def test_an_unknown_total_doubles_the_gap() -> None:
    """A run of unknown length makes an event at each power of two."""
    assert marks_of(None, 100) == [1, 2, 4, 8, 16, 32, 64]


def test_past_the_total_the_gap_doubles() -> None:
    """A run that is longer than its total goes on with doubling gaps."""
    assert marks_of(2, 16) == [1, 2, 4, 8, 16]


@given(total=st.one_of(st.none(), st.integers(0, 10**15)), count=st.integers(1, 10**15))
def test_the_count_alone_never_fills_the_span(total: int | None, count: int) -> None:
    """However long a run is, its count leaves room for the last event."""
    assert len(marks_of(total, count)) < _marks.MAX_EVENTS - 1


@given(st.integers(1, 10**9))
def test_a_total_that_is_raised_all_the_time_is_bounded_too(growth: int) -> None:
    """A total that stays just ahead of the count makes no more events than any other."""
    written = 0
    completed = 0
    due = 1
    while written < _marks.MAX_EVENTS and completed < 10**15:
        completed = due
        written += 1
        due = _marks.next_mark(completed, completed + growth, written)
    assert written < _marks.MAX_EVENTS - 1


def test_a_slow_operation_gets_an_event_by_time() -> None:
    """The first event is due after ten seconds, later ones after a quarter of the time so far."""
    assert _marks.next_event_s(0.0) == 10.0
    assert _marks.next_event_s(4000.0) == 5000.0


def test_a_year_of_events_by_time_leaves_room() -> None:
    """A year of an operation that moves all the time makes under seventy events by time."""
    elapsed_s = 0.0
    written = 0
    while elapsed_s < 365 * 86_400:
        elapsed_s = _marks.next_event_s(elapsed_s)
        written += 1
    assert written < 70
