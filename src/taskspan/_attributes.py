"""Turns what an application reports into values that a span attribute may hold.

Source: OpenTelemetry specification, common, "Attribute": strings, booleans, 64-bit
integers, doubles, and arrays of one of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from taskspan import _redaction, _text
from taskspan._guard import attempt
from taskspan._secret_hints import STAND_IN

AttributeValue: TypeAlias = (
    str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]
)

_INT64 = 1 << 63
_MAX_ITEMS = 128


def attribute_value(value: object) -> AttributeValue:
    """Return the value itself where OpenTelemetry takes it, else its text, bounded."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return int(value)
    if isinstance(value, (list, tuple)) and (array := _array(value)) is not None:
        return array
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return _scalar(item, value)
    return _attribute_text(value)


def metric_attributes(metrics: Mapping[str, Any], prefix: str) -> dict[str, AttributeValue]:
    """Return one attribute for each metric, its name behind `prefix`."""
    return {
        prefix + _text.name(name): _attribute_of(name, value) for name, value in metrics.items()
    }


def _attribute_of(name: object, value: object) -> AttributeValue:
    # A proxy without its object raises whatever it is asked; the other metrics go on.
    otherwise: AttributeValue = f"<{type(value).__name__}>"
    return attempt("value of a metric", lambda: _shown_under(name, value), otherwise)


def _shown_under(name: object, value: object) -> AttributeValue:
    return STAND_IN if _redaction.hides(name, value) else attribute_value(value)


def _scalar(item: Any, value: object) -> AttributeValue:
    """Return what NumPy and others hide in a zero-dimensional array."""
    plain = attempt("value of a metric", item, None)
    if isinstance(plain, (bool, int, float)) and type(plain) is not type(value):
        return attribute_value(plain)
    return _attribute_text(value)


def _array(values: Sequence[object]) -> Sequence[Any] | None:
    """Return a list of values of one type, or `None` where OpenTelemetry takes no such array."""
    if len(values) > _MAX_ITEMS:
        return None
    kinds = {type(value) for value in values}
    if len(kinds) > 1 or not kinds <= {str, bool, int, float}:
        return None
    converted = [attribute_value(value) for value in values]
    if (
        kinds == {str} and sum(len(str(text)) for text in converted) > _text.LONGEST
    ):  # they are one value
        return None
    # An integer that 64 bits cannot hold has become text, among others that have not.
    return converted if len({type(value) for value in converted}) <= 1 else None


def _attribute_text(value: object) -> str:
    return _text.attribute(_text.shown(value))
