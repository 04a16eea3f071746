"""Writes the report of a run: all its tasks, as each one's `TaskReporter` would report them.

It is told of every end on the thread that ended, and keeps entries; a tick writes the file,
at the end of what nothing else is around, at most once a second, and never for more than a
twentieth of the time. What has ended is made into text once: a run of ten thousand small
tasks would otherwise write all of them again each second.

Memory is bounded: `MAX_OPERATIONS` entries of operations and `MAX_TASKS` of tasks; what comes
after that is counted by name and outcome.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from taskspan import _text
from taskspan._guard import warn_once
from taskspan._live import LiveProgress
from taskspan._protocols import Live, Recorder
from taskspan._report_feed import tell
from taskspan._version import __version__
from taskspan.conventions import KIND_TASK
from taskspan.views._report import SCHEMA_VERSION, TaskReporter, environment
from taskspan.views._report_file import write_atomically

MAX_OPERATIONS: Final = 10_000
"""Operations of a run that have an entry of their own, the first ones."""

MAX_TASKS: Final = 10_000
"""Tasks of a run that have a report of their own, the first ones."""

MAX_NAMES: Final = 1000
"""Names by which the others are counted; further ones are counted as `_OTHER`."""

INTERVAL_NS: Final = 1_000_000_000
"""Between two times that the file is written."""

TASKS_A_TIME: Final = 500
"""Tasks that a tick makes into text at most."""

_COST_FACTOR: Final = 20
_OTHER: Final = "_OTHER"
_INDENTED: Final = 100


class _Report:
    """What is known of one task."""

    def __init__(self, live: Live) -> None:
        progress = live.progress
        self.reporter = TaskReporter(progress.task_id, progress.task_type, progress.description)
        if isinstance(progress.reporter, TaskReporter):
            progress.reporter.share_with(self.reporter)
        self.live = live
        self.omitted = 0

    def plain(self) -> dict[str, Any]:
        """Return it as `generate_report` does, with the times of the span.

        The environment stands once in the file: it is the same for all.
        """
        report = self.reporter.without_environment()
        span = self.live.progress.span
        if span is not None:
            report["started_at"] = _iso(span.start_time) or report["started_at"]
            report["ended_at"] = _iso(span.end_time) or report["ended_at"]
        report["operations_omitted"] = self.omitted
        return report


class _Omitted:
    """Counts by name and outcome, for a bounded number of names."""

    def __init__(self) -> None:
        self.total = 0
        self._by_name: dict[str, Counter[str]] = {}

    def add(self, progress: LiveProgress) -> None:
        self.total += 1
        name = _text.name(progress.name)
        if name not in self._by_name and len(self._by_name) >= MAX_NAMES:
            name = _OTHER
        self._by_name.setdefault(name, Counter())[str(progress.outcome)] += 1

    def plain(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "by_name": {name: dict(counts) for name, counts in self._by_name.items()},
        }


class RunReportView(Recorder):
    """Keeps `path` up to date with what the tasks of this process have done."""

    def __init__(self, path: Path, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        """Write to `path`; `clock` tells nanoseconds, for the time between two writes."""
        self.path = path
        self._clock = clock
        self._started_at = datetime.now(timezone.utc).isoformat()
        # Protects what is gathered; nothing foreign is called under it.
        self._lock = threading.Lock()
        self._open: dict[Live, _Report] = {}
        self._ended: list[_Report] = []
        self._outside = TaskReporter("", "")
        self._entries = 0
        self._tasks = 0
        self._operations_omitted = _Omitted()
        self._tasks_omitted = _Omitted()
        self._has_news = False
        self._is_due = False
        # Of ticks alone.
        self._texts: list[str] = []
        self._not_before = self._clock()

    # -- gathering, on any thread

    def gather(self, live: Live) -> None:
        """Take an end: of a task, or of an operation for the report of the task around it."""
        progress = live.progress
        with self._lock:
            self._has_news = True
            self._is_due = self._is_due or live.enclosing is None
            if progress.kind == KIND_TASK:
                self._gather_task(live)
            else:
                self._gather_operation(live)

    def _gather_task(self, live: Live) -> None:
        report = self._open.pop(live, None)
        if report is None and self._tasks >= MAX_TASKS:
            self._tasks_omitted.add(live.progress)
            return
        if report is None:
            self._tasks += 1
            report = _Report(live)
        tell(report.reporter, live.progress)
        self._ended.append(report)

    def _gather_operation(self, live: Live) -> None:
        report = self._report_around(live)
        if self._entries >= MAX_OPERATIONS:
            self._operations_omitted.add(live.progress)
            if report is not None:
                report.omitted += 1
            return
        self._entries += 1
        tell(self._outside if report is None else report.reporter, live.progress)

    def _report_around(self, live: Live) -> _Report | None:
        task = live.enclosing
        while task is not None and task.progress.kind != KIND_TASK:
            task = task.enclosing
        # One that has ended before what runs inside it has its report already.
        if task is None or task.progress.outcome is not None:
            return None
        return self._opened(task)

    def _opened(self, task: Live) -> _Report | None:
        if task not in self._open and self._tasks < MAX_TASKS:
            self._tasks += 1
            self._open[task] = _Report(task)
        return self._open.get(task)

    # -- as a view

    def started(self, live: Live) -> None:
        """Take in a task, to tell that it is running."""
        with self._lock:
            if live.progress.kind == KIND_TASK and live.progress.outcome is None:
                self._opened(live)

    def ended(self, live: Live) -> None:
        """Leave it: every end has been gathered."""

    def left_out(self, count: int) -> None:
        """Leave it: every end has been gathered."""

    @property
    def is_behind(self) -> bool:
        """Whether something has ended, with nothing around it, that the file does not tell of."""
        return self._is_due

    def ticked(self) -> None:
        """Write the file if it is due; of very many tasks that have ended some at a time."""
        if self._is_due and self._clock() >= self._not_before:
            self._write(TASKS_A_TIME)

    def flush(self) -> None:
        """Write the file if it does not tell all, that of running tasks included."""
        if self._has_news:
            self._write(MAX_TASKS)

    def _write(self, most: int) -> None:
        begun = self._clock()
        with self._lock:
            ended, self._ended = self._ended[:most], self._ended[most:]
            self._has_news = self._is_due = bool(self._ended)
            running = list(self._open.values())
        indent = 2 if self._entries + self._tasks <= _INDENTED else None
        self._texts += [_json(report.plain(), indent) for report in ended]
        texts = [*self._texts, *(_json(report.plain(), indent) for report in running)]
        head = _json(self._facts(), indent)[:-1].rstrip()
        tasks = ",\n".join(texts)
        text = f'{head},\n"tasks": [\n{tasks}\n]\n}}\n'
        if not self._is_written(text):
            self._has_news = True
        now = self._clock()
        self._not_before = now + max(INTERVAL_NS, _COST_FACTOR * (now - begun))

    def _facts(self) -> dict[str, Any]:
        outside = self._outside.without_environment()
        with self._lock:
            omitted = {
                "operations_omitted": self._operations_omitted.plain(),
                "tasks_omitted": self._tasks_omitted.plain(),
            }
        return {
            "schema_version": SCHEMA_VERSION,
            "taskspan": __version__,
            "started_at": self._started_at,
            "written_at": datetime.now(timezone.utc).isoformat(),
            "environment": environment(),
            "operations": outside["operations"],
            **omitted,
        }

    def _is_written(self, text: str) -> bool:
        try:
            write_atomically(self.path, text)
        except (OSError, ValueError) as error:
            # Not somewhere else instead, as a task's own report: the spans tell the same.
            warn_once("the report of the run is not written", str(self.path), str(error))
            return False
        return True


def _json(value: object, indent: int | None) -> str:
    return json.dumps(value, indent=indent, allow_nan=False)


def _iso(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns / 1e9, timezone.utc).isoformat()
