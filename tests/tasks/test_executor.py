"""`OperationExecutor`: one run, and retries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import OperationExecutor, OperationResult, OperationStatus, conventions
from tests.producer._reading import (
    attributes_of,
    events_named,
    is_child_of,
    names_of,
    outcome_of,
    span_named,
    spans_named,
)

OK = OperationResult()
BAD = OperationResult(OperationStatus.ERROR, error_message="no rows")


class Flaky:
    """An operation that goes through a list of ends: exceptions to raise, values to return."""

    name = "fetch"

    def __init__(self, *ends: object, closes: bool = False) -> None:
        self._ends = list(ends)
        self._closes = closes
        self.calls: list[dict[str, Any]] = []

    def run(self, progress_tracker: taskspan.ProgressTracker, **params: Any) -> object:
        """End as the next in the list does."""
        self.calls.append(params)
        progress_tracker.update(2)
        if self._closes:
            progress_tracker.close()
        end = self._ends.pop(0)
        if isinstance(end, BaseException):
            raise end
        return end


class Setting:
    """A task with an executor that notes its waits instead of waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.postfixes: list[dict[str, object]] = []
        self.task = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
        self.executor = OperationExecutor(None, self.task, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        tracker = self.task.active_operations.get("fetch")
        if tracker is not None:
            self.postfixes.append(dict(tracker.operation.progress.postfix))

    def retry(self, operation: Flaky, **options: Any) -> OperationResult:
        """Run an operation with retries, by default without chance in the waits."""
        return self.executor.execute_with_retry(operation, **{"jitter": False, **options})


@pytest.fixture
def setting(exporter: InMemorySpanExporter) -> Iterator[Setting]:
    """A task, ended after the test."""
    setting = Setting()
    yield setting
    setting.task.close()


def retries_on(exporter: InMemorySpanExporter) -> list[dict[str, Any]]:
    """Return the attributes of the retry events of the operation."""
    events = events_named(span_named(exporter, "fetch"), conventions.RETRY_EVENT)
    return [dict(event.attributes or {}) for event in events]


def metric(exporter: InMemorySpanExporter, name: str) -> object:
    """Return a metric of the operation."""
    return attributes_of(span_named(exporter, "fetch"))[conventions.METRIC_PREFIX + name]


# -- once


def test_a_result_is_returned_as_it_is(setting: Setting) -> None:
    """An `OperationResult` is returned itself, with its time filled in."""
    given = OperationResult(data=3)
    with setting.task.operation("load") as tracker:
        result = setting.executor.execute_operation(Flaky(given), {"path": "a"}, tracker)
    assert result is given
    assert result.execution_time is not None
    assert result.execution_time >= 0
    assert tracker.metrics["current"] == 2


def test_a_time_that_is_given_stays(setting: Setting) -> None:
    """An operation that measured itself is believed."""
    with setting.task.operation("load") as tracker:
        result = setting.executor.execute_operation(
            Flaky(OperationResult(execution_time=7.5)), progress_tracker=tracker
        )
    assert result.execution_time == 7.5


@pytest.mark.parametrize("value", [None, 0, [1], "text"])
def test_a_plain_value_is_data(value: object, setting: Setting) -> None:
    """What is no result becomes the data of a successful one."""
    with setting.task.operation("load") as tracker:
        result = setting.executor.execute_operation(Flaky(value), progress_tracker=tracker)
    assert result.data == value
    assert result.status is OperationStatus.SUCCESS


def test_an_exception_is_raised(setting: Setting) -> None:
    """What an operation raises goes on."""
    flaky = Flaky(KeyError("row"))
    with pytest.raises(KeyError), setting.task.operation("load") as tracker:
        setting.executor.execute_operation(flaky, progress_tracker=tracker)


def test_without_a_tracker_none_is_passed(setting: Setting) -> None:
    """An operation that needs no tracker gets none, and its parameters are not changed."""

    class Plain:
        def run(self, **params: Any) -> object:
            return params

    params = {"path": "a"}
    assert setting.executor.execute_operation(Plain(), params).data == {"path": "a"}
    assert params == {"path": "a"}


# -- retries


def test_success_at_once(setting: Setting, exporter: InMemorySpanExporter) -> None:
    """An operation that succeeds is run once, without a wait or a retry event."""
    flaky = Flaky(OK)
    assert setting.retry(flaky) is OK
    assert len(flaky.calls) == 1
    assert setting.waits == []
    assert retries_on(exporter) == []
    assert metric(exporter, "attempts") == 1
    assert metric(exporter, "success") is True
    assert outcome_of(span_named(exporter, "fetch")) == "success"


def test_success_in_the_end(setting: Setting, exporter: InMemorySpanExporter) -> None:
    """After failures that are retried, the operation is a success with so many attempts."""
    flaky = Flaky(OSError("reset"), TimeoutError(), OK)
    assert setting.retry(flaky) is OK
    assert len(flaky.calls) == 3
    assert retries_on(exporter) == [
        {
            conventions.RETRY_ATTEMPT: 1,
            conventions.RETRY_WAIT: 1.0,
            conventions.ERROR_TYPE: "OSError",
        },
        {
            conventions.RETRY_ATTEMPT: 2,
            conventions.RETRY_WAIT: 2.0,
            conventions.ERROR_TYPE: "TimeoutError",
        },
    ]
    assert metric(exporter, "attempts") == 3
    assert metric(exporter, "success") is True
    span = span_named(exporter, "fetch")
    assert outcome_of(span) == "success"
    assert attributes_of(span)[conventions.PROGRESS_COMPLETED] == 3
    assert attributes_of(span)[conventions.PROGRESS_TOTAL] == 3
    assert attributes_of(span)[conventions.PROGRESS_UNIT] == "{attempt}"


def test_each_attempt_is_an_operation_inside(
    setting: Setting, exporter: InMemorySpanExporter
) -> None:
    """Each attempt has a span of its own with its count, outcome and exception."""
    setting.retry(Flaky(OSError("reset"), OK))
    attempts = spans_named(exporter, "fetch attempt")
    assert [outcome_of(span) for span in attempts] == ["error", "success"]
    assert [attributes_of(s)[conventions.PROGRESS_COMPLETED] for s in attempts] == [2, 2]
    assert all(is_child_of(span, span_named(exporter, "fetch")) for span in attempts)
    assert len(events_named(attempts[0], conventions.EXCEPTION_EVENT)) == 1
    assert setting.task.operations_completed == 1


@pytest.mark.parametrize("first", [OSError("reset"), BAD])
def test_an_attempt_that_closes_its_tracker(
    first: object, setting: Setting, exporter: InMemorySpanExporter
) -> None:
    """An operation may close its tracker before it fails; the attempt is a failure still."""
    setting.retry(Flaky(first, OK, closes=True))
    attempts = spans_named(exporter, "fetch attempt")
    assert [outcome_of(span) for span in attempts] == ["error", "success"]


def test_what_an_attempt_opens_lies_inside_it(
    setting: Setting, exporter: InMemorySpanExporter
) -> None:
    """An operation that an attempt opens is a child of the attempt."""

    class Nesting:
        name = "fetch"

        def run(self, progress_tracker: taskspan.ProgressTracker) -> None:
            with taskspan.operation("inner"):
                pass

    setting.executor.execute_with_retry(Nesting())
    assert is_child_of(span_named(exporter, "inner"), span_named(exporter, "fetch attempt"))


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({}, [1, 2, 4]),
        ({"initial_wait": 0.5}, [0.5, 1, 2]),
        ({"backoff_factor": 1}, [1, 1, 1]),
        ({"backoff_factor": 3.0, "max_wait": 5}, [1, 3, 5]),
        ({"max_wait": 0}, [0, 0, 0]),
        ({"max_retries": 1}, [1]),
        ({"max_retries": 0}, []),
    ],
)
def test_waits(options: dict[str, Any], waits: list[float], setting: Setting) -> None:
    """Each wait is `backoff_factor` times the one before, up to `max_wait`."""
    flaky = Flaky(*[OSError("reset")] * 4)
    with pytest.raises(OSError, match="reset"):
        setting.retry(flaky, **options)
    assert setting.waits == waits
    assert len(flaky.calls) == len(waits) + 1


