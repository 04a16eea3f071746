"""The gate between telemetry and the user's code."""

from __future__ import annotations

import logging

import pytest

from taskspan import _guard
from taskspan._guard import attempt, guarded

pytestmark = pytest.mark.expects_problems


class Untold(Exception):  # noqa: N818  not an error of ours
    """An exception whose text raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_an_exception_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    """The block ends, the program goes on, and one line tells what, why and where."""
    with guarded("the report"):
        raise ValueError("bad")
    (record,) = caplog.records
    assert record.name == "taskspan"
    assert record.levelno == logging.WARNING
    message = record.getMessage()
    assert message.startswith("the report: ValueError: bad (at ")
    assert "test_guard.py:" in message


def test_the_same_problem_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A problem in a loop makes one line; another kind in the same place makes one more."""
    for _ in range(100):
        with guarded("the report"):
            raise ValueError("bad")
    with guarded("the report"):
        raise TypeError("worse")
    assert len(caplog.records) == 2


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_error_goes_on(kind: type[BaseException]) -> None:
    """Ctrl-C and exits are not swallowed."""
    with pytest.raises(kind), guarded("the report"):
        raise kind


def test_an_attempt_has_a_value_in_any_case() -> None:
    """`attempt` returns what the function returns, or the other value."""
    assert attempt("a sum", lambda: 1 + 1, 0) == 2
    assert attempt("a quotient", lambda: 1 // 0, 0) == 0


def test_an_exception_without_text_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    """The line of an exception whose message raises names its class."""
    with guarded("the report"):
        raise Untold
    assert "Untold: (its message cannot be shown)" in caplog.text


def test_the_memory_of_what_was_said_is_bounded() -> None:
    """A program with ever new problems does not fill its memory with them."""
    for number in range(3000):
        _guard.warn_once(f"place {number}", "kind", "message")
    assert len(_guard._State.said) <= 1000
