"""Who draws on the terminal now, so that a printed line does not tear the drawing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from taskspan._fork import in_child


class Drawing(Protocol):
    """Something drawn on the terminal that can step aside for a line."""

    def step_aside(self) -> contextlib.AbstractContextManager[None]:
        """Return a block in which the drawing is gone; it comes back afterwards."""


_drawings: list[Drawing] = []


def add(drawing: Drawing) -> None:
    """Let `drawing` step aside whenever a line is printed."""
    if drawing not in _drawings:
        _drawings.append(drawing)


def remove(drawing: Drawing) -> None:
    """Forget a drawing that is no longer on the terminal."""
    if drawing in _drawings:
        _drawings.remove(drawing)


@contextlib.contextmanager
def lines_above() -> Iterator[None]:
    """Run a block that prints whole lines to the terminal, above whatever is drawn there."""
    with contextlib.ExitStack() as stack:
        for drawing in _drawings:
            stack.enter_context(drawing.step_aside())
        yield


# What the parent process draws is not on the child's account; its locks may be held.
in_child(_drawings.clear)
