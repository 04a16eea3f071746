"""What has to be set right in a forked child.

There, a lock may be held for ever by a thread that does not exist, and what runs, waits or is
drawn is the parent process's.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from types import MethodType


def in_child(call: Callable[[], object]) -> None:
    """Call it in every process that is forked from now on; a method while its object lives."""
    # Missing where there is no fork.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_weakly(call) if isinstance(call, MethodType) else call)


def _weakly(method: MethodType) -> Callable[[], object]:
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call
