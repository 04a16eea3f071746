"""`BaseTask`: its life cycle, and what a failure leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import taskspan
from taskspan import OperationResult, OperationStatus, conventions
from tests.producer._reading import (
    attributes_of,
    events_named,
    is_child_of,
    names_of,
    outcome_of,
    span_named,
)


class Step:
    """An operation that counts, and ends as it is told."""

    def __init__(self, name: str, total: int | None = 3, end: object = None) -> None:
        self.name = name
        self.total = total
        self._end = end
        self.calls: list[dict[str, Any]] = []

    def run(self, progress_tracker: taskspan.ProgressTracker, **params: Any) -> object:
        """Count up to the total, then raise or return what it was told."""
        self.calls.append(params)
        for _ in range(self.total or 0):
            progress_tracker.update(1)
        progress_tracker.close()
        if isinstance(self._end, BaseException):
            raise self._end
        return self._end


class Nightly(taskspan.BaseTask):
    """A task that runs the steps it is given, and notes its life cycle."""

    def __init__(self, steps: list[Step], report_path: Path, quiet: bool | None = True) -> None:
        super().__init__("2026-11-23", "nightly", "the job", report_path=report_path, quiet=quiet)
        self.steps = steps
        self.life: list[str] = []

    def initialize(self) -> None:
        """Note it."""
        self.life.append("initialize")
        super().initialize()

    def configure_operations(self) -> None:
        """Run the steps with their number."""
        self.life.append("configure")
        for number, step in enumerate(self.steps):
            self.add_operation(step, number=number)

    def execute(self) -> bool:
        """Note it."""
        self.life.append("execute")
        return super().execute()

    def finalize(self, success: bool) -> None:
        """Note it."""
        self.life.append(f"finalize {success}")
        super().finalize(success)


def failed(message: str | None = "no rows") -> OperationResult:
    """Return the result of an operation that says itself that it has failed."""
    return OperationResult(OperationStatus.ERROR, error_message=message)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the report goes."""
    return tmp_path / "report.json"


def statuses(path: Path) -> dict[str, str]:
    """Return the status of each operation of a saved report."""
    report = json.loads(path.read_text(encoding="utf-8"))
    return {entry["operation"]: entry["status"] for entry in report["operations"]}


def test_the_life_of_a_task(exporter: InMemorySpanExporter, path: Path) -> None:
    """`run` initializes, configures, executes and finalizes, in that order."""
    task = Nightly([Step("load"), Step("mask")], path)
    assert task.run() is True
    assert task.life == ["initialize", "configure", "execute", "finalize True"]
    assert names_of(exporter) == ["load", "mask", "nightly"]
    assert task.error is None


def test_the_spans_of_a_task(exporter: InMemorySpanExporter, path: Path) -> None:
    """Each operation is a child of the task, with its count and total."""
    Nightly([Step("load", 5), Step("mask", None)], path).run()
    task = span_named(exporter, "nightly")
    load, mask = span_named(exporter, "load"), span_named(exporter, "mask")
    assert is_child_of(load, task)
    assert is_child_of(mask, task)
    assert attributes_of(load)[conventions.PROGRESS_COMPLETED] == 5
    assert attributes_of(load)[conventions.PROGRESS_TOTAL] == 5
    assert conventions.PROGRESS_TOTAL not in attributes_of(mask)
    assert attributes_of(task)[conventions.TASK_ID] == "2026-11-23"
    assert attributes_of(task)[conventions.PROGRESS_COMPLETED] == 2
    assert attributes_of(task)[conventions.PROGRESS_TOTAL] == 2


def test_nothing_is_opened_before_it_runs(exporter: InMemorySpanExporter, path: Path) -> None:
    """A task that never runs has no span and no report, and says so when asked for its manager."""
    task = Nightly([Step("load")], path)
    with pytest.raises(RuntimeError, match="not initialized"):
        _ = task.progress_manager
    assert names_of(exporter) == []
    assert not path.exists()


