"""Figures for people."""

from __future__ import annotations

import pytest

from taskspan.views import _figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.000_012, "0.000012"),
        (0.0123, "0.0123"),
        (1.234, "1.23"),
        (99.96, "100"),
        (129_234.6, "129,235"),
        (12_345_678.0, "12,345,678"),
    ],
)
def test_a_rate_has_no_exponent(value: float, text: str) -> None:
    """A rate has three digits that count, and thousands apart."""
    assert _figures.rate(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0s"), (59.9, "59.9s"), (60.0, "1m00s"), (3_725.0, "1h02m05s")],
)
def test_a_duration_is_short(seconds: float, text: str) -> None:
    """Seconds have a decimal; minutes and hours have none."""
    assert _figures.duration(seconds) == text
