"""The report of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from taskspan.conventions import Outcome
from taskspan.views import _report_file, _run_report
from taskspan.views._run_report import MAX_OPERATIONS, RunReportView
from tests.views._recording_spans import FakeClock
from tests.views._stand_ins import FakeLive


class Run:
    """A view, its clock, and its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock()
        self.view = RunReportView(path, self.clock)

    def end(self, live: FakeLive, outcome: Outcome = "success") -> None:
        """Let something end."""
        live.with_outcome(outcome)
        live.progress.metrics |= {"outcome": outcome, "current": live.progress.counter.completed}
        self.view.gather(live)

    def tick(self) -> None:
        """Tick."""
        self.view.ticked()

    @property
    def report(self) -> dict[str, Any]:
        """What the file says."""
        found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return found


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that writes into a directory of its own."""
    return Run(tmp_path / "report.json")


def task(name: str = "nightly") -> FakeLive:
    """A task that runs."""
    live = FakeLive(name, kind="task")
    live.progress.task_type, live.progress.task_id = name, "7"
    return live


def is_behind(run: Run) -> bool:
    """Whether the view asks for another tick."""
    return run.view.is_behind


def test_a_task_is_written_at_its_end(run: Run) -> None:
    """The end of an outermost task writes the file, with its operations."""
    nightly = task()
    run.end(FakeLive("load", nightly))
    run.tick()
    assert not run.path.exists()
    run.end(nightly)
    assert is_behind(run)
    run.tick()
    assert not is_behind(run)
    (report,) = run.report["tasks"]
    assert (report["task_type"], report["task_id"], report["status"]) == ("nightly", "7", "success")
    assert [entry["operation"] for entry in report["operations"]] == ["load"]
    assert run.report["environment"]["pid"] > 0


def test_each_task_has_its_own_report(run: Run) -> None:
    """A task inside a task has a report of its own; operations go to the nearest task."""
    outer = task("outer")
    inner = task("inner")
    inner.enclosing = FakeLive("load", outer)
    run.end(FakeLive("parse", FakeLive("read", inner)))
    run.end(inner)
    run.end(FakeLive("send", outer))
    run.end(outer)
    run.view.flush()
    found = {r["task_type"]: [o["operation"] for o in r["operations"]] for r in run.report["tasks"]}
    assert found == {"inner": ["parse"], "outer": ["send"]}


def test_operations_outside_of_tasks_have_a_place(run: Run) -> None:
    """What runs outside of any task is listed beside the tasks."""
    run.end(FakeLive("load"), "error")
    run.view.flush()
    (entry,) = run.report["operations"]
    assert (entry["operation"], entry["status"]) == ("load", "error")
    assert run.report["tasks"] == []


def test_a_running_task_is_told_to_run(run: Run) -> None:
    """At a flush a task that has not ended is there as running, with what has ended in it."""
    nightly = task()
    run.view.started(nightly)
    run.end(FakeLive("load", nightly))
    run.view.flush()
    (report,) = run.report["tasks"]
    assert report["status"] == "running"
    assert len(report["operations"]) == 1
    run.end(nightly)
    run.view.flush()
    assert [report["status"] for report in run.report["tasks"]] == ["success"]


def test_a_start_that_is_told_late_opens_nothing(run: Run) -> None:
    """A task that ended before views were told of its start is not listed as running."""
    nightly = task()
    run.end(nightly)
    run.view.started(nightly)
    run.view.flush()
    assert [report["status"] for report in run.report["tasks"]] == ["success"]


def test_the_file_is_written_once_a_second(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tasks end, the file is written once a second, and at the flush."""
    written: list[int] = []
    write = _report_file.write_atomically

    def counted(path: Path, text: str) -> None:
        written.append(run.clock.now_ns)
        write(path, text)

    monkeypatch.setattr(_run_report, "write_atomically", counted)
    for _ in range(100):
        run.end(task())
        run.tick()
        run.clock.pass_s(0.1)
    assert len(written) == 10
    run.view.flush()
    assert len(written) == 11
    assert len(run.report["tasks"]) == 100
    run.view.flush()
    assert len(written) == 11


def test_memory_is_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limits operations and tasks are counted by name and outcome."""
    monkeypatch.setattr(_run_report, "MAX_OPERATIONS", 5)
    monkeypatch.setattr(_run_report, "MAX_TASKS", 2)
    monkeypatch.setattr(_run_report, "MAX_NAMES", 2)
    nightly = task()
    for name in ("load", "load", "load", "load", "load", "load", "send", "x", "y"):
        run.end(FakeLive(name, nightly), "error" if name == "send" else "success")
    run.end(nightly)
    for _ in range(3):
        run.end(task("tiny"))
    run.view.flush()
    report = run.report
    assert len(report["tasks"]) == 2
    assert len(report["tasks"][0]["operations"]) == 5
    assert report["tasks"][0]["operations_omitted"] == 4
    assert report["operations_omitted"] == {
        "total": 4,
        "by_name": {"load": {"success": 1}, "send": {"error": 1}, "_OTHER": {"success": 2}},
    }
    assert report["tasks_omitted"] == {"total": 2, "by_name": {"tiny": {"success": 2}}}


def test_ten_thousand_entries_are_kept(run: Run) -> None:
    """The documented number of operations has entries; the file is one JSON document."""
    nightly = task()
    for _ in range(MAX_OPERATIONS + 1):
        run.end(FakeLive("load", nightly))
    run.end(nightly)
    run.view.flush()
    assert len(run.report["tasks"][0]["operations"]) == MAX_OPERATIONS
    assert run.report["operations_omitted"]["total"] == 1


def test_a_place_that_cannot_be_written_costs_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A report that cannot be written is told once, and tried again."""
    (tmp_path / "run").write_text("a file where a directory should be")
    run = Run(tmp_path / "run" / "report.json")
    for _ in range(3):
        run.end(task())
        run.view.flush()
    assert len(caplog.records) == 1
    assert "report" in caplog.text
    (tmp_path / "run").unlink()
    run.view.flush()
    assert len(run.report["tasks"]) == 3


def test_values_of_any_kind_are_written(run: Run) -> None:
    """Metrics that JSON lacks become text, as in a task's own report."""
    nightly = task()
    load = FakeLive("load", nightly)
    load.progress.metrics |= {"nan": float("nan"), "thing": {1: {2}}, "text": "\ud800"}
    run.end(load)
    run.end(nightly)
    run.view.flush()
    details = run.report["tasks"][0]["operations"][0]["details"]
    assert details["nan"] == "nan"
    assert details["thing"] == {"1": [2]}
