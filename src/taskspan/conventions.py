"""Every name that taskspan writes, with its type, unit and meaning.

The table is the single place where a name is spelled; `docs/conventions.md` is
generated from it (`make docs`) and a test keeps the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Place = Literal["attribute", "event", "metric"]


@dataclass(frozen=True, slots=True)
class Convention:
    """One name, where it is written, its type or instrument, its unit and what it means."""

    name: str
    place: Place
    type: str
    unit: str
    meaning: str


_table: list[Convention] = []


def _attribute(name: str, type_: str, unit: str, meaning: str) -> str:
    _table.append(Convention(name, "attribute", type_, unit, meaning))
    return name


def _event(name: str, type_: str, meaning: str) -> str:
    _table.append(Convention(name, "event", type_, "", meaning))
    return name


def _metric(name: str, instrument: str, unit: str, meaning: str) -> str:
    _table.append(Convention(name, "metric", instrument, unit, meaning))
    return name


INSTRUMENTATION_SCOPE: Final = "taskspan"

KIND: Final = _attribute(
    "taskspan.kind", "string", "", "`task` or `operation`: makes a span visible to taskspan."
)
TASK_ID: Final = _attribute(
    "taskspan.task.id", "string", "", "Identifies one run of a task; never a metric attribute."
)
TASK_TYPE: Final = _attribute(
    "taskspan.task.type", "string", "", "What kind of task this is; also the task's span name."
)
OPERATION_NAME: Final = _attribute(
    "taskspan.operation.name", "string", "", "Name of the operation (low cardinality)."
)
DESCRIPTION: Final = _attribute(
    "taskspan.description", "string", "", "The text shown on the bar, for people."
)
PROGRESS_TOTAL: Final = _attribute(
    "taskspan.progress.total", "int", "{item}", "Items expected; absent when unknown."
)
PROGRESS_COMPLETED: Final = _attribute(
    "taskspan.progress.completed", "int", "{item}", "Items done so far; final at the end."
)
PROGRESS_UNIT: Final = _attribute(
    "taskspan.progress.unit",
    "string",
    "",
    "What an item is, as a UCUM annotation: `{row}` (semantic conventions, instrument units).",
)
THROUGHPUT: Final = _attribute(
    "taskspan.throughput", "double", "{item}/s", "Items per second since the start."
)
MEMORY_PEAK: Final = _attribute(
    "taskspan.memory.peak",
    "int",
    "By",
    "Largest resident memory of the process seen while the span ran.",
)
MEMORY_DELTA: Final = _attribute(
    "taskspan.memory.delta", "int", "By", "`taskspan.memory.peak` less the memory at the start."
)
MEMORY_USAGE: Final = _attribute(
    "process.memory.usage",
    "int",
    "By",
    "Resident memory of the process, last sample (semantic conventions, process metrics).",
)
OUTCOME: Final = _attribute(
    "taskspan.outcome", "string", "", "`success`, `error`, `cancelled` or `interrupted`."
)
ERROR_TYPE: Final = _attribute(
    "error.type",
    "string",
    "",
    "Class of the exception, or `_OTHER` (semantic conventions, error attributes).",
)
METRIC_PREFIX: Final = _attribute(
    "taskspan.metric.", "any", "", "Prefix of every final metric that the application reported."
)
EXCEPTION_TYPE: Final = _attribute(
    "exception.type", "string", "", "Class of the exception (semantic conventions, exceptions)."
)
EXCEPTION_MESSAGE: Final = _attribute(
    "exception.message", "string", "", "Its message, at most 4,096 characters."
)
EXCEPTION_STACKTRACE: Final = _attribute(
    "exception.stacktrace", "string", "", "Its stack trace, at most 32,768 characters."
)
RETRY_ATTEMPT: Final = _attribute(
    "taskspan.retry.attempt", "int", "{attempt}", "Number of the attempt that failed, from 1."
)
RETRY_WAIT: Final = _attribute(
    "taskspan.retry.wait", "double", "s", "Seconds waited before the next attempt."
)
SPAN_NAME: Final = _attribute(
    "taskspan.span.name", "string", "", "On log events: the name of the span that they belong to."
)
SPAN_PARENT_ID: Final = _attribute(
    "taskspan.span.parent_id",
    "string",
    "",
    "On log events: the id of the span around it, 16 hexadecimal digits; absent at the root.",
)
SPAN_START: Final = _attribute(
    "taskspan.span.start_time", "int", "ns", "On log events: start of the span, since 1970 (UTC)."
)
CODE_FILE: Final = _attribute(
    "code.file.path",
    "string",
    "",
    "On the application's log records: where it was logged (semantic conventions, code).",
)
CODE_FUNCTION: Final = _attribute("code.function.name", "string", "", "The same: the function.")
CODE_LINE: Final = _attribute("code.line.number", "int", "", "The same: the line.")
THREAD_NAME: Final = _attribute(
    "thread.name", "string", "", "The same: the thread (semantic conventions, thread)."
)
OPERATIONS_LEFT_OUT: Final = _attribute(
    "taskspan.operations.left_out",
    "int",
    "{operation}",
    "On log events: short operations without one, since the last record that has this attribute. "
    "They came too fast; their spans are recorded.",
)

_SPAN_EVENT: Final = "span event, log event"

STARTED_EVENT: Final = _event(
    "taskspan.started",
    "log event",
    "A task or operation has started: what its span says then, its name, parent and start.",
)
PROGRESS_EVENT: Final = _event(
    "taskspan.progress",
    _SPAN_EVENT,
    "Where the operation was: completed, total, throughput, process memory. At most 100 a span, "
    "the first and the last kept; as a log event at most once a second, if something changed.",
)
RETRY_EVENT: Final = _event(
    "taskspan.retry",
    _SPAN_EVENT,
    "An attempt failed and another follows: attempt, wait, error type.",
)
EXCEPTION_EVENT: Final = _event(
    "exception",
    _SPAN_EVENT,
    "The exception that ended the span (semantic conventions, exceptions).",
)
ENDED_EVENT: Final = _event(
    "taskspan.ended",
    "log event",
    "A task or operation has ended: what `taskspan.started` says, and what its span says at the "
    "end. Of one that was short it may be the only log event.",
)

TASK_DURATION: Final = _metric(
    "taskspan.task.duration", "histogram", "s", "How long tasks took, by type and outcome."
)
OPERATION_DURATION: Final = _metric(
    "taskspan.operation.duration",
    "histogram",
    "s",
    "How long operations took, by task type, name and outcome.",
)
OPERATION_ITEMS: Final = _metric(
    "taskspan.operation.items", "asynchronous counter", "{item}", "Items completed."
)
OPERATION_ACTIVE: Final = _metric(
    "taskspan.operation.active",
    "asynchronous up-down counter",
    "{operation}",
    "Operations running now.",
)
OPERATION_PROGRESS: Final = _metric(
    "taskspan.operation.progress",
    "asynchronous gauge",
    "1",
    "Completed / total of the running operations, 0 to 1; absent without a total.",
)
OPERATION_THROUGHPUT: Final = _metric(
    "taskspan.operation.throughput",
    "asynchronous gauge",
    "{item}/s",
    "Items per second of the running operations, else of the last one that ended.",
)
OPERATION_MEMORY_PEAK: Final = _metric(
    "taskspan.operation.memory.peak",
    "asynchronous gauge",
    "By",
    "Peak process memory of the running operations, else of the last one that ended.",
)
PROCESS_MEMORY: Final = _metric(
    MEMORY_USAGE,
    "asynchronous up-down counter",
    "By",
    "Resident memory of the process (semantic conventions, process metrics).",
)

CONVENTIONS: Final[tuple[Convention, ...]] = tuple(_table)

KIND_TASK: Final = "task"
KIND_OPERATION: Final = "operation"

SUCCESS: Final = "success"
ERROR: Final = "error"
CANCELLED: Final = "cancelled"
INTERRUPTED: Final = "interrupted"

Outcome = Literal["success", "error", "cancelled", "interrupted"]
Kind = Literal["task", "operation"]

ERROR_TYPE_OTHER: Final = "_OTHER"


def unit_annotation(unit: str) -> str:
    """Return a unit as a UCUM annotation: `rows` becomes `{row}`.

    Source: OpenTelemetry semantic conventions, "Instrument units".
    """
    singular = unit[:-1] if len(unit) > 1 and unit.endswith("s") and unit[-2] != "s" else unit
    return "{" + singular + "}"
