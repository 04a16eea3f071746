"""The end of worker processes, which leave without Python's exit handlers.

A process that `multiprocessing` has forked ends by `os._exit`: nothing that is registered with
`atexit` runs there. What it has recorded goes out by a finalizer of `multiprocessing` itself,
which runs for `Process`, `Pool.close` and `ProcessPoolExecutor`. `Pool.terminate` kills: there,
only `force_flush()` in time helps.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import parent_process, util
from typing import Final

_LAST: Final = -100
"""After the finalizers of the application, which may record something."""


def before_workers_end(flush: Callable[[], object]) -> None:
    """Call `flush` at the end of this process if it is a worker, and of those that it forks."""
    if parent_process() is not None:
        util.Finalize(None, flush, exitpriority=_LAST)
    util.register_after_fork(flush, _finalize_in_child)


def _finalize_in_child(flush: Callable[[], object]) -> None:
    util.Finalize(None, flush, exitpriority=_LAST)
