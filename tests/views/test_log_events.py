"""Live log events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.trace import SpanContext, TraceFlags

from taskspan import conventions
from taskspan.conventions import ENDED_EVENT, PROGRESS_EVENT, STARTED_EVENT, Outcome
from taskspan.views._log_events import MAX_PER_SECOND, MAX_TWINS, LogEventsView
from tests.views._recording_spans import (
    START_NS,
    TRACE_ID,
    FakeClock,
    FakeEvent,
    MemoryOfLogs,
    Recorded,
)

TICK_S = 0.1


class Log:
    """A view, its clock, and what it writes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = MemoryOfLogs()
        self.view = LogEventsView(self.memory.provider.get_logger("taskspan"), self.clock)

    def new(self) -> list[LogRecord]:
        """Tick, and return the new records."""
        self.view.ticked()
        return self.memory.new()

    def after(self, seconds: float, *running: Recorded) -> list[LogRecord]:
        """Let time pass in ticks and return what was written."""
        found: list[LogRecord] = []
        for _ in range(round(seconds / TICK_S)):
            self.clock.pass_s(TICK_S)
            for live in running:
                live.progress.elapsed_ns = (live.progress.elapsed_ns or 0) + int(TICK_S * 1e9)
            found += self.new()
        return found

    def settled(self) -> list[LogRecord]:
        """Tick until nothing waits, as the processor does."""
        found = self.new()
        while self.view.is_behind:
            self.clock.pass_s(TICK_S)
            found += self.new()
        return found


@pytest.fixture
def log() -> Log:
    """A view that writes into memory."""
    return Log()


def names(records: Sequence[LogRecord]) -> list[str | None]:
    """The names of the events."""
    return [record.event_name for record in records]


def attributes(record: LogRecord) -> dict[str, Any]:
    """The attributes of a record."""
    return dict(record.attributes or {})


def end(
    log: Log, live: Recorded, outcome: Outcome = "success", error_type: str | None = None
) -> None:
    """Let an operation end."""
    live.with_outcome(outcome, error_type)
    live.span.end_time = START_NS + (live.progress.elapsed_ns or 0)
    live.span.attributes[conventions.OUTCOME] = outcome
    log.view.ended(live)


def test_a_start_is_enough_to_rebuild_the_span(log: Log) -> None:
    """`taskspan.started` has ids, name, parent, start, kind, task, description, unit and total."""
    live = Recorded("load", 7, total=2000)
    live.progress.task_type, live.progress.task_id = "nightly", "n7"
    live.span.parent = SpanContext(TRACE_ID, 3, is_remote=False)
    live.span.attributes |= {
        conventions.OPERATION_NAME: "load",
        conventions.DESCRIPTION: "Loading",
        conventions.PROGRESS_TOTAL: 2000,
    }
    log.view.started(live)
    (record,) = log.new()
    assert record.event_name == STARTED_EVENT
    assert (record.trace_id, record.span_id, record.trace_flags) == (TRACE_ID, 7, TraceFlags(1))
    assert record.timestamp == START_NS
    assert record.severity_number is SeverityNumber.INFO
    assert record.body == "load: started, 2,000 rows"
    assert attributes(record) == {
        conventions.SPAN_NAME: "load",
        conventions.SPAN_PARENT_ID: "0000000000000003",
        conventions.SPAN_START: START_NS,
        conventions.KIND: "operation",
        conventions.TASK_TYPE: "nightly",
        conventions.TASK_ID: "n7",
        conventions.OPERATION_NAME: "load",
        conventions.DESCRIPTION: "Loading",
        conventions.PROGRESS_UNIT: "{row}",
        conventions.PROGRESS_TOTAL: 2000,
    }


def test_progress_is_told_when_it_has_changed(log: Log) -> None:
    """Between start and end one record a second at most, and none while nothing changes."""
    live = Recorded("load", total=336_776)
    log.view.started(live)
    log.new()
    assert log.after(5, live) == []
    live.progress.counter.completed = 141_449
    (record,) = log.after(5, live)
    assert record.event_name == PROGRESS_EVENT
    assert record.body == "load: 42 % (141,449 of 336,776 rows)"
    assert START_NS < (record.timestamp or 0) <= START_NS + 10**10
    assert attributes(record)[conventions.PROGRESS_COMPLETED] == 141_449
    assert attributes(record)[conventions.PROGRESS_TOTAL] == 336_776


def test_a_total_a_description_and_a_text_are_changes(log: Log) -> None:
    """A new total, description or text behind the bar is told as a new count is."""
    live = Recorded("load")
    log.view.started(live)
    log.new()
    live.progress.total = 5
    assert len(log.after(3, live)) == 1
    live.progress.description = "Loading b.csv"
    (record,) = log.after(3, live)
    assert attributes(record)[conventions.DESCRIPTION] == "Loading b.csv"
    live.progress.postfix = {"file": "b.csv"}
    (record,) = log.after(3, live)
    assert str(record.body).endswith("file=b.csv")


