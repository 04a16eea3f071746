"""`operation()`: a block, and a decorator."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from itertools import pairwise

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import (
    attributes_of,
    is_child_of,
    names_of,
    outcome_of,
    span_named,
    spans_named,
)


def test_it_yields_a_tracker(exporter: InMemorySpanExporter) -> None:
    """The block gets a tracker; the span has what was counted on it."""
    with taskspan.operation("load", total=10, unit="rows", description="Loading") as op:
        assert isinstance(op, taskspan.ProgressTracker)
        op.update(4, {"file": "a.csv"})
    attributes = attributes_of(span_named(exporter, "load"))
    assert attributes[conventions.PROGRESS_COMPLETED] == 4
    assert attributes[conventions.PROGRESS_TOTAL] == 10
    assert attributes[conventions.PROGRESS_UNIT] == "{row}"
    assert attributes[conventions.DESCRIPTION] == "Loading"


def test_its_span_is_the_current_one(exporter: InMemorySpanExporter) -> None:
    """A span that other code starts inside the block is its child, and after it not."""
    tracer = trace.get_tracer("somebody.else")
    before = trace.get_current_span()
    with taskspan.operation("load") as op:
        assert trace.get_current_span() is op.span
        with tracer.start_as_current_span("query"), taskspan.operation("parse"):
            pass
    assert trace.get_current_span() is before
    query = span_named(exporter, "query")
    assert is_child_of(query, span_named(exporter, "load"))
    assert is_child_of(span_named(exporter, "parse"), query)


def test_an_operation_directly_in_a_task_counts(exporter: InMemorySpanExporter) -> None:
    """The task counts the operations directly inside it, not those inside these."""
    with taskspan.task("nightly", quiet=True) as task:
        with taskspan.operation("load"), taskspan.operation("parse"):
            pass
        assert task.operations_completed == 1


def test_one_object_is_entered_once_at_a_time() -> None:
    """Entering an operation that is entered already is a mistake, told at once."""
    op = taskspan.operation("load")
    with op, pytest.raises(RuntimeError, match="'load' is already entered"):
        op.__enter__()
    with op:
        pass


def test_a_function(exporter: InMemorySpanExporter) -> None:
    """Each call of a decorated function is an operation, and returns what it returns."""

    @taskspan.operation("score")
    def score(value: int, *, factor: int = 1) -> int:
        """Multiply."""
        return value * factor

    assert score(2, factor=3) == 6
    assert score(1) == 1
    assert len(spans_named(exporter, "score")) == 2
    assert score.__name__ == "score"
    assert score.__doc__ == "Multiply."


def test_a_function_that_raises(exporter: InMemorySpanExporter) -> None:
    """The exception of a decorated function goes on and ends the span."""

    @taskspan.operation("score")
    def score() -> None:
        raise ZeroDivisionError("no rows")

    with pytest.raises(ZeroDivisionError, match="no rows"):
        score()
    assert outcome_of(span_named(exporter, "score")) == conventions.ERROR


def test_recursion(exporter: InMemorySpanExporter) -> None:
    """A decorated function that calls itself is an operation in an operation."""

    @taskspan.operation("walk")
    def walk(depth: int) -> int:
        return 1 + walk(depth - 1) if depth else 1

    assert walk(3) == 4
    spans = spans_named(exporter, "walk")
    assert len(spans) == 4
    for inner, outer in pairwise(spans):
        assert is_child_of(inner, outer)


def test_a_method(exporter: InMemorySpanExporter) -> None:
    """A decorated method gets its `self`."""

    class Model:
        weight = 2

        @taskspan.operation("predict")
        def predict(self, value: int) -> int:
            return self.weight * value

    assert Model().predict(4) == 8
    assert len(spans_named(exporter, "predict")) == 1


def test_a_decorated_function_in_threads(exporter: InMemorySpanExporter) -> None:
    """One decorated function runs in many threads at once, each call an operation."""

    @taskspan.operation("score")
    def score() -> None:
        barrier.wait(timeout=10)

    barrier = threading.Barrier(8)
    with taskspan.task("nightly", quiet=True) as task:
        threads = [threading.Thread(target=score) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert task.operations_completed == 8
    nightly = span_named(exporter, "nightly")
    assert all(is_child_of(span, nightly) for span in spans_named(exporter, "score"))


def test_a_coroutine_function(exporter: InMemorySpanExporter) -> None:
    """A decorated coroutine function stays one, and its operation lasts as long as it runs."""

    @taskspan.operation("fetch")
    async def fetch(value: int) -> int:
        await asyncio.sleep(0)
        with taskspan.operation("parse"):
            return value + 1

    assert asyncio.iscoroutinefunction(fetch)
    assert asyncio.run(fetch(1)) == 2
    assert names_of(exporter) == ["parse", "fetch"]
    assert is_child_of(span_named(exporter, "parse"), span_named(exporter, "fetch"))


def test_a_cancelled_coroutine(exporter: InMemorySpanExporter) -> None:
    """A decorated coroutine that is cancelled ends as cancelled, and so does what is inside."""

    @taskspan.operation("fetch")
    async def fetch() -> None:
        with taskspan.operation("wait"):
            await asyncio.Event().wait()

    async def main() -> None:
        running = asyncio.create_task(fetch())
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert [(span.name, outcome_of(span)) for span in exporter.get_finished_spans()] == [
        ("wait", conventions.CANCELLED),
        ("fetch", conventions.CANCELLED),
    ]


def test_a_generator_function(exporter: InMemorySpanExporter) -> None:
    """The operation of a decorated generator lasts from its first item to its end."""

    @taskspan.operation("read")
    def read(count: int) -> Iterator[int]:
        yield from range(count)

    rows = read(3)
    assert not exporter.get_finished_spans()
    assert list(rows) == [0, 1, 2]
    assert outcome_of(span_named(exporter, "read")) == conventions.SUCCESS


def test_a_generator_keeps_its_protocol(exporter: InMemorySpanExporter) -> None:
    """`send`, `throw` and the return value pass through a decorated generator."""

    @taskspan.operation("read")
    def read() -> Generator[object, str, str]:
        received = yield 1
        try:
            yield received
        except KeyError:
            yield "caught"
        return "done"

    generator = read()
    assert next(generator) == 1
    assert generator.send("sent") == "sent"
    assert generator.throw(KeyError("x")) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    assert outcome_of(span_named(exporter, "read")) == conventions.SUCCESS


def test_a_generator_does_not_enclose_its_caller(exporter: InMemorySpanExporter) -> None:
    """What the caller does between two items is not inside the generator's operation."""

    @taskspan.operation("read")
    def read() -> Iterator[int]:
        yield from range(2)

    with taskspan.operation("main"):
        for _ in read():
            with taskspan.operation("use"):
                pass
    main = span_named(exporter, "main")
    assert all(is_child_of(span, main) for span in spans_named(exporter, "use"))
    assert is_child_of(span_named(exporter, "read"), main)


