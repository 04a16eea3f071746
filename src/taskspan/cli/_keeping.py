"""Keeps the state of a replay up to date, and finds out whether it still holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from taskspan import _text
from taskspan.cli import _state
from taskspan.cli._state import Progress
from taskspan.cli._telling import Telling

_REASON_LIMIT = 200


class Keeping:
    """How far each file of a run has been sent to an endpoint, on disk after every line."""

    def __init__(self, run: Path, endpoint: str, telling: Telling, *, again: bool) -> None:
        """Take up what is remembered, or with `again` nothing."""
        self._telling = telling
        self._is_kept = True
        self._state = _state.load(run, endpoint)
        if again:
            self._state.files.clear()
            if self._state.path.exists():
                self._save()
        elif self._state.problem:
            name = self._state.path.name
            telling.say(f"{name} cannot be read ({self._state.problem}): everything is sent anew")

    def progress_of(self, path: Path) -> Progress:
        """Return how much of a file is done; nothing where it is no longer the same file.

        Raises:
            OSError: the file cannot be read.
        """
        progress = self._state.of(path.name)
        if not progress.offset:
            return progress
        if path.stat().st_size < progress.offset:
            self._telling.say(f"{path.name} has become shorter: it is sent anew")
            return Progress()
        if _state.fingerprint(path, progress.offset) != progress.fingerprint:
            self._telling.say(f"{path.name} has been replaced: it is sent anew")
            return Progress()
        return progress

    def keep(self, path: Path, progress: Progress) -> None:
        """Remember how much of a file is done.

        Raises:
            OSError: the file cannot be read.
        """
        if self._is_kept:
            mark = _state.fingerprint(path, progress.offset)
            self._state.files[path.name] = replace(progress, fingerprint=mark)
            self._save()

    def _save(self) -> None:
        try:
            self._state.save()
        except OSError as error:
            self._is_kept = False
            reason = _text.one_line(error.strerror or error, _REASON_LIMIT)
            self._telling.say(
                f"{self._state.path} cannot be written ({reason}): the next replay starts over"
            )
