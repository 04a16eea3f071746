"""What a running operation is handed to report its progress."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span

from taskspan import _checks
from taskspan._counter import ADDITION_IS_ATOMIC
from taskspan._guard import guarded
from taskspan._outcome import outcome_of
from taskspan._protocols import Updatable
from taskspan.conventions import ERROR, SUCCESS, Outcome
from taskspan.producer import _opening, _registry
from taskspan.producer._operation import Operation

if TYPE_CHECKING:
    from typing_extensions import Self


class ProgressTracker:
    """Counts the items of one operation and carries its span.

    Made directly, it stands on its own: it opens a span, draws a bar on a terminal, and
    `close` ends both. Handed out by a manager, `operation()` or a context, it ends with
    them; `close` then only fixes its metrics. May be updated from any thread.
    """

    def __init__(
        self,
        total: int | None,
        description: str,
        unit: str = "items",
        position: int = 0,
        leave: bool = True,
        parent: Updatable | None = None,
        color: str | None = None,
        disable: bool = False,
    ) -> None:
        """Open a stand-alone operation.

        Args:
            total: items expected, `None` when unknown.
            description: the text in front of the bar, and the name of the span.
            unit: what an item is, in the plural.
            position: the lowest row of the screen that the bar takes.
            leave: whether the finished bar stays on the screen.
            parent: told by `update(1)` when this tracker closes; what it raises is logged.
            color: colour of the bar, as tqdm's `colour`.
            disable: draw nothing; count and record all the same.

        Raises:
            TypeError: `total` is not a whole number, or `description` is not a `str`.
            ValueError: `total` is negative, or `description` is empty.
        """
        progress = _opening.operation_progress(
            _checks.required_text(description, "description"),
            _checks.optional_total(total),
            unit,
            None,
            leave,
            is_drawn=not disable and self._draws,
        )
        progress.position = position
        progress.colour = color
        above = parent.operation if isinstance(parent, ProgressTracker) else None
        operation = _opening.open_stand_alone(progress, above)
        self._adopt(operation, parent, ends_span=True)

    _draws = True

    @classmethod
    def of(cls, operation: Operation, *, ends_span: bool = False) -> Self:
        """Return a tracker of an operation, which somebody else ends unless `ends_span`."""
        tracker = cls.__new__(cls)
        tracker._adopt(operation, None, ends_span)  # noqa: SLF001  its own class
        return tracker

    def _adopt(self, operation: Operation, parent: Updatable | None, ends_span: bool) -> None:
        self.operation = operation
        self._counter = operation.progress.counter
        self._ends_span = ends_span
        self.is_closed = False
        self.has_failed = False
        self.parent = parent
        self.children: list[ProgressTracker] = []
        self._above: ProgressTracker | None = None
        if isinstance(parent, ProgressTracker):
            parent._take_in(self)  # noqa: SLF001  its own class

    def _take_in(self, child: ProgressTracker) -> None:
        """Hold a child until it closes: a day's subtasks must not pile up."""
        child._above = self
        self.children.append(child)

    # -- counting: the hot path

    def update(self, steps: int = 1, postfix: Mapping[str, object] | None = None) -> None:
        """Count `steps` more items; `postfix` replaces the text behind the bar.

        `update(0, {...})` changes the text alone. More items than the total are counted too.
        After the operation has ended they are in no span any more, which is logged once.

        Raises:
            TypeError: `steps` is not a whole number.
            ValueError: `steps` is negative: a count only grows.
        """
        if postfix is not None or type(steps) is not int or steps < 0:
            self._update_checked(steps, postfix)
            return
        counter = self._counter
        counter.completed += steps
        if counter.completed >= counter.next_mark:
            self.operation.reach_mark()

    def _update_checked(self, steps: int = 1, postfix: Mapping[str, object] | None = None) -> None:
        steps = _checks.whole_number(steps, "steps")
        if postfix is not None:
            self.set_postfix(postfix)
        self.operation.add(steps)

    if not ADDITION_IS_ATOMIC:
        update = _update_checked

    # -- what the bar shows

    @property
    def total(self) -> int | None:
        """Items expected, `None` when unknown; bar and span follow a change."""
        return self.operation.progress.total

    @total.setter
    def total(self, total: int | None) -> None:
        self.operation.set_total(_checks.optional_total(total))

    @property
    def description(self) -> str:
        """The text in front of the bar."""
        return self.operation.progress.description

    @property
    def unit(self) -> str:
        """What an item is."""
        return self.operation.progress.unit

    @property
    def position(self) -> int:
        """The lowest row of the screen that the bar takes."""
        return self.operation.progress.position

    @property
    def leave(self) -> bool:
        """Whether the finished bar stays on the screen."""
        return self.operation.progress.leaves_bar

    @property
    def color(self) -> str | None:
        """Colour of the bar."""
        return self.operation.progress.colour

    @property
    def disable(self) -> bool:
        """Whether nothing is drawn."""
        return not self.operation.progress.is_drawn

    def set_description(self, description: str) -> None:
        """Change the text in front of the bar; the span keeps the last one."""
        self.operation.progress.description = description

    def set_postfix(self, postfix: Mapping[str, object]) -> None:
        """Replace the text behind the bar, shown as `key=value, ...`; the mapping is copied."""
        self.operation.progress.postfix = dict(postfix)

    def clear(self) -> None:
        """Take the bar off the screen until `refresh`."""
        self.operation.progress.is_hidden = True
        self._redraw()

    def refresh(self) -> None:
        """Draw the bar now, with its latest values."""
        self.operation.progress.is_hidden = False
        self._redraw()

    def _redraw(self) -> None:
        watcher = self.operation.progress.watcher
        if watcher is not None:
            with guarded("a redraw"):
                watcher.redraw()

    # -- what is known of it

    @property
    def span(self) -> Span:
        """The span of the operation; add attributes and events of your own to it."""
        return self.operation.span

    @property
    def completed(self) -> int:
        """Items counted so far."""
        return self._counter.completed

    @property
    def metrics(self) -> dict[str, Any]:
        """Metrics of the operation; add your own, they become attributes of its span.

        `current` is the count so far. Once closed also `execution_time` (s),
        `peak_memory_mb`, `memory_delta_mb` (MiB), `items_per_second` and `failed`; once
        the operation has ended also `outcome`, `trace_id` and `span_id`.
        """
        metrics = self.operation.progress.metrics
        if not self.operation.has_ended:
            metrics["current"] = self._counter.completed
        return metrics

    # -- below it and its end

    def create_subtask(
        self, total: int | None, description: str, unit: str = "items"
    ) -> ProgressTracker:
        """Open an operation inside this one; close it when it is done.

        It does not count as an item of this operation: call `update` for that.

        Raises:
            TypeError: `total` is not a whole number, or `description` is not a `str`.
            ValueError: `total` is negative, or `description` is empty.
        """
        progress = _opening.operation_progress(
            _checks.required_text(description, "description"),
            _checks.optional_total(total),
            unit,
            None,
            leave=False,
        )
        operation = _opening.open_operation(progress, self.operation)
        subtask = tracker_of(operation, ends_span=True)
        self._take_in(subtask)
        return subtask

    def close(self, failed: bool = False) -> None:
        """Close the subtasks, fix the metrics and tell the parent; only the first call does.

        The span ends here only if nobody else owns it. `failed=True` is remembered, also of a
        later call: the operation then ends as `error` even where no exception follows.
        """
        if self.is_closed:
            self.has_failed = self.has_failed or failed
            return
        self.is_closed = True
        self.has_failed = failed
        self.close_children(failed)
        if self._ends_span:
            self.operation.end(ERROR if failed else SUCCESS)
        else:
            self._fix_metrics(failed)
        if self._above is not None:
            self._above.children.remove(self)
        self._tell_parent()

    def close_children(self, failed: bool) -> None:
        """Close the subtasks, and the trackers that have this one as `parent`."""
        for child in list(self.children):
            child.close(failed)

    def _fix_metrics(self, failed: bool) -> None:
        if self.operation.has_ended:
            return
        self.operation.see_memory()
        self.operation.progress.metrics.update(self.operation.measured(), failed=failed)

    def _tell_parent(self) -> None:
        if self.parent is not None:
            with guarded("the parent of a tracker"):
                self.parent.update(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None and self._ends_span:
            self.operation.end(outcome_of(exc), exc)
        self.close(failed=exc is not None)

    def __del__(self) -> None:
        # An instance whose __init__ raised has no operation.
        operation = self.__dict__.get("operation")
        if operation is not None and self._ends_span and not operation.has_ended:
            _registry.abandon(operation)


class NoOpProgressTracker(ProgressTracker):
    """A tracker that draws nothing: it counts, carries its span and fills `metrics`."""

    _draws = False

    @classmethod
    def detached(cls, description: str) -> Self:
        """Return a tracker for work that turned out to be none: it counts, and has no span."""
        return cls.of(_opening.detached(description))


def tracker_of(operation: Operation, *, ends_span: bool = False) -> ProgressTracker:
    """Return the tracker that fits the operation: one that draws, or one that does not."""
    cls = ProgressTracker if operation.progress.is_drawn else NoOpProgressTracker
    return cls.of(operation, ends_span=ends_span)


def end_with(tracker: ProgressTracker, error: BaseException | None) -> bool:
    """End the operation of a tracker with the outcome that `error` stands for; see `end_as`.

    Without an error it is a success, unless the tracker was closed with `failed=True`.
    """
    outcome = outcome_of(error)
    if outcome == SUCCESS and tracker.has_failed:
        outcome = ERROR
    return end_as(tracker, outcome, error)


def end_as(
    tracker: ProgressTracker,
    outcome: Outcome,
    error: BaseException | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> bool:
    """End the operation of a tracker, and close the tracker; `False` if it has ended before."""
    has_failed = outcome != SUCCESS
    if error is None:
        # After an exception the span itself ends what runs inside, with the same exception.
        tracker.close_children(has_failed)
    ends_here = tracker.operation.end(outcome, error, metrics)
    tracker.close(has_failed)
    return ends_here
