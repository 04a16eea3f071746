"""The report, counts and order of what a program leaves running, and what it drops."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lifecycle._child import run

UNCLOSED = """
manager = taskspan.create_task_progress_manager(
    "1", "nightly", logger=None, reporter=reporter, quiet=True
)
load = manager.start_operation("load", 10)
load.update(3)
parse = load.create_subtask(5, "parse")
parse.update(2)
"""


@pytest.mark.parametrize(
    ("end", "exit_code"),
    [("", 0), ("sys.exit(3)", 3), ("raise ValueError('bad row')", 1)],
    ids=["end of the program", "sys.exit", "exception"],
)
def test_a_forgotten_close(end: str, exit_code: int, tmp_path: Path) -> None:
    """What still runs at exit ends children first, before the shutdown, and the report says so."""
    ended = run(UNCLOSED + end, tmp_path)
    assert ended.exit_code == exit_code, ended.stderr
    assert ended.outcomes == [
        ("parse", "interrupted"),
        ("load", "interrupted"),
        ("nightly", "interrupted"),
        ("(shutdown)", None),
    ]
    assert [span["completed"] for span in ended.spans[:2]] == [2, 3]
    assert ended.spans[0]["parent"] == ended.spans[1]["id"]
    assert ended.spans[1]["parent"] == ended.spans[2]["id"]
    assert ended.report is not None
    assert ended.report["status"] == "interrupted"
    statuses = [(entry["operation"], entry["status"]) for entry in ended.report["operations"]]
    assert statuses == [("parse", "interrupted"), ("load", "interrupted")]
    assert ended.stdout == ""


def test_a_garbage_collected_manager_ends_as_interrupted(tmp_path: Path) -> None:
    """A manager that nobody holds any more ends before the next task starts."""
    ended = run(
        """
        import gc
        manager = taskspan.create_task_progress_manager("1", "lost", logger=None, quiet=True)
        load = manager.start_operation("load", 10)
        load.update(3)
        del manager, load
        gc.collect()
        with taskspan.task("next", quiet=True):
            pass
        """,
        tmp_path,
    )
    assert ended.exit_code == 0, ended.stderr
    assert ended.outcomes == [
        ("load", "interrupted"),
        ("lost", "interrupted"),
        ("next", "success"),
        ("(shutdown)", None),
    ]


def test_a_garbage_collected_tracker_ends_as_interrupted(tmp_path: Path) -> None:
    """A stand-alone tracker that was dropped without a close has its count in its span."""
    ended = run(
        """
        import gc
        tracker = taskspan.ProgressTracker(10, "lost", disable=True)
        tracker.update(3)
        del tracker
        gc.collect()
        """,
        tmp_path,
    )
    assert ended.exit_code == 0, ended.stderr
    assert ended.outcomes == [("lost", "interrupted"), ("(shutdown)", None)]
    assert ended.spans[0]["completed"] == 3
