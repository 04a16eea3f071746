"""Counts are exact under threads, and parents are right under asyncio."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import (
    attributes_of,
    counts_of,
    is_child_of,
    operation_spans,
    span_named,
    spans_named,
)

THREADS = 8
UPDATES = 200_000


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads that take turns a thousand times more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[], object], count: int = THREADS) -> None:
    """Run `work` in that many threads at once and see what it raised."""
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait(timeout=30)
        work()

    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(run) for _ in range(count)]:
            future.result()


@pytest.mark.usefixtures("switching")
def test_updates_of_one_tracker(exporter: InMemorySpanExporter) -> None:
    """8 threads × 200,000 updates of one tracker are all counted."""
    with taskspan.operation("load", total=THREADS * UPDATES) as op:

        def work() -> None:
            update = op.update
            for _ in range(UPDATES):
                update(1)

        in_threads(work)
        assert op.completed == THREADS * UPDATES
    span = span_named(exporter, "load")
    assert attributes_of(span)[conventions.PROGRESS_COMPLETED] == THREADS * UPDATES
    counts = counts_of(span)
    assert len(counts) <= 100
    assert counts[-1] == THREADS * UPDATES
    assert counts == sorted(set(counts))


@pytest.mark.usefixtures("switching")
def test_updates_by_name(exporter: InMemorySpanExporter) -> None:
    """Updates by name from 8 threads are all counted."""
    updates = UPDATES // 4
    with taskspan.task("nightly", quiet=True) as task:
        task.start_operation("load", None)

        def work() -> None:
            for _ in range(updates):
                task.update_operation("load")

        in_threads(work)
        task.complete_operation("load")
    completed = attributes_of(span_named(exporter, "load"))[conventions.PROGRESS_COMPLETED]
    assert completed == THREADS * updates


@pytest.mark.usefixtures("switching")
def test_postfixes_do_not_lose_a_count(exporter: InMemorySpanExporter) -> None:
    """Updates that change the text as well are all counted."""
    updates = UPDATES // 20
    with taskspan.operation("load") as op:

        def work() -> None:
            for number in range(updates):
                op.update(1, {"row": number})

        in_threads(work)
    assert op.metrics["current"] == THREADS * updates


@pytest.mark.usefixtures("switching")
def test_loops_in_threads(exporter: InMemorySpanExporter) -> None:
    """Each of 8 threads loops 200,000 times; every loop has its count."""
    with taskspan.task("nightly", quiet=True):

        def work() -> None:
            for _ in taskspan.track(range(UPDATES), "mask"):
                pass

        in_threads(work)
    counts = [
        attributes_of(span)[conventions.PROGRESS_COMPLETED]
        for span in spans_named(exporter, "mask")
    ]
    assert counts == [UPDATES] * THREADS


@pytest.mark.usefixtures("switching")
def test_completions_from_threads(exporter: InMemorySpanExporter) -> None:
    """Operations that 8 threads start and complete are each counted once."""
    with taskspan.task("nightly", quiet=True) as task:

        def work() -> None:
            for _ in range(100):
                with task.operation("load", 1) as op:
                    op.update(1)

        in_threads(work)
        assert task.operations_completed == THREADS * 100
        assert not task.active_operations
    assert len(spans_named(exporter, "load")) == THREADS * 100
    task_span = span_named(exporter, "nightly")
    assert attributes_of(task_span)[conventions.PROGRESS_COMPLETED] == THREADS * 100


@pytest.mark.usefixtures("switching")
def test_one_name_completed_from_threads(exporter: InMemorySpanExporter) -> None:
    """As many completions of a name as were started complete them all, as successes."""
    with taskspan.task("nightly", quiet=True) as task:
        for _ in range(THREADS * 50):
            task.start_operation("load", 1)

        def work() -> None:
            for _ in range(50):
                task.complete_operation("load")

        in_threads(work)
        assert not task.active_operations
        assert task.operations_completed == THREADS * 50
    outcomes = {attributes_of(span)[conventions.OUTCOME] for span in spans_named(exporter, "load")}
    assert outcomes == {conventions.SUCCESS}


def test_a_plain_thread_belongs_to_the_only_task(exporter: InMemorySpanExporter) -> None:
    """An operation in a thread started without a Context is a child of the only running task."""

    def work() -> None:
        with taskspan.operation("load"):
            pass

    with taskspan.task("nightly", quiet=True) as task:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert task.operations_completed == 1
    assert is_child_of(span_named(exporter, "load"), span_named(exporter, "nightly"))


def test_a_plain_thread_beside_two_tasks_belongs_to_none(exporter: InMemorySpanExporter) -> None:
    """With two tasks running nobody guesses: the operation is a root."""

    def work() -> None:
        with taskspan.operation("load"):
            pass

    first = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
    second = taskspan.TaskProgressManager("2", "nightly", None, quiet=True)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    first.close()
    second.close()
    assert span_named(exporter, "load").parent is None


def test_a_thread_with_a_context_stays_in_it(exporter: InMemorySpanExporter) -> None:
    """A thread that got its caller's Context is inside its caller's operation."""

    def work() -> None:
        with taskspan.operation("parse"):
            pass

    with taskspan.task("nightly", quiet=True), taskspan.operation("load"):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        thread.start()
        thread.join()
    assert is_child_of(span_named(exporter, "parse"), span_named(exporter, "load"))


def test_a_managers_operation_in_a_thread_belongs_to_it(exporter: InMemorySpanExporter) -> None:
    """`manager.operation` in any thread is a child of the manager's task, with others running."""
    with taskspan.TaskProgressManager("1", "first", None, quiet=True) as first:
        other = taskspan.TaskProgressManager("2", "second", None, quiet=True)

        def work() -> None:
            with first.operation("load", 1), taskspan.operation("parse"):
                pass

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        other.close()
    assert is_child_of(span_named(exporter, "load"), span_named(exporter, "first"))
    assert is_child_of(span_named(exporter, "parse"), span_named(exporter, "load"))


