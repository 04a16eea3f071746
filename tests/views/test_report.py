"""The report of a task."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

import taskspan
from taskspan.conventions import Outcome
from tests.producer._reading import context_of, span_named


@pytest.fixture
def reporter(tmp_path: Path) -> taskspan.TaskReporter:
    """A report that is saved into a directory of the test."""
    return taskspan.TaskReporter("42", "nightly", "every night", tmp_path / "report.json")


def read(path: Path) -> dict[str, Any]:
    """The report on disk."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


# -- gathering


def test_a_new_report_is_of_a_running_task(reporter: taskspan.TaskReporter) -> None:
    """Before any end the status is `running`, and success is not known."""
    report = reporter.generate_report()
    assert report["schema_version"] == 1
    assert (report["task_id"], report["task_type"]) == ("42", "nightly")
    assert report["description"] == "every night"
    assert report["status"] == "running"
    assert report["success"] is None
    assert report["ended_at"] is None
    assert report["operations"] == []
    assert report["progress"] is None


def test_an_operation_fills_its_columns(reporter: taskspan.TaskReporter) -> None:
    """Known details fill the columns of an entry, and all of them are kept."""
    details = {
        "execution_time": 2.0,
        "items_per_second": 5.0,
        "peak_memory_mb": 80.5,
        "current": 10,
        "outcome": "error",
        "error_type": "ValueError",
        "error_message": "bad row",
        "trace_id": "ab",
        "span_id": "cd",
        "rows": 3,
    }
    reporter.add_operation("Complete load", status="error", details=details)
    (entry,) = reporter.generate_report()["operations"]
    ended_at = entry.pop("ended_at")
    assert ended_at.endswith("+00:00")
    assert entry == {
        "name": "Complete load",
        "operation": "load",
        "status": "error",
        "duration": 2.0,
        "completed": 10,
        "throughput": 5.0,
        "peak_memory_mb": 80.5,
        "trace_id": "ab",
        "span_id": "cd",
        "error": {"error_type": "ValueError", "error_message": "bad row"},
        "details": details,
    }


def test_an_operation_needs_a_name_alone(reporter: taskspan.TaskReporter) -> None:
    """An entry without details is a success whose figures are not known."""
    reporter.add_operation("check")
    (entry,) = reporter.generate_report()["operations"]
    assert (entry["name"], entry["status"], entry["duration"]) == ("check", "success", None)
    assert entry["error"] is None


@pytest.mark.parametrize("outcome", ["success", "error", "cancelled", "interrupted"])
def test_the_outcome_is_the_status(outcome: Outcome, reporter: taskspan.TaskReporter) -> None:
    """`outcome` among the details tells cancelled and interrupted from a plain error."""
    status = "success" if outcome == "success" else "error"
    reporter.add_operation("load", status=status, details={"outcome": outcome})
    reporter.task_ended({"outcome": outcome, "execution_time": 1.5, "trace_id": "ab"})
    report = read(reporter.report_path or Path())
    assert report["operations"][0]["status"] == outcome
    assert report["status"] == outcome
    assert report["success"] is (outcome == "success")
    assert report["execution_time"] == 1.5
    assert report["trace_id"] == "ab"
    assert report["ended_at"] is not None


def test_later_changes_of_the_details_change_nothing(reporter: taskspan.TaskReporter) -> None:
    """The dictionary that a caller hands over stays the caller's."""
    details: dict[str, Any] = {"current": 1}
    reporter.add_operation("load", details=details)
    details["current"] = 2
    assert reporter.generate_report()["operations"][0]["details"] == {"current": 1}


def test_artifacts_are_found(reporter: taskspan.TaskReporter) -> None:
    """Artifacts are found by tag, category and type, in order."""
    a = reporter.add_artifact("csv", "a.csv", tags=["raw", "big"])
    b = reporter.add_artifact("csv", Path("b.csv"), category="input", tags=["raw"])
    c = reporter.add_artifact("png", "c.png", "a chart", metadata={"dpi": 300})
    assert reporter.artifacts == [a, b, c]
    assert reporter.get_artifacts_by_tag("raw") == [a, b]
    assert reporter.get_artifacts_by_tag("none") == []
    assert reporter.get_artifacts_by_category("output") == [a, c]
    assert reporter.get_artifacts_by_type("csv") == [a, b]
    assert reporter.generate_report()["artifacts"][2] == {
        "artifact_type": "png",
        "path": "c.png",
        "description": "a chart",
        "category": "output",
        "tags": [],
        "group_name": None,
        "metadata": {"dpi": 300},
    }


