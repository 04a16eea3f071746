"""The Context keys under which running work travels from the producer to the processor."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import Context, create_key, get_value, set_value

from taskspan._live import LiveProgress

_STARTING: Final = create_key("taskspan-starting")
_ENCLOSING: Final = create_key("taskspan-enclosing")


def with_starting(progress: LiveProgress, context: Context) -> Context:
    """Return the parent Context to start one span with: `on_start` finds `progress` in it."""
    return set_value(_STARTING, progress, context)


def starting(context: Context | None) -> LiveProgress | None:
    """Return what the span that is just starting stands for; `None` for a foreign span."""
    value = None if context is None else context.get(_STARTING)
    return value if isinstance(value, LiveProgress) else None


def with_enclosing(progress: LiveProgress, context: Context) -> Context:
    """Return the Context in which the work itself runs."""
    return set_value(_ENCLOSING, progress, context)


def enclosing(context: Context | None) -> LiveProgress | None:
    """Return the task or operation around a Context (`None`: the current one)."""
    value = get_value(_ENCLOSING, context)
    return value if isinstance(value, LiveProgress) else None
