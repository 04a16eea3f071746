"""What the API accepts at its edge."""

from __future__ import annotations

import math

import pytest

from taskspan import _checks


class Index:
    """What stands for an integer, as NumPy's do."""

    def __index__(self) -> int:
        return 7


@pytest.mark.parametrize(("value", "number"), [(0, 0), (5, 5), (3.0, 3), (True, 1), (Index(), 7)])
def test_whole_numbers_are_taken(value: object, number: int) -> None:
    """Integers, what stands for one, and floats without a fraction become an `int`."""
    checked = _checks.whole_number(value, "steps")
    assert checked == number
    assert type(checked) is int


@pytest.mark.parametrize("value", [1.5, math.nan, math.inf, "3", None, [], b"1", 1j])
def test_anything_else_is_a_type_error(value: object) -> None:
    """The message names what it was for and what was given."""
    with pytest.raises(TypeError, match="steps must be a whole number, got"):
        _checks.whole_number(value, "steps")


def test_a_negative_number_is_a_value_error() -> None:
    """A count only grows."""
    with pytest.raises(ValueError, match="steps must not be negative, got -1"):
        _checks.whole_number(-1, "steps")


def test_a_total_may_be_unknown() -> None:
    """`None` stands for an unknown length."""
    assert _checks.optional_total(None) is None
    assert _checks.optional_total(3) == 3


def test_a_name_is_a_text_that_is_not_empty() -> None:
    """A missing or empty name is told at once."""
    assert _checks.required_text("load", "name") == "load"
    with pytest.raises(ValueError, match="name must not be empty"):
        _checks.required_text("", "name")
    with pytest.raises(TypeError, match="name must be a str, got int"):
        _checks.required_text(3, "name")
