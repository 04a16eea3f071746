"""The SDK's batch processors, which do not lose what comes faster than it is written.

Theirs drop records when their queue is full. Here whoever ends a span, or logs, while the queue
is half full helps to empty it: a loop of many thousand tiny operations a second is slowed down to
what can be recorded.
"""

from __future__ import annotations

import itertools
from copy import copy
from dataclasses import replace
from typing import TypedDict

from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.types import AnyValue

from taskspan import _text
from taskspan._fork import in_child
from taskspan.configuration._batches import Batch
from taskspan.configuration._environment import Batching
from taskspan.configuration._sending import HandingOverLogs, HandingOverSpans, Outlet


class _Backlog:
    """How many records have been put in and not yet taken out."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reset()
        # The SDK empties the queue of a forked child.
        in_child(self._reset)

    def _reset(self) -> None:
        self._put = itertools.count(1)  # exact under threads, as an addition is not
        self._taken = 0

    def put(self) -> bool:
        """Count one more; `True` when there are too many."""
        return next(self._put) - self._taken > self._limit

    def counting(self, outlet: Outlet) -> Outlet:
        """Return the outlet with what it takes counted, one batch at a time."""

        def take(batch: Batch) -> None:
            self._taken += len(batch)
            outlet.take(batch)

        return replace(outlet, take=take)


class _Arguments(TypedDict):
    """What both of the SDK's processors call these."""

    max_queue_size: int
    schedule_delay_millis: int
    max_export_batch_size: int
    export_timeout_millis: int


def _arguments(batching: Batching) -> _Arguments:
    return {
        "max_queue_size": batching.queue,
        "schedule_delay_millis": batching.delay_ms,
        "max_export_batch_size": batching.batch,
        # The SDK does nothing with it, but would read it from the environment.
        "export_timeout_millis": 30_000,
    }


def _bounded(record: ReadWriteLogRecord, longest: int) -> ReadWriteLogRecord:
    """Return the record, or a copy where it has a longer text: other processors see it, too."""
    inner = record.log_record
    attributes = inner.attributes or {}
    if not any(isinstance(v, str) and len(v) > longest for v in (inner.body, *attributes.values())):
        return record
    bounded = copy(inner)
    bounded.body = _cut(inner.body, longest)
    bounded.attributes = {name: _cut(value, longest) for name, value in attributes.items()}
    return ReadWriteLogRecord(bounded, record.resource, record.instrumentation_scope)


def _cut(value: AnyValue, longest: int) -> AnyValue:
    return _text.shortened(value, longest) if isinstance(value, str) else value


class LosslessSpanProcessor(BatchSpanProcessor):
    """Batches spans and drops none."""

    def __init__(self, outlet: Outlet, batching: Batching) -> None:
        self._backlog = _Backlog(batching.queue // 2)
        exporter = HandingOverSpans(self._backlog.counting(outlet))
        super().__init__(exporter, **_arguments(batching))

    def on_end(self, span: ReadableSpan) -> None:
        """Put a sampled span into the queue."""
        super().on_end(span)
        is_sampled = span.context is not None and span.context.trace_flags.sampled
        if is_sampled and self._backlog.put():
            self.force_flush()


class LosslessLogProcessor(BatchLogRecordProcessor):
    """Batches log records and drops none; bounds their texts, as span limits do for spans."""

    def __init__(self, outlet: Outlet, batching: Batching, longest: int) -> None:
        """`longest` is the limit of a text in characters."""
        self._longest = longest
        self._backlog = _Backlog(batching.queue // 2)
        exporter = HandingOverLogs(self._backlog.counting(outlet))
        super().__init__(exporter, **_arguments(batching))

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Put a record into the queue."""
        super().on_emit(_bounded(log_record, self._longest))
        if self._backlog.put():
            self.force_flush()
