"""The gate between telemetry and the user's code: nothing of ours is raised past it.

The only place with a broad `except`. The test suite replaces `report` by one that
raises, so that a bug is loud there and product code need not know it is tested.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Final, TypeVar

from taskspan._fork import in_child

LOGGER: Final = logging.getLogger("taskspan")

_T = TypeVar("_T")
_MAX_REMEMBERED: Final = 1000
_ERROR_TEXT_LIMIT: Final = 500
_ERROR_TEXT_SEEN: Final = 4000


class _State:
    # Protects `said`; nothing is called under it.
    lock = threading.Lock()
    said: ClassVar[set[tuple[str, str]]] = set()
    redact: ClassVar[Callable[[str], str]] = str


def _renew_in_child() -> None:
    # Another thread of the parent process may have held it at the fork.
    _State.lock = threading.Lock()


in_child(_renew_in_child)


def report(what: str, error: BaseException) -> None:
    """Log one line about a problem, once for each place and kind of error."""
    # Asked first: the text of an error is redacted, which may itself have something to report.
    if _is_new(what, type(error).__name__):
        LOGGER.warning("%s: %s%s", what, _describe(error), _origin(error))


def warn_once(what: str, kind: str, message: str) -> None:
    """Log `what: message` as a warning, once for each `what` and `kind`."""
    if _is_new(what, kind):
        LOGGER.warning("%s: %s", what, message)


def _is_new(what: str, kind: str) -> bool:
    """Whether nothing was logged of this place and kind so far."""
    with _State.lock:
        if (what, kind) in _State.said:
            return False
        if len(_State.said) >= _MAX_REMEMBERED:
            _State.said.clear()
        _State.said.add((what, kind))
        return True


def redact_with(function: Callable[[str], str]) -> None:
    """Let the text of errors pass through `function`; called once, by `_redaction`."""
    _State.redact = function


def forget() -> None:
    """Let every problem be logged again; for tests."""
    with _State.lock:
        _State.said.clear()


def _describe(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  an exception whose own text raises still gets its line
        text = "(its message cannot be shown)"
    # Redacted before the cut, which else leaves the half of a secret unrecognised.
    text = _State.redact(text[:_ERROR_TEXT_SEEN])[:_ERROR_TEXT_LIMIT]
    return f"{name}: {text}" if text else name


def _origin(error: BaseException) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f" (at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno})"


class guarded:  # noqa: N801  reads as a statement: with guarded("the report"):
    """Runs a block of telemetry; an `Exception` in it is logged once and ends only the block."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(exc, Exception):
            return False
        report(self._what, exc)
        return True


def attempt(what: str, function: Callable[[], _T], otherwise: _T) -> _T:
    """Return what `function` returns, or `otherwise` after logging why it did not."""
    with guarded(what):
        return function()
    return otherwise
