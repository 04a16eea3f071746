"""Messages of a task: to its logger, and on stderr exactly once."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

import taskspan
from tests.producer._reading import context_of, span_named


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of its own, that passes nothing up."""
    logger = logging.Logger("tests.messages")  # noqa: LOG001  known to nobody, gone after the test
    logger.setLevel(logging.DEBUG)
    yield logger
    for handler in logger.handlers:
        handler.close()


class Keeping(logging.Handler):
    """A handler that shows nothing and keeps the records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.records.append(record)


def manager_of(logger: Any) -> taskspan.TaskProgressManager:
    """Return a quiet task that logs to `logger`."""
    return taskspan.TaskProgressManager("1", "nightly", logger, quiet=True)


def said(capsys: pytest.CaptureFixture[str], message: str) -> tuple[int, int]:
    """Return how often a message is on stderr and on stdout."""
    captured = capsys.readouterr()
    return captured.err.count(message), captured.out.count(message)


def test_without_a_handler_it_is_printed(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A logger that shows nothing leaves it to the task to print the message."""
    with manager_of(logger) as manager:
        manager.log_message(logging.INFO, "half way")
    assert said(capsys, "[INFO] half way") == (1, 0)


def test_a_stderr_handler_shows_it(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A handler that writes to stderr is enough."""
    logger.addHandler(logging.StreamHandler(sys.stderr))
    with manager_of(logger) as manager:
        manager.log_message(logging.INFO, "half way")
    assert said(capsys, "half way") == (1, 0)


def test_a_stdout_handler_does_not_count(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A handler that writes to stdout is not seen on stderr."""
    logger.addHandler(logging.StreamHandler(sys.stdout))
    with manager_of(logger) as manager:
        manager.log_message(logging.INFO, "half way")
    assert said(capsys, "half way") == (1, 1)


def test_a_file_handler_does_not_count(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A handler that writes to a file is not seen on stderr."""
    logger.addHandler(logging.FileHandler(tmp_path / "task.log", encoding="utf-8"))
    with manager_of(logger) as manager:
        manager.log_message(logging.INFO, "half way")
    assert said(capsys, "half way") == (1, 0)
    assert (tmp_path / "task.log").read_text().count("half way") == 1


def test_two_stderr_handlers_are_the_applications_wish(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """The task adds nothing to what the handlers show."""
    logger.addHandler(logging.StreamHandler(sys.stderr))
    logger.addHandler(logging.StreamHandler(sys.stderr))
    with manager_of(logger) as manager:
        manager.log_message(logging.INFO, "half way")
    assert said(capsys, "half way") == (2, 0)


def test_a_root_handler_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A handler further up, to which the record propagates, is enough."""
    handler = logging.StreamHandler(sys.stderr)
    above = logging.getLogger("tests.above")
    above.addHandler(handler)
    try:
        with manager_of(logging.getLogger("tests.above.below")) as manager:
            manager.log_message(logging.WARNING, "half way")
    finally:
        above.removeHandler(handler)
    assert said(capsys, "half way") == (1, 0)


def test_a_root_handler_that_is_cut_off_does_not_count(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A handler above a logger that does not propagate shows nothing."""
    handler = logging.StreamHandler(sys.stderr)
    above = logging.getLogger("tests.above")
    above.addHandler(handler)
    below = logging.getLogger("tests.above.cut")
    below.propagate = False
    try:
        with manager_of(below) as manager:
            manager.log_message(logging.INFO, "half way")
    finally:
        above.removeHandler(handler)
    assert said(capsys, "[INFO] half way") == (1, 0)


def test_the_level_of_a_handler_is_the_applications_wish(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stderr handler that leaves out a level leaves it out for the task as well."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)
    logger.addHandler(handler)
    with manager_of(logger) as manager:
        manager.log_info("half way")
        manager.log_error("disk full")
    captured = capsys.readouterr().err
    assert "half way" not in captured
    assert captured.count("disk full") == 1


def test_the_level_of_the_logger_is_the_applications_wish(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A level set on the logger silences the messages below it, printed ones too."""
    logger.setLevel(logging.WARNING)
    with manager_of(logger) as manager:
        manager.log_info("half way")
        manager.log_warning("slow disk")
    captured = capsys.readouterr().err
    assert "half way" not in captured
    assert captured.count("slow disk") == 1


def test_a_disabled_logger_is_silent(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disabled logger shows nothing."""
    logger.disabled = True
    with manager_of(logger) as manager:
        manager.log_critical("disk full")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_each_level_has_a_method(
    level: str, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """`log_debug` to `log_critical` log at their level and are seen once."""
    handler = Keeping()
    logger.addHandler(handler)
    with manager_of(logger) as manager:
        getattr(manager, f"log_{level.lower()}")("half way")
    assert [record.levelname for record in handler.records] == [level]
    assert said(capsys, "half way") == (1, 0)


def test_preserve_progress_is_accepted(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Callers that pass `preserve_progress` by name or position are served."""
    with manager_of(logger) as manager:
        manager.log_message(logging.INFO, "one", preserve_progress=False)
        manager.log_message(logging.INFO, "two", False)
        manager.log_critical("three")
    # A warning and above Python prints itself where a logger has no handler, as it likes.
    assert capsys.readouterr().err == "[INFO] one\n[INFO] two\nthree\n"


class Duck:
    """The least that existing callers hand over as a logger."""

    def __init__(self) -> None:
        self.handlers: list[Any] = []
        self.said: list[tuple[int, str]] = []

    def log(self, level: int, msg: str) -> None:
        """Keep a message."""
        self.said.append((level, msg))

    def debug(self, msg: str) -> None:
        """Keep a message."""
        self.log(logging.DEBUG, msg)

    def info(self, msg: str) -> None:
        """Keep a message."""
        self.log(logging.INFO, msg)

    def warning(self, msg: str) -> None:
        """Keep a message."""
        self.log(logging.WARNING, msg)

    def error(self, msg: str) -> None:
        """Keep a message."""
        self.log(logging.ERROR, msg)

    def critical(self, msg: str) -> None:
        """Keep a message."""
        self.log(logging.CRITICAL, msg)


def test_a_logger_may_be_a_duck(capsys: pytest.CaptureFixture[str]) -> None:
    """A logger needs only `handlers` and the methods that log a plain message."""
    duck = Duck()
    with taskspan.TaskProgressManager("1", "nightly", duck) as manager:
        with manager.operation("load", 1):
            manager.log_info("half way")
        manager.log_message(logging.WARNING, "slow disk")
    assert (logging.INFO, "half way") in duck.said
    assert (logging.WARNING, "slow disk") in duck.said
    assert (logging.INFO, "Starting operation: load") in duck.said
    assert said(capsys, "half way") == (1, 0)


def test_a_duck_with_a_stderr_handler_shows_it_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """The handlers of a duck are looked at too."""
    duck = Duck()
    duck.handlers.append(logging.StreamHandler(sys.stderr))
    with manager_of(duck) as manager:
        manager.log_info("half way")
    assert said(capsys, "half way") == (0, 0)
    assert duck.said == [(logging.INFO, "half way")]


@pytest.mark.expects_problems
def test_a_logger_that_raises_does_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    """A message whose logger raises is still on stderr, and the task goes on."""

    class Broken(Duck):
        def log(self, level: int, msg: str) -> None:
            raise RuntimeError("no connection")

    with manager_of(Broken()) as manager:
        manager.log_info("half way")
        with manager.operation("load", 1):
            pass
        assert manager.operations_completed == 1
    assert said(capsys, "half way")[0] >= 1


def test_percent_signs_are_no_format(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message is shown as it is, with whatever `%` it holds."""
    logger.addHandler(logging.StreamHandler(sys.stderr))
    with manager_of(logger) as manager:
        manager.log_info("100% of %s and %d")
    assert said(capsys, "100% of %s and %d") == (1, 0)


def test_control_characters_do_not_reach_the_terminal(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A printed message has its control characters escaped and its lines kept."""
    with manager_of(logger) as manager:
        manager.log_info("a\x1b[2Jb\rc\nsecond \ud800 line")
    assert capsys.readouterr().err == "[INFO] a\\x1b[2Jb\nc\nsecond \\ud800 line\n"


def test_records_carry_the_ids_of_the_span(
    logger: logging.Logger, exporter: InMemorySpanExporter
) -> None:
    """A record has trace and span id of the operation it was logged in."""
    handler = Keeping()
    logger.addHandler(handler)
    manager = manager_of(logger)
    manager.log_info("in the task")
    with manager.operation("load", 1):
        manager.log_info("in the operation")
        logger.info("past the manager")
    manager.close()
    by_message = {record.getMessage(): record for record in handler.records}
    task = context_of(span_named(exporter, "nightly"))
    load = context_of(span_named(exporter, "load"))
    for message, context in [
        ("in the task", task),
        ("in the operation", load),
        ("past the manager", load),
    ]:
        record: Any = by_message[message]
        assert record.otelTraceID == format_trace_id(context.trace_id)
        assert record.otelSpanID == format_span_id(context.span_id)


def test_the_logger_is_left_as_it_was(
    logger: logging.Logger, exporter: InMemorySpanExporter
) -> None:
    """After the end of a task its logger has no filter of ours."""
    with manager_of(logger):
        pass
    assert logger.filters == []
    assert logger.handlers == []


def test_a_stdout_handler_is_said_of_a_task_with_bars(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A logger that writes where the bars are is warned about, unless nothing is drawn."""
    logger.addHandler(logging.StreamHandler(sys.stdout))
    with manager_of(logger):
        pass
    assert "handler that writes to stdout" not in capsys.readouterr().out
    with taskspan.TaskProgressManager("1", "nightly", logger):
        pass
    assert capsys.readouterr().out.count("handler that writes to stdout") == 1


@pytest.mark.parametrize(
    "stand_in",
    [mock.Mock(), mock.MagicMock(), mock.Mock(spec=logging.Logger), mock.Mock(spec=["log"])],
    ids=["mock", "magic", "with a spec", "log alone"],
)
def test_a_stand_in_for_a_logger(stand_in: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A test's mock is logger enough, and the message is seen."""
    with taskspan.TaskProgressManager("1", "nightly", stand_in, quiet=True) as manager:
        manager.log_message(logging.INFO, "half way")
    stand_in.log.assert_any_call(logging.INFO, "half way")
    assert capsys.readouterr().err.count("half way") == 1
