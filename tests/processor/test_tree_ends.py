"""Ends and depths in the live tree."""

from __future__ import annotations

from taskspan._live import LiveProgress
from taskspan.conventions import Outcome
from taskspan.processor._tree import Node, Tree


def progress(name: str = "load", **options: object) -> LiveProgress:
    """Return the state of an operation."""
    defaults: dict[str, object] = {"description": name, "unit": "items", "total": 1}
    return LiveProgress(kind="operation", name=name, **{**defaults, **options})  # type: ignore[arg-type]


def end(tree: Tree, span_id: int, outcome: Outcome = "success") -> Node | None:
    """End a node as its span does: the outcome comes first."""
    node = tree.find(span_id)
    if node is not None:
        node.progress.outcome = outcome
    return tree.end(span_id)


def changes_of(tree: Tree) -> list[tuple[int, bool]]:
    """Take the changes, by span id."""
    return [(node.span_id, has_ended) for node, has_ended in tree.take_changed()]


def test_what_is_not_drawn_adds_no_depth() -> None:
    """Below a node that nobody sees, a row is not indented for it."""
    tree = Tree()
    tree.start(1, progress(is_drawn=False), None)
    assert tree.start(2, progress(), 1).depth == 0


def test_an_outcome_alone_is_no_end() -> None:
    """A node whose outcome is known is told as ended once, when its span has ended."""
    tree = Tree()
    node = tree.start(1, progress(), None)
    node.progress.outcome = "success"
    assert changes_of(tree) == [(1, False)]
    tree.end(1)
    assert changes_of(tree) == [(1, True)]


def test_even_bars_that_stay_are_bounded() -> None:
    """A view that is stuck for ever is owed ten times as many of those, and no more."""
    tree = Tree()
    for span_id in range(2 * Tree.MAX_TRACES):
        tree.start(span_id, progress(leaves_bar=True), None)
        end(tree, span_id)
    assert len(changes_of(tree)) < Tree.MAX_TRACES + 10