def test_two_hundred_asyncio_tasks(exporter: InMemorySpanExporter) -> None:
    """With 200 asyncio tasks at once every operation has the right parent."""

    async def work(number: int) -> None:
        with taskspan.operation(f"outer {number}") as outer:
            await asyncio.sleep(0)
            with taskspan.operation(f"middle {number}"):
                await asyncio.sleep(0)
                async for _ in taskspan.track(_ticks(3), f"inner {number}"):
                    await asyncio.sleep(0)
                    outer.update(1)

    async def main() -> None:
        with taskspan.task("nightly", quiet=True) as task:
            await asyncio.gather(*(work(number) for number in range(200)))
            assert task.operations_completed == 200

    asyncio.run(main())
    spans = {span.name: span for span in operation_spans(exporter)}
    assert len(spans) == 600
    nightly = span_named(exporter, "nightly")
    for number in range(200):
        outer = spans[f"outer {number}"]
        assert is_child_of(outer, nightly)
        assert is_child_of(spans[f"middle {number}"], outer)
        assert is_child_of(spans[f"inner {number}"], spans[f"middle {number}"])
        assert attributes_of(outer)[conventions.PROGRESS_COMPLETED] == 3


def test_asyncio_tasks_with_a_manager(exporter: InMemorySpanExporter) -> None:
    """A manager's contexts in concurrent asyncio tasks are siblings, with their own children."""

    async def work(manager: taskspan.TaskProgressManager, number: int) -> None:
        with manager.operation(f"outer {number}", 1):
            await asyncio.sleep(0)
            with manager.operation(f"inner {number}", 1):
                await asyncio.sleep(0)

    async def main() -> None:
        with taskspan.task("nightly", quiet=True) as manager:
            await asyncio.gather(*(work(manager, number) for number in range(50)))
            assert manager.operations_completed == 100

    asyncio.run(main())
    nightly = span_named(exporter, "nightly")
    for number in range(50):
        outer = span_named(exporter, f"outer {number}")
        assert is_child_of(outer, nightly)
        assert is_child_of(span_named(exporter, f"inner {number}"), outer)


class _ticks:  # noqa: N801  reads as a call
    """An async iterable that lets others run."""

    def __init__(self, count: int) -> None:
        self._left = count

    def __aiter__(self) -> _ticks:
        return self

    async def __anext__(self) -> int:
        if not self._left:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        self._left -= 1
        return self._left