def test_an_end_is_told_at_its_own_time(log: Log) -> None:
    """`taskspan.ended` has what the span has at its end, and the time of the end."""
    live = Recorded("load", total=2000)
    log.view.started(live)
    log.new()
    live.at(2000, 4.0)
    live.span.attributes |= {
        conventions.PROGRESS_COMPLETED: 2000,
        conventions.THROUGHPUT: 500.0,
        conventions.MEMORY_PEAK: 10,
        conventions.METRIC_PREFIX + "mean": 0.5,
    }
    log.clock.pass_s(9)
    end(log, live)
    (record,) = log.new()
    assert record.event_name == ENDED_EVENT
    assert record.timestamp == START_NS + 4 * 10**9
    assert record.body == "load: success, 100 % (2,000 of 2,000 rows), 4.0s, 500 rows/s"
    said = attributes(record)
    assert said[conventions.OUTCOME] == "success"
    assert said[conventions.PROGRESS_COMPLETED] == 2000
    assert said[conventions.THROUGHPUT] == 500.0
    assert said[conventions.MEMORY_PEAK] == 10
    assert said[conventions.METRIC_PREFIX + "mean"] == 0.5
    assert said[conventions.SPAN_NAME] == "load"


@pytest.mark.parametrize(
    ("outcome", "severity"),
    [
        ("success", SeverityNumber.INFO),
        ("cancelled", SeverityNumber.INFO),
        ("error", SeverityNumber.ERROR),
        ("interrupted", SeverityNumber.ERROR),
    ],
)
def test_a_failure_is_an_error(outcome: Outcome, severity: SeverityNumber, log: Log) -> None:
    """The severity of an end follows from the outcome; a failure comes with its message."""
    live = Recorded("load")
    live.progress.metrics["error_message"] = "row 7"
    live.span.attributes[conventions.ERROR_TYPE] = "ValueError"
    log.view.started(live)
    end(log, live, outcome, "ValueError")
    (record,) = log.new()
    assert record.severity_number is severity
    assert attributes(record)[conventions.EXCEPTION_MESSAGE] == "row 7"
    assert attributes(record)[conventions.ERROR_TYPE] == "ValueError"
    assert "(ValueError: row 7)" in str(record.body)


def test_retries_and_exceptions_have_a_twin(log: Log) -> None:
    """A retry and an exception on the span are written as log events too, each once."""
    live = Recorded("load")
    log.view.started(live)
    log.new()
    retry = {conventions.RETRY_ATTEMPT: 1, conventions.RETRY_WAIT: 2.0, "error.type": "OSError"}
    live.span.events += [
        FakeEvent(PROGRESS_EVENT),
        FakeEvent(conventions.RETRY_EVENT, START_NS + 5, retry),
    ]
    (record,) = log.after(3, live)
    assert record.event_name == conventions.RETRY_EVENT
    assert record.timestamp == START_NS + 5
    assert record.severity_number is SeverityNumber.WARN
    assert record.body == "load: attempt 1 failed (OSError), the next one in 2.0s"
    assert attributes(record) == retry
    said = {conventions.EXCEPTION_TYPE: "OSError", conventions.EXCEPTION_MESSAGE: "gone"}
    live.span.events.append(FakeEvent(conventions.EXCEPTION_EVENT, START_NS + 6, said))
    end(log, live, "error")
    exception, ended = log.new()
    assert (exception.event_name, ended.event_name) == (conventions.EXCEPTION_EVENT, ENDED_EVENT)
    assert exception.body == "load: OSError: gone"


def test_events_that_the_span_has_dropped_are_not_missed_twice(log: Log) -> None:
    """Where the span keeps only its last events, those not told yet are told, a bounded number."""
    live = Recorded("load")
    log.view.started(live)
    log.new()
    live.span.events = [FakeEvent(conventions.RETRY_EVENT, START_NS + n) for n in range(128)]
    live.span.dropped_events = 1000
    assert len(log.after(2, live)) == MAX_TWINS
    live.span.dropped_events += 2
    assert len(log.after(2, live)) == 2


def test_a_short_operation_is_reduced_to_its_end(log: Log) -> None:
    """Of one that starts and ends between two ticks there is the end alone."""
    live = Recorded("load")
    log.view.started(live)
    end(log, live)
    assert names(log.new()) == [ENDED_EVENT]


def test_short_operations_beyond_the_limit_are_counted(log: Log) -> None:
    """What came too fast is left out, and a later record tells how many there were."""
    for number in range(1000):
        live = Recorded(f"n{number}", number + 1)
        log.view.started(live)
        end(log, live)
    log.view.left_out(500)
    records = log.new()
    assert set(names(records)) == {ENDED_EVENT}
    assert len(records) < MAX_PER_SECOND
    log.clock.pass_s(1)
    live = Recorded("last", 5000)
    log.view.started(live)
    end(log, live)
    records += log.new()
    told = sum(attributes(record).get(conventions.OPERATIONS_LEFT_OUT, 0) for record in records)
    assert told == 1501 - len(records)