def test_artifacts_lie_in_groups(reporter: taskspan.TaskReporter) -> None:
    """A group is made by its first artifact or on its own, and described at any time."""
    chart = reporter.add_artifact("png", "c.png", group_name="charts")
    group = reporter.add_artifact_group("charts", "for the board", {"pages": 2})
    assert reporter.get_artifact_group("charts") is group
    assert reporter.get_artifact_group("none") is None
    assert group.artifacts == [chart]
    reporter.add_artifact_group("charts", metadata={"colour": True})
    assert (group.description, group.metadata) == ("for the board", {"pages": 2, "colour": True})
    groups = reporter.generate_report()["artifact_groups"]
    assert groups["charts"]["artifacts"][0]["path"] == "c.png"
    assert groups["charts"]["description"] == "for the board"


def test_metrics_are_set_and_nested(reporter: taskspan.TaskReporter) -> None:
    """A metric is replaced by a later one; a plain one moves into a category of its name."""
    reporter.add_metric("rows", 1)
    reporter.add_metric("rows", 2)
    reporter.add_metric("k", 5)
    reporter.add_nested_metric("k", "min", 3)
    reporter.add_nested_metric("quality", "loss", float("nan"))
    assert reporter.generate_report()["metrics"] == {
        "rows": 2,
        "k": {"value": 5, "min": 3},
        "quality": {"loss": "nan"},
    }


def test_the_last_summary_counts(reporter: taskspan.TaskReporter) -> None:
    """A later summary replaces what it says, and leaves the rest as it was."""
    reporter.add_task_summary(True, 2.0, {"rows": 1}, encryption={"mode": "none"})
    reporter.add_task_summary(False, error_info={"error_type": "ValueError"})
    report = reporter.generate_report()
    assert (report["status"], report["success"]) == ("error", False)
    assert report["execution_time"] == 2.0
    assert report["task_metrics"] == {"rows": 1}
    assert report["encryption"] == {"mode": "none"}
    assert report["error_info"] == {"error_type": "ValueError"}


def test_a_summary_does_not_blur_an_outcome(reporter: taskspan.TaskReporter) -> None:
    """A cancelled task stays cancelled when a summary only says that it did not succeed."""
    reporter.task_ended({"outcome": "cancelled"})
    reporter.add_task_summary(False)
    assert reporter.generate_report()["status"] == "cancelled"


def test_the_environment_is_told(reporter: taskspan.TaskReporter) -> None:
    """The report says where it was made."""
    environment = reporter.generate_report()["environment"]
    assert environment["taskspan"] == taskspan.__version__
    assert environment["python"] == platform.python_version()
    assert environment["pid"] == os.getpid()
    assert environment["working_directory"] == str(Path.cwd())


@pytest.mark.expects_problems
@pytest.mark.skipif(sys.platform == "win32", reason="a current directory cannot be removed there")
def test_a_current_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report is made also where the current directory has been removed."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    reporter = taskspan.TaskReporter("1", "nightly", report_path=tmp_path / "r.json")
    assert read(reporter.save_report())["environment"]["working_directory"] is None


class Figures:
    """As a progress manager is."""

    def get_metrics(self) -> dict[str, Any]:
        """Return figures."""
        return {"operations_completed": 3}


class NoFigures:
    """A progress manager that fails."""

    def get_metrics(self) -> dict[str, Any]:
        """Fail."""
        raise RuntimeError("no figures")


def test_the_figures_of_a_manager_are_told() -> None:
    """With a progress manager the report has its figures."""
    reporter = taskspan.TaskReporter("1", "nightly", progress_manager=Figures())
    assert reporter.generate_report()["progress"] == {"operations_completed": 3}


@pytest.mark.expects_problems
def test_a_manager_that_raises_costs_its_figures_alone() -> None:
    """A progress manager that raises leaves the report without its figures."""
    reporter = taskspan.TaskReporter("1", "nightly", progress_manager=NoFigures())
    assert reporter.generate_report()["progress"] is None


