"""Runs a program on a pseudo-terminal, and shows what a person would see there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import pyte

if TYPE_CHECKING:
    from typing_extensions import Self

_CHILD = Path(__file__).parent / "child"
_SAFETY_S = 30.0
"""Only a program that hangs is ever waited for so long."""

# What depends on the time: elapsed, remaining and rate; the length of the bar follows from them.
_TIMES = re.compile(r"\[\d\d:\d\d(:\d\d)?(<[\d:?]+)?(, +[\d.?]+[^,\]]*/[^,\]]*)?")
_BAR = re.compile(r"\|[█▏▎▍▌▋▊▉# 0-9]*\|")


def steady(text: str) -> str:
    """Return a row of the screen without what differs from run to run: `load: 50%|…| 5/10 […]`."""
    return _BAR.sub("|…|", _TIMES.sub("[…", text))


class Screen:
    """A terminal's screen and what has scrolled off its top, fed with bytes."""

    def __init__(self, columns: int, lines: int) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=100_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self.received = b""

    def feed(self, data: bytes) -> None:
        """Take what a program has written."""
        self.received += data
        self._stream.feed(data)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size; unlike some terminals this one does not wrap its rows anew."""
        self._screen.resize(lines, columns)

    @property
    def columns(self) -> int:
        """How wide it is."""
        return int(self._screen.columns)

    @property
    def rows(self) -> list[str]:
        """All rows down to the last one with text, first those that have scrolled away."""
        scrolled = [self._text(line) for line in self._screen.history.top]
        shown = [self._text(self._screen.buffer[row]) for row in range(self._screen.lines)]
        rows = scrolled + shown
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _text(self, line: Mapping[int, Any]) -> str:
        return "".join(line[column].data for column in range(self._screen.columns)).rstrip()

    @property
    def steady_rows(self) -> list[str]:
        """The rows without what differs from run to run."""
        return [steady(row) for row in self.rows]

    @property
    def labels(self) -> list[str]:
        """The text in front of each bar, with its indentation."""
        return [re.split(r":| \[", row)[0] for row in self.rows]

    @property
    def cursor(self) -> tuple[int, int]:
        """Row, counted as in `rows`, and column of the cursor."""
        return len(self._screen.history.top) + self._screen.cursor.y, self._screen.cursor.x

    def colours(self, row: int) -> set[str]:
        """Return the colours of the text in a row, counted as in `rows`."""
        scrolled = list(self._screen.history.top)
        line = scrolled[row] if row < len(scrolled) else self._screen.buffer[row - len(scrolled)]
        cells = [line[column] for column in range(self._screen.columns)]
        return {str(cell.fg) for cell in cells if cell.data.strip()}


class Program(Screen):
    """A running Python program whose standard streams are a terminal of its own.

    The source may call `pause("label")`: the program then stands still until `go`.
    """

    def __init__(
        self,
        source: str,
        *,
        columns: int = 80,
        lines: int = 24,
        env: Mapping[str, str] | None = None,
        stdout: IO[bytes] | int | None = None,
        stderr: IO[bytes] | int | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        """Start it; `stdout` and `stderr` may be files or pipes instead of the terminal."""
        super().__init__(columns, lines)
        self._terminal, inside = os.openpty()
        self._set_size(columns, lines)
        self._labels, to_test = os.pipe()
        from_test, self._going = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from stage import pause\n" + textwrap.dedent(source)],
            stdin=inside,
            stdout=inside if stdout is None else stdout,
            stderr=inside if stderr is None else stderr,
            env=_environment(env or {}, to_test, from_test),
            pass_fds=(to_test, from_test, *pass_fds),
            start_new_session=True,
        )
        for descriptor in (inside, to_test, from_test):
            os.close(descriptor)
        self._said = b""
        self._deadline_s = time.monotonic() + _SAFETY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        for descriptor in (self._labels, self._going):
            os.close(descriptor)
        self.hang_up()

    # -- looking

    def reach(self, label: str) -> None:
        """Wait until the program pauses at `label`."""
        self.wait_until(lambda: b"\n" in self._said, f"the pause {label!r}")
        said, _, self._said = self._said.partition(b"\n")
        assert said.decode() == label

    def go(self) -> None:
        """Let the program go on from its pause."""
        os.write(self._going, b".")

    def wait_for_rows(self, *rows: str) -> None:
        """Wait until just these rows are on the screen, compared without times."""
        self.wait_until(lambda: self.steady_rows == list(rows), f"the rows {rows}")

    def wait_for_text(self, text: str) -> None:
        """Wait until some row has `text` in it."""
        self.wait_until(lambda: any(text in row for row in self.steady_rows), f"the text {text!r}")

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Take in what the program writes until `is_so`."""
        while not is_so():
            is_open = self._take_in()
            if not is_open and not is_so():
                raise AssertionError(f"the program ended before {what}:\n{self}")
            if time.monotonic() > self._deadline_s:
                raise AssertionError(f"no sight of {what}:\n{self}")

    def _take_in(self) -> bool:
        sources = [fd for fd in (self._terminal, self._labels) if fd >= 0]
        readable, _, _ = select.select(sources, [], [], 1.0)
        if self._labels in readable:
            said = os.read(self._labels, 4096)
            self._said += said
            if not said and readable == [self._labels]:
                return self.process.poll() is None or not self._terminal_is_drained()
        if self._terminal in readable:
            self.feed(_read(self._terminal))
        return True

    def _terminal_is_drained(self) -> bool:
        if self._terminal < 0:
            return True
        readable, _, _ = select.select([self._terminal], [], [], 0)
        data = _read(self._terminal) if readable else b""
        self.feed(data)
        return not data

    # -- acting

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal; the program gets SIGWINCH."""
        super().resize(columns, lines)
        self._set_size(columns, lines)

    def _set_size(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def press(self, keys: bytes) -> None:
        """Type on the terminal's keyboard."""
        os.write(self._terminal, keys)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def finish(self) -> int:
        """Let the program end; returns its exit status."""
        with contextlib.suppress(BrokenPipeError):
            self.go()
        self.wait_until(self._has_ended, "its end")
        return self.process.wait()

    def _has_ended(self) -> bool:
        return self.process.poll() is not None and self._terminal_is_drained()

    def __str__(self) -> str:
        edge = "-" * self.columns
        return "\n".join([edge, *self.rows, edge, f"exit status {self.process.poll()}"])


def run(source: str, **options: Any) -> Program:
    """Run a program to its end on a terminal; it must succeed."""
    with Program(source, **options) as program:
        status = program.finish()
    assert status == 0, f"exit status {status}:\n{program}"
    return program


def signal_number(status: int) -> signal.Signals:
    """Return the signal that ended a program."""
    return signal.Signals(-status)


def _environment(extra: Mapping[str, str], to_test: int, from_test: int) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PYTHON", "TQDM_"))}
    for name in ("CI", "CONTINUOUS_INTEGRATION", "NO_COLOR"):
        kept.pop(name, None)
    return {
        **kept,
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(_CHILD),
        "STAGE_PIPES": f"{to_test},{from_test}",
        **extra,
    }


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError as error:
        # Linux says so when the last program on the terminal has ended.
        if error.errno == errno.EIO:
            return b""
        raise
