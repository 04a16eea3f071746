"""Bars on a terminal of any size, tick by tick."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import termios
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskspan import _console
from taskspan.views._bars import BarsView
from tests.terminal.program import Screen
from tests.views._living import end, living


class Terminal(io.StringIO):
    """What is written to it is on a screen; its size is that of a real terminal."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__()
        self._outside, self._inside = os.openpty()
        self.screen = Screen(columns, lines)
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        """Change its size."""
        fcntl.ioctl(self._inside, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(columns, lines)

    def fileno(self) -> int:
        """Return what has the size."""
        return self._inside

    def write(self, text: str) -> int:
        """Show it."""
        # A terminal begins a new line at its start, wherever the last one ended.
        self.screen.feed(text.replace("\n", "\r\n").encode())
        return len(text)

    def close(self) -> None:
        """Take it away."""
        if not self.closed:
            os.close(self._inside)
            os.close(self._outside)
        super().close()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal of the usual size."""
    with Terminal(80, 24) as made:
        yield made


# Of characters beyond, terminals and tables of widths do not agree how wide they are.
CHARACTERS = st.characters(max_codepoint=0x25FF)
SAMPLES = ["データ", "\x1b[2J", "\u202e", "👩‍💻", "e\u0301" * 9, "\ue000\U0010ffff"]
TEXT = st.text(CHARACTERS, max_size=30) | st.sampled_from(SAMPLES)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    columns=st.integers(1, 120),
    lines=st.integers(1, 30),
    texts=st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=16),
    total=st.none() | st.integers(0, 10**12),
    completed=st.integers(0, 10**13),
    elapsed_s=st.floats(0, 10**7),
    colour=st.none() | st.sampled_from(["red", "#00ff00", "mauve", ""]),
)
def test_whatever_it_shows_a_row_fits(
    columns: int,
    lines: int,
    texts: list[tuple[str, str, str]],
    total: int | None,
    completed: int,
    elapsed_s: float,
    colour: str | None,
) -> None:
    """No row is wider than the terminal, no text moves the cursor, and no bar is left behind."""
    with Terminal(columns, lines) as terminal:
        view = BarsView(terminal)
        above = None
        nodes = []
        for name, unit, postfix in texts:
            above = living(
                name,
                above,
                unit=unit,
                total=total,
                completed=completed,
                elapsed_s=elapsed_s,
                colour=colour,
                postfix={postfix: postfix},
            )
            nodes.append(above)
            view.started(above)
        view.ticked()
        written = terminal.screen.received.decode()
        assert re.sub(
            r"\x1b\[(\d+m|A|K|B|J|38;2;\d+;\d+;\d+m)|\x1b[78]|[\r\n]", "", written
        ).isprintable()
        height = max(1, min(12, lines - 2))
        assert len(terminal.screen.rows) <= min(height, len(nodes)) + (len(nodes) > height)
        if lines > 1:
            assert terminal.screen.cursor == (0, 0)
        for node in nodes:
            view.ended(end(node))
        view.ticked()
        if lines > 1:
            assert terminal.screen.rows == []


def test_nothing_is_written_when_nothing_has_changed(terminal: Terminal) -> None:
    """A tick that would draw the same rows writes nothing."""
    view = BarsView(terminal)
    node = living()
    view.started(node)
    view.ticked()
    written = len(terminal.screen.received)
    view.ticked()
    assert len(terminal.screen.received) == written
    node.progress.counter.completed = 1
    view.ticked()
    assert len(terminal.screen.received) > written
    view.ended(end(node))
    view.ticked()


def test_rows_are_at_most_as_many_as_asked_for(terminal: Terminal) -> None:
    """`max_rows` bounds the bars; the rest is counted below them."""
    view = BarsView(terminal, max_rows=2)
    nodes = [living(name) for name in "abcd"]
    for node in nodes:
        view.started(node)
    view.ticked()
    assert terminal.screen.labels == ["a", "b", "… and 2 more"]
    for node in nodes:
        view.ended(end(node))
    view.ticked()


def test_a_start_and_end_between_two_ticks_leaves_its_bar(terminal: Terminal) -> None:
    """An operation that was never drawn running leaves the bar it is to leave."""
    view = BarsView(terminal)
    for node in (
        living("gone"),
        living("stays", leaves_bar=True),
        living("hidden", is_drawn=False),
    ):
        view.started(node)
        view.ended(end(node))
    view.ticked()
    assert terminal.screen.labels == ["stays"]


def test_a_bar_that_is_hidden_at_its_start_can_be_shown_later(terminal: Terminal) -> None:
    """`clear` right after the start, before any tick, is undone by `refresh`."""
    view = BarsView(terminal)
    node = living()
    node.progress.is_hidden = True
    view.started(node)
    view.ticked()
    assert terminal.screen.rows == []
    node.progress.is_hidden = False
    view.ticked()
    assert terminal.screen.labels == ["load"]


def test_a_bar_left_after_a_resize_fits(terminal: Terminal) -> None:
    """A bar that stays is as wide as the terminal is when it is left."""
    view = BarsView(terminal)
    node = living(leaves_bar=True)
    view.started(node)
    view.ticked()
    terminal.resize(40, 24)
    view.ended(end(node))
    view.ticked()
    (row,) = terminal.screen.rows
    assert len(row) < 40


def test_lines_above_step_over_the_bars(terminal: Terminal) -> None:
    """Inside the block the bars are gone; after it they are back below the lines."""
    view = BarsView(terminal)
    node = living()
    view.started(node)
    view.ticked()
    with _console.lines_above():
        assert terminal.screen.rows == []
        terminal.write("one\n")
        with _console.lines_above():
            terminal.write("two\n")
    assert terminal.screen.labels == ["one", "two", "load"]
    view.ended(end(node))
    view.ticked()
    assert terminal.screen.rows == ["one", "two"]


class Broken(Terminal):
    """A terminal that goes away."""

    is_broken = False

    def write(self, text: str) -> int:
        """Fail, or show it."""
        if self.is_broken:
            raise BrokenPipeError
        return super().write(text)


def test_a_line_gets_through_although_the_bars_cannot_be_drawn() -> None:
    """What fails while a line is printed is raised by the next tick, not into the line."""
    with Broken(80, 24) as terminal:
        view = BarsView(terminal)
        node = living()
        view.started(node)
        view.ticked()
        terminal.is_broken = True
        lines = []
        with _console.lines_above():
            lines.append("through")
        assert lines == ["through"]
        with pytest.raises(BrokenPipeError):
            view.ticked()
        assert view not in _console._drawings
        terminal.is_broken = False
        view._lines.clear()


def test_a_failing_tick_takes_the_bars_out_of_the_way() -> None:
    """A view that cannot draw does not stand before log lines any longer."""
    with Broken(80, 24) as terminal:
        view = BarsView(terminal)
        view.started(living())
        terminal.is_broken = True
        with pytest.raises(BrokenPipeError):
            view.ticked()
        assert view not in _console._drawings
        view._lines.clear()
