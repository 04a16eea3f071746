"""Values of an application as span attributes."""

from __future__ import annotations

import decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskspan._attributes import attribute_value, metric_attributes


class Scalar:
    """What a NumPy scalar looks like from outside."""

    shape = ()

    def __init__(self, value: object) -> None:
        self._value = value

    def item(self) -> object:
        """The plain value."""
        return self._value

    def __str__(self) -> str:
        return f"scalar {self._value}"


@pytest.mark.parametrize("value", [True, 0, -(2**63), 2**63 - 1, 1.5, "text", "", "two\nlines"])
def test_a_value_that_opentelemetry_takes_stays(value: object) -> None:
    """Texts, booleans, 64-bit integers and floats are kept as they are."""
    assert attribute_value(value) == value


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        (2**63, str(2**63)),
        (None, "None"),
        ({"a": 1}, "{'a': 1}"),
        (b"ab", "b'ab'"),
        (decimal.Decimal("1.5"), "1.5"),
        ([1, 2], [1, 2]),
        ((1.5, 2.5), [1.5, 2.5]),
        ([], []),
        ([1, "a"], "[1, 'a']"),
        ([[1]], "[[1]]"),
        (Scalar(3), 3),
        (Scalar(2.5), 2.5),
        (Scalar(1j), "scalar 1j"),
        ("\ud800", "\\ud800"),
    ],
)
def test_any_other_value_becomes_text(value: object, attribute: object) -> None:
    """What is no attribute type is kept as its text, NumPy scalars as numbers."""
    assert attribute_value(value) == attribute


def test_a_long_value_is_cut() -> None:
    """A megabyte of text does not become an attribute."""
    value = attribute_value("x" * 1_000_000)
    assert isinstance(value, str)
    assert len(value) == 4096


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), anything, max_size=5))
def test_every_metric_becomes_one_attribute(metrics: dict[str, Any]) -> None:
    """A metric is never dropped, and its value is of a type that OpenTelemetry takes."""
    attributes = metric_attributes(metrics, "taskspan.metric.")
    assert set(map(type, attributes.values())) <= {str, bool, int, float, list}
    if all(name.isprintable() for name in metrics):
        assert len(attributes) == len(metrics)
