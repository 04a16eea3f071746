"""`configure()`: what it sets, what it adds to, and what happens without it."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import taskspan
from taskspan.configuration import _environment
from taskspan.configuration._configure import configure
from tests.configuration._recorded import recorded_spans
from tests.configuration._watching import ENDS, NAMES, Noting, application_provider, run_task
from tests.producer._reading import names_of, run_child


class Terminal(io.StringIO):
    """A stdout that is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


@pytest.fixture(autouse=True)
def _log_records_as_before() -> Iterator[None]:
    """Take back the factory of log records that `configure` sets."""
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


def service_of(telemetry: taskspan.Telemetry) -> object:
    """Return the service name of the provider that is global."""
    provider = telemetry.tracer_provider
    assert isinstance(provider, TracerProvider)
    return provider.resource.attributes[SERVICE_NAME]


# -- what it sets


def test_it_sets_a_provider() -> None:
    """Where the application has none, a real tracer provider becomes the global one."""
    with configure(console=False) as telemetry:
        provider = trace.get_tracer_provider()
        assert isinstance(provider, TracerProvider)
        assert telemetry.tracer_provider is provider


def test_the_service_name() -> None:
    """`service_name` is the resource attribute of all spans."""
    with configure("nightly-jobs", console=False) as telemetry:
        assert service_of(telemetry) == "nightly-jobs"