def test_an_abandoned_generator_is_cancelled(exporter: InMemorySpanExporter) -> None:
    """A decorated generator that nobody finishes ends as cancelled, without an error."""

    @taskspan.operation("read")
    def read() -> Iterator[int]:
        yield from range(10)

    generator = read()
    next(generator)
    del generator
    span = span_named(exporter, "read")
    assert outcome_of(span) == conventions.CANCELLED
    assert span.status.is_unset


def test_an_async_generator_function(exporter: InMemorySpanExporter) -> None:
    """The operation of a decorated async generator lasts from its first item to its end."""

    @taskspan.operation("read")
    async def read() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def main() -> list[int]:
        return [number async for number in read()]

    assert asyncio.run(main()) == [0, 1, 2]
    assert outcome_of(span_named(exporter, "read")) == conventions.SUCCESS


def test_an_async_generator_that_raises(exporter: InMemorySpanExporter) -> None:
    """The exception of a decorated async generator goes on and ends the span."""

    @taskspan.operation("read")
    async def read() -> AsyncIterator[int]:
        yield 1
        raise OSError("gone")

    async def main() -> None:
        async for _ in read():
            pass

    with pytest.raises(OSError, match="gone"):
        asyncio.run(main())
    assert outcome_of(span_named(exporter, "read")) == conventions.ERROR


def test_an_async_generator_that_is_closed_early(exporter: InMemorySpanExporter) -> None:
    """Closing a decorated async generator closes the one inside before its span ends."""
    closed: list[int] = []

    @taskspan.operation("read")
    async def read() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(len(exporter.get_finished_spans()))

    async def main() -> None:
        generator = read()
        async for _ in generator:
            break
        await generator.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    assert closed == [0]
    assert outcome_of(span_named(exporter, "read")) == conventions.CANCELLED


def test_an_async_generator_keeps_asend(exporter: InMemorySpanExporter) -> None:
    """`asend` passes through a decorated async generator."""

    @taskspan.operation("read")
    async def read() -> AsyncIterator[object]:
        received = yield 1
        yield received

    async def main() -> list[object]:
        generator = read()
        first = await anext(generator)
        second = await generator.asend("sent")  # type: ignore[attr-defined]
        await generator.aclose()  # type: ignore[attr-defined]
        return [first, second]

    assert asyncio.run(main()) == [1, "sent"]


@pytest.mark.parametrize("name", ["task", "operation"])
def test_names_are_checked_where_they_are_written(name: str) -> None:
    """A decorator with an empty name is a mistake when it is written, not when it is called."""
    with pytest.raises(ValueError, match="name must not be empty"):
        taskspan.operation("")
    with pytest.raises(TypeError, match="name must be a str"):
        taskspan.operation(lambda: None)  # type: ignore[arg-type]
