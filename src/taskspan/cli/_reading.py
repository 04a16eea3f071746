"""Reads OTLP JSON lines, one request a line, and names each line that is none.

It reads and does nothing else: whoever asks for the lines decides what becomes of them. At
most one line is held at a time, so that a file of any size can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NoReturn, TypeAlias

from taskspan import _text
from taskspan._signals import Signal

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a line; a longer one is refused, and never held in memory."""

_PIECE: Final = 1024 * 1024
_REASON_LIMIT: Final = 120


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two lines: bytes before it, and the number of the line that follows."""

    offset: int = 0
    number: int = 1


@dataclass(frozen=True, slots=True)
class Request:
    """A line that is an OTLP request.

    `body` is the line as it stands in the file, without its line break; `content` is the same,
    decoded. `offset` and `end_offset` enclose the line with its line break, in bytes.
    """

    file: str
    number: int
    offset: int
    end_offset: int
    body: bytes
    content: dict[str, Any]
    after: Position


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is no OTLP request of its file, and why.

    `is_cut` says that the file ends within it: a crash has cut it, or it is still being written.
    """

    file: str
    number: int
    offset: int
    end_offset: int
    problem: str
    is_cut: bool
    after: Position


Line: TypeAlias = Request | Broken


@dataclass(frozen=True, slots=True)
class _Raw:
    """What stands between two line breaks; `body` is `None` where it was too long to be held."""

    start: Position
    end_offset: int
    body: bytes | None
    has_break: bool


class _NoRequestError(ValueError):
    """Why a line is no OTLP request; `may_grow` where more bytes could make it one."""

    def __init__(self, problem: str, *, may_grow: bool = True) -> None:
        super().__init__(problem)
        self.may_grow = may_grow


def read_lines(
    file: BinaryIO,
    name: str,
    signal: Signal,
    start: Position = Position(),
    limit: int = LINE_LIMIT,
) -> Iterator[Line]:
    """Yield each line from `start` to what is the end of the file now; blank ones are left out.

    Args:
        file: is moved to `start`.
        name: how the lines call their file.
        signal: whose requests are expected.
        start: where to go on, such as a line's `after`.
        limit: bytes of the longest line that is taken.

    Raises:
        OSError: the file cannot be read.
    """
    file.seek(start.offset)
    position = start
    while (raw := _next(file, position, limit)) is not None:
        position = Position(raw.end_offset, position.number + raw.has_break)
        if raw.body is None or raw.body.strip():
            yield _line(raw, name, signal, position, limit)


def _next(file: BinaryIO, start: Position, limit: int) -> _Raw | None:
    data = file.readline(limit + 2)  # and its line break
    if not data:
        return None
    has_break = data.endswith(b"\n")
    body = data.rstrip(b"\r\n") if has_break else data
    end_offset = start.offset + len(data)
    if len(body) <= limit:
        return _Raw(start, end_offset, body, has_break)
    while not has_break and (data := file.readline(_PIECE)):
        has_break = data.endswith(b"\n")
        end_offset += len(data)
    return _Raw(start, end_offset, None, has_break)


def _line(raw: _Raw, name: str, signal: Signal, after: Position, limit: int) -> Line:
    if raw.body is None:
        return _broken(raw, name, after, _NoRequestError(f"longer than {limit:,} bytes"))
    try:
        content = _decoded(raw.body, signal)
    except _NoRequestError as error:
        return _broken(raw, name, after, error)
    start = raw.start
    return Request(name, start.number, start.offset, raw.end_offset, raw.body, content, after)


def _broken(raw: _Raw, name: str, after: Position, error: _NoRequestError) -> Broken:
    start, is_cut = raw.start, error.may_grow and not raw.has_break
    return Broken(name, start.number, start.offset, raw.end_offset, str(error), is_cut, after)


def _decoded(body: bytes, signal: Signal) -> dict[str, Any]:
    if b"\0" in body:
        raise _NoRequestError("holds NUL bytes")
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _NoRequestError(f"not UTF-8 (byte {error.start + 1:,})") from None
    except json.JSONDecodeError as error:
        raise _NoRequestError(f"not JSON ({error.msg}, column {error.colno:,})") from None
    except ValueError as error:
        reason = _text.one_line(error, _REASON_LIMIT)
        raise _NoRequestError(f"not JSON ({reason})") from None
    except RecursionError:
        raise _NoRequestError("not JSON that can be read (nested too deeply)") from None
    return _checked(content, signal)


def _refuse_constant(name: str) -> NoReturn:
    # Python's reader takes them, other readers of JSON do not.
    raise ValueError(f"{name} is no JSON number")


def _checked(content: object, signal: Signal) -> dict[str, Any]:
    # More bytes never turn a whole object into another one, but 12 into 123.
    is_object = isinstance(content, dict)
    if not isinstance(content, dict) or not isinstance(content.get(signal.resources), list):
        problem = f"not an OTLP request for {signal.name} (no list {signal.resources!r})"
        raise _NoRequestError(problem, may_grow=not is_object)
    return content
