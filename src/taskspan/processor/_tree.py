"""The live tree: what runs now and what it runs in; no OpenTelemetry, thread or clock."""

from __future__ import annotations

import threading

from taskspan._live import LiveProgress
from taskspan._snapshot import Snapshot
from taskspan.conventions import ERROR, INTERRUPTED


class Node:
    """One running task or operation, and where it stands in the tree."""

    __slots__ = ("enclosing", "is_delivered", "progress", "span_id")

    def __init__(self, span_id: int, progress: LiveProgress, enclosing: Node | None) -> None:
        self.span_id = span_id
        self.progress = progress
        self.enclosing = enclosing
        self.is_delivered = False
        """Whether its start has been taken for the views."""

    @property
    def depth(self) -> int:
        """How many drawn tasks and operations enclose it."""
        depth = 0
        node = self.enclosing
        while node is not None:
            depth += node.progress.is_drawn
            node = node.enclosing
        return depth

    @property
    def leaves_trace(self) -> bool:
        """Whether an end of it stays on the screen."""
        return self.progress.leaves_bar or self.progress.outcome in (ERROR, INTERRUPTED)

    def snapshot(self) -> Snapshot:
        """Return how far it is now."""
        return self.progress.snapshot()


class Tree:
    """The running nodes by span id, and those that views have not been told of yet.

    A child may come before its parent, an end without a start, or twice: all are ordinary.
    """

    MAX_UNSEEN = 1000
    """Starts and ends kept for the views; past it a node that leaves no trace is dropped."""

    MAX_TRACES = 10 * MAX_UNSEEN
    """Past it one that would leave a trace is dropped, too."""

    def __init__(self) -> None:
        # Protects the two dictionaries; nothing foreign is called under it.
        self._lock = threading.Lock()
        self._running: dict[int, Node] = {}
        # In the order in which they happened; `True` is an end.
        self._changed: dict[tuple[Node, bool], None] = {}
        self._dropped = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is running."""
        return not self._running

    def start(self, span_id: int, progress: LiveProgress, parent_span_id: int | None) -> Node:
        """Add a node below the running one with `parent_span_id`, else below its own parent."""
        with self._lock:
            above = self._running.get(parent_span_id) if parent_span_id is not None else None
            node = Node(span_id, progress, above or self._node_of(progress.parent))
            self._running[span_id] = node
            self._changed[node, False] = None
        return node

    def _node_of(self, progress: LiveProgress | None) -> Node | None:
        if progress is None or progress.span_id is None:
            return None
        return self._running.get(progress.span_id)

    def find(self, span_id: int) -> Node | None:
        """Return a running node."""
        return self._running.get(span_id)

    def end(self, span_id: int) -> Node | None:
        """Remove a node and return it; `None` for one that is not there."""
        with self._lock:
            node = self._running.pop(span_id, None)
            if node is None:
                return None
            if self._is_dropped(node):
                self._changed.pop((node, False), None)
                self._dropped += 1
            else:
                self._changed[node, True] = None
        return node

    def _is_dropped(self, node: Node) -> bool:
        # A view that is stuck must not make the tree grow without bound. What it has seen
        # start it must see end.
        bound = self.MAX_TRACES if node.leaves_trace else self.MAX_UNSEEN
        return not node.is_delivered and len(self._changed) > bound

    def running(self) -> list[Node]:
        """Return the running nodes, the oldest first."""
        with self._lock:
            return list(self._running.values())

    def take_changed(self) -> list[tuple[Node, bool]]:
        """Return what started (`False`) and ended (`True`) since the last call, in that order."""
        with self._lock:
            changed = list(self._changed)
            self._changed.clear()
            for node, _ in changed:
                node.is_delivered = True
        return changed

    def take_dropped(self) -> int:
        """Return how many nodes were dropped since the last call: views hear nothing of them."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def clear(self) -> None:
        """Forget everything; in a forked child, where the lock may be held for ever."""
        self.__init__()  # type: ignore[misc]  # the lock is replaced too
