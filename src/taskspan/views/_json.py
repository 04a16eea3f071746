"""Makes plain data of whatever an application put into its report."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from pathlib import PurePath
from typing import Any, Final

from taskspan import _text
from taskspan._guard import attempt

MAX_DEPTH: Final = 50


def jsonable(value: object, depth: int = 0) -> Any:
    """Return a value made of what JSON has; anything else as its text.

    NaN and the infinities, which JSON lacks, become their names; a structure deeper than
    `MAX_DEPTH`, such as one that holds itself, becomes text.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if depth >= MAX_DEPTH:
        return f"<{type(value).__name__}>"
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds):
            return convert(value, depth)
    return _converted(value, depth)


def _mapping(value: Mapping[object, object], depth: int) -> dict[str, Any]:
    return {_text.shown(k): jsonable(v, depth + 1) for k, v in value.items()}


def _list(value: AbstractSet[object] | list[object] | tuple[object, ...], depth: int) -> list[Any]:
    return [jsonable(item, depth + 1) for item in value]


def _number(value: float, _: int) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))


# In this order: an enumeration may be an integer or a text, too.
_CONVERSIONS: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any, int], Any]], ...]] = (
    (enum.Enum, lambda value, depth: jsonable(value.value, depth + 1)),
    (float, _number),
    (int, lambda value, _: int(value)),
    (str, lambda value, _: str.__str__(value)),
    (Mapping, _mapping),
    ((list, tuple, AbstractSet), _list),
    ((date, time), lambda value, _: value.isoformat()),
    (timedelta, lambda value, _: value.total_seconds()),
    (PurePath, lambda value, _: str(value)),
)


def _converted(value: object, depth: int) -> Any:
    """Return what a NumPy scalar or array stands for, without importing NumPy; else the text."""
    as_list = getattr(value, "tolist", None)
    if callable(as_list):
        plain = attempt("a value in the report", as_list, None)
        if plain is not None and type(plain) is not type(value):
            return jsonable(plain, depth + 1)
    return _text.shown(value)
