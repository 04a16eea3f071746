"""Tells a run that is still written to from one that has ended, however it ended.

The operating system takes the lock back when the last process that holds it is gone, also after
`kill -9`; forked children hold it together with their parent. Where there are no such locks
(Windows), the file cannot be deleted while it is open, which serves the same end.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

LOCK_NAME: Final = "run.lock"


class RunLock:
    """Held as long as this process or a forked child of it lives."""

    def __init__(self, run: Path) -> None:
        """Take it for the run in the directory `run`; several processes may.

        Raises:
            OSError: the file cannot be made.
        """
        self._descriptor = os.open(run / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        if sys.platform != "win32":
            # Some network file systems have no locks: such a run is written all the same.
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def release(self) -> None:
        """Give it back."""
        os.close(self._descriptor)


def is_running(run: Path) -> bool:
    """Whether a process still writes to the run in the directory `run`."""
    try:
        descriptor = os.open(run / LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # somebody else's: not ours to judge, nor to delete
    try:
        return not _is_free(descriptor, run)
    finally:
        os.close(descriptor)


def _is_free(descriptor: int, run: Path) -> bool:
    if sys.platform == "win32":
        # Open here as well: only the attempt to delete it can tell.
        return run.is_dir()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
