"""`track()`: an operation around a loop."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from typing import TypeVar, overload

from opentelemetry.context import Context
from opentelemetry.trace import Link

from taskspan import _checks
from taskspan._counter import ADDITION_IS_ATOMIC
from taskspan._guard import attempt
from taskspan._live import LiveProgress
from taskspan._outcome import outcome_of
from taskspan.producer import _opening, _scope
from taskspan.producer._operation import Operation
from taskspan.producer._origin import Origin, origin

_Item = TypeVar("_Item")


@overload
def track(
    iterable: Iterable[_Item],
    name: str,
    *,
    total: int | None = None,
    unit: str = "items",
    description: str | None = None,
    leave: bool = False,
    context: Context | None = None,
    links: Sequence[Link] | None = None,
) -> Iterator[_Item]: ...


@overload
def track(
    iterable: AsyncIterable[_Item],
    name: str,
    *,
    total: int | None = None,
    unit: str = "items",
    description: str | None = None,
    leave: bool = False,
    context: Context | None = None,
    links: Sequence[Link] | None = None,
) -> AsyncIterator[_Item]: ...


def track(
    iterable: Iterable[_Item] | AsyncIterable[_Item],
    name: str,
    *,
    total: int | None = None,
    unit: str = "items",
    description: str | None = None,
    leave: bool = False,
    context: Context | None = None,
    links: Sequence[Link] | None = None,
) -> Iterator[_Item] | AsyncIterator[_Item]:
    """Return an iterator over the items that makes an operation of the loop over them.

    The operation starts with the first item asked for. An item counts when the loop comes
    back for the next one. A loop left early, by `break`, `return` or an exception in its
    body, ends it as `cancelled`: an iterator is not told why. The exception is on the
    operation or task around the loop.

    Args:
        iterable: what to loop over, also asynchronously.
        name: of the span; should be one of few (low cardinality).
        total: items expected; by default its `len` or `__length_hint__`, if it has one.
        unit: what an item is, in the plural.
        description: the text in front of the bar, by default the name.
        leave: whether the finished bar stays on the screen.
        context: what the span lies below instead of where the loop stands, as
            `opentelemetry.propagate.extract` returns it.
        links: other spans that it has to do with.

    Raises:
        TypeError: `iterable` is none, `total` is not a whole number, `name` is not a `str`,
            `context` is not a `Context`, or `links` are not `Link`s.
        ValueError: `total` is negative, `name` is empty.
    """
    name = _checks.required_text(name, "name")
    total = _length_of(iterable) if total is None else _checks.optional_total(total)
    where = origin(context, links)
    progress = _opening.operation_progress(name, total, unit, description, leave)
    if isinstance(iterable, AsyncIterable):
        return _aiter(iterable, progress, where)
    # `iter` here and not in the generator: what is no iterable is told where it was written.
    return _iter(iter(iterable), progress, where)


def _length_of(iterable: object) -> int | None:
    length = attempt("the length of an iterable", lambda: operator.length_hint(iterable, -1), -1)
    return None if length < 0 else length


def _iter(items: Iterator[_Item], progress: LiveProgress, where: Origin) -> Iterator[_Item]:
    operation = _opening.open_enclosed(progress, where)
    attachment = _scope.Attachment(operation)
    counter = progress.counter
    try:
        for item in items:
            yield item
            if not ADDITION_IS_ATOMIC:
                operation.add(1)
                continue
            counter.completed += 1
            if counter.completed >= counter.next_mark:
                operation.reach_mark()
    except BaseException as error:
        _end(operation, attachment, error)
        raise
    _end(operation, attachment, None)


async def _aiter(
    items: AsyncIterable[_Item], progress: LiveProgress, where: Origin
) -> AsyncIterator[_Item]:
    operation = _opening.open_enclosed(progress, where)
    attachment = _scope.Attachment(operation)
    try:
        async for item in items:
            yield item
            operation.add(1)
    except BaseException as error:
        _end(operation, attachment, error)
        raise
    _end(operation, attachment, None)


def _end(operation: Operation, attachment: _scope.Attachment, error: BaseException | None) -> None:
    attachment.detach()
    # Leaving a loop is no failure: there is no exception to show.
    operation.end(outcome_of(error), None if isinstance(error, GeneratorExit) else error)