@pytest.mark.parametrize("variable", ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"])
def test_the_service_name_of_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an argument the environment names the service."""
    value = "from-env" if variable == "OTEL_SERVICE_NAME" else "service.name=from-env"
    monkeypatch.setenv(variable, value)
    with configure(console=False) as telemetry:
        assert service_of(telemetry) == "from-env"


def test_the_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program says of its name counts more than the environment."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-env")
    with configure("from-code", console=False) as telemetry:
        assert service_of(telemetry) == "from-code"


def test_it_adds_to_the_provider_that_is_there() -> None:
    """An application's provider stays, with its exporters, and gets the console."""
    provider, exporter = application_provider(ALWAYS_ON)
    with configure(console=False) as telemetry:
        assert trace.get_tracer_provider() is provider
        view = Noting()
        telemetry.processor.set_views([view])
        run_task()
    assert sorted(names_of(exporter)) == sorted(NAMES)
    assert (view.started_names, view.ends) == (NAMES, ENDS)


def test_a_second_call_changes_the_console_alone() -> None:
    """Called twice, each span is still exported once and shown once."""
    _, exporter = application_provider(ALWAYS_ON)
    first = configure(console=False)
    second = configure(console=False)
    assert first.processor is second.processor
    assert first.tracer_provider is second.tracer_provider
    view = Noting()
    second.processor.set_views([view])
    run_task()
    second.shutdown()
    first.shutdown()
    assert len(names_of(exporter)) == len(NAMES)
    assert view.ends == ENDS


@pytest.mark.parametrize("console", ["always", "bars", 1.5, None, [], 2])
def test_an_unknown_console(console: Any) -> None:
    """Anything but the three is a `ValueError`, and nothing is set."""
    with pytest.raises(ValueError, match="console must be"):
        configure(console=console)
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_bars_are_drawn_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """`console=True` draws bars on stdout, also off a terminal."""
    with configure(console=True), taskspan.task("nightly"), taskspan.operation("load", leave=True):
        pass
    out = capsys.readouterr().out
    assert "load" in out


def test_nothing_is_drawn_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`console=False` writes nothing anywhere."""
    with configure(console=False), taskspan.task("nightly"), taskspan.operation("load"):
        pass
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "")


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """`"auto"` off a terminal writes a line at each start and end, on stderr."""
    with configure(), taskspan.task("nightly"), taskspan.operation("load", total=2) as load:
        load.update(2)
    written = capsys.readouterr()
    assert written.out == ""
    lines = [line for line in written.err.splitlines() if "load" in line]
    assert len(lines) == 2


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """`"auto"` on a terminal draws bars."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    with configure(), taskspan.operation("load", total=2, leave=True) as load:
        load.update(2)
    assert "load" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()


def test_the_console_can_be_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """The last call decides what is shown from then on."""
    telemetry = configure(console="auto")
    with taskspan.task("nightly"), taskspan.operation("first"):
        pass
    configure(console=False)
    with taskspan.task("nightly"), taskspan.operation("second"):
        pass
    telemetry.shutdown()
    err = capsys.readouterr().err
    assert "first" in err
    assert "second" not in err


def test_operations_of_a_library_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """After `configure` an operation outside of a task is shown."""
    with configure():
        for _ in taskspan.track(range(3), "mask"):
            pass
    assert "mask" in capsys.readouterr().err


# -- the handle


def test_the_end_of_the_block_ends_what_runs() -> None:
    """Leaving the block ends what still runs, as interrupted, and exports it."""
    _, exporter = application_provider(ALWAYS_ON)
    with configure(console=False):
        task = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
        task.start_operation("load", 1)
    assert names_of(exporter) == ["load", "nightly"]
    outcomes = {(span.attributes or {})["taskspan.outcome"] for span in _spans(exporter)}
    assert outcomes == {"interrupted"}


def _spans(exporter: InMemorySpanExporter) -> list[Any]:
    return list(exporter.get_finished_spans())


def test_the_exception_of_the_block_goes_on() -> None:
    """The handle hides no exception."""
    with pytest.raises(KeyError), configure(console=False):
        raise KeyError


def test_shutdown_comes_twice(capsys: pytest.CaptureFixture[str]) -> None:
    """A second `shutdown` does nothing, and says nothing."""
    telemetry = configure(console=False)
    telemetry.shutdown()
    telemetry.shutdown()
    assert capsys.readouterr().err == ""


def test_work_after_shutdown_goes_on() -> None:
    """After `shutdown` tasks run and count as ever."""
    configure(console=False).shutdown()
    with taskspan.task("nightly", quiet=True) as task, task.operation("load") as load:
        load.update(3)
    assert load.metrics["current"] == 3
    assert task.operations_completed == 1


def test_force_flush_exports_what_has_ended(tmp_path: Path) -> None:
    """`force_flush` brings the spans of a batch to their exporter."""
    with configure(console=False, run_dir=tmp_path) as telemetry:
        run_task()
        assert telemetry.force_flush()
        assert sorted(recorded_spans(tmp_path)) == sorted(NAMES)


def test_records_carry_ids_after_configure(caplog: pytest.LogCaptureFixture) -> None:
    """After `configure` every record of any logger has the ids of its span."""
    with configure(console=False), taskspan.task("nightly", quiet=True) as task:
        logging.getLogger("somebody.else").warning("hello")
        span_id = trace.format_span_id(task.span.get_span_context().span_id)
    (record,) = [r for r in caplog.records if r.name == "somebody.else"]
    assert record.__dict__["otelSpanID"] == span_id


# -- exporters


def test_no_exporter_by_default() -> None:
    """With nothing in the environment nothing is exported."""
    assert _environment.exporter_names("traces") == []
    assert _environment.exporter_names("metrics") == []


@pytest.mark.parametrize(
    ("variables", "traces", "metrics_"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, ["console"], []),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["console", "otlp"], []),
        ({"OTEL_TRACES_EXPORTER": "none"}, [], []),
        ({"OTEL_TRACES_EXPORTER": ""}, [], []),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, [], ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ["otlp"], ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318"}, ["otlp"], []),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
                "OTEL_METRICS_EXPORTER": "none",
            },
            ["otlp"],
            [],
        ),
    ],
)
def test_exporters_of_the_environment(
    variables: dict[str, str],
    traces: list[str],
    metrics_: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The standard variables name the exporters; an endpoint alone stands for OTLP."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _environment.exporter_names("traces") == traces
    assert _environment.exporter_names("metrics") == metrics_


def test_the_console_exporter_is_found() -> None:
    """`OTEL_TRACES_EXPORTER=console` is found by entry point, and the rest by the environment."""
    done = run_child(
        """
        import os
        os.environ["OTEL_TRACES_EXPORTER"] = "console"
        os.environ["OTEL_METRICS_EXPORTER"] = "console"
        import taskspan
        with taskspan.configure("nightly-jobs", console=False):
            with taskspan.task("nightly"), taskspan.operation("load", total=2) as load:
                load.update(2)
        """
    )
    for text in ('"name": "load"', '"service.name": "nightly-jobs"', '"taskspan.operation.items"'):
        assert text in done.stdout
    assert done.stderr == ""


def test_an_exporter_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exporter that is not there is one warning."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "no-such-exporter")
    with configure(console=False), taskspan.task("nightly", quiet=True) as task:
        assert task.span.is_recording()
    (message,) = [r.getMessage() for r in caplog.records if r.name == "taskspan"]
    assert "'no-such-exporter' is not installed" in message


def test_an_endpoint_without_an_exporter(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the extra a line says how to get it, and the run is kept on disk all the same."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("taskspan.configuration._exporters.entry_points", lambda **_: ())
    with configure(console=False):
        run_task()
    missing, kept = [r.getMessage() for r in caplog.records if r.name == "taskspan"]
    assert "pip install 'taskspan[otlp]'" in missing
    run = Path(kept.partition("kept in ")[2])
    assert sorted(recorded_spans(run)) == sorted(NAMES)


@pytest.mark.parametrize(
    ("protocol", "name"), [(None, "otlp_proto_http"), ("grpc", "otlp_proto_grpc")]
)
def test_the_protocol_chooses_the_exporter(
    protocol: str | None,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """OTLP is spoken over HTTP, the specification's default, or over gRPC when asked for."""
    asked = []

    def none_found(group: str, name: str) -> list[Any]:
        asked.append((group, name))
        return []

    monkeypatch.setattr("taskspan.configuration._exporters.entry_points", none_found)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318")
    if protocol is not None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    configure(console=False).shutdown()
    assert asked == [("opentelemetry_traces_exporter", name)]
    assert name in caplog.text


class _Broken:
    """An entry point whose exporter cannot be made."""

    def load(self) -> Any:
        """Raise, as a missing dependency does."""
        raise ImportError("no module named grpc")


@pytest.mark.expects_problems
def test_an_exporter_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exporter that raises while it is made is one line in the log; the program goes on."""
    monkeypatch.setattr(
        "taskspan.configuration._exporters.entry_points", lambda group, name: [_Broken()]
    )
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "broken")
    with configure(console=False), taskspan.task("nightly", quiet=True):
        pass
    (message,) = [r.getMessage() for r in caplog.records if r.name == "taskspan"]
    assert "no module named grpc" in message


# -- without it


def test_nothing_global_is_set_without_it() -> None:
    """Tasks, operations and loops leave the global providers alone."""
    with taskspan.task("nightly", quiet=True) as task, task.operation("load"):
        for _ in taskspan.track(range(3), "mask"):
            pass
    with taskspan.operation("score"):
        pass
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider"


def test_a_library_is_silent_without_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`operation()` and `track()` outside of a task write nothing, even on a terminal."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    with taskspan.operation("score", total=2) as score:
        score.update(2)
        for _ in taskspan.track(range(3), "mask"):
            pass
    assert not score.span.is_recording()
    assert score.metrics["current"] == 2
    assert terminal.getvalue() == ""
    assert capsys.readouterr().err == ""


def test_an_own_processor_is_enough() -> None:
    """An application that adds the processor to its provider needs no `configure`."""
    view = Noting()
    provider = TracerProvider()
    provider.add_span_processor(taskspan.ProgressSpanProcessor([view]))
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    trace.set_tracer_provider(provider)
    run_task()
    with taskspan.operation("score"):
        pass
    provider.shutdown()
    assert view.ends == [*ENDS, ("score", "success", 0)]


def test_a_disabled_sdk_still_reports() -> None:
    """With `OTEL_SDK_DISABLED=true` nothing is recorded, and the report has every operation."""
    done = run_child(
        """
        import os
        os.environ["OTEL_SDK_DISABLED"] = "true"
        import taskspan
        reporter = taskspan.TaskReporter("1", "nightly")
        with taskspan.configure(console=False):
            with taskspan.task("nightly", reporter=reporter) as task:
                with task.operation("load", 2) as load:
                    load.update(2)
                try:
                    with task.operation("mask"):
                        raise KeyError("row")
                except KeyError:
                    pass
            assert task.operations_completed == 2
        report = reporter.generate_report()
        print(report["status"])
        for entry in report["operations"]:
            print(entry["operation"], entry["status"], entry["completed"])
        """
    )
    assert done.stdout == "success\nload success 2\nmask error 0\n"
    assert done.stderr == ""
