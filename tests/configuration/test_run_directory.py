"""A run on disk: what is in its directory, when it is made, and who writes there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import _logs as otel_logs
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import taskspan
from taskspan import _signals
from taskspan.configuration import _run_directory
from taskspan.configuration._configure import configure
from tests.configuration._recorded import (
    recorded_events,
    recorded_spans,
    requests_in,
    spans_in,
)
from tests.configuration._watching import NAMES, application_provider, run_task


def runs_in(home: Path) -> set[Path]:
    """Return the runs that are kept."""
    return set(home.iterdir())


def run_child(program: str, **variables: str) -> str:
    """Run a program and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout.strip()


# -- what it holds


def test_the_three_signals_and_the_report(tmp_path: Path) -> None:
    """Spans, metrics and log events are there as OTLP JSON, one request a line, and a report."""
    with configure("night", console=False, run_dir=tmp_path):
        run_task()
    assert sorted(recorded_spans(tmp_path)) == sorted(NAMES)
    assert recorded_events(tmp_path).count("taskspan.ended") == len(NAMES)
    assert "resourceMetrics" in requests_in(tmp_path, "metrics")[0]
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert len(report["tasks"]) == 1


def test_the_spans_are_those_of_the_report(tmp_path: Path) -> None:
    """Ids and durations agree between the report and the spans."""
    with configure(console=False, run_dir=tmp_path), taskspan.task("night") as task:
        with task.operation("load", total=3) as load:
            load.update(3)
        figures = load.metrics
    (span,) = [span for span in spans_in(tmp_path) if span["name"] == "load"]
    assert span["spanId"] == figures["span_id"]
    duration = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
    assert duration / 1e9 == pytest.approx(figures["execution_time"], abs=1e-6)


def test_it_names_the_service(tmp_path: Path) -> None:
    """Each line says which service it comes from."""
    with configure("nightly-jobs", console=False, run_dir=tmp_path):
        run_task()
    for signal, key in (("traces", "resourceSpans"), ("logs", "resourceLogs")):
        for request in requests_in(tmp_path, signal):
            attributes = request[key][0]["resource"]["attributes"]
            assert {"key": "service.name", "value": {"stringValue": "nightly-jobs"}} in attributes


def test_a_long_attribute_is_cut(tmp_path: Path) -> None:
    """No attribute value is longer than the limit, also of spans that others make."""
    with configure(console=False, run_dir=tmp_path):
        span = trace.get_tracer("other").start_span("other", attributes={"long": "x" * 100_000})
        span.add_event("event", {"long": "x" * 100_000})
        span.end()
    (written,) = spans_in(tmp_path)
    for place in (written, written["events"][0]):
        (attribute,) = place["attributes"]
        assert len(attribute["value"]["stringValue"]) == 32_768


def test_a_long_log_record_is_cut(tmp_path: Path) -> None:
    """The same holds for log records that others emit: message and attributes."""
    with configure(console=False, run_dir=tmp_path):
        otel_logs.get_logger("other").emit(
            body="x" * 100_000, event_name="other", attributes={"long": "x" * 100_000, "n": 1}
        )
    (request,) = requests_in(tmp_path, "logs")
    (record,) = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert len(record["body"]["stringValue"]) == 32_768
    long, number = record["attributes"]
    assert len(long["value"]["stringValue"]) == 32_768
    assert number["value"] == {"intValue": "1"}


# -- where, and when not