@pytest.mark.parametrize(("jitter", "most"), [(True, 0.25), (2.0, 2.0), (0, 0.0), (False, 0.0)])
def test_jitter(jitter: float, most: float, setting: Setting) -> None:
    """A wait is longer by chance: at most by `jitter`, or by a quarter of the first wait."""
    for _ in range(20):
        setting.retry(Flaky(OSError("reset"), OK), jitter=jitter)
    assert len(setting.waits) == 20
    assert all(1 <= wait <= 1 + most for wait in setting.waits)
    assert (len(set(setting.waits)) > 1) is (most > 0)


def test_jitter_stays_below_the_longest_wait(setting: Setting) -> None:
    """No wait is longer than `max_wait`, whatever chance adds."""
    setting.retry(Flaky(OSError("reset"), OK), jitter=50.0, max_wait=1.5)
    assert setting.waits[0] <= 1.5


@pytest.mark.parametrize(
    ("retry_on", "error", "is_retried"),
    [
        (OSError, OSError(), True),
        (OSError, ConnectionError(), True),
        (OSError, KeyError(), False),
        ((OSError, KeyError), KeyError(), True),
        ((OSError, KeyError), ValueError(), False),
        ((), OSError(), False),
        (lambda error: "again" in str(error), ValueError("again"), True),
        (lambda error: "again" in str(error), ValueError("never"), False),
        (Exception, KeyboardInterrupt(), False),
    ],
)
def test_what_is_retried(
    retry_on: type[Exception] | tuple[type[Exception], ...] | Callable[[BaseException], bool],
    error: BaseException,
    is_retried: bool,
    setting: Setting,
    exporter: InMemorySpanExporter,
) -> None:
    """`retry_on` is a class, several, or a function; anything else is raised at once."""
    flaky = Flaky(error, OK)
    if is_retried:
        assert setting.retry(flaky, retry_on=retry_on) is OK
        assert len(flaky.calls) == 2
        return
    with pytest.raises(type(error)) as raised:
        setting.retry(flaky, retry_on=retry_on)
    assert raised.value is error
    assert len(flaky.calls) == 1
    assert setting.waits == []
    assert metric(exporter, "attempts") == 1
    assert metric(exporter, "success") is False


