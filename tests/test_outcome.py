"""How a task or operation ended, from the exception that ended it."""

from __future__ import annotations

import asyncio
import concurrent.futures

import pytest

from taskspan._outcome import error_type_of, outcome_of


class OwnError(Exception):
    """An application's own."""


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "success"),
        (ValueError(), "error"),
        (OwnError(), "error"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(0), "interrupted"),
        (asyncio.CancelledError(), "cancelled"),
        (concurrent.futures.CancelledError(), "cancelled"),
        (GeneratorExit(), "cancelled"),
    ],
)
def test_an_exception_stands_for_an_outcome(error: BaseException | None, outcome: str) -> None:
    """Cancelling is no failure, Ctrl-C is an interruption, the rest is an error."""
    assert outcome_of(error) == outcome


def test_an_error_type_is_a_qualified_name() -> None:
    """Built-in classes have no module in front of them."""
    assert error_type_of(ValueError()) == "ValueError"
    assert error_type_of(OwnError()).endswith("test_outcome.OwnError")
