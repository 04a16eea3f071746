"""The contracts between the parts; no implementation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from taskspan._attributes import AttributeValue
from taskspan._snapshot import Snapshot

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from taskspan._live import LiveProgress


@runtime_checkable
class ProgressTrackerProtocol(Protocol):
    """What an operation may expect of the tracker it is handed."""

    def update(self, steps: int = 1, postfix: Mapping[str, object] | None = None) -> None:
        """Count `steps` more items; show `postfix` behind the bar."""

    def set_description(self, description: str) -> None:
        """Change the text in front of the bar."""

    def set_postfix(self, postfix: Mapping[str, object]) -> None:
        """Change the text behind the bar."""

    def close(self, failed: bool = False) -> None:
        """Say that no more updates come."""


class Updatable(Protocol):
    """Anything that can be told of progress: the `parent` of a tracker."""

    def update(self, steps: int = 1, /) -> object:
        """Count `steps` more items."""


class Reporter(Protocol):
    """Anything that takes the end of an operation; `TaskReporter` is one."""

    def add_operation(self, name: str, status: str, details: dict[str, Any]) -> object:
        """Take an ended operation: `Complete <name>`, `success` or `error`, its metrics."""


class EventWriter(Protocol):
    """Writes an event on a span, at the present time."""

    def __call__(self, name: str, attributes: Mapping[str, AttributeValue], /) -> None:
        """Write it."""


class TaskFigures(Protocol):
    """Anything that knows the figures of a task; `TaskProgressManager` does."""

    def get_metrics(self) -> dict[str, Any]:
        """Return the figures of the task so far."""


class MessageLogger(Protocol):
    """The little of `logging.Logger` that a task needs of its logger."""

    @property
    def handlers(self) -> list[Any]:
        """The handlers, searched for one that shows messages on stderr or stdout."""

    def log(self, level: int, msg: str, /) -> object:
        """Log a message."""

    def debug(self, msg: str, /) -> object:
        """Log a message at DEBUG."""

    def warning(self, msg: str, /) -> object:
        """Log a message at WARNING."""


class Watcher(Protocol):
    """Who shows a running task or operation, and takes note of its end: the processor."""

    def redraw(self) -> None:
        """Show the latest values now."""

    def see_end(self, progress: LiveProgress) -> None:
        """Take it off, if the end of its span has not been heard of."""


class SpanEvent(Protocol):
    """What is read of an event of a span; the time in ns since 1970."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def timestamp(self) -> int:
        """When it was written."""

    @property
    def attributes(self) -> Mapping[str, Any] | None:
        """Its attributes."""


class RecordedSpan(Protocol):
    """What is read of a span that the SDK records, running or ended; times in ns since 1970."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def parent(self) -> SpanContext | None:
        """The ids of the span around it."""

    @property
    def start_time(self) -> int | None:
        """When it started."""

    @property
    def end_time(self) -> int | None:
        """When it ended; `None` while it runs."""

    @property
    def attributes(self) -> Mapping[str, Any] | None:
        """Its attributes so far."""

    @property
    def events(self) -> Sequence[SpanEvent]:
        """Its events so far: the last ones, where there have been more than it keeps."""

    @property
    def dropped_events(self) -> int:
        """How many events came before those."""

    def get_span_context(self) -> SpanContext | None:
        """Return its ids."""


class Live(Protocol):
    """A running task or operation as a view sees it; hashable by identity."""

    @property
    def progress(self) -> LiveProgress:
        """Its state, for what a snapshot does not tell."""

    @property
    def depth(self) -> int:
        """How many drawn tasks and operations enclose it."""

    @property
    def enclosing(self) -> Live | None:
        """The task or operation around it."""

    def snapshot(self) -> Snapshot:
        """Return how far it is now."""


class View(Protocol):
    """Something that shows progress. Called from one thread at a time, never by the task's loop.

    A view that raises is reported once and switched off; the task goes on.
    """

    def started(self, live: Live) -> None:
        """Take a new task or operation; it may have ended by now."""

    def ticked(self) -> None:
        """Show what changed; called after every batch of starts and ends, at most 10 Hz."""

    def ended(self, live: Live) -> None:
        """Take the end of one that was started.

        Its snapshot has an outcome, except where another view takes over while it runs.
        """


@runtime_checkable
class Recorder(View, Protocol):
    """A view that keeps what it is told, where others draw it."""

    @property
    def is_behind(self) -> bool:
        """Whether something waits for a later tick: ticks go on, although nothing runs."""

    def gather(self, live: Live) -> None:
        """Take an end at once, on the thread that ended it: be quick.

        Of operations that come too fast a view is told neither start nor end; of this, always.
        """

    def left_out(self, count: int) -> None:
        """Take note of how many came too fast since the last tick."""

    def flush(self) -> None:
        """Write what is held back; called after a tick, when the process ends or waits for it."""
