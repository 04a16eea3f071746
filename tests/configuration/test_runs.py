"""Which runs are kept: the newest, within a number and a size, and every running one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from taskspan.configuration import _runs
from taskspan.configuration._run_lock import LOCK_NAME, RunLock, is_running

HOLDING = """
import sys
from pathlib import Path
from taskspan.configuration._run_lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


def make_run(home: Path, name: str, size: int = 0) -> Path:
    """Make a run that has ended."""
    run = home / name
    run.mkdir()
    RunLock(run).release()
    (run / "traces.jsonl").write_bytes(b"x" * size)
    return run


@contextmanager
def written_to(run: Path) -> Iterator[None]:
    """Have another process write to a run during the block; it is killed at the end."""
    run.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield
    process.kill()
    process.communicate()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """The oldest run, which another process still writes."""
    run = tmp_path / "20200101T000000-old-000000"
    with written_to(run):
        yield run


def test_the_oldest_go_first(tmp_path: Path) -> None:
    """Past the number, the oldest runs are deleted."""
    runs = [make_run(tmp_path, f"2026010{day}T000000-night-aaaaaa") for day in range(1, 6)]
    assert set(_runs.prune(tmp_path, kept_runs=3)) == set(runs[:2])
    assert sorted(tmp_path.iterdir()) == runs[2:]


def test_the_size_counts(tmp_path: Path) -> None:
    """Past the size, the oldest runs are deleted."""
    runs = [make_run(tmp_path, f"2026010{day}T000000-a-aaaaaa", 1000) for day in range(1, 6)]
    _runs.prune(tmp_path, kept_bytes=2500)
    assert sorted(tmp_path.iterdir()) == runs[3:]


def test_the_newest_is_kept_whatever_its_size(tmp_path: Path) -> None:
    """One run larger than all that may be kept is kept."""
    make_run(tmp_path, "20260101T000000-a-aaaaaa", 10)
    newest = make_run(tmp_path, "20260102T000000-a-aaaaaa", 1000)
    _runs.prune(tmp_path, kept_bytes=100)
    assert list(tmp_path.iterdir()) == [newest]


def test_a_running_one_is_never_pruned(running: Path) -> None:
    """However old, what a process still writes to is kept."""
    make_run(running.parent, "20260101T000000-a-aaaaaa")
    assert is_running(running)
    assert _runs.prune(running.parent, kept_runs=1) == []


def test_one_whose_process_was_killed_is_pruned(tmp_path: Path) -> None:
    """The system takes the lock back after `kill -9`."""
    run = tmp_path / "20200101T000000-old-000000"
    with written_to(run):
        pass
    assert not is_running(run)
    make_run(tmp_path, "20260101T000000-a-aaaaaa")
    assert _runs.prune(tmp_path, kept_runs=1) == [run]


def test_what_is_no_run_is_left_alone(tmp_path: Path) -> None:
    """Directories without our lock, files and links are never deleted."""
    (tmp_path / "20200101T000000-photos").mkdir()
    (tmp_path / "notes.txt").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = make_run(elsewhere, "run")
    (tmp_path / "20200101T000000-link-000000").symlink_to(target)
    make_run(tmp_path, "20260101T000000-a-aaaaaa")
    assert _runs.prune(tmp_path, kept_runs=0) == []
    assert (target / LOCK_NAME).exists()


def test_the_service_name_cannot_leave_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service called `../../etc` gets a directory in the home of runs like any other."""
    monkeypatch.setenv("TASKSPAN_RUNS_HOME", str(tmp_path))
    path, lock = _runs.new_run("../../etc/passwd")
    lock.release()
    assert path.parent == tmp_path


def test_the_place_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a variable runs are kept where the system wants the state of programs."""
    monkeypatch.delenv("TASKSPAN_RUNS_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert _runs.home().parts[-2:] == ("taskspan", "runs")
