"""Makes foreign text safe and short for a terminal, an attribute or a file name.

Names, descriptions, postfixes and exception messages come from data: they may hold control
sequences, right-to-left marks, lone surrogates, megabytes, or secrets. What comes out of here
may leave the process.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from taskspan import _redaction
from taskspan._guard import attempt

NAME_LIMIT: Final = 200
"""Characters of a span or operation name."""

VALUE_LIMIT: Final = 4096
"""Characters of any other attribute value."""

LONGEST: Final = 32_768
"""Characters of the longest attribute value that leaves the process, whoever wrote it: a stack
trace, the message of a log record, all texts of an array."""

_ELLIPSIS: Final = "…"
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(value: object) -> str:
    """Return `str(value)`, or a stand-in when the value refuses."""
    if type(value) is str:
        return value
    return attempt("text of a value", lambda: str(value), f"<{type(value).__name__}>")


def shortened(text: str, limit: int) -> str:
    """Return at most `limit` characters, the cut marked by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS


def one_line(value: object, limit: int) -> str:
    """Return printable text on one line: control characters escaped, length bounded."""
    # Cut before escaping, so that megabytes are not walked character by character.
    text = shown(value)
    if text not in _redaction.HARMLESS:
        text = _redaction.cut(text, limit)
    text = shortened(text, limit)
    if text.isprintable():
        return text
    return shortened("".join(map(_escaped, text)), limit)


def _escaped(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category in _UNSAFE_CATEGORIES:
        return character.encode("unicode_escape").decode("ascii")
    return character


def name(value: object) -> str:
    """Return the value as the name of a span, an operation or a series of metrics."""
    return one_line(value, NAME_LIMIT)


def attribute(text: str, limit: int = VALUE_LIMIT) -> str:
    """Return a text that an attribute may hold: bounded, and of what UTF-8 can encode.

    Unlike a bar, an attribute keeps its line breaks: a stack trace is read as it was written.
    """
    if text not in _redaction.HARMLESS:
        text = _redaction.cut(text, limit)
    text = shortened(text, limit)
    # An escape is longer than the surrogate it stands for.
    return text if text.isascii() else shortened(without_surrogates(text), limit)


def last_of(text: str, limit: int) -> str:
    """Return the last `limit` characters for an attribute, the cut marked by an ellipsis."""
    text = _redaction.last(text, limit)
    tail = without_surrogates(text[-limit:])
    is_whole = len(text) <= limit and len(tail) <= limit
    return tail if is_whole else _ELLIPSIS + tail[1 - limit :]


def without_surrogates(text: str) -> str:
    """Return text that can be encoded as UTF-8: lone surrogates escaped, the rest as it was."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def encodable(text: str, encoding: str) -> str:
    """Return the text with what `encoding` lacks written as escapes."""
    if text.isascii():
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


def file_stem(value: object) -> str:
    """Return a name that is safe as one path component on any system, never empty."""
    text = one_line(value, 80)
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in text).strip("_")
    return stem or "unnamed"
