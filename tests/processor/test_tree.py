"""The live tree."""

from __future__ import annotations

import pytest

from taskspan._live import LiveProgress
from taskspan.conventions import Outcome
from taskspan.processor._tree import Tree


def progress(name: str = "n", parent: LiveProgress | None = None) -> LiveProgress:
    """Something that runs."""
    return LiveProgress(
        kind="operation", name=name, description=name, unit="rows", total=None, parent=parent
    )


def told(tree: Tree) -> list[tuple[str, bool]]:
    """What the views are told next."""
    return [(node.progress.name, has_ended) for node, has_ended in tree.take_changed()]


def test_starts_and_ends_are_told_in_order() -> None:
    """Views hear of starts and ends in the order in which they happened, once."""
    tree = Tree()
    parent = tree.start(1, progress("a"), None)
    child = tree.start(2, progress("b"), 1)
    assert child.enclosing is parent
    assert (parent.depth, child.depth) == (0, 1)
    assert tree.running() == [parent, child]
    assert tree.end(2) is child
    assert tree.end(1) is parent
    assert told(tree) == [("a", False), ("b", False), ("b", True), ("a", True)]
    assert told(tree) == []
    assert tree.is_empty


def test_a_child_before_its_parent() -> None:
    """A child whose parent has not been heard of yet stands on its own."""
    tree = Tree()
    child = tree.start(2, progress("child"), 1)
    tree.start(1, progress("parent"), None)
    assert child.enclosing is None
    assert told(tree) == [("child", False), ("parent", False)]


def test_an_end_of_the_parent_before_its_child() -> None:
    """A child that outlives its parent still knows what enclosed it."""
    tree = Tree()
    parent = tree.start(1, progress("parent"), None)
    child = tree.start(2, progress("child"), 1)
    tree.end(1)
    assert child.enclosing is parent
    assert tree.running() == [child]


def test_without_a_running_parent_span_the_own_parent_counts() -> None:
    """A span between two operations that nobody has heard of does not part them."""
    tree = Tree()
    above = progress("above")
    above.span_id = 1
    node = tree.start(1, above, None)
    assert tree.start(3, progress("below", above), 2).enclosing is node


def test_an_end_without_a_start() -> None:
    """An end that no start came before is nothing."""
    tree = Tree()
    assert tree.end(1) is None
    assert told(tree) == []


def test_a_repeated_end() -> None:
    """A second end of the same span is nothing."""
    tree = Tree()
    tree.start(1, progress("a"), None)
    tree.end(1)
    assert tree.end(1) is None
    assert told(tree) == [("a", False), ("a", True)]


def run(tree: Tree, count: int, outcome: Outcome) -> None:
    """Let as many start and end."""
    for span_id in range(count):
        one = progress()
        tree.start(span_id, one, None)
        one.outcome = outcome
        tree.end(span_id)


@pytest.mark.parametrize(
    ("outcome", "bound"), [("success", Tree.MAX_UNSEEN), ("error", Tree.MAX_TRACES)]
)
def test_a_view_that_is_stuck_does_not_make_it_grow(outcome: Outcome, bound: int) -> None:
    """However many start and end while no view looks, a bounded number is kept."""
    tree = Tree()
    run(tree, 2 * bound, outcome)
    changed = told(tree)
    assert bound <= len(changed) <= bound + 2
    assert [has_ended for _, has_ended in changed].count(True) * 2 == len(changed)


def test_what_was_seen_to_start_is_seen_to_end() -> None:
    """An end is told to views that have seen the start, however much else happens."""
    tree = Tree()
    tree.start(-1, progress("seen"), None)
    tree.take_changed()
    run(tree, 2 * Tree.MAX_UNSEEN, "success")
    tree.end(-1)
    assert ("seen", True) in told(tree)


def test_clear_forgets_everything() -> None:
    """After a fork nothing runs and nothing is to be told."""
    tree = Tree()
    tree.start(1, progress(), None)
    tree.clear()
    assert tree.is_empty
    assert told(tree) == []
