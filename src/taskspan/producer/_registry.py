"""Which operations of this process are running: read by metrics, ended at exit."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from typing import ClassVar, Protocol

from taskspan._fork import in_child
from taskspan._guard import guarded
from taskspan._live import LiveProgress
from taskspan.conventions import INTERRUPTED, KIND_TASK, Outcome


class Running(Protocol):
    """A running task or operation, as far as it is read and ended from here."""

    @property
    def progress(self) -> LiveProgress:
        """Its state."""

    def end(self, outcome: Outcome, /) -> bool:
        """End it."""


_running: dict[Running, None] = {}
_abandoned: deque[Running] = deque()


def add(operation: Running) -> None:
    """Take in an operation that has just started, in order of start."""
    _running[operation] = None


def remove(operation: Running) -> None:
    """Forget an operation that has ended."""
    _running.pop(operation, None)


def running() -> list[Running]:
    """Return the running operations and tasks, the oldest first."""
    # `list` of a dict is one step of the interpreter: no other thread gets in between.
    return list(_running)


def only_task() -> Running | None:
    """Return the running task if there is exactly one."""
    end_abandoned()  # a task that was forgotten takes in no more operations
    tasks = [operation for operation in running() if operation.progress.kind == KIND_TASK]
    return tasks[0] if len(tasks) == 1 else None


def abandon(operation: Running) -> None:
    """Take an operation whose tracker was garbage-collected; it is ended a little later.

    A collection can strike anywhere, also inside a lock of the SDK: ending a span there
    could wait for that lock for ever.
    """
    _abandoned.append(operation)


def end_abandoned() -> None:
    """End what was abandoned since the last call."""
    while _abandoned:
        operation = _abandoned.popleft()
        with guarded("the end of an abandoned operation"):
            operation.end(INTERRUPTED)


def end_all() -> None:
    """End whatever still runs, children before their parents."""
    for operation in reversed(running()):
        with guarded("the end of an operation at exit"):
            operation.end(INTERRUPTED)


def end_all_before_exit_of(provider: object) -> None:
    """Register `end_all` at exit, once for each tracer provider.

    Exit handlers run in reverse order: registered after the provider was made, ours runs
    before its shutdown, so the last spans are still exported.
    """
    with _Process.lock:
        if id(provider) in _Process.exit_hooks:
            return
        _Process.exit_hooks.add(id(provider))
    atexit.unregister(end_all)
    atexit.register(end_all)


class _Process:
    """What is kept once in a process."""

    generation = 0
    """Forks between the process that imported taskspan and this one."""

    # Protects `exit_hooks` alone.
    lock = threading.Lock()
    exit_hooks: ClassVar[set[int]] = set()


def generation() -> int:
    """Return a number that differs between a process and the children it forks."""
    return _Process.generation


def _forget_in_child() -> None:
    # What the parent process is running is not the child's to end or to report.
    _Process.generation += 1
    # Another thread may have held it at the fork.
    _Process.lock = threading.Lock()
    _running.clear()
    _abandoned.clear()


in_child(_forget_in_child)
