"""The span processor: what it hears of spans goes into the tree, and on ticks to the views."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from taskspan import _carrier
from taskspan._fork import in_child
from taskspan._guard import guarded
from taskspan._live import LiveProgress
from taskspan._memory import PROBE
from taskspan._protocols import Recorder, View
from taskspan._report_feed import feed
from taskspan.processor import _foreign
from taskspan.processor._ticker import Ticker
from taskspan.processor._tree import Node, Tree


class ProgressSpanProcessor(SpanProcessor):
    """Shows running tasks and operations to views, and feeds their reporters.

    Takes in every span that carries the `taskspan.*` attributes, whoever made it; add it
    to a tracer provider like any other processor. It never draws or waits in a span
    callback: views are called from a thread of its own, at most ten times a second, and
    once more when the last operation ends.
    """

    def __init__(self, views: Sequence[View] = ()) -> None:
        """Show what runs to `views`; without any, only reporters are fed."""
        self._tree = Tree()
        self._ticker = Ticker(self._tick)
        self._foreign: dict[int, Span] = {}
        self._views: list[View] = list(views)
        self._next_views: list[View] | None = None
        self._recorders = _recorders_among(views)
        self._flush_is_wanted = False
        self.is_shut_down = False
        in_child(self.forget_in_child)

    def set_views(self, views: Sequence[View]) -> None:
        """Show what runs, and will run, to these views instead."""
        self._next_views = list(views)
        self._recorders = _recorders_among(views)
        self._ticker.tick()

    # -- called by the SDK, on the threads of the task

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Take in a span that stands for a task or an operation."""
        with guarded("the start of a span in the progress processor"):
            progress = _carrier.starting(parent_context)
            if progress is not None:
                self.watch(span, progress)
            elif _foreign.is_ours(span):
                self._watch_foreign(span, parent_context)

    def watch(self, span: Span, progress: LiveProgress) -> None:
        """Take in a span together with the state that its producer keeps of it.

        The first processor that hears of it watches it; any other leaves it alone.
        """
        if progress.watcher is not None or self.is_shut_down:
            return
        progress.watcher = self
        self._start(span, progress)

    def _watch_foreign(self, span: Span, parent_context: Context | None) -> None:
        if self.is_shut_down:
            return
        above = self._tree.find(span.parent.span_id) if span.parent is not None else None
        parent = above.progress if above is not None else _carrier.enclosing(parent_context)
        self._foreign[span.get_span_context().span_id] = span
        self._start(span, _foreign.progress_of(span, parent))

    def _start(self, span: Span, progress: LiveProgress) -> None:
        span_id = span.get_span_context().span_id
        progress.span_id = span_id
        progress.span = span
        self._tree.start(span_id, progress, None if span.parent is None else span.parent.span_id)
        self._ticker.wake()

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span out again and tell its reporter."""
        with guarded("the end of a span in the progress processor"):
            context = span.get_span_context()
            node = None if context is None else self._tree.find(context.span_id)
            if node is not None:
                self._end(node, span)

    def _end(self, node: Node, span: ReadableSpan) -> None:
        # Before it leaves the tree: views are then told of an end with its outcome.
        if self._foreign.pop(node.span_id, None) is not None:
            _foreign.settle(node.progress, span)
        self._take_out(node)

    def see_end(self, progress: LiveProgress) -> None:
        """Take out what has ended, where another processor raised before `on_end` came here."""
        node = None if progress.span_id is None else self._tree.find(progress.span_id)
        if node is not None:
            self._take_out(node)

    def _take_out(self, node: Node) -> None:
        if self._tree.end(node.span_id) is None:
            return
        feed(node.progress)
        for recorder in self._recorders:
            with guarded(f"the view {type(recorder).__name__}"):
                recorder.gather(node)
        # The last one out leaves its last value on the screen, unless it was never there.
        # Those that keep records have time: the ticker comes to them, or a flush.
        is_drawn = len(self._views) > len(self._recorders)
        if is_drawn and self._tree.is_empty and (node.is_delivered or node.progress.leaves_bar):
            self.redraw()

    def redraw(self) -> None:
        """Show the latest values now; waits at most two seconds for a view that is busy."""
        if self._views:
            self._ticker.tick()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  the SDK's signature
        """Show and write the latest values."""
        self._flush()
        return True

    def _flush(self) -> None:
        self._flush_is_wanted = True
        self.redraw()

    def shutdown(self) -> None:
        """Show the latest values and end the thread; spans that start later are not shown."""
        if self.is_shut_down:
            return
        self.is_shut_down = True
        self._flush()
        self._ticker.stop()

    # -- on the ticker's thread, or on the one that ended the last operation

    def _tick(self) -> bool:
        # Read first: whoever asks for it while this tick is under way gets one of its own.
        is_flush, self._flush_is_wanted = self._flush_is_wanted, False
        running = self._tree.running()
        self._refresh(running)
        self._show(self._tree.take_changed())
        if self._next_views is not None:
            self._change_views(self._next_views)
        if is_flush:
            self._call_recorders(lambda recorder: recorder.flush())
        return bool(running) or any(view.is_behind for view in _recorders_among(self._views))

    def _change_views(self, views: Sequence[View]) -> None:
        """Let those that leave take off what they show, and those that come take it up."""
        self._next_views = None
        shown = [node for node in self._tree.running() if node.is_delivered]
        leaving = [view for view in self._views if view not in views]
        coming = [view for view in views if view not in self._views]
        for view in leaving:
            _still_works(view, lambda view: _take_off(view, shown))
        staying = [view for view in self._views if view in views]
        coming = [view for view in coming if _still_works(view, lambda view: _take_up(view, shown))]
        # In the order given: some draw above others.
        self._views = [view for view in views if view in staying or view in coming]

    def _refresh(self, running: Sequence[Node]) -> None:
        memory = PROBE.sample() if running else 0
        for node in running:
            progress = node.progress
            progress.see_memory(memory)
            if progress.write_overdue_event is not None:
                progress.write_overdue_event()
        for span_id, span in list(self._foreign.items()):
            foreign = self._tree.find(span_id)
            if foreign is not None:
                _foreign.refresh(foreign.progress, span)

    def _show(self, changed: Sequence[tuple[Node, bool]]) -> None:
        if dropped := self._tree.take_dropped():
            self._call_recorders(lambda recorder: recorder.left_out(dropped))
        for node, has_ended in changed:
            if has_ended:
                self._tell_end(node)
            else:
                self._tell_start(node)
        self._call_views(lambda view: view.ticked())

    def _tell_start(self, node: Node) -> None:
        self._call_views(lambda view: view.started(node))

    def _tell_end(self, node: Node) -> None:
        self._call_views(lambda view: view.ended(node))

    def _call_views(self, call: Callable[[View], None]) -> None:
        self._views = [view for view in self._views if _still_works(view, call)]

    def _call_recorders(self, call: Callable[[Recorder], None]) -> None:
        self._call_views(lambda view: call(view) if isinstance(view, Recorder) else None)

    def forget_in_child(self) -> None:
        """Drop what the parent process runs and draws: a forked child shows nothing."""
        self._views = []
        self._recorders = []
        self._foreign = {}
        self._tree.clear()
        self._ticker.start_anew()


def _recorders_among(views: Sequence[View]) -> list[Recorder]:
    return [view for view in views if isinstance(view, Recorder)]


def _take_off(view: View, shown: Sequence[Node]) -> None:
    for node in shown:
        view.ended(node)
    view.ticked()


def _take_up(view: View, shown: Sequence[Node]) -> None:
    for node in shown:
        view.started(node)
    view.ticked()


def _still_works(view: View, call: Callable[[View], None]) -> bool:
    with guarded(f"the view {type(view).__name__} failed and is switched off"):
        call(view)
        return True
    return False
