"""Keeps secrets out of what leaves the process: spans, reports, bars, lines and our own logs.

The patterns of `_secrets.py` come first, the application's hook after them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from taskspan import _guard
from taskspan._secret_hints import LONGEST_NAMELESS, STAND_IN, may_hold
from taskspan._secret_names import sensitivity

Hook: TypeAlias = Callable[[str], str]

FAILED: Final = "[redaction failed]"
"""Stands for a text that the hook did not return: it may be just the one with the secret."""

MARGIN: Final = LONGEST_NAMELESS
"""Characters past a limit that are looked at, so that a secret across the cut is seen whole."""

_MARGIN_BEFORE: Final = 16_384
"""A private key has some thousand characters, and a secret in front of the cut shows its end."""

_SHORT: Final = 64
_MAX_REMEMBERED: Final = 4096


HARMLESS: Final[dict[str, None]] = {}
"""Short texts that need no redaction, such as the names of operations: they come again and again.

Never one that holds a secret.
"""


class _State:
    hook: Hook | None = None


def use_hook(hook: Hook | None) -> None:
    """Let `hook` return each text, its default redactions made, as it may leave the process.

    A hook that raises, or returns no `str`, is reported once; `[redaction failed]` then stands
    for the text. `None` goes back to the default patterns alone.
    """
    _State.hook = hook
    HARMLESS.clear()


def redacted(text: str) -> str:
    """Return a text without the secrets that it shows; the text itself if it shows none."""
    if text in HARMLESS:
        return text
    result = _without_secrets(text)
    hook = _State.hook
    if hook is not None:
        result = _asked(hook, result)
    if len(text) <= _SHORT and result == text:
        if len(HARMLESS) >= _MAX_REMEMBERED:
            HARMLESS.clear()
        HARMLESS[text] = None
    return result


def cut(text: str, limit: int) -> str:
    """Return the first `limit` characters or so without secrets; of one at the cut, nothing."""
    if len(text) <= limit:
        return redacted(text)
    result = redacted(text[: limit + MARGIN])
    if len(text) <= limit + MARGIN or result.endswith((STAND_IN, FAILED)):
        return result
    # What stands at the very end may be the start of a secret that is not seen as one.
    return result[:-MARGIN] + "…"


def last(text: str, limit: int) -> str:
    """Return the last `limit` characters or so without secrets, whole words of them."""
    if len(text) <= limit:
        return redacted(text)
    result = redacted(text[-limit - _MARGIN_BEFORE :])
    if len(text) <= limit + _MARGIN_BEFORE:
        return result
    # The first word may be the end of a secret whose start is not seen.
    words = result[MARGIN:].split(maxsplit=1)
    # A message of one endless word leaves nothing: the start has at least where it was raised.
    return f"…{words[1]}" if len(words) > 1 else cut(text, limit)[: limit - 1] + "…"


def hides(name: object, value: object) -> bool:
    """Whether the value under a name is a secret, and `[redacted]` is to stand for it."""
    if not isinstance(name, str) or sensitivity(name) is None:
        return False
    from taskspan import _secrets  # noqa: PLC0415  see _without_secrets

    return _secrets.hides(name, value)


def _without_secrets(text: str) -> str:
    if not may_hold(text):
        return text
    # Loaded when first needed: its patterns take longer to make than all else of taskspan's.
    from taskspan import _secrets  # noqa: PLC0415  loaded when first needed

    return _secrets.without_secrets(text)


def _asked(hook: Hook, text: str) -> str:
    # What its error says goes the same way before it is logged: it may quote what it was given.
    with _guard.guarded("the redact hook"):
        result: object = hook(text)
        if not isinstance(result, str):
            raise TypeError(f"it must return a str, not {type(result).__name__}")
        return result
    return FAILED


_guard.redact_with(redacted)
