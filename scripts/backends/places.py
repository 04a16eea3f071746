"""Where things are: this checkout, what is built, what the stack keeps."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "collector-config"


class BackendsError(Exception):
    """Something that the user can mend; the message says how."""


def cache() -> Path:
    """Return the folder for what can be made again: binaries."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """Return the folder for what must not be thrown away: traces, metrics, logs of the servers."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "backends"


def _xdg(variable: str, default: str) -> Path:
    # XDG Base Directory Specification: a path that is not absolute is ignored.
    base = Path(os.environ.get(variable, ""))
    return (base if base.is_absolute() else Path.home() / default) / "taskspan"
