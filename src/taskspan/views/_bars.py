"""Draws the rows as tqdm bars on stdout."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from io import RawIOBase
from typing import Final, TextIO

from tqdm import tqdm

from taskspan import _console, _text
from taskspan._protocols import Live
from taskspan.views._bar_text import bar_text, fitted
from taskspan.views._hooks import BarSafeHooks
from taskspan.views._log_handler import BarSafeLogging
from taskspan.views._rows import DEFAULT_ROWS, Row, Slots, label_of

# The row of the cursor, then what is below it, with the cursor back in its place. Erasing all
# of that at once from the top of the screen makes tmux keep a copy (its option scroll-on-clear).
_ERASE_BELOW: Final = "\x1b[K\x1b7\x1b[B\x1b[J\x1b8"
_FALLBACK_SIZE: Final = os.terminal_size((80, 24))


# What `tqdm.write` and bars of the application's own take, too.
_LOCK: Final[contextlib.AbstractContextManager[object]] = tqdm.get_lock()  # type: ignore[no-untyped-call]


class Frame:
    """The terminal, on which everything drawn inside `with frame:` appears in one write.

    A frame of twelve bars would otherwise be twelve writes, which a terminal shows half
    drawn. Equal to the stream it stands for, so that `tqdm.write` finds the bars on it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._parts: list[str] = []
        self._is_open = False

    def __eq__(self, other: object) -> bool:
        return other is self or other is self._stream

    def __hash__(self) -> int:
        return hash(self._stream)

    def __enter__(self) -> None:
        self._is_open = True

    def __exit__(self, *_: object) -> None:
        self._is_open = False
        self.flush()

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Take a part of the frame."""
        self._parts.append(text)
        return len(text)

    def flush(self) -> None:
        """Show what was written; inside the block nothing yet."""
        if self._is_open or not self._parts:
            return
        text = _text.encodable("".join(self._parts), self.encoding)
        self._parts.clear()
        self._stream.flush()
        raw = getattr(getattr(self._stream, "buffer", None), "raw", None)
        if raw is None:
            self._stream.write(text)
            self._stream.flush()
        else:
            _write_all(raw, text.encode(self.encoding))

    def size(self) -> os.terminal_size:
        """Return columns and rows of the terminal now."""
        with contextlib.suppress(OSError, ValueError, AttributeError):  # none, or closed by now
            size = os.get_terminal_size(self._stream.fileno())
            if size.columns > 0 and size.lines > 0:
                return size
        return _FALLBACK_SIZE


def _write_all(raw: RawIOBase, data: bytes) -> None:
    """Write past the buffer of a stream.

    What a broken pipe leaves in the buffer makes Python exit with status 120, and a thread
    that a stopped terminal holds inside the buffer keeps it from ending.
    """
    rest = memoryview(data)
    while rest:
        written = raw.write(rest)
        if not written:  # a terminal that does not block, and has no room: the frame is cut
            return
        rest = rest[written:]


class _Line(tqdm):  # type: ignore[type-arg]  # iterates over nothing
    """One row of the screen: a tqdm bar whose text is given, not computed.

    A real instance, so that `tqdm.write` and bars of the application's own find it.
    """

    # No thread that watches for slow bars: the ticker redraws anyway.
    monitor_interval = 0

    def __init__(self, frame: Frame, row: int) -> None:
        self.text = ""
        # A delay keeps tqdm from drawing before there is a text, and from wiping the row
        # when closed: that is done here, for all rows at once. tqdm hides rows past
        # `nrows`; how many fit is decided here, too.
        super().__init__(file=frame, position=row, leave=False, delay=0.01, nrows=10_000)

    def __str__(self) -> str:
        return self.text

    def close(self) -> None:
        """Close it; nothing where its constructor has failed, on a stream that is closed."""
        if hasattr(self, "start_t"):
            super().close()


class BarsView:
    """Shows running operations as tqdm bars, each in a row of its own.

    A bar that is to stay, or whose operation failed, is left above the others when it
    ends. Log lines appear above the bars.
    """

    def __init__(self, stream: TextIO | None = None, max_rows: int = DEFAULT_ROWS) -> None:
        """Draw on `stream`, by default stdout, at most `max_rows` rows of bars."""
        self._frame = Frame(sys.stdout if stream is None else stream)
        self._max_rows = max_rows
        self._slots = Slots()
        self._lines: list[_Line] = []
        self._left: list[Row] = []
        self._shown: list[str] = []
        self._size = self._frame.size()
        self._failure: Exception | None = None
        self._logging = BarSafeLogging()
        self._hooks = BarSafeHooks()

    # -- called by the processor, one at a time

    def started(self, live: Live) -> None:
        """Give a new operation a row."""
        if live.snapshot().is_drawn:
            self._slots.take(live)
            self._logging.look_for_handlers()
            self._hooks.install()
            _console.add(self)

    def ended(self, live: Live) -> None:
        """Free the row; leave the finished bar above if it is to stay, or failed."""
        self._slots.free(live)
        snapshot = live.snapshot()
        is_shown = snapshot.is_drawn and not snapshot.is_hidden
        has_ended = snapshot.outcome is not None  # else another view takes over
        if is_shown and has_ended and (snapshot.leaves_bar or snapshot.has_failed):
            self._left.append(Row(snapshot, label_of(live, snapshot)))

    def ticked(self) -> None:
        """Draw what changed, in one write."""
        try:
            self._draw_changes()
        except BaseException:
            self._leave_console()
            raise

    def _draw_changes(self) -> None:
        if self._failure is not None:
            raise self._failure
        size = self._frame.size()
        was_resized, self._size = size != self._size, size
        # Not under the lock: a text may come from the application, which may log and then
        # wait for a handler that waits for the lock.
        left = [self._text_of(row) for row in self._left]
        self._left.clear()
        texts = self._texts()
        with _LOCK:
            self._draw(left, texts, was_resized)
        if texts:
            self._logging.look_for_handlers()  # for those that were added meanwhile
        else:
            self._leave_console()

    def _leave_console(self) -> None:
        self._logging.restore()
        self._hooks.restore()
        _console.remove(self)

    @contextlib.contextmanager
    def step_aside(self) -> Iterator[None]:
        """Take the bars off the screen for a block that prints lines, then draw them again."""
        with _LOCK:
            shown = self._shown
            self._try(self._erase)
            try:
                yield
            finally:
                self._try(lambda: self._write_rows(shown))

    def _try(self, draw: Callable[[], None]) -> None:
        """Draw for the sake of a line, which must not be lost where drawing fails.

        The next tick raises the error: logging it here, under the lock, could wait for ever.
        """
        try:
            with self._frame:
                draw()
        except (OSError, ValueError) as error:  # a broken or closed stream
            self._failure = error
            _console.remove(self)

    def _texts(self) -> list[str]:
        height = max(1, min(self._max_rows, self._size.lines - 2))
        self._slots.arrange(height)
        texts = [self._text_of(row) if row else "" for row in self._slots.rows()]
        if self._slots.hidden:
            more = f"… and {self._slots.hidden:,} more"
            texts.append(fitted(more, self._columns, self._frame.encoding))
        return texts

    # -- under tqdm's lock, which `tqdm.write` takes too

    def _draw(self, left: list[str], texts: list[str], was_resized: bool) -> None:
        with self._frame:
            # A narrower terminal has wrapped the old rows. The cursor is at the start of
            # the first one, so what is below it is ours.
            if was_resized or left or len(texts) < len(self._shown):
                self._erase()
            for text in left:
                self._frame.write(text + "\n")
            if texts != self._shown:
                self._write_rows(texts)

    def _write_rows(self, texts: list[str]) -> None:
        for row, text in enumerate(texts):
            if row == len(self._lines):
                self._lines.append(_Line(self._frame, row))
            if self._lines[row].text != text:
                self._lines[row].text = text
                self._lines[row].display()
        self._frame.write("\r")
        self._shown = texts

    def _erase(self) -> None:
        if self._shown:
            self._frame.write("\r" + _ERASE_BELOW)
        self._shown = []
        for line in self._lines:
            line.close()
        self._lines.clear()

    def _text_of(self, row: Row) -> str:
        return bar_text(row, self._columns, self._frame.encoding)

    @property
    def _columns(self) -> int:
        # The last column stays free: a cursor behind it wraps on some terminals.
        return self._size.columns - 1
