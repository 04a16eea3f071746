"""Random sequences of calls: nothing is lost, whatever the order, from several threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import Entries, attributes_of, operation_spans, outcome_of, span_named

Call: TypeAlias = Callable[[taskspan.TaskProgressManager], int]
"""Does something to a task and returns how many items of blocks of its own it has counted."""

SHARED_NAMES = st.sampled_from(["load", "mask", "write"])
STEPS = st.integers(0, 1000)
TOTALS = st.none() | STEPS
OUTCOMES = {
    conventions.SUCCESS,
    conventions.ERROR,
    conventions.CANCELLED,
    conventions.INTERRUPTED,
}
# The fixtures are made once for all examples: each example clears the exporter itself.
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Failure(Exception):  # noqa: N818  what an application raises
    """An error of the application."""


# -- calls by name: which operation they hit depends on what other threads do


def start(name: str, total: int | None) -> Call:
    """Return a call that starts an operation and leaves its end to others."""

    def call(task: taskspan.TaskProgressManager) -> int:
        task.start_operation(name, total)
        return 0

    return call


def update(name: str, steps: int) -> Call:
    """Return a call that counts items of a name, which may not run."""

    def call(task: taskspan.TaskProgressManager) -> int:
        task.update_operation(name, steps, {"step": steps})
        return 0

    return call


def complete(name: str, success: bool) -> Call:
    """Return a call that completes the oldest of a name, or one that never ran."""

    def call(task: taskspan.TaskProgressManager) -> int:
        task.complete_operation(name, success, {"rows": 3})
        return 0

    return call


BY_NAME = st.one_of(
    st.builds(start, SHARED_NAMES, TOTALS),
    st.builds(update, SHARED_NAMES, STEPS),
    st.builds(complete, SHARED_NAMES, st.booleans()),
)


# -- blocks: nobody else ends them, so their count is known


def block(total: int | None, steps: Sequence[int], closes: bool, fails: bool) -> Call:
    """Return a call that runs an operation as a block."""

    def call(task: taskspan.TaskProgressManager) -> int:
        with suppress(Failure), task.operation("block", total) as tracker:
            for step in steps:
                tracker.update(step)
            if closes:
                tracker.close(failed=fails)
            if fails:
                raise Failure
        return 0 if total == 0 else sum(steps)

    return call


def nested(outer: Call, depth: int, steps: int) -> Call:
    """Return a call that does another one inside blocks in blocks."""

    def call(task: taskspan.TaskProgressManager) -> int:
        with task.operation("block") as tracker:
            tracker.update(steps)
            inside = nested(outer, depth - 1, steps) if depth else outer
            return steps + inside(task)

    return call


BLOCKS = st.builds(block, TOTALS, st.lists(STEPS, max_size=20), st.booleans(), st.booleans())
CALLS = st.one_of(BY_NAME, BLOCKS, st.builds(nested, BY_NAME | BLOCKS, st.integers(0, 3), STEPS))


def end_everything(task: taskspan.TaskProgressManager) -> None:
    """Complete what was started after the end of the task."""
    for tracker in task.active_operations.values():
        task.complete_operation(tracker.operation.progress.name)


def check_agreement(
    exporter: InMemorySpanExporter, entries: Entries, task: taskspan.TaskProgressManager
) -> None:
    """Spans, reporter entries and count of a task that is over agree, and nothing runs."""
    spans = operation_spans(exporter)
    assert not task.active_operations
    assert len(spans) == len(entries.entries) == task.operations_completed
    assert Counter(f"Complete {span.name}" for span in spans) == Counter(entries.names)
    ids = [entry["details"]["span_id"] for entry in entries.entries]
    assert len(set(ids)) == len(ids)
    for span in spans:
        assert outcome_of(span) in OUTCOMES
        assert span.parent is not None


@MANY
@given(scripts=st.lists(st.lists(CALLS, max_size=15), min_size=1, max_size=4))
def test_calls_from_threads(exporter: InMemorySpanExporter, scripts: list[list[Call]]) -> None:
    """Spans, report entries and count agree, and the items of blocks are counted exactly."""
    exporter.clear()
    entries = Entries()
    barrier = threading.Barrier(len(scripts))

    def run(calls: Sequence[Call]) -> int:
        barrier.wait(timeout=30)
        return sum(call(task) for call in calls)

    with (
        taskspan.task("nightly", "1", reporter=entries, quiet=True) as task,
        ThreadPoolExecutor(len(scripts)) as pool,
    ):
        items = sum(pool.map(run, scripts))
    check_agreement(exporter, entries, task)
    counts = [
        attributes_of(span)[conventions.PROGRESS_COMPLETED]
        for span in operation_spans(exporter)
        if span.name == "block"
    ]
    assert sum(counts) == items
    completed = attributes_of(span_named(exporter, "nightly"))[conventions.PROGRESS_COMPLETED]
    assert completed == task.operations_completed


@MANY
@given(scripts=st.lists(st.lists(CALLS, max_size=15), min_size=1, max_size=4))
def test_a_task_closed_in_the_middle(
    exporter: InMemorySpanExporter, scripts: list[list[Call]]
) -> None:
    """Operations that other threads start and end around a `close` are all recorded."""
    exporter.clear()
    entries = Entries()
    barrier = threading.Barrier(len(scripts) + 1)
    task = taskspan.TaskProgressManager("1", "nightly", None, entries, quiet=True)

    def run(calls: Sequence[Call]) -> None:
        barrier.wait(timeout=30)
        for call in calls:
            call(task)

    def close(_: Sequence[Call]) -> None:
        barrier.wait(timeout=30)
        task.close()

    with ThreadPoolExecutor(len(scripts) + 1) as pool:
        ends = [pool.submit(run, calls) for calls in scripts]
        ends.append(pool.submit(close, []))
        for end in ends:
            end.result()
    end_everything(task)
    check_agreement(exporter, entries, task)


@MANY
@given(
    calls=st.lists(
        st.tuples(st.sampled_from(["start", "update", "complete"]), SHARED_NAMES, STEPS),
        max_size=60,
    )
)
def test_calls_by_name(exporter: InMemorySpanExporter, calls: list[tuple[str, str, int]]) -> None:
    """By name the oldest is counted and completed: in one thread, exactly as a plain model."""
    exporter.clear()
    entries = Entries()
    running: dict[str, list[int]] = {}
    ended: list[tuple[str, int]] = []
    with taskspan.task("nightly", "1", reporter=entries, quiet=True) as task:
        for what, name, steps in calls:
            mine = running.setdefault(name, [])
            if what == "start":
                task.start_operation(name, steps)
                mine.append(0)
            elif what == "update":
                task.update_operation(name, steps)
                if mine:
                    mine[0] += steps
            else:
                task.complete_operation(name)
                ended.append((name, mine.pop(0) if mine else 0))
            assert len(task.active_operations) == sum(map(len, running.values()))
    ended += [(name, count) for name, counts in running.items() for count in counts]
    check_agreement(exporter, entries, task)
    recorded = Counter(
        (span.name, attributes_of(span)[conventions.PROGRESS_COMPLETED])
        for span in operation_spans(exporter)
    )
    assert recorded == Counter(ended)


@MANY
@given(loops=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60)), max_size=10))
def test_loops(exporter: InMemorySpanExporter, loops: list[tuple[int, int]]) -> None:
    """Loops in threads, some of them left early, have counted what their body finished."""
    exporter.clear()
    entries = Entries()

    def run(loop: tuple[int, int]) -> int:
        length, stop = loop
        for item in taskspan.track(range(length), "loop"):
            if item == stop:
                break
        return min(length, stop)

    with (
        taskspan.task("nightly", "1", reporter=entries, quiet=True) as task,
        ThreadPoolExecutor(4) as pool,
    ):
        expected = sorted(pool.map(run, loops))
    check_agreement(exporter, entries, task)
    counts = [
        attributes_of(span)[conventions.PROGRESS_COMPLETED] for span in operation_spans(exporter)
    ]
    assert sorted(counts) == expected


@MANY
@given(left=STEPS, steps=STEPS)
def test_what_a_block_leaves_behind(exporter: InMemorySpanExporter, left: int, steps: int) -> None:
    """An operation left running by a block ends with it, once, and its name is free again."""
    exporter.clear()
    entries = Entries()
    with taskspan.task("nightly", "1", reporter=entries, quiet=True) as task:
        with task.operation("block"):
            task.start_operation("load", None).update(left)
        assert not task.active_operations
        task.start_operation("load", None)
        task.update_operation("load", steps)
        assert list(task.active_operations) == ["load"]
        task.complete_operation("load")
        task.complete_operation("load")  # of the one that has ended: counted already
    check_agreement(exporter, entries, task)
    recorded = [
        (outcome_of(span), attributes_of(span)[conventions.PROGRESS_COMPLETED])
        for span in operation_spans(exporter)
        if span.name == "load"
    ]
    assert recorded == [(conventions.INTERRUPTED, left), (conventions.SUCCESS, steps)]
