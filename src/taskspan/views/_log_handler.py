"""Lets the application's log handlers print their lines above the bars."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from taskspan import _console


class BarSafeStream:
    """A stream on which each write appears above whatever is drawn on the terminal.

    Writes are collected up to the end of a line, so that a line is never torn.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._pending = threading.local()

    def write(self, text: str) -> int:
        """Write whole lines; the rest waits for its end or for `flush`."""
        pending = getattr(self._pending, "text", "") + text
        lines, newline, rest = pending.rpartition("\n")
        self._pending.text = rest
        if newline:
            self._write_above(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Write what is left of a line."""
        rest = getattr(self._pending, "text", "")
        if rest:
            self._pending.text = ""
            self._write_above(rest)

    def _write_above(self, text: str) -> None:
        with _console.lines_above():
            self.stream.write(text)
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class BarSafeLogging:
    """Puts a `BarSafeStream` between the handlers that write to the terminal and it."""

    def __init__(self) -> None:
        self._wrapped: dict[logging.StreamHandler[Any], BarSafeStream] = {}
        self._last_resort: logging.Handler | None = None
        self._basic_config: tuple[Callable[..., None], Callable[..., None]] | None = None
        self._lock = threading.Lock()

    def look_for_handlers(self) -> None:
        """Wrap the streams of all handlers that write to a terminal and are not wrapped yet."""
        # Another thread that is looking now finds them; a handler's lock is waited for inside.
        if self._lock.acquire(blocking=False):
            try:
                self._wrap_handlers()
            finally:
                self._lock.release()

    def _wrap_handlers(self) -> None:
        for handler in _stream_handlers():
            stream = handler.stream
            if not isinstance(stream, BarSafeStream) and _is_console(stream):
                self._wrapped[handler] = BarSafeStream(stream)
                handler.setStream(self._wrapped[handler])
        self._replace_last_resort()
        self._follow_basic_config()

    def _follow_basic_config(self) -> None:
        # The first `logging.warning` of a program makes a handler and writes at once.
        if self._basic_config is not None:
            return
        original = logging.basicConfig

        def basic_config(**kwargs: Any) -> None:
            original(**kwargs)
            if self._basic_config is not None:
                self.look_for_handlers()

        self._basic_config = (original, basic_config)
        logging.basicConfig = basic_config

    def _replace_last_resort(self) -> None:
        # Python's own handler of last resort takes no other stream.
        handler = logging.lastResort
        if handler is None or self._last_resort is not None or not _is_console(sys.stderr):
            return
        self._last_resort = handler
        logging.lastResort = logging.StreamHandler(BarSafeStream(sys.stderr))
        logging.lastResort.setLevel(handler.level)

    def restore(self) -> None:
        """Give every handler its own stream back."""
        for handler, stream in self._wrapped.items():
            if handler.stream is stream:
                handler.setStream(stream.stream)
        self._wrapped.clear()
        if self._last_resort is not None:
            logging.lastResort = self._last_resort
            self._last_resort = None
        if self._basic_config is not None:
            original, ours = self._basic_config
            self._basic_config = None
            if logging.basicConfig is ours:
                logging.basicConfig = original


def _stream_handlers() -> list[logging.StreamHandler[Any]]:
    loggers = [logging.getLogger()]
    loggers += [
        logger
        for logger in list(logging.root.manager.loggerDict.values())
        if isinstance(logger, logging.Logger)
    ]
    return [
        handler
        for logger in loggers
        for handler in logger.handlers
        if isinstance(handler, logging.StreamHandler) and hasattr(handler, "setStream")
    ]


def _is_console(stream: Any) -> bool:
    if stream not in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        return False
    with contextlib.suppress(ValueError, AttributeError):  # a closed stream, or a stand-in
        return bool(stream.isatty())
    return False