def test_values_that_cannot_be_copied_are_reported(reporter: taskspan.TaskReporter) -> None:
    """Locks, streams and structures that hold themselves do not stop a report."""
    circle: list[Any] = []
    circle.append(circle)
    reporter.add_operation("load", details={"lock": threading.Lock(), "out": sys.stderr})
    reporter.add_artifact("csv", "a.csv", metadata={"circle": circle})
    report = read(reporter.save_report())
    assert "lock" in report["operations"][0]["details"]["lock"]
    assert report["artifacts"][0]["metadata"] == {"circle": ["<list>"]}


# -- saving


def test_saving_is_atomic(
    reporter: taskspan.TaskReporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader sees the old report until the new one is complete, and nothing is left over."""
    path = reporter.save_report()
    seen = []
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        seen.append((read(path)["status"], read(self)["status"]))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    reporter.add_task_summary(True)
    assert reporter.save_report() == path
    assert seen == [("running", "success")]
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_the_file_has_an_ordinary_mode(reporter: taskspan.TaskReporter, tmp_path: Path) -> None:
    """The report may be read by whoever may read any new file."""
    other = tmp_path / "other"
    other.touch()
    assert reporter.save_report().stat().st_mode == other.stat().st_mode


def test_directories_are_made(tmp_path: Path) -> None:
    """Missing directories on the way to the report are made."""
    path = tmp_path / "a" / "b" / "report.json"
    assert taskspan.TaskReporter("1", "nightly", report_path=str(path)).save_report() == path
    assert path.is_file()


def test_a_name_of_the_longest_length(tmp_path: Path) -> None:
    """A file name as long as file systems allow is written like any other."""
    path = tmp_path / ("r" * 255)
    assert taskspan.TaskReporter("1", "nightly", report_path=path).save_report() == path


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in the file system there")
def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    """A path such as `/dev/stdout` is written to; a file does not take its place."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reporter = taskspan.TaskReporter("1", "nightly", report_path=path)
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(path.read_text, "utf-8")
        reporter.save_report()
        assert json.loads(text.result(30))["task_id"] == "1"
    assert path.is_fifo()


def test_the_default_path_is_made_of_type_and_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a path the report goes to the current directory, under a name that is safe."""
    monkeypatch.chdir(tmp_path)
    reporter = taskspan.TaskReporter("../2026/11\n", "nightly job")
    path = reporter.save_report()
    assert path == Path("nightly_job_2026_11_n_report.json")
    assert path.is_file()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.mark.parametrize("name", ["file/report.json", "nul\0", "directory", "x" * 300])
def test_a_path_that_cannot_be_written(
    name: str, tmp_path: Path, elsewhere: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The report then goes to the directory for temporary files, and one log line says so."""
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    before = sorted(tmp_path.rglob("*"))
    reporter = taskspan.TaskReporter("1", "nightly", report_path=tmp_path / name)
    path = reporter.save_report()
    assert path == elsewhere / "nightly_1_report.json"
    assert read(path)["task_id"] == "1"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("taskspan", logging.WARNING)
    assert str(path) in record.getMessage()
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_nowhere_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With nothing to write to, saving does not raise; one log line says so."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    reporter = taskspan.TaskReporter("1", "nightly", report_path=tmp_path / "file" / "r.json")
    reporter.save_report()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING


def test_a_write_that_fails_leaves_nothing(
    reporter: taskspan.TaskReporter,
    tmp_path: Path,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the disk is full half-way, the old report stays and no temporary file is left."""
    path = reporter.save_report()
    old = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    reporter.add_task_summary(True)
    reporter.save_report()
    assert path.read_bytes() == old
    assert sorted(tmp_path.rglob("*")) == sorted([path, elsewhere])


# -- its own block


def test_its_block_saves_it(reporter: taskspan.TaskReporter) -> None:
    """A report used as a context manager is saved at the end of its block."""
    with reporter as entered:
        assert entered is reporter
        reporter.add_task_summary(True, 1.0)
    assert read(reporter.report_path or Path())["status"] == "success"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad row"), "error"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(1), "interrupted"),
        (GeneratorExit(), "cancelled"),
    ],
)
def test_its_block_tells_an_exception(
    error: BaseException, status: str, reporter: taskspan.TaskReporter
) -> None:
    """An exception in the block sets the status, is saved, and goes on."""
    with pytest.raises(type(error)), reporter:  # noqa: PT012  the block is what is tested
        reporter.add_operation("load")
        raise error
    report = read(reporter.report_path or Path())
    assert (report["status"], report["success"]) == (status, False)
    assert report["error_info"] == {
        "error_type": type(error).__name__,
        "error_message": str(error),
    }
    assert len(report["operations"]) == 1


# -- handed to a task


def test_a_task_saves_its_report(
    reporter: taskspan.TaskReporter, exporter: InMemorySpanExporter
) -> None:
    """At the end of its task a report is saved, with the ids of the spans."""
    with taskspan.task("nightly", "42", reporter=reporter, quiet=True) as task:
        with task.operation("load", 10, unit="rows") as load:
            load.update(10)
        assert not (reporter.report_path or Path()).exists()
    report = read(reporter.report_path or Path())
    span = span_named(exporter, "load")
    (entry,) = report["operations"]
    assert report["trace_id"] == entry["trace_id"] == format_trace_id(context_of(span).trace_id)
    assert entry["span_id"] == format_span_id(context_of(span).span_id)
    assert (entry["operation"], entry["status"], entry["completed"]) == ("load", "success", 10)
    assert entry["duration"] > 0
    assert entry["throughput"] > 0
    assert entry["peak_memory_mb"] > 0
    assert (report["status"], report["success"]) == ("success", True)
    assert report["execution_time"] > 0


def test_without_a_path_a_task_saves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exporter: InMemorySpanExporter
) -> None:
    """A report without a path is told of the end, and writes no file unasked."""
    monkeypatch.chdir(tmp_path)
    reporter = taskspan.TaskReporter("42", "nightly")
    with taskspan.task("nightly", "42", reporter=reporter, quiet=True):
        pass
    assert reporter.generate_report()["status"] == "success"
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_leaves_the_task_alone(
    tmp_path: Path, elsewhere: Path, exporter: InMemorySpanExporter
) -> None:
    """A task whose report cannot be written ends well."""
    (tmp_path / "file").touch()
    reporter = taskspan.TaskReporter("42", "nightly", report_path=tmp_path / "file" / "r.json")
    with taskspan.task("nightly", "42", reporter=reporter, quiet=True):
        pass
    assert read(elsewhere / "nightly_42_report.json")["status"] == "success"


def test_many_threads_report(reporter: taskspan.TaskReporter) -> None:
    """Entries from many threads are all there, while others read the report."""

    def work(number: int) -> None:
        for _ in range(50):
            reporter.add_operation(f"n{number}", details={"current": 1})
            reporter.add_nested_metric("seen", f"{number}", 1)
        reporter.generate_report()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    report = reporter.generate_report()
    assert len(report["operations"]) == 400
    assert len(report["metrics"]["seen"]) == 8


# -- the summary


def test_the_summary_is_a_table(reporter: taskspan.TaskReporter) -> None:
    """The summary says how the task ended, and has a row for each operation."""
    details = {"execution_time": 1234.5, "items_per_second": 25_000.0, "peak_memory_mb": 80.4}
    reporter.add_operation("Complete load", details=details)
    reporter.add_operation("Complete \x1b[31mscore", "error", {"outcome": "cancelled"})
    reporter.task_ended({"outcome": "error", "execution_time": 1235.0, "trace_id": "ab"})
    lines = reporter.summary().split("\n")
    assert lines[0] == "nightly 42: error, 1,235.00 s, 2 operations, trace ab"
    assert lines[1].split() == ["operation", "status", "duration", "throughput", "peak", "memory"]
    assert lines[3].split() == ["load", "success", "1,234.50", "s", "25,000/s", "80", "MiB"]
    assert lines[4].split() == [r"\x1b[31mscore", "cancelled", "–", "–", "–"]


def test_the_summary_of_figures_that_are_none(reporter: taskspan.TaskReporter) -> None:
    """A figure that is no number is shown as a dash."""
    reporter.add_operation("load", details={"execution_time": "long"})
    reporter.add_task_summary(True, float("nan"))
    assert reporter.summary().startswith("nightly 42: success, –, 1 operations\n")
