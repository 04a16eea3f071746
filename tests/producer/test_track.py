"""`track()`: an operation around a loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import (
    attributes_of,
    counts_of,
    events_named,
    is_child_of,
    names_of,
    outcome_of,
    span_named,
    spans_named,
)


def test_a_list(exporter: InMemorySpanExporter) -> None:
    """Looping over a list yields its items and counts them; the total is its length."""
    assert list(taskspan.track(["a", "b", "c"], "mask", unit="rows")) == ["a", "b", "c"]
    span = span_named(exporter, "mask")
    attributes = attributes_of(span)
    assert attributes[conventions.PROGRESS_COMPLETED] == 3
    assert attributes[conventions.PROGRESS_TOTAL] == 3
    assert attributes[conventions.PROGRESS_UNIT] == "{row}"
    assert outcome_of(span) == conventions.SUCCESS
    assert counts_of(span) == [1, 2, 3]


def test_an_empty_list(exporter: InMemorySpanExporter) -> None:
    """A loop without items is an operation that has counted nothing."""
    assert list(taskspan.track([], "mask")) == []
    attributes = attributes_of(span_named(exporter, "mask"))
    assert attributes[conventions.PROGRESS_COMPLETED] == 0
    assert attributes[conventions.PROGRESS_TOTAL] == 0


def test_a_generator_has_no_total(exporter: InMemorySpanExporter) -> None:
    """Without a length the total is unknown."""
    assert list(taskspan.track((n for n in range(3)), "mask")) == [0, 1, 2]
    assert conventions.PROGRESS_TOTAL not in attributes_of(span_named(exporter, "mask"))


def test_a_given_total_goes_first(exporter: InMemorySpanExporter) -> None:
    """A total that is given counts, whatever the length."""
    list(taskspan.track([1, 2, 3], "mask", total=30, description="Masking"))
    attributes = attributes_of(span_named(exporter, "mask"))
    assert attributes[conventions.PROGRESS_TOTAL] == 30
    assert attributes[conventions.DESCRIPTION] == "Masking"


class Hinted:
    """An iterable that only hints at its length."""

    def __init__(self, hint: object) -> None:
        self._hint = hint

    def __iter__(self) -> Iterator[int]:
        yield from range(3)

    def __length_hint__(self) -> object:
        return self._hint


@pytest.mark.parametrize(("hint", "total"), [(3, 3), (7, 7), (NotImplemented, None)])
def test_a_length_hint(hint: object, total: int | None, exporter: InMemorySpanExporter) -> None:
    """`__length_hint__` is the total where there is no `len`."""
    list(taskspan.track(Hinted(hint), "mask"))
    assert attributes_of(span_named(exporter, "mask")).get(conventions.PROGRESS_TOTAL) == total


@pytest.mark.expects_problems
@pytest.mark.parametrize("hint", [-1, "many"])
def test_a_bad_length_hint_is_no_total(hint: object, exporter: InMemorySpanExporter) -> None:
    """A length that cannot be had does not stop the loop."""
    assert list(taskspan.track(Hinted(hint), "mask")) == [0, 1, 2]
    assert conventions.PROGRESS_TOTAL not in attributes_of(span_named(exporter, "mask"))


@pytest.mark.expects_problems
def test_a_length_that_raises_is_no_total(exporter: InMemorySpanExporter) -> None:
    """A `__len__` that raises does not stop the loop."""

    class Lazy(list[int]):
        def __len__(self) -> int:
            raise RuntimeError("not loaded")

    assert list(taskspan.track(Lazy([1, 2]), "mask")) == [1, 2]


def test_what_is_no_iterable_is_told_at_once() -> None:
    """A mistake is told where `track` is called, not where the loop begins."""
    with pytest.raises(TypeError, match="not iterable"):
        taskspan.track(5, "mask")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="name must be a str"):
        taskspan.track([], 5)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="total must not be negative"):
        taskspan.track([], "mask", total=-1)


def test_it_starts_with_the_first_item(exporter: InMemorySpanExporter) -> None:
    """A loop that never begins is no operation."""
    loop = taskspan.track([1], "mask")
    del loop
    assert not exporter.get_finished_spans()


def test_the_body_is_inside(exporter: InMemorySpanExporter) -> None:
    """Spans that the body of the loop starts are children of the operation."""
    for _ in taskspan.track([1, 2], "mask"):
        with taskspan.operation("row"):
            pass
    with taskspan.operation("after"):
        pass
    mask = span_named(exporter, "mask")
    assert all(is_child_of(span, mask) for span in spans_named(exporter, "row"))
    assert span_named(exporter, "after").parent is None


def test_an_item_counts_when_the_loop_comes_back(exporter: InMemorySpanExporter) -> None:
    """A loop left by `break` has not finished its last item, and ends as cancelled."""
    for number in taskspan.track(range(10), "mask"):
        if number == 4:
            break
    span = span_named(exporter, "mask")
    assert outcome_of(span) == conventions.CANCELLED
    assert attributes_of(span)[conventions.PROGRESS_COMPLETED] == 4
    assert span.status.is_unset
    assert not events_named(span, conventions.EXCEPTION_EVENT)


def test_the_context_is_restored_after_a_break() -> None:
    """After a loop that was left early the current span is what it was."""
    before = otel_context.get_current()
    for _ in taskspan.track(range(10), "mask"):
        break
    assert otel_context.get_current() == before


def test_an_exception_in_the_source(exporter: InMemorySpanExporter) -> None:
    """What the iterable raises goes on, and ends the span as an error."""

    def rows() -> Iterator[int]:
        yield 1
        raise OSError("file vanished")

    with pytest.raises(OSError, match="file vanished"):
        list(taskspan.track(rows(), "mask"))
    span = span_named(exporter, "mask")
    assert outcome_of(span) == conventions.ERROR
    assert attributes_of(span)[conventions.ERROR_TYPE] == "OSError"
    assert len(events_named(span, conventions.EXCEPTION_EVENT)) == 1


def test_an_exception_in_the_body(exporter: InMemorySpanExporter) -> None:
    """A loop that its body left by an exception is cancelled; what is around it has the error."""

    def work() -> None:
        with taskspan.operation("main"):
            for number in taskspan.track(range(10), "mask"):
                if number == 3:
                    raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"):
        work()
    assert names_of(exporter) == ["mask", "main"]
    mask, main = exporter.get_finished_spans()
    assert outcome_of(main) == conventions.ERROR
    assert outcome_of(mask) in (conventions.CANCELLED, conventions.ERROR)
    assert attributes_of(mask)[conventions.PROGRESS_COMPLETED] == 3


def test_an_abandoned_loop_ends_with_what_is_around_it(exporter: InMemorySpanExporter) -> None:
    """A loop that somebody still holds ends before its task, as interrupted."""
    loop = None
    with taskspan.task("nightly", quiet=True):
        loop = taskspan.track(range(10), "mask")
        next(loop)
    assert names_of(exporter) == ["mask", "nightly"]
    assert outcome_of(span_named(exporter, "mask")) == conventions.INTERRUPTED
    assert list(loop) == list(range(1, 10))


def test_two_loops_side_by_side(exporter: InMemorySpanExporter) -> None:
    """`zip` of two tracked iterables ends both, and leaves the Context as it was."""
    before = otel_context.get_current()
    pairs = zip(taskspan.track([1, 2], "left"), taskspan.track([3, 4], "right"), strict=False)
    assert list(pairs) == [(1, 3), (2, 4)]
    del pairs
    assert sorted(names_of(exporter)) == ["left", "right"]
    assert not trace.get_current_span().get_span_context().is_valid
    with taskspan.operation("after"):
        pass
    assert span_named(exporter, "after").parent is None
    del before


def test_two_loops_side_by_side_in_a_task(exporter: InMemorySpanExporter) -> None:
    """Interleaved loops in a task leave the task as the parent of what follows."""
    with taskspan.task("nightly", quiet=True):
        for _ in zip(taskspan.track([1, 2], "left"), taskspan.track([3, 4], "right"), strict=False):
            pass
        with taskspan.operation("after"):
            pass
    nightly = span_named(exporter, "nightly")
    assert is_child_of(span_named(exporter, "after"), nightly)
    assert is_child_of(span_named(exporter, "left"), nightly)


def test_nested_loops(exporter: InMemorySpanExporter) -> None:
    """A loop inside a loop is a child of the outer one, each time."""
    for _ in taskspan.track(range(3), "files"):
        for _ in taskspan.track(range(2), "lines"):
            pass
    files = span_named(exporter, "files")
    lines = spans_named(exporter, "lines")
    assert len(lines) == 3
    assert all(is_child_of(span, files) for span in lines)


def test_loops_in_threads(exporter: InMemorySpanExporter) -> None:
    """Each thread's loop is its own operation of the only task."""

    def loop() -> None:
        for _ in taskspan.track(range(1000), "mask"):
            pass

    with taskspan.task("nightly", quiet=True) as task:
        threads = [threading.Thread(target=loop) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert task.operations_completed == 8
    spans = spans_named(exporter, "mask")
    nightly = span_named(exporter, "nightly")
    assert [attributes_of(span)[conventions.PROGRESS_COMPLETED] for span in spans] == [1000] * 8
    assert all(is_child_of(span, nightly) for span in spans)


async def _rows(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


def test_an_async_iterable(exporter: InMemorySpanExporter) -> None:
    """An async loop counts as a plain one does."""

    async def main() -> list[int]:
        return [row async for row in taskspan.track(_rows(3), "mask", total=3)]

    assert asyncio.run(main()) == [0, 1, 2]
    span = span_named(exporter, "mask")
    assert attributes_of(span)[conventions.PROGRESS_COMPLETED] == 3
    assert outcome_of(span) == conventions.SUCCESS


def test_an_async_loop_that_is_left_early(exporter: InMemorySpanExporter) -> None:
    """An async loop left by `break` ends as cancelled before the event loop does."""

    async def main() -> None:
        with taskspan.operation("main"):
            async for row in taskspan.track(_rows(10), "mask"):
                if row == 2:
                    break

    asyncio.run(main())
    span = span_named(exporter, "mask")
    assert attributes_of(span)[conventions.PROGRESS_COMPLETED] == 2
    assert outcome_of(span) in (conventions.CANCELLED, conventions.INTERRUPTED)


def test_an_async_loop_that_is_cancelled(exporter: InMemorySpanExporter) -> None:
    """Cancelling an asyncio task ends the loops that it waits in."""

    async def forever() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def work() -> None:
        async for _ in taskspan.track(forever(), "mask"):
            pass

    async def main() -> None:
        running = asyncio.create_task(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert outcome_of(span_named(exporter, "mask")) == conventions.CANCELLED


def test_an_exception_in_an_async_source(exporter: InMemorySpanExporter) -> None:
    """What an async iterable raises ends the span as an error."""

    async def rows() -> AsyncIterator[int]:
        yield 1
        raise OSError("gone")

    async def main() -> None:
        async for _ in taskspan.track(rows(), "mask"):
            pass

    with pytest.raises(OSError, match="gone"):
        asyncio.run(main())
    assert outcome_of(span_named(exporter, "mask")) == conventions.ERROR


def test_async_loops_side_by_side(exporter: InMemorySpanExporter) -> None:
    """Loops of concurrent asyncio tasks do not enclose each other."""

    async def work(name: str) -> None:
        async for _ in taskspan.track(_rows(5), name):
            with taskspan.operation(f"{name} row"):
                await asyncio.sleep(0)

    async def main() -> None:
        with taskspan.operation("main"):
            await asyncio.gather(*(work(f"loop {n}") for n in range(10)))

    asyncio.run(main())
    main_span = span_named(exporter, "main")
    for n in range(10):
        loop = span_named(exporter, f"loop {n}")
        assert is_child_of(loop, main_span)
        assert all(is_child_of(s, loop) for s in spans_named(exporter, f"loop {n} row"))