def test_a_new_directory_in_the_home_of_runs(runs_home: Path) -> None:
    """With no endpoint and no directory named, each run gets a new one, for its owner alone."""
    before = runs_in(runs_home)
    with configure("my job", console=False) as telemetry:
        run_task()
        (new,) = runs_in(runs_home) - before
        assert telemetry.run_dir == new
    assert "my_job" in new.name
    assert stat.S_IMODE(new.stat().st_mode) == 0o700
    assert sorted(recorded_spans(new)) == sorted(NAMES)


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SDK_DISABLED": "true"},
    ],
)
def test_none_where_the_environment_says_so(
    variables: dict[str, str], runs_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who says where records go, or that there be none, gets no directory."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    before = runs_in(runs_home)
    with configure(console=False) as telemetry:
        run_task()
    assert telemetry.run_dir is None
    assert runs_in(runs_home) == before


def test_none_when_switched_off(runs_home: Path) -> None:
    """`run_dir=False` keeps nothing."""
    before = runs_in(runs_home)
    with configure(console=False, run_dir=False) as telemetry:
        run_task()
    assert telemetry.run_dir is None
    assert runs_in(runs_home) == before


def test_none_beside_a_provider_of_the_application(runs_home: Path) -> None:
    """An application with exporters of its own gets no directory that it did not ask for."""
    application_provider(ALWAYS_ON)
    before = runs_in(runs_home)
    with configure(console=False) as telemetry:
        run_task()
    assert telemetry.run_dir is None
    assert runs_in(runs_home) == before


def test_a_provider_of_the_application_writes_where_asked(tmp_path: Path) -> None:
    """A directory that is named gets the spans of a provider that was there before."""
    provider = TracerProvider()
    trace.set_tracer_provider(provider)
    with configure(console=False, run_dir=tmp_path):
        run_task()
    assert trace.get_tracer_provider() is provider
    assert sorted(recorded_spans(tmp_path)) == sorted(NAMES)


def test_a_second_call_writes_nothing_twice(tmp_path: Path) -> None:
    """Called again with the same directory, each span is written once."""
    with configure(console=False, run_dir=tmp_path), configure(console=False, run_dir=tmp_path):
        run_task()
    assert sorted(recorded_spans(tmp_path)) == sorted(NAMES)
    assert recorded_events(tmp_path).count("taskspan.ended") == len(NAMES)


def test_a_directory_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line says why the run is not kept; the task goes on."""
    (tmp_path / "file").touch()
    with configure(console=False, run_dir=tmp_path / "file" / "run") as telemetry:
        run_task()
    assert telemetry.run_dir is None
    (record,) = caplog.records
    assert "the run is not kept on disk" in record.message


def test_a_full_disk_costs_one_line(tmp_path: Path) -> None:
    """What cannot be written is said once, without a stack trace; the task goes on."""
    if not Path("/dev/full").exists():
        pytest.fail("this system has no /dev/full to write to")
    for signal in _signals.SIGNALS:
        (tmp_path / f"{signal.name}.jsonl").symlink_to("/dev/full")
    program = f"""
        import taskspan
        taskspan.configure(console=False, run_dir={str(tmp_path)!r})
        for number in range(3):
            with taskspan.task("night"):
                pass
        print("done")
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == "done\n"
    lines = result.stderr.splitlines()
    assert len(lines) == 3, lines
    assert all("No space left on device" in line for line in lines)


# -- appending


def test_a_line_that_was_cut_stays_alone(tmp_path: Path) -> None:
    """After a crash in the middle of a line the next run starts on a new one."""
    (tmp_path / "traces.jsonl").write_text('{"resourceSpans":[{"reso', encoding="utf-8")
    with configure(console=False, run_dir=tmp_path):
        run_task()
    cut, *others = (tmp_path / "traces.jsonl").read_text("utf-8").splitlines()
    assert cut == '{"resourceSpans":[{"reso'
    assert [json.loads(line) for line in others]


def test_a_forked_child_writes_its_own_spans_once(tmp_path: Path) -> None:
    """A child of `fork` writes what it does itself, and nothing of its parent's."""
    program = f"""
        import os, warnings, taskspan
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: of fork with threads
        telemetry = taskspan.configure(console=False, run_dir={str(tmp_path)!r})
        with taskspan.task("parent") as task:
            with task.operation("before", total=1) as op:
                op.update()
            if os.fork() == 0:
                with taskspan.task("child"):
                    pass
                telemetry.force_flush()
                os._exit(0)
            os.wait()
    """
    run_child(program)
    assert sorted(recorded_spans(tmp_path)) == ["before", "child", "parent"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes_write_what_they_record(method: str, tmp_path: Path) -> None:
    """Workers of `multiprocessing`, however started, keep their spans, without a flush."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import multiprocessing, sys, warnings, taskspan
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork with threads

            def work(number):
                if {method!r} != "fork":
                    taskspan.configure(console=False)
                with taskspan.task("work", str(number)):
                    pass

            if __name__ == "__main__":
                taskspan.configure(console=False)
                context = multiprocessing.get_context({method!r})
                with taskspan.task("parent"):
                    workers = [context.Process(target=work, args=(n,)) for n in range(3)]
                    for worker in workers: worker.start()
                    for worker in workers: worker.join()
                sys.exit(any(worker.exitcode for worker in workers))
            """
        ),
        encoding="utf-8",
    )
    run = tmp_path / "run"
    subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "TASKSPAN_RUN_DIR": str(run)},
        timeout=60,
        check=True,
    )
    assert sorted(recorded_spans(run)) == ["parent", "work", "work", "work"]


