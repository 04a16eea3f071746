"""What the API accepts at its edge; everything else raises `TypeError` or `ValueError`."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Final

_INT64_MAX: Final = 2**63 - 1


def whole_number(value: object, what: str) -> int:
    """Return `value` as an `int` of at least zero.

    Accepts whatever stands for an integer: `int`, NumPy integers, and floats without a
    fraction.

    Raises:
        TypeError: it is not a whole number.
        ValueError: it is negative, or no 64-bit integer.
    """
    number = _as_int(value, what)
    if number < 0:
        raise ValueError(f"{what} must not be negative, got {number}")
    if number > _INT64_MAX:
        raise ValueError(f"{what} must fit into 64 bits, as an attribute does")
    return number


def optional_total(value: object) -> int | None:
    """Return a total, `None` for an unknown one; raises as `whole_number` does."""
    return None if value is None else whole_number(value, "total")


def required_text(value: object, what: str) -> str:
    """Return a text that is not empty.

    Raises:
        TypeError: it is not a `str`.
        ValueError: it is empty.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, got {type(value).__name__}")
    if not value:
        raise ValueError(f"{what} must not be empty")
    return value


def optional_mapping(value: object, what: str) -> dict[Any, Any]:
    """Return a copy of a mapping, an empty one for `None`.

    Raises:
        TypeError: it is not a mapping.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a mapping, got {type(value).__name__}")
    return dict(value)


def _as_int(value: object, what: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return operator.index(value)  # type: ignore[arg-type]  # raises for what is no integer
    except TypeError:
        raise TypeError(
            f"{what} must be a whole number, got {type(value).__name__} {value!r}"
        ) from None
