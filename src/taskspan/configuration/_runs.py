"""Where runs are kept, how a run's directory is named, and which ones are pruned.

The rule: the newest `KEPT_RUNS` runs and no more than `KEPT_BYTES` in all, the oldest pruned
first; never one that is still written to, never a directory that is not below the home of runs,
never one that the application has named itself.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Final

import platformdirs

from taskspan import _text
from taskspan._guard import LOGGER, guarded
from taskspan.configuration import _environment
from taskspan.configuration._run_lock import LOCK_NAME, RunLock, is_running

KEPT_RUNS: Final = 100
"""Runs kept in the home of runs."""

KEPT_BYTES: Final = 1 << 30
"""Bytes that they may take together."""


def home() -> Path:
    """Return the directory that runs are kept in.

    `TASKSPAN_RUNS_HOME`, else the place of the system for what programs keep of their state:
    `~/.local/state/taskspan/runs` on Linux (XDG base directory specification).
    """
    named = _environment.runs_home()
    path = Path(named) if named else platformdirs.user_state_path("taskspan") / "runs"
    return path.absolute()  # the program may go elsewhere


def new_run(service_name: str) -> tuple[Path, RunLock]:
    """Make the directory of a new run in the home of runs, and prune old ones.

    Raises:
        OSError: it cannot be made.
    """
    parent = home()
    parent.mkdir(parents=True, exist_ok=True)
    stem = f"{time.strftime('%Y%m%dT%H%M%S')}-{_text.file_stem(service_name)}-{os.urandom(3).hex()}"
    # Locked before it has its name: whoever prunes at this moment sees it running.
    unnamed = parent / f".{stem}"
    unnamed.mkdir(mode=0o700)
    lock = RunLock(unnamed)
    path = unnamed.rename(parent / stem)
    with guarded("pruning old runs"):
        prune(parent)
    return path, lock


def prune(parent: Path, kept_runs: int = KEPT_RUNS, kept_bytes: int = KEPT_BYTES) -> list[Path]:
    """Delete the oldest runs beyond the rule and return their paths."""
    pruned = []
    room = kept_bytes
    for rank, run in enumerate(sorted(_runs_in(parent), reverse=True)):
        room -= _size_of(run)
        if (rank >= kept_runs or room < 0) and rank > 0 and not is_running(run):
            shutil.rmtree(run, ignore_errors=True)
            pruned.append(run)
    if pruned:
        LOGGER.info("pruned %d old runs in %s", len(pruned), parent)
    return pruned


def _runs_in(parent: Path) -> list[Path]:
    """Return the directories of runs; their names sort by time."""
    with os.scandir(parent) as entries:
        directories = [Path(e) for e in entries if e.is_dir(follow_symlinks=False)]
    # One with a dot has no name yet: another process is making it at this moment.
    return [
        path
        for path in directories
        if not path.name.startswith(".") and (path / LOCK_NAME).is_file()
    ]


def _size_of(run: Path) -> int:
    try:
        return sum(_file_size(path) for path in run.iterdir())
    except OSError:
        return 0  # another process prunes, too


def _file_size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # removed meanwhile, as temporary files are