def test_the_last_exception_is_raised(setting: Setting, exporter: InMemorySpanExporter) -> None:
    """When the attempts are used up, what the last one raised goes on, as it is."""
    last = OSError("third")
    with pytest.raises(OSError, match="third") as raised:
        setting.retry(Flaky(OSError("first"), OSError("second"), last), max_retries=2)
    assert raised.value is last
    span = span_named(exporter, "fetch")
    assert outcome_of(span) == "error"
    assert attributes_of(span)[conventions.ERROR_TYPE] == "OSError"
    assert metric(exporter, "attempts") == 3
    assert metric(exporter, "success") is False
    assert len(retries_on(exporter)) == 2


def test_a_failed_result_is_retried(setting: Setting, exporter: InMemorySpanExporter) -> None:
    """A result with status `ERROR` is retried like an exception."""
    assert setting.retry(Flaky(BAD, OK)) is OK
    (event,) = retries_on(exporter)
    assert event[conventions.ERROR_TYPE] == conventions.ERROR_TYPE_OTHER
    assert [outcome_of(s) for s in spans_named(exporter, "fetch attempt")] == ["error", "success"]


def test_the_last_result_is_returned(setting: Setting, exporter: InMemorySpanExporter) -> None:
    """When the attempts are used up, a failed result is returned, not raised."""
    last = OperationResult(OperationStatus.ERROR, {"rejected": 4}, error_message="no rows")
    assert setting.retry(Flaky(BAD, last), max_retries=1) is last
    span = span_named(exporter, "fetch")
    assert outcome_of(span) == "error"
    assert span.status.description == "no rows"
    assert metric(exporter, "success") is False
    assert metric(exporter, "attempts") == 2
    assert metric(exporter, "rejected") == 4


def test_the_wait_is_on_the_bar(setting: Setting) -> None:
    """While it waits, the bar tells the attempt and the wait."""
    setting.retry(Flaky(OSError("reset"), OSError("reset"), OK), initial_wait=2.5)
    assert setting.postfixes == [
        {"attempt": "1/4", "wait": "2.5s"},
        {"attempt": "2/4", "wait": "5.0s"},
    ]


def test_a_retry_is_a_warning(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    """Each retry is one warning, with operation, attempt, error and wait."""
    setting.retry(Flaky(OSError("reset"), OK))
    (message,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert message == "fetch: attempt 1 of 4 failed (OSError); the next one in 1.0s"


def test_a_tracker_among_the_parameters(setting: Setting, exporter: InMemorySpanExporter) -> None:
    """A `progress_tracker` that the caller brings is the one all attempts count on."""
    with setting.task.operation("load") as tracker:
        setting.retry(Flaky(OSError("reset"), OK), params={"progress_tracker": tracker})
    assert tracker.metrics["current"] == 4
    assert spans_named(exporter, "fetch attempt") == []


def test_parameters_are_passed_to_each_attempt(setting: Setting) -> None:
    """Every attempt gets the same parameters."""
    flaky = Flaky(OSError("reset"), OK)
    setting.retry(flaky, params={"path": "a"})
    assert flaky.calls == [{"path": "a"}, {"path": "a"}]


@pytest.mark.parametrize(
    ("max_retries", "error"), [(-1, ValueError), (1.5, TypeError), ("3", TypeError)]
)
def test_bad_numbers_of_retries(
    max_retries: Any, error: type[Exception], setting: Setting, exporter: InMemorySpanExporter
) -> None:
    """A number of retries that is none is told at once, before anything runs."""
    with pytest.raises(error, match="max_retries"):
        setting.retry(Flaky(OK), max_retries=max_retries)
    assert names_of(exporter) == []


def test_without_a_task(exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture) -> None:
    """Without a task the attempts are an operation where the caller stands, and are logged."""
    waits: list[float] = []
    executor = OperationExecutor(sleep=waits.append)
    with taskspan.operation("outer"):
        assert executor.execute_with_retry(Flaky(OSError("reset"), OK), jitter=False) is OK
    assert waits == [1]
    assert is_child_of(span_named(exporter, "fetch"), span_named(exporter, "outer"))
    assert "fetch: attempt 1 of 4 failed" in caplog.text


def test_ctrl_c_during_a_wait(exporter: InMemorySpanExporter) -> None:
    """Ctrl-C while it waits goes on, and ends the operation as interrupted."""

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    with taskspan.TaskProgressManager("1", "nightly", None, quiet=True) as task:
        executor = OperationExecutor(None, task, interrupted)
        with pytest.raises(KeyboardInterrupt):
            executor.execute_with_retry(Flaky(OSError("reset"), OK))
    assert outcome_of(span_named(exporter, "fetch")) == "interrupted"
    assert outcome_of(span_named(exporter, "nightly")) == "success"
