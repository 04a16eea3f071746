"""Whatever an application hands over becomes JSON."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskspan import _redaction
from taskspan.views._json import MAX_DEPTH, jsonable


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "lies"


@dataclass
class Point:
    x: int
    where: Path


class Array:
    """As NumPy's arrays and scalars are."""

    def __init__(self, plain: object) -> None:
        self.plain = plain

    def tolist(self) -> object:
        """What it stands for."""
        return self.plain


class Refuses:
    """Raises whatever it is asked."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError("no attribute")


class BrokenMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no keys")

    def __len__(self) -> int:
        return 1


def encoded(value: object) -> str:
    """The value as the report has it."""
    return json.dumps(jsonable(value), allow_nan=False)


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.decimals(),
    st.text(st.characters()),
    st.binary(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.sampled_from([Colour.RED, Level.HIGH, Text("x"), Path("a"), object, len]),
)
keys = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.tuples(st.text())
)
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(keys, inner),
        st.builds(Array, inner),
        st.frozensets(st.integers()),
    ),
    max_leaves=20,
)


@given(anything)
def test_anything_can_be_encoded(value: object) -> None:
    """What `jsonable` returns is strict JSON, and reads back as it was."""
    assert json.loads(encoded(value)) == jsonable(value)


# What is a secret, or stands under the name of one, is replaced: see tests/test_redaction.py.
harmless = st.text().filter(
    lambda text: _redaction.redacted(text) == text and not _redaction.hides(text, "value")
)
plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        harmless,
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(harmless, inner)),
    max_leaves=20,
)


@given(plain)
def test_plain_data_stays_as_it_is(value: object) -> None:
    """What JSON has is returned unchanged."""
    assert jsonable(value) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Text("x"), "x"),
        (True, True),
        (Path("a"), "a"),
        (PurePosixPath("/a/b"), "/a/b"),
        (datetime(2026, 11, 23, 1, 2, 3, tzinfo=timezone.utc), "2026-11-23T01:02:03+00:00"),
        (date(2026, 11, 23), "2026-11-23"),
        (time(1, 2), "01:02:00"),
        (timedelta(minutes=2), 120.0),
        ((1, [2]), [1, [2]]),
        ({1: {None: 2}}, {"1": {"None": 2}}),
        (b"x", "b'x'"),
        (Array([1, 2.5]), [1, 2.5]),
        (Array(float("nan")), "nan"),
        (Point(1, Path("a")), {"x": 1, "where": "a"}),
        pytest.param(10**5000, hex(10**5000), id="long integer"),
    ],
)
def test_what_json_lacks_has_a_stand_in(value: object, expected: object) -> None:
    """Dates are ISO 8601, durations seconds, enumerations their value, dataclasses objects."""
    assert jsonable(value) == expected
    encoded(value)


def test_what_holds_itself_ends() -> None:
    """A list and a dictionary that hold themselves several times become text inside."""
    circle: list[Any] = []
    circle += [circle, {"again": circle}, circle]
    assert jsonable(circle) == ["<list>", {"again": "<list>"}, "<list>"]


def test_what_is_held_twice_is_told_twice() -> None:
    """A value in two places, neither inside the other, is no circle."""
    shared = [1]
    assert jsonable([shared, shared]) == [[1], [1]]


def test_depth_is_bounded() -> None:
    """What lies deeper than the limit is named by its type."""
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert encoded(deep) == "[" * MAX_DEPTH + '"<list>"' + "]" * MAX_DEPTH


def test_an_array_that_stands_for_another_one_ends() -> None:
    """Two values whose `tolist` return each other do not recurse for ever."""

    class Other(Array):
        pass

    one = Array(None)
    one.plain = Other(one)
    encoded(one)


def test_a_lock_is_its_text() -> None:
    """A value that can be neither copied nor encoded is told as its text."""
    assert "lock" in encoded({"lock": threading.Lock()})


@pytest.mark.expects_problems
def test_a_value_that_raises_is_named_by_its_type() -> None:
    """A value whose methods raise does not take the report with it."""
    assert jsonable({"a": Refuses(), "b": 1}) == {"a": "<Refuses>", "b": 1}
    assert isinstance(jsonable(BrokenMapping()), str)


def test_a_structure_that_doubles_is_cut() -> None:
    """Forty lists that each hold the next one twice do not make a million million values."""
    value: list[object] = [1]
    for _ in range(40):
        value = [value, value]
    assert len(json.dumps(jsonable(value))) < 10_000_000


def test_a_value_that_many_share_is_written_for_each() -> None:
    """A constant that every operation reports is not taken for a structure that doubles."""
    tags = ("nightly", "eu")
    assert jsonable([tags] * 20_000) == [list(tags)] * 20_000
