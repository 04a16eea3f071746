"""Makes plain data of whatever an application put into its report."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from pathlib import PurePath
from typing import Any

from taskspan import _text
from taskspan._guard import attempt

_MAX_DEPTH = 50


def jsonable(value: Any, depth: int = 0) -> Any:
    """Return a value made of what JSON has; anything else as its text.

    NaN and the infinities, which JSON lacks, become their names; a structure deeper than
    50, such as one that holds itself, becomes text.
    """
    if value is None or isinstance(value, (bool, int, str)) and type(value) in (bool, int, str):
        return value
    if isinstance(value, enum.Enum):
        return jsonable(value.value, depth)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, (int, str)):
        return int(value) if isinstance(value, int) else str(value)
    if depth >= _MAX_DEPTH:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {_key(k): jsonable(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, AbstractSet)):
        return [jsonable(item, depth + 1) for item in value]
    return _other(value, depth)


def _key(key: Any) -> str:
    return key if type(key) is str else _text.shown(key)


def _other(value: Any, depth: int) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return str(value)
    # NumPy scalars and arrays, without importing NumPy.
    as_list = getattr(value, "tolist", None)
    if callable(as_list):
        plain = attempt("a value in the report", as_list, None)
        if plain is not None and type(plain) is not type(value):
            return jsonable(plain, depth + 1)
    return _text.shown(value)
