"""Makes plain data of whatever an application put into its report."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from pathlib import PurePath
from typing import Any, Final

from taskspan import _redaction, _text
from taskspan._guard import attempt
from taskspan._secret_hints import STAND_IN

MAX_DEPTH: Final = 50

# Python refuses to write longer integers in decimal: 4,300 digits by default (3.11 on).
_MAX_INTEGER_BITS: Final = 10_000

MAX_VISITS: Final = 10_000
"""A list that holds another twice, which holds a third twice, and so on, doubles each time."""

_FAILED: Final = object()


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where a value lies: the ids of the containers around it, and how often each was met."""

    above: tuple[int, ...] = ()
    visits: dict[int, int] = dataclasses.field(default_factory=dict)

    def within(self, container: object) -> _Place:
        """Return the place inside a container; the one around that is met once more."""
        if self.above:
            # Not the container itself: one of plain values alone makes nothing grow.
            around = self.above[-1]
            self.visits[around] = self.visits.get(around, 0) + 1
        return _Place((*self.above, id(container)), self.visits)

    def leads_on(self, container: object) -> bool:
        """Whether what the container holds is still to be written."""
        key = id(container)
        is_new = len(self.above) < MAX_DEPTH and key not in self.above
        return is_new and self.visits.get(key, 0) < MAX_VISITS


def jsonable(value: object) -> Any:
    """Return a value made of what JSON has; anything else as its text.

    NaN and the infinities, which JSON lacks, become their names; what holds itself or lies
    deeper than `MAX_DEPTH`, a container met for the `MAX_VISITS`th time, and a value that
    raises when it is read, become text. Secrets are redacted, in texts and by their keys.
    """
    return _plain(value, _Place())


def _plain(value: object, place: _Place) -> Any:
    if value is None or type(value) is bool:
        return value
    if type(value) is str:
        return _redaction.redacted(value)
    if type(value) in (int, float):
        return _converted(value, place)
    if not place.leads_on(value):
        return f"<{type(value).__name__}>"
    inside = place.within(value)
    converted = attempt("a value in the report", lambda: _converted(value, inside), _FAILED)
    return _shown(value) if converted is _FAILED else converted


def _converted(value: object, inside: _Place) -> Any:
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds):
            return convert(value, inside)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _mapping(fields, inside)
    return _foreign(value, inside)


def _mapping(value: Mapping[Any, object], inside: _Place) -> dict[str, Any]:
    # `list` first: another thread may still write.
    return {_shown(k): _under(k, v, inside) for k, v in list(value.items())}


def _under(name: object, value: object, inside: _Place) -> Any:
    return STAND_IN if _redaction.hides(name, value) else _plain(value, inside)


def _shown(value: object) -> str:
    return _redaction.redacted(_text.shown(value))


def _list(value: AbstractSet[object] | list[object] | tuple[object, ...], inside: _Place) -> Any:
    return [_plain(item, inside) for item in list(value)]


def _float(value: float, _: _Place) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))


def _integer(value: int, _: _Place) -> int | str:
    plain = int(value)
    return plain if plain.bit_length() <= _MAX_INTEGER_BITS else hex(plain)


# In this order: an enumeration may be an integer or a text, too.
_CONVERSIONS: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any, _Place], Any]], ...]] = (
    (enum.Enum, lambda value, inside: _plain(value.value, inside)),
    (float, _float),
    (int, _integer),
    (str, lambda value, _: _redaction.redacted(str.__str__(value))),
    (Mapping, _mapping),
    ((list, tuple, AbstractSet), _list),
    ((date, time), lambda value, _: value.isoformat()),
    (timedelta, lambda value, _: value.total_seconds()),
    (PurePath, lambda value, _: _shown(value)),
)


def _foreign(value: object, inside: _Place) -> Any:
    """Return what a NumPy scalar or array stands for, without importing NumPy; else the text."""
    as_list = getattr(value, "tolist", None)
    if callable(as_list) and not isinstance(value, type):
        plain = as_list()
        if plain is not None and type(plain) is not type(value):
            return _plain(plain, inside)
    return _shown(value)
