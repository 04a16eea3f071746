"""Application log records as OpenTelemetry's."""

from __future__ import annotations

import io
import logging
import logging.config
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import _logs, trace
from opentelemetry import context as otel_context
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

import taskspan
from taskspan._signals import TRACES
from taskspan.configuration import _log_bridge
from taskspan.configuration._batches import Batch
from taskspan.configuration._delivery import Delivery
from taskspan.configuration._verdict import Fate, Verdict
from taskspan.producer import _messages
from tests.conftest import Problems
from tests.views._recording_spans import MemoryOfLogs

LOG = logging.getLogger("the.application")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryOfLogs]:
    """The records of a global provider, with the bridge installed."""
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", None)
    made = MemoryOfLogs()
    _logs.set_logger_provider(made.provider)
    LOG.setLevel(logging.DEBUG)
    _log_bridge.install()
    yield made
    _log_bridge.remove()
    LOG.setLevel(logging.NOTSET)


def only(memory: MemoryOfLogs) -> LogRecord:
    """The one record that was emitted."""
    (record,) = memory.new()
    return record


def attributes(record: LogRecord) -> dict[str, Any]:
    """The attributes of a record."""
    return dict(record.attributes or {})


def test_a_record_carries_the_span_it_was_logged_in(memory: MemoryOfLogs) -> None:
    """Trace and span ids are those of the current span; none outside of one."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("load") as span:
        LOG.info("inside")
    record, ids = only(memory), span.get_span_context()
    assert (record.trace_id, record.span_id) == (ids.trace_id, ids.span_id)
    LOG.info("outside")
    assert only(memory).trace_id == trace.INVALID_TRACE_ID


def test_what_a_record_says(memory: MemoryOfLogs) -> None:
    """Message, severity, place, thread and fields are there; the logger's name is the scope."""
    LOG.warning("row %d is odd", 7, extra={"file": "a.csv", "rows": [1, 2], "thing": {1}})
    (readable,) = memory.exporter.get_finished_logs()
    record = readable.log_record
    assert record.body == "row 7 is odd"
    assert (record.severity_number, record.severity_text) == (SeverityNumber.WARN, "WARNING")
    assert readable.instrumentation_scope is not None
    assert readable.instrumentation_scope.name == "the.application"
    said = attributes(record)
    assert said.pop("code.file.path") == __file__
    assert said.pop("code.function.name") == "test_what_a_record_says"
    assert said.pop("code.line.number") > 0
    assert said.pop("thread.name") == threading.current_thread().name
    assert said == {"file": "a.csv", "rows": (1, 2), "thing": "{1}"}


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (1, SeverityNumber.TRACE),
        (logging.DEBUG, SeverityNumber.DEBUG),
        (logging.INFO, SeverityNumber.INFO),
        (25, SeverityNumber.INFO),
        (logging.WARNING, SeverityNumber.WARN),
        (logging.ERROR, SeverityNumber.ERROR),
        (logging.CRITICAL, SeverityNumber.FATAL),
        (99, SeverityNumber.FATAL),
    ],
)
def test_levels_become_severities(level: int, severity: SeverityNumber) -> None:
    """Each level has the severity of OpenTelemetry's table, those in between the lower one."""
    assert _log_bridge.severity_of(level) is severity


def test_an_exception_is_told_with_its_stack(memory: MemoryOfLogs) -> None:
    """`exc_info` becomes the attributes of the semantic conventions."""
    try:
        raise ValueError("row 7")  # noqa: TRY301  it is the point
    except ValueError:
        LOG.exception("failed")
    said = attributes(only(memory))
    assert (said["exception.type"], said["exception.message"]) == ("ValueError", "row 7")
    assert "test_an_exception_is_told_with_its_stack" in said["exception.stacktrace"]


def test_text_is_bounded_and_can_be_encoded(memory: MemoryOfLogs) -> None:
    """A message of any length and kind becomes a bounded one that UTF-8 can encode."""
    LOG.info("x\ud800\n" * 100_000, extra={"big": "y\ud800" * 100_000})
    record = only(memory)
    assert len(str(record.body)) <= _log_bridge.BODY_LIMIT
    str(record.body).encode()
    str(attributes(record)["big"]).encode()


def test_the_number_of_fields_is_bounded(memory: MemoryOfLogs) -> None:
    """Of a thousand fields some are kept, and what we write ourselves is not pushed out."""
    LOG.info("many", extra={f"n{number}": number for number in range(1000)})
    said = attributes(only(memory))
    assert sum(name.startswith("n") for name in said) == _log_bridge.MAX_EXTRAS
    assert "code.file.path" in said