def test_each_operation_gets_its_parameters(path: Path) -> None:
    """An operation is run with its parameters and the tracker of its span."""
    steps = [Step("load"), Step("mask")]
    Nightly(steps, path).run()
    assert [step.calls for step in steps] == [[{"number": 0}], [{"number": 1}]]


def test_results_are_kept_by_name(path: Path) -> None:
    """`results` has the result of each operation; a plain value is the data of one."""
    given = OperationResult(OperationStatus.WARNING, data=1)
    task = Nightly([Step("load", end=given), Step("mask", end=[1, 2])], path)
    assert task.run()
    assert task.results["load"] is given
    assert task.results["mask"].data == [1, 2]
    assert task.results["mask"].status is OperationStatus.SUCCESS
    seconds = task.results["mask"].execution_time
    assert seconds is not None
    assert seconds > 0


def test_metrics_of_a_result_are_on_the_span(exporter: InMemorySpanExporter, path: Path) -> None:
    """What a result has as metrics is on the span and in the report."""
    Nightly([Step("load", end=OperationResult(metrics={"rejected": 7}))], path).run()
    attributes = attributes_of(span_named(exporter, "load"))
    assert attributes[f"{conventions.METRIC_PREFIX}rejected"] == 7
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["operations"][0]["details"]["rejected"] == 7


def test_an_operation_without_name_and_total(exporter: InMemorySpanExporter, path: Path) -> None:
    """The name is that of the class where there is none, and the length is unknown."""

    class Cleaning:
        def run(self, progress_tracker: taskspan.ProgressTracker) -> None:
            progress_tracker.update(2)

    class Minimal(taskspan.BaseTask):
        def configure_operations(self) -> None:
            self.add_operation(Cleaning())

    assert Minimal("1", "nightly", report_path=path, quiet=True).run()
    attributes = attributes_of(span_named(exporter, "Cleaning"))
    assert attributes[conventions.PROGRESS_COMPLETED] == 2
    assert conventions.PROGRESS_TOTAL not in attributes


def test_an_operation_with_nothing_to_do(exporter: InMemorySpanExporter, path: Path) -> None:
    """An operation with a total of zero is run, and is no operation of the task."""
    step = Step("load", 0)
    assert Nightly([step], path).run()
    assert len(step.calls) == 1
    assert names_of(exporter) == ["nightly"]