def test_many_spans_at_once_are_all_written(tmp_path: Path) -> None:
    """Spans that end faster than they can be written are not dropped."""
    program = f"""
        import threading, taskspan
        from opentelemetry import trace
        taskspan.configure(console=False, run_dir={str(tmp_path)!r})
        tracer = trace.get_tracer("other")
        def work():
            for number in range(4000):
                tracer.start_span("span").end()
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """
    run_child(program, OTEL_BSP_MAX_QUEUE_SIZE="600")
    assert len(recorded_spans(tmp_path)) == 16_000


def test_the_environment_names_the_directory(tmp_path: Path) -> None:
    """`TASKSPAN_RUN_DIR` is `run_dir=` for programs that are not changed."""
    program = """
        import taskspan
        telemetry = taskspan.configure(console=False)
        with taskspan.task("night"):
            pass
        print(telemetry.run_dir)
    """
    printed = run_child(program, TASKSPAN_RUN_DIR=str(tmp_path / "run"))
    assert printed == str(tmp_path / "run")
    assert recorded_spans(tmp_path / "run") == ["night"]


def test_a_child_process_is_recorded_with_its_parent(tmp_path: Path) -> None:
    """With `child_environment` one directory has the trace of both, and a report of each."""
    child = """
        import taskspan
        with taskspan.configure(console=False), taskspan.task("child"):
            pass
    """
    program = f"""
        import subprocess, sys, taskspan
        with taskspan.configure(console=False, run_dir={str(tmp_path)!r}):
            with taskspan.task("parent"):
                command = [sys.executable, "-c", {textwrap.dedent(child)!r}]
                subprocess.run(command, env=taskspan.child_environment(), check=True)
    """
    run_child(program)
    child_span, parent_span = spans_in(tmp_path)
    assert child_span["name"] == "child"
    assert child_span["parentSpanId"] == parent_span["spanId"]
    reports = [json.loads(path.read_text("utf-8")) for path in tmp_path.glob("report*.json")]
    assert {report["tasks"][0]["task_type"] for report in reports} == {"child", "parent"}


def test_nothing_is_imported_for_it_without_configure() -> None:
    """A task without `configure` loads neither exporters nor the SDK's metrics and logs."""
    program = """
        import sys, taskspan
        with taskspan.task("night", quiet=True):
            pass
        print([name for name in sys.modules if "exporter" in name])
    """
    assert run_child(program) == "[]"
    assert metrics.get_meter_provider() is not None


def test_a_batch_that_cannot_be_encoded_is_told(tmp_path: Path, problems: list[Any]) -> None:
    """A failure of the file exporter itself is one problem, not an exception."""
    del problems
    run = _run_directory.named(tmp_path)
    assert not run.files["traces"].write(["no span"])
    run.close()
