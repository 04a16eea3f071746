"""The short spellings: `task()` and `operation()`."""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry.context import Context
from opentelemetry.trace import Link

from taskspan import _checks
from taskspan._protocols import MessageLogger, Reporter
from taskspan.conventions import CANCELLED
from taskspan.producer import _attach, _opening, _scope
from taskspan.producer._manager import TaskProgressManager
from taskspan.producer._origin import origin
from taskspan.producer._tracker import ProgressTracker, end_as, end_with, tracker_of

_Function = TypeVar("_Function", bound=Callable[..., Any])


@contextmanager
def task(
    name: str,
    task_id: str | None = None,
    *,
    total_operations: int = 0,
    logger: MessageLogger | None = None,
    reporter: Reporter | None = None,
    quiet: bool | None = None,
    context: Context | None = None,
    links: Sequence[Link] | None = None,
) -> Iterator[TaskProgressManager]:
    """Run a task: a block whose span encloses the operations inside it.

    Args:
        name: what kind of task it is; the name of its span.
        task_id: identifies this run; made up from time and chance when left out.
        total_operations: how many operations there will be; 0 when not known.
        logger: gets the messages; without it starts and ends of operations are not logged.
        reporter: told of the end of every operation, such as a `TaskReporter`.
        quiet: draw nothing; `None` follows `configure(console=...)`, and without that
            draws on a terminal outside of continuous integration.
        context: what the span lies below, as `opentelemetry.propagate.extract` returns it; by
            default where the caller stands, else what `TRACEPARENT` names (W3C Trace Context).
        links: other spans that it has to do with.

    Raises:
        TypeError: `total_operations` is not a whole number, `name` is not a `str`, `context` is
            not a `Context`, or `links` are not `Link`s.
        ValueError: `total_operations` is negative, `name` is empty.
    """
    manager = TaskProgressManager(
        _new_task_id() if task_id is None else task_id,
        name,
        logger,
        reporter,
        total_operations,
        _attach.is_quiet_by_default() if quiet is None else quiet,
        description=name if task_id is None else f"{name} {task_id}",
        context=context,
        links=links,
    )
    with manager:
        yield manager


def _new_task_id() -> str:
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{os.urandom(3).hex()}"


class operation:  # noqa: N801  reads as a statement and as a decorator
    """Runs an operation under the enclosing task or operation: a block, or a decorator.

    As a context manager it yields the `ProgressTracker`. As a decorator it makes an
    operation of each call of a function, a coroutine function or a generator function.
    Outside of a task it is silent, and recorded if the application has set a tracer
    provider.
    """

    def __init__(
        self,
        name: str,
        *,
        total: int | None = None,
        unit: str = "items",
        description: str | None = None,
        leave: bool = False,
        context: Context | None = None,
        links: Sequence[Link] | None = None,
    ) -> None:
        """Prepare an operation.

        Args:
            name: of the span; should be one of few (low cardinality).
            total: items expected, `None` when unknown.
            unit: what an item is, in the plural.
            description: the text in front of the bar, by default the name.
            leave: whether the finished bar stays on the screen.
            context: what the span lies below instead of where the caller stands, as
                `opentelemetry.propagate.extract` returns it.
            links: other spans that it has to do with.

        Raises:
            TypeError: `total` is not a whole number, `name` is not a `str`, `context` is not a
                `Context`, or `links` are not `Link`s.
            ValueError: `total` is negative, `name` is empty.
        """
        self._name = _checks.required_text(name, "name")
        self._total = _checks.optional_total(total)
        self._unit = unit
        self._description = description
        self._leave = leave
        self._origin = origin(context, links)
        self._tracker: ProgressTracker | None = None
        self._attachment: _scope.Attachment | None = None

    def _open(self) -> ProgressTracker:
        progress = _opening.operation_progress(
            self._name, self._total, self._unit, self._description, self._leave
        )
        return tracker_of(_opening.open_enclosed(progress, self._origin))

    def _again(self) -> operation:
        return operation(
            self._name,
            total=self._total,
            unit=self._unit,
            description=self._description,
            leave=self._leave,
            context=self._origin.context,
            links=self._origin.links,
        )

    def __enter__(self) -> ProgressTracker:
        if self._tracker is not None:
            raise RuntimeError(f"operation {self._name!r} is already entered; make another one")
        self._tracker = self._open()
        self._attachment = _scope.Attachment(self._tracker.operation)
        return self._tracker

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tracker, self._tracker = self._tracker, None
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.detach()
        if tracker is not None:
            end_with(tracker, exc)

    def __call__(self, function: _Function) -> _Function:
        """Make an operation of each call of `function`."""
        if inspect.isasyncgenfunction(function):
            wrapper = self._of_async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapper = self._of_generator(function)
        elif inspect.iscoroutinefunction(function):
            wrapper = self._of_coroutine(function)
        else:
            wrapper = self._of_function(function)
        return cast("_Function", functools.wraps(function)(wrapper))

    def _of_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return call

    def _of_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return await function(*args, **kwargs)

        return call

    # A generator runs in its caller's Context: its span does not become the current one, as
    # whatever the caller does between two items would then happen inside it.

    def _of_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._unattached():
                return (yield from function(*args, **kwargs))

        return call

    def _of_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            with self._unattached():
                async with aclosing(function(*args, **kwargs)) as generator:
                    # What `yield from` does for a plain generator.
                    with suppress(StopAsyncIteration):
                        item = await anext(generator)
                        while True:
                            try:
                                sent = yield item
                            except GeneratorExit:  # noqa: PERF203  as a generator is sent to
                                raise
                            except BaseException as error:  # noqa: BLE001  not ours to judge
                                item = await generator.athrow(error)
                            else:
                                item = await generator.asend(sent)

        return call

    @contextmanager
    def _unattached(self) -> Iterator[None]:
        tracker = self._open()
        try:
            yield
        except GeneratorExit:
            # Its caller has left the loop: no failure, and no exception to show.
            end_as(tracker, CANCELLED)
            raise
        except BaseException as error:
            end_with(tracker, error)
            raise
        end_with(tracker, None)