def test_an_operation_that_raises(
    exporter: InMemorySpanExporter, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception ends the task as failed; it is logged, kept, on the span and in the report."""
    steps = [Step("load"), Step("mask", end=KeyError("tail number")), Step("write")]
    task = Nightly(steps, path)
    assert task.run() is False
    assert isinstance(task.error, KeyError)
    assert task.life[-1] == "finalize False"
    assert names_of(exporter) == ["load", "mask", "nightly"]
    for name in ("mask", "nightly"):
        span = span_named(exporter, name)
        assert outcome_of(span) == "error"
        assert span.status.status_code is StatusCode.ERROR
        assert attributes_of(span)[conventions.ERROR_TYPE] == "KeyError"
        assert len(events_named(span, conventions.EXCEPTION_EVENT)) == 1
    assert statuses(path) == {"load": "success", "mask": "error"}
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["status"] == "error"
    assert report["error_info"] == {"error_type": "KeyError", "error_message": "'tail number'"}
    assert steps[2].calls == []
    assert "tail number" in caplog.text


def test_a_result_that_says_error(exporter: InMemorySpanExporter, path: Path) -> None:
    """A result with status `ERROR` ends the task as failed, without an exception."""
    task = Nightly([Step("load", end=failed()), Step("mask")], path)
    assert task.run() is False
    assert task.error is None
    assert names_of(exporter) == ["load", "nightly"]
    load = span_named(exporter, "load")
    assert outcome_of(load) == "error"
    assert load.status.description == "no rows"
    assert attributes_of(load)[conventions.ERROR_TYPE] == conventions.ERROR_TYPE_OTHER
    assert attributes_of(load)[conventions.PROGRESS_COMPLETED] == 3
    assert events_named(load, conventions.EXCEPTION_EVENT) == []
    assert outcome_of(span_named(exporter, "nightly")) == "error"
    assert statuses(path) == {"load": "error"}


@pytest.mark.parametrize(
    "status", [OperationStatus.WARNING, OperationStatus.SKIPPED, OperationStatus.PENDING]
)
def test_other_results_go_on(
    status: OperationStatus, exporter: InMemorySpanExporter, path: Path
) -> None:
    """Only `ERROR` is a failure."""
    assert Nightly([Step("load", end=OperationResult(status)), Step("mask")], path).run()
    assert names_of(exporter) == ["load", "mask", "nightly"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_ctrl_c(kind: type[BaseException], exporter: InMemorySpanExporter, path: Path) -> None:
    """Ctrl-C and `sys.exit` go on after all spans are ended and the report is saved."""
    task = Nightly([Step("load"), Step("mask", end=kind()), Step("write")], path)
    with pytest.raises(kind):
        task.run()
    assert task.life[-1] == "finalize False"
    assert names_of(exporter) == ["load", "mask", "nightly"]
    assert outcome_of(span_named(exporter, "mask")) == "interrupted"
    assert outcome_of(span_named(exporter, "nightly")) == "interrupted"
    assert statuses(path) == {"load": "success", "mask": "interrupted"}
    assert json.loads(path.read_text(encoding="utf-8"))["status"] == "interrupted"


def test_a_failing_set_up(
    exporter: InMemorySpanExporter, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception of `configure_operations` fails the task as one of an operation does."""

    class Undecided(taskspan.BaseTask):
        """A task that does not say what to run."""

    task = Undecided("1", "nightly", report_path=path, quiet=True)
    assert task.run() is False
    assert isinstance(task.error, NotImplementedError)
    assert outcome_of(span_named(exporter, "nightly")) == "error"
    assert json.loads(path.read_text(encoding="utf-8"))["success"] is False
    assert "Undecided must define configure_operations" in caplog.text


def test_a_report_has_the_description(path: Path) -> None:
    """The report says what the task is for, and how it went."""
    Nightly([Step("load")], path).run()
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["description"] == "the job"
    assert report["status"] == "success"
    assert report["progress"]["operations_completed"] == 1


def test_an_operation_added_while_it_runs(exporter: InMemorySpanExporter, path: Path) -> None:
    """An operation may be added before or after the task is initialized; the total follows."""
    task = Nightly([Step("load")], path)
    task.add_operation(Step("early"))
    assert task.run()
    assert names_of(exporter) == ["early", "load", "nightly"]
    assert attributes_of(span_named(exporter, "nightly"))[conventions.PROGRESS_TOTAL] == 2


def test_steps_called_one_by_one(exporter: InMemorySpanExporter, path: Path) -> None:
    """A runner of one's own may call the steps of `run` itself."""
    task = Nightly([Step("load")], path)
    task.initialize()
    task.configure_operations()
    success = task.execute()
    task.finalize(success)
    assert success
    assert statuses(path) == {"load": "success"}


def test_a_quiet_task_writes_nothing_on_stdout(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quiet task draws nothing."""
    Nightly([Step("load")], path).run()
    assert capsys.readouterr().out == ""


def test_an_operation_inside_is_a_child(exporter: InMemorySpanExporter, path: Path) -> None:
    """What an operation opens lies inside its own span."""

    class Outer:
        name = "outer"

        def run(self, progress_tracker: taskspan.ProgressTracker) -> None:
            for _ in taskspan.track(range(3), "inner"):
                progress_tracker.update(1)

    class Nesting(taskspan.BaseTask):
        def configure_operations(self) -> None:
            self.add_operation(Outer())

    assert Nesting("1", "nightly", report_path=path, quiet=True).run()
    assert is_child_of(span_named(exporter, "inner"), span_named(exporter, "outer"))
