"""Rows stand below what encloses them, and a wish for a row never hides anybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taskspan.views._rows import Slots
from tests.views._stand_ins import FakeLive

starts = st.tuples(st.just("start"), st.integers(0, 30), st.integers(0, 3))
ends = st.tuples(st.just("end"), st.integers(0, 30), st.just(0))
heights = st.tuples(st.just("height"), st.integers(1, 8), st.just(0))


def end(live: FakeLive, running: list[FakeLive], slots: Slots) -> None:
    """End an operation, those inside it first, as spans do."""
    for child in [other for other in running if other.enclosing is live]:
        end(child, running, slots)
    running.remove(live)
    slots.free(live)


@given(st.lists(starts | ends | heights, max_size=40))
def test_a_child_stands_below_what_encloses_it(steps: list[tuple[str, int, int]]) -> None:
    """Whatever encloses a shown operation and is shown too stands above it, at any height."""
    slots, height, running = Slots(), 4, list[FakeLive]()
    for count, (what, number, position) in enumerate(steps):
        if what == "start":
            choices = [None, *running]
            live = FakeLive(f"n{count}", choices[number % len(choices)], position=position)
            running.append(live)
            slots.take(live)
        elif what == "height":
            height = number
        elif running:
            end(running[number % len(running)], running, slots)
        slots.arrange(height)
        shown = [row and row.snapshot.description for row in slots.rows()]
        for live in running:
            above = live.enclosing
            while above is not None:
                pair = (above.progress.description, live.progress.description)
                assert not set(pair) <= set(shown) or shown.index(pair[0]) < shown.index(pair[1])
                above = above.enclosing


def test_a_position_beyond_the_screen_is_the_last_row() -> None:
    """An operation that asks for row 99 is shown in the last row, not hidden for ever."""
    slots = Slots()
    slots.take(FakeLive("a", position=99))
    slots.arrange(3)
    assert [row is None for row in slots.rows()] == [True, True, False]
