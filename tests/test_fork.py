"""What is called in a forked child, and for how long."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Callable

import pytest

from taskspan import _fork


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What a fork would call."""
    found: list[Callable[[], object]] = []

    def register(*, after_in_child: Callable[[], object]) -> None:
        found.append(after_in_child)

    monkeypatch.setattr(os, "register_at_fork", register)
    return found


class Noting:
    """Has something to set right."""

    def __init__(self) -> None:
        self.calls = 0

    def start_anew(self) -> None:
        """Note it."""
        self.calls += 1


def test_a_method_is_called(hooks: list[Callable[[], object]]) -> None:
    """An object is told of the fork."""
    noting = Noting()
    _fork.in_child(noting.start_anew)
    (hook,) = hooks
    hook()
    assert noting.calls == 1


def test_an_object_is_not_kept_alive(hooks: list[Callable[[], object]]) -> None:
    """One that nobody needs any more can go, and a later fork does nothing."""
    noting = Noting()
    gone = weakref.ref(noting)
    _fork.in_child(noting.start_anew)
    del noting
    gc.collect()
    assert gone() is None
    (hook,) = hooks
    hook()


def test_a_function_is_called(hooks: list[Callable[[], object]]) -> None:
    """So is a function, and what is built in."""
    kept = [1]
    _fork.in_child(kept.clear)
    (hook,) = hooks
    hook()
    assert kept == []


def test_a_system_without_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be forked there is nothing to set right."""
    monkeypatch.delattr(os, "register_at_fork")
    _fork.in_child(lambda: pytest.fail("called"))
