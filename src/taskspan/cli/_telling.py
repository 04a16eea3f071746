"""Tells what happens on stderr, a line each, above the bars, and not for ever."""

from __future__ import annotations

import sys
from typing import Final

from taskspan import _console, _text

MOST_REMARKS: Final = 20
"""Remarks that are printed; those that follow are counted."""

_LIMIT: Final = 1000


class Telling:
    """Prints what must be seen, and of what may come many times only the first ones."""

    def __init__(self, most: int = MOST_REMARKS, noun: str = "remarks about lines") -> None:
        """Print at most `most` remarks, and call the others `noun`."""
        self._noun = noun
        self._left = most
        self._left_out = 0

    def say(self, text: str) -> None:
        """Print a remark that must be seen."""
        line = _text.one_line(text, _LIMIT)
        with _console.lines_above():
            encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
            sys.stderr.write(_text.encodable(line, encoding) + "\n")
            sys.stderr.flush()

    def remark(self, text: str) -> None:
        """Print a remark, if there were not too many."""
        if self._left > 0:
            self._left -= 1
            self.say(text)
        else:
            self._left_out += 1

    def close(self) -> None:
        """Say how many remarks were not printed."""
        if self._left_out:
            self.say(f"… and {self._left_out:,} more {self._noun}")
            self._left_out = 0
