"""Interpreter exit: every span ends, children first, before the provider shuts down."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from tests.producer._reading import run_child

PRELUDE = """
import atexit, json, os, signal, sys, threading, time
import taskspan
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

class Printing(SpanExporter):
    def export(self, spans):
        for span in spans:
            line = {"name": span.name, "outcome": span.attributes["taskspan.outcome"]}
            line["completed"] = span.attributes["taskspan.progress.completed"]
            line["error"] = span.attributes.get("error.type")
            os.write(1, (json.dumps(line) + "\\n").encode())
        return SpanExportResult.SUCCESS

    def shutdown(self):
        os.write(1, b'{"name": "shutdown"}\\n')

class Entries:
    def add_operation(self, name, status, details):
        os.write(2, f"{name} {details['outcome']}\\n".encode())

def set_provider():
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Printing()))
    trace.set_tracer_provider(provider)
"""


def lines_of(program: str, exit_code: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Run a program and return the spans that it exported, and what it wrote on stderr."""
    done = run_child(PRELUDE + textwrap.dedent(program), exit_code=exit_code)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def outcomes(lines: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Return names and outcomes, in the order of the export."""
    return [(line["name"], line.get("outcome")) for line in lines]


def test_without_close_everything_is_interrupted() -> None:
    """A task that was never closed ends at exit, its operations before it, and is exported."""
    lines, stderr = lines_of(
        """
        set_provider()
        manager = taskspan.TaskProgressManager("1", "nightly", None, Entries(), quiet=True)
        load = manager.start_operation("load", 10)
        load.update(4)
        parse = load.create_subtask(3, "parse")
        """
    )
    assert outcomes(lines) == [
        ("parse", "interrupted"),
        ("load", "interrupted"),
        ("nightly", "interrupted"),
        ("shutdown", None),
    ]
    assert lines[1]["completed"] == 4
    assert stderr.splitlines() == ["Complete parse interrupted", "Complete load interrupted"]


def test_the_order_of_set_up_does_not_matter() -> None:
    """A provider set by the application's own exit handlers before or after is flushed last."""
    lines, _ = lines_of(
        """
        early = taskspan.TaskProgressManager("0", "early", None, quiet=True)
        early.close()
        set_provider()
        manager = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
        """
    )
    assert outcomes(lines) == [("nightly", "interrupted"), ("shutdown", None)]


@pytest.mark.parametrize("call", ["sys.exit(3)", "raise SystemExit(3)"])
def test_sys_exit_in_a_task(call: str) -> None:
    """`sys.exit` ends the blocks around it as interrupted, and keeps its exit code."""
    lines, _ = lines_of(
        f"""
        set_provider()
        with taskspan.task("nightly", quiet=True) as task, task.operation("load", 1):
            {call}
        """,
        exit_code=3,
    )
    assert outcomes(lines) == [
        ("load", "interrupted"),
        ("nightly", "interrupted"),
        ("shutdown", None),
    ]
    assert {line["error"] for line in lines[:2]} == {"SystemExit"}


def test_ctrl_c_without_close() -> None:
    """After Ctrl-C a runner that never closes its task still has all its spans."""
    lines, stderr = lines_of(
        """
        # A background job, as a test run may be, ignores Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        set_provider()
        manager = taskspan.TaskProgressManager("1", "nightly", None, Entries(), quiet=True)
        def run():
            with manager.operation("load", 10) as load:
                load.update(4)
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(30)
        try:
            run()
        except KeyboardInterrupt:
            sys.exit(130)
        """,
        exit_code=130,
    )
    assert outcomes(lines) == [
        ("load", "interrupted"),
        ("nightly", "interrupted"),
        ("shutdown", None),
    ]
    assert lines[0]["error"] == "KeyboardInterrupt"
    assert stderr.splitlines() == ["Complete load interrupted"]


def test_an_unhandled_exception() -> None:
    """An exception that nobody catches leaves started operations interrupted."""
    lines, stderr = lines_of(
        """
        set_provider()
        manager = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
        manager.start_operation("load", 10)
        raise ValueError("bad row")
        """,
        exit_code=1,
    )
    assert outcomes(lines) == [
        ("load", "interrupted"),
        ("nightly", "interrupted"),
        ("shutdown", None),
    ]
    assert "ValueError: bad row" in stderr


def test_operations_outside_of_a_task_end_too() -> None:
    """An open operation and an abandoned loop end at exit although there never was a task."""
    lines, _ = lines_of(
        """
        set_provider()
        op = taskspan.operation("load")
        op.__enter__().update(2)
        loop = taskspan.track(range(10), "mask")
        next(loop); next(loop)
        """
    )
    assert outcomes(lines) == [
        ("mask", "interrupted"),
        ("load", "interrupted"),
        ("shutdown", None),
    ]


def test_a_daemon_thread_in_an_operation() -> None:
    """What a daemon thread was at ends as interrupted, and nothing hangs."""
    lines, _ = lines_of(
        """
        set_provider()
        started = threading.Event()
        def work():
            with taskspan.operation("load"):
                started.set()
                threading.Event().wait()
        manager = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
        threading.Thread(target=work, daemon=True).start()
        started.wait()
        """
    )
    assert outcomes(lines) == [
        ("load", "interrupted"),
        ("nightly", "interrupted"),
        ("shutdown", None),
    ]


def test_configured_and_never_shut_down() -> None:
    """With `configure` and without `shutdown` everything is exported at exit, too."""
    lines, _ = lines_of(
        """
        set_provider()
        taskspan.configure(console=False)
        manager = taskspan.TaskProgressManager("1", "nightly", None)
        manager.start_operation("load", 10)
        """
    )
    assert outcomes(lines) == [
        ("load", "interrupted"),
        ("nightly", "interrupted"),
        ("shutdown", None),
    ]


def test_shutdown_ends_what_runs() -> None:
    """`shutdown` of the handle ends what runs before the provider goes."""
    lines, _ = lines_of(
        """
        set_provider()
        with taskspan.configure(console=False):
            manager = taskspan.TaskProgressManager("1", "nightly", None)
            manager.start_operation("load", 10)
        """
    )
    assert outcomes(lines)[:2] == [("load", "interrupted"), ("nightly", "interrupted")]


def test_a_task_of_an_exit_handler() -> None:
    """A task run by an exit handler of the application is exported like any other."""
    lines, _ = lines_of(
        """
        set_provider()
        def report():
            with taskspan.task("cleanup", quiet=True) as task:
                task.complete_operation("remove")
        atexit.register(report)
        """
    )
    assert outcomes(lines) == [("remove", "success"), ("cleanup", "success"), ("shutdown", None)]


def test_exit_prints_nothing_of_ours() -> None:
    """A quiet program leaves no word on stderr at its exit."""
    _, stderr = lines_of(
        """
        set_provider()
        manager = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
        manager.start_operation("load", 10)
        tracker = taskspan.ProgressTracker(3, "alone", disable=True)
        """
    )
    assert stderr == ""