@pytest.mark.expects_problems
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_arguments_that_do_not_fit_do_not_raise(
    memory: MemoryOfLogs, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A format that does not fit its arguments is exported as it is, and raises nothing."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(LOG, "propagate", False)
    monkeypatch.setattr(LOG, "handlers", [logging.NullHandler()])
    LOG.info("row %d", "seven")
    assert only(memory).body == "row %d"
    assert problems


@pytest.mark.parametrize("name", ["opentelemetry", "opentelemetry.sdk.trace"])
def test_what_opentelemetry_logs_is_not_exported(name: str, memory: MemoryOfLogs) -> None:
    """The exporting does not log into itself."""
    logging.getLogger(name).error("gone")
    assert memory.new() == []


def test_a_name_that_only_begins_alike_is_exported(memory: MemoryOfLogs) -> None:
    """A logger of the application may be called `opentelemetry_demo`."""
    logging.getLogger("opentelemetry_demo").error("gone")
    assert len(memory.new()) == 1


def test_what_is_logged_while_exporting_is_not_exported(memory: MemoryOfLogs) -> None:
    """What a library logs on one of the SDK's threads that export is not exported."""
    key = otel_context._SUPPRESS_INSTRUMENTATION_KEY
    token = otel_context.attach(otel_context.set_value(key, True))
    logging.getLogger("urllib3.connectionpool").error("retrying")
    otel_context.detach(token)
    assert memory.new() == []
    logging.getLogger("urllib3.connectionpool").error("retrying")
    assert len(memory.new()) == 1


def test_what_is_logged_on_a_delivery_is_not_exported(memory: MemoryOfLogs) -> None:
    """Nor is what it logs on a thread of ours that delivers to an endpoint."""

    class Sender:
        endpoint = replay_to = "http://localhost"
        has_sent = threading.Event()

        def empty(self) -> Batch:
            return ()

        def send(self, _: Batch) -> Verdict:
            logging.getLogger("urllib3.connectionpool").error("retrying")
            self.has_sent.set()
            return Verdict(Fate.DELIVERED, "")

        def close(self) -> None:
            """Nothing is open."""

    class Outcomes:
        def see(self, *_: object) -> None:
            """Nothing is told."""

        keep = leave = see

    delivery = Delivery(TRACES, Sender(), Outcomes())
    delivery.start()
    assert Sender.has_sent.wait(10)
    assert delivery.flush(time.monotonic() + 10)
    delivery.close()
    assert memory.new() == []


def test_an_exporter_that_logs_does_not_recurse(
    memory: MemoryOfLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that is made while one is being emitted is left out."""

    class Chatty(io.StringIO):
        def __repr__(self) -> str:
            LOG.error("asked for its text")
            return "chatty"

        __str__ = __repr__

    monkeypatch.setattr(LOG, "propagate", False)
    LOG.info("one", extra={"thing": Chatty()})
    assert [record.body for record in memory.new()] == ["one"]


@pytest.mark.expects_problems
def test_a_provider_that_raises_does_not_break_the_application(
    memory: MemoryOfLogs, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the exporting is one line in the log."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(memory.provider, "get_logger", broken)
    LOG.info("one")
    LOG.info("two")
    assert len(problems) == 2


def test_levels_and_filters_of_the_application_hold(
    memory: MemoryOfLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the application does not log is not exported; `install` may ask for less."""
    LOG.setLevel(logging.INFO)
    LOG.debug("too low")
    _log_bridge.install(logging.WARNING)
    LOG.info("too low for the export")
    refused: list[logging.Filterer | Any] = [lambda _: False]
    monkeypatch.setattr(LOG, "filters", refused)
    LOG.error("filtered")
    assert memory.new() == []


def test_installed_twice_each_record_is_exported_once(memory: MemoryOfLogs) -> None:
    """A second `install` changes nothing, and one `remove` ends it."""
    _log_bridge.install()
    LOG.info("one")
    assert len(memory.new()) == 1
    _log_bridge.remove()
    LOG.info("two")
    assert memory.new() == []
    assert logging.Logger.callHandlers.__module__ == "logging"


def test_a_message_of_a_task_is_exported_once(
    memory: MemoryOfLogs, exporter: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """`log_info` is one record, bound to the task, and one line on stderr."""
    with taskspan.task("nightly", quiet=True) as task:
        task.log_warning("row 7 looks odd")
        ids = task.span.get_span_context()
    record = only(memory)
    assert (record.body, record.span_id) == ("row 7 looks odd", ids.span_id)
    assert capsys.readouterr().err.count("row 7 looks odd") <= 1


def test_what_is_printed_stays_as_it_was(memory: MemoryOfLogs) -> None:
    """No logger has a handler more: Python's own handler of last resort prints as before."""
    handlers = [handler for handler in logging.getLogger().handlers if "bridge" in repr(handler)]
    assert handlers == []
    assert not any(
        _messages._writes_to(handler, sys.stderr, 2) for handler in [_log_bridge.LogBridge()]
    )
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {}})
    LOG.info("one")
    assert len(memory.new()) == 1


def test_threads_export_all(memory: MemoryOfLogs) -> None:
    """Each record of several threads is exported, with the thread's name."""

    def work() -> None:
        for number in range(200):
            LOG.info("n%d", number)

    threads = [threading.Thread(target=work, name=f"worker-{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = memory.new()
    assert len(records) == 800
    assert {attributes(r)["thread.name"] for r in records} == {f"worker-{n}" for n in range(4)}
