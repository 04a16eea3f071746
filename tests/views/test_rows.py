"""Which operation stands in which row."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from taskspan.processor._tree import Node
from taskspan.views._rows import Slots
from tests.views._living import living


def labels_of(slots: Slots) -> list[str | None]:
    """Return what stands in each row."""
    return [None if row is None else row.label for row in slots.rows()]


def slots_of(*nodes: Node, height: int = 12) -> Slots:
    """Return the rows of operations that started in this order."""
    slots = Slots()
    for node in nodes:
        slots.take(node)
    slots.arrange(height)
    return slots


def test_rows_follow_the_order_of_the_starts() -> None:
    """Operations stand below their task, indented by their depth."""
    task = living("task", kind="task")
    load = living("load", task)
    parse = living("parse", load)
    assert labels_of(slots_of(task, load, parse)) == ["task", "  load", "    parse"]


def test_a_row_away_from_the_one_around_it_names_it() -> None:
    """`a › child` says where an operation belongs when other rows stand between."""
    task = living("task", kind="task")
    a, b = living("a", task), living("b", task)
    child, grandchild = living("child", a), None
    grandchild = living("grandchild", child)
    assert labels_of(slots_of(task, a, b, child, grandchild)) == [
        "task",
        "  a",
        "  b",
        "    a › child",
        "      grandchild",
    ]


def test_a_freed_row_lies_fallow_until_somebody_waits() -> None:
    """The rows below a freed one stay; rows at the end that are free are given up."""
    a, b, c = living("a"), living("b"), living("c")
    slots = slots_of(a, b, c)
    slots.free(b)
    slots.arrange(12)
    assert labels_of(slots) == ["a", None, "c"]
    slots.free(c)
    slots.arrange(12)
    assert labels_of(slots) == ["a"]


def test_an_operation_takes_a_free_row_below_the_one_around_it() -> None:
    """A free row above its own task is not taken."""
    other, task = living("other"), living("task", kind="task")
    slots = slots_of(other, task)
    slots.free(other)
    inside = living("inside", task)
    slots.take(inside)
    slots.arrange(12)
    assert labels_of(slots) == [None, "task", "  inside"]


def test_those_that_wait_the_longest_come_first() -> None:
    """A freed row goes to the oldest of the operations without one."""
    nodes = [living(name) for name in "abcd"]
    slots = slots_of(*nodes, height=2)
    assert (labels_of(slots), slots.hidden) == (["a", "b"], 2)
    slots.free(nodes[0])
    slots.arrange(2)
    assert (labels_of(slots), slots.hidden) == (["c", "b"], 1)


def test_a_lower_screen_hides_the_last_rows_and_a_higher_one_brings_them_back() -> None:
    """What loses its row waits before all others."""
    nodes = [living(name) for name in "abcd"]
    slots = slots_of(*nodes, height=3)
    slots.arrange(1)
    assert (labels_of(slots), slots.hidden) == (["a"], 3)
    slots.arrange(12)
    assert labels_of(slots) == ["a", "b", "c", "d"]


def test_a_position_is_the_lowest_row() -> None:
    """An operation that asks for row 2 leaves the rows above it free."""
    assert labels_of(slots_of(living("third", position=2))) == [None, None, "third"]


def test_a_hidden_bar_keeps_its_row() -> None:
    """A bar taken off the screen comes back to where it was."""
    a, b = living("a"), living("b")
    slots = slots_of(a, b)
    a.progress.is_hidden = True
    assert labels_of(slots) == [None, "b"]
    a.progress.is_hidden = False
    assert labels_of(slots) == ["a", "b"]


def test_the_end_of_an_operation_that_waits_is_no_matter() -> None:
    """It is hidden no longer, and takes no row."""
    a, b = living("a"), living("b")
    slots = slots_of(a, b, height=1)
    slots.free(b)
    assert slots.hidden == 0
    slots.free(b)
    assert labels_of(slots) == ["a"]


class SlotsMachine(RuleBasedStateMachine):
    """Any sequence of starts, ends and changes of the screen."""

    running = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots()
        self.alive: list[Node] = []
        self.height = 12
        self.rows: dict[Node, int] = {}

    @initialize(target=running)
    def nothing_runs(self) -> object:
        """At first nothing runs."""
        return multiple()

    @rule(target=running, position=st.integers(0, 4))
    def start(self, position: int) -> Node:
        """An operation starts, and may ask for a row."""
        return self._start(None, position)

    @rule(target=running, enclosing=running)
    def start_inside(self, enclosing: Node) -> Node:
        """An operation starts inside another one."""
        return self._start(enclosing, 0)

    def _start(self, enclosing: Node | None, position: int) -> Node:
        node = living(enclosing=enclosing, position=position)
        self.alive.append(node)
        self.slots.take(node)
        return node

    @rule(node=consumes(running))
    def end(self, node: Node) -> None:
        """An operation ends, whatever runs inside it."""
        self.alive.remove(node)
        self.slots.free(node)

    @rule(height=st.integers(1, 14))
    def resize(self, height: int) -> None:
        """The terminal gets more or fewer lines."""
        self.height = height

    @rule()
    def arrange(self) -> None:
        """A tick: no operation that has a row moves, unless its row is gone."""
        self.slots.arrange(self.height)
        rows = self._rows_now()
        assert len(self.slots.rows()) <= self.height
        for node, row in self.rows.items():
            if node in self.alive and row < self.height:
                assert rows[node] == row, "an operation has moved"
        self.rows = rows

    def _rows_now(self) -> dict[Node, int]:
        return {node: row for row, node in enumerate(self.slots._slots) if node is not None}  # type: ignore[misc]

    @invariant()
    def every_running_operation_is_shown_or_hidden(self) -> None:
        """No operation has two rows, and none is forgotten."""
        shown = [node for node in self.slots._slots if node is not None]
        assert len(shown) == len(set(shown)), "an operation has two rows"
        assert set(shown) <= set(self.alive)
        assert len(shown) + self.slots.hidden == len(self.alive)


TestSlots = SlotsMachine.TestCase
TestSlots.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
