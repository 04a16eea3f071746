"""The live tree."""

from __future__ import annotations

from taskspan._live import LiveProgress
from taskspan.conventions import Outcome
from taskspan.processor._tree import Node, Tree


def progress(name: str = "load", **options: object) -> LiveProgress:
    defaults: dict[str, object] = {"description": name, "unit": "items", "total": 1}
    return LiveProgress(kind="operation", name=name, **{**defaults, **options})  # type: ignore[arg-type]


def end(tree: Tree, span_id: int, outcome: Outcome = "success") -> Node | None:
    node = tree.find(span_id)
    if node is not None:
        node.progress.outcome = outcome
    return tree.end(span_id)


def changes_of(tree: Tree) -> list[tuple[int, bool]]:
    return [(node.span_id, has_ended) for node, has_ended in tree.take_changed()]


def test_a_child_lies_in_the_running_node_it_names() -> None:
    """Depth and enclosing node follow from the parent's span id."""
    tree = Tree()
    task = tree.start(1, progress(), None)
    load = tree.start(2, progress(), 1)
    assert (load.enclosing, load.depth, task.depth) == (task, 1, 0)
    assert tree.running() == [task, load]


def test_what_is_not_drawn_adds_no_depth() -> None:
    """Below a node that nobody sees, a row is not indented for it."""
    tree = Tree()
    tree.start(1, progress(is_drawn=False), None)
    assert tree.start(2, progress(), 1).depth == 0


def test_a_child_may_come_before_its_parent() -> None:
    """It then stands on its own."""
    tree = Tree()
    child = tree.start(2, progress(), 1)
    tree.start(1, progress(), None)
    assert (child.enclosing, child.depth) == (None, 0)


def test_a_node_lies_in_what_its_producer_says_where_the_span_parent_is_foreign() -> None:
    """A span in between that is no operation is passed over."""
    tree = Tree()
    outer = progress()
    outer.span_id = 1
    task = tree.start(1, outer, None)
    assert tree.start(3, progress(parent=outer), 2).enclosing is task


def test_an_end_without_a_start_is_nothing() -> None:
    """So is a second end."""
    tree = Tree()
    assert tree.end(1) is None
    tree.start(1, progress(), None)
    assert end(tree, 1) is not None
    assert tree.end(1) is None
    assert changes_of(tree) == [(1, False), (1, True)]


def test_changes_are_taken_once_in_the_order_in_which_they_happened() -> None:
    """A task that starts first and ends last does so for the views, too."""
    tree = Tree()
    tree.start(1, progress(), None)
    for span_id in (2, 3):
        tree.start(span_id, progress(), 1)
        end(tree, span_id)
    end(tree, 1)
    order = [(1, False), (2, False), (2, True), (3, False), (3, True), (1, True)]
    assert changes_of(tree) == order
    assert changes_of(tree) == []
    assert tree.is_empty


def test_an_outcome_alone_is_no_end() -> None:
    """A node whose outcome is known is told as ended once, when its span has ended."""
    tree = Tree()
    node = tree.start(1, progress(), None)
    node.progress.outcome = "success"
    assert changes_of(tree) == [(1, False)]
    tree.end(1)
    assert changes_of(tree) == [(1, True)]


def test_a_stuck_view_does_not_make_the_tree_grow_without_bound() -> None:
    """Past the bound, what starts and ends unseen leaves nothing; what leaves a bar is kept."""
    tree = Tree()
    tree.start(1, progress(), None)
    for span_id in range(2, 5000):
        tree.start(span_id, progress(), 1)
        end(tree, span_id)
    tree.start(5000, progress(leaves_bar=True), 1)
    end(tree, 5000)
    tree.start(5001, progress(), 1)
    end(tree, 5001, "error")
    changes = changes_of(tree)
    assert len(changes) < Tree.MAX_UNSEEN + 10
    assert changes[-4:] == [(5000, False), (5000, True), (5001, False), (5001, True)]


def test_even_bars_that_stay_are_bounded() -> None:
    """A view that is stuck for ever is owed ten times as many of those, and no more."""
    tree = Tree()
    for span_id in range(2 * Tree.MAX_TRACES):
        tree.start(span_id, progress(leaves_bar=True), None)
        end(tree, span_id)
    assert len(changes_of(tree)) < Tree.MAX_TRACES + 10


def test_every_start_that_is_told_is_followed_by_its_end() -> None:
    """However much happens while a view is slow, no bar stays behind."""
    tree = Tree()
    for span_id in range(3000):
        tree.start(span_id, progress(), None)
    started = {span_id for span_id, has_ended in changes_of(tree) if not has_ended}
    for span_id in range(3000):
        end(tree, span_id)
        tree.start(10_000 + span_id, progress(), None)
    ended = {span_id for span_id, has_ended in changes_of(tree) if has_ended}
    assert started <= ended


def test_a_cleared_tree_is_empty() -> None:
    """A forked child forgets what its parent process runs."""
    tree = Tree()
    tree.start(1, progress(), None)
    tree.clear()
    assert tree.is_empty
    assert tree.find(1) is None
    assert changes_of(tree) == []
