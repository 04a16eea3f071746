"""Lets what Python itself says on stderr appear above the bars: tracebacks and warnings."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from taskspan import _console

_Hook = Callable[..., Any]

_PLACES: Final[tuple[tuple[ModuleType, str], ...]] = (
    (sys, "excepthook"),
    (threading, "excepthook"),
    (warnings, "showwarning"),
)


class BarSafeHooks:
    """Puts a step aside before Python's hooks that print on the terminal."""

    def __init__(self) -> None:
        self._replaced: dict[tuple[ModuleType, str], tuple[_Hook, _Hook]] = {}

    def install(self) -> None:
        """Stand before the hooks as they are now; nothing where stderr is no terminal."""
        if self._replaced or not _stderr_is_terminal():
            return
        for module, name in _PLACES:
            original: _Hook = getattr(module, name)
            ours = _above_the_bars(original)
            self._replaced[module, name] = (original, ours)
            setattr(module, name, ours)

    def restore(self) -> None:
        """Give the hooks back, but for one that somebody else has replaced since."""
        for (module, name), (original, ours) in self._replaced.items():
            if getattr(module, name) is ours:
                setattr(module, name, original)
        self._replaced.clear()


def _above_the_bars(hook: _Hook) -> _Hook:
    def called(*args: Any, **kwargs: Any) -> Any:
        with _console.lines_above():
            return hook(*args, **kwargs)

    return called


def _stderr_is_terminal() -> bool:
    with contextlib.suppress(ValueError, AttributeError):  # closed, or none at all
        return sys.stderr.isatty()
    return False
