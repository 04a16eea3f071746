"""How a task or operation ended, from the exception that ended it."""

from __future__ import annotations

from taskspan.conventions import CANCELLED, ERROR, INTERRUPTED, SUCCESS, Outcome


def outcome_of(error: BaseException | None) -> Outcome:
    """Return the outcome that an exception stands for.

    No exception is success; a cancellation is `cancelled`; Ctrl-C and `sys.exit` are
    `interrupted`; anything else is an error.
    """
    if error is None:
        return SUCCESS
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return INTERRUPTED
    if isinstance(error, GeneratorExit) or _is_cancellation(type(error)):
        return CANCELLED
    return ERROR


def error_type_of(error: BaseException) -> str:
    """Return the qualified class name (semantic conventions, `error.type`)."""
    cls = type(error)
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_cancellation(cls: type) -> bool:
    # By name: importing asyncio or concurrent.futures for their classes would cost every
    # program that uses neither some 30 ms.
    return any(base.__name__ in ("CancelledError", "Cancelled") for base in cls.__mro__)
