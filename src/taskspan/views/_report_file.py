"""Writes a report so that a reader sees the old file or the new one, and never loses it."""

from __future__ import annotations

import os
from pathlib import Path

from taskspan._atomic_file import replacing
from taskspan._guard import LOGGER


def write_somewhere(text: str, path: Path, elsewhere: Path) -> Path:
    """Write to `path`, or `elsewhere` if that fails, which is logged; return where it is.

    Never raises: the task has its result, whatever becomes of the report.
    """
    try:
        write_atomically(path, text)
    except (OSError, ValueError) as error:
        return _write_elsewhere(text, path, elsewhere, error)
    return path


def _write_elsewhere(text: str, path: Path, elsewhere: Path, error: Exception) -> Path:
    try:
        write_atomically(elsewhere, text)
    except OSError as second:
        LOGGER.warning(
            "the report could not be written to %s (%s), nor to %s (%s)",
            path,
            error,
            elsewhere,
            second,
        )
        return path
    LOGGER.warning(
        "the report could not be written to %s (%s); it is in %s", path, error, elsewhere
    )
    return elsewhere


def write_atomically(path: Path, text: str) -> None:
    """Write to `path` in one step.

    Raises:
        OSError: it cannot be written.
        ValueError: it is no path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not (path.is_file() or path.is_dir()):
        path.write_text(text, encoding="utf-8")  # /dev/stdout or a pipe is not to be replaced
        return
    with replacing(path) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