def test_starts_beyond_the_limit_are_written_later(log: Log) -> None:
    """A start that the limit delays is written when there is room, unless it has ended by then."""
    lives = [Recorded(f"n{number}", number + 1) for number in range(300)]
    for live in lives:
        log.view.started(live)
    first = log.new()
    assert 0 < len(first) < MAX_PER_SECOND
    assert log.view.is_behind
    rest = log.settled()
    assert set(names(first + rest)) == {STARTED_EVENT}
    assert len({record.span_id for record in first + rest}) == 300


def test_tasks_come_first(log: Log) -> None:
    """A task's start and end get through however many operations come and go."""
    task = Recorded("nightly", 10_000, kind="task")
    for number in range(500):
        log.view.started(Recorded(f"n{number}", number + 1))
    log.view.started(task)
    assert 10_000 in {record.span_id for record in log.new()}
    end(log, task)
    (record,) = log.new()
    assert (record.span_id, record.event_name) == (10_000, ENDED_EVENT)


def test_a_short_task_among_many_operations_is_told(log: Log) -> None:
    """The end of a task whose whole run lies between two ticks is not pushed out."""
    task = Recorded("nightly", 10_000, kind="task")
    log.view.started(task)
    for number in range(500):
        live = Recorded(f"n{number}", number + 1)
        log.view.started(live)
        end(log, live)
    end(log, task)
    assert 10_000 in {record.span_id for record in log.new()}


def test_whatever_was_announced_is_told_to_have_ended(log: Log) -> None:
    """Every start that was written is followed by its end, however many end at once."""
    lives = [Recorded(f"n{number}", number + 1) for number in range(400)]
    for live in lives:
        log.view.started(live)
    records = log.settled()
    for live in lives:
        end(log, live)
    records += log.settled()
    ended = {record.span_id for record in records if record.event_name == ENDED_EVENT}
    assert ended == {record.span_id for record in records if record.event_name == STARTED_EVENT}
    assert len(ended) == 400


def test_a_second_view_does_not_announce_again(log: Log) -> None:
    """Where another view takes over, no end is told, and no second start."""
    live = Recorded("load")
    log.view.started(live)
    log.new()
    log.view.ended(live)
    log.view.started(live)
    assert log.new() == []


def test_quiet_is_told_all_the_same(log: Log) -> None:
    """What is not drawn is logged: quiet means no drawing."""
    log.view.started(Recorded("load", is_drawn=False))
    assert names(log.new()) == [STARTED_EVENT]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202eabc", "\ud800", "x" * 100_000])
def test_hostile_text_is_bounded_and_can_be_encoded(text: str, log: Log) -> None:
    """Bodies are one printable line of bounded length; attributes can be encoded as UTF-8."""
    live = Recorded(f"load {text}", unit=text, total=3)
    live.span.attributes[conventions.DESCRIPTION] = text
    live.progress.postfix = {text: text}
    live.progress.metrics["error_message"] = text
    log.view.started(live)
    records = log.new()
    live.at(1, 0)
    records += log.after(2, live)
    live.span.events.append(
        FakeEvent(conventions.EXCEPTION_EVENT, attributes={conventions.EXCEPTION_MESSAGE: text})
    )
    end(log, live, "error")
    records += log.new()
    assert len(records) == 4
    for record in records:
        assert str(record.body).isprintable()
        assert len(str(record.body)) < 2000
        for value in attributes(record).values():
            str(value).encode()
            assert len(str(value)) <= 4096


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 400), st.floats(0.0, 1.5)),
        min_size=1,
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
def test_the_limits_hold_whatever_happens(steps: list[tuple[int, int, float]], random: Any) -> None:
    """Never more than 100 records in any second, nor two in one about an operation's progress."""
    log = Log()
    running: list[Recorded] = []
    written: list[int] = []
    progress: dict[int, list[int]] = defaultdict(list)
    number = 0
    for starts, ends, seconds in steps:
        for _ in range(starts):
            number += 1
            running.append(Recorded(f"n{number}", number))
            log.view.started(running[-1])
        for live in running:
            live.progress.counter.completed += 1
            live.progress.elapsed_ns = (live.progress.elapsed_ns or 0) + int(seconds * 1e9)
        random.shuffle(running)
        for live in running[:ends]:
            end(log, live)
        del running[:ends]
        log.clock.pass_s(seconds)
        for record in log.new():
            written.append(log.clock.now_ns)
            if record.event_name == PROGRESS_EVENT:
                progress[record.span_id or 0].append(record.timestamp or 0)
    for first in written:
        assert sum(first <= at < first + 10**9 for at in written) <= MAX_PER_SECOND
    for times in progress.values():
        assert all(later - earlier >= 10**9 for earlier, later in pairwise(times))
