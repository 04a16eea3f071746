"""Running tasks and operations as views see them, without spans and threads."""

from __future__ import annotations

from typing import Any

from taskspan._live import LiveProgress
from taskspan.conventions import Kind, Outcome
from taskspan.processor._tree import Node


def living(
    name: str = "load",
    enclosing: Node | None = None,
    *,
    total: int | None = 10,
    completed: int = 0,
    elapsed_s: float = 1.0,
    unit: str = "items",
    kind: Kind = "operation",
    **options: Any,
) -> Node:
    """Return something that has been running for `elapsed_s`."""
    progress = LiveProgress(
        kind=kind, name=name, description=name, unit=unit, total=total, **options
    )
    progress.counter.completed = completed
    progress.elapsed_ns = int(elapsed_s * 1e9)
    return Node(id(progress), progress, enclosing)


def end(node: Node, outcome: Outcome = "success", error_type: str | None = None) -> Node:
    """Let it have ended."""
    node.progress.outcome = outcome
    node.progress.error_type = error_type
    return node
