"""Replays in the test's own process, to a real server, with waits that take no time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from taskspan.cli._endpoint import Endpoint
from taskspan.cli._outcome import Outcome
from taskspan.cli._posting import Poster
from taskspan.cli._replay import replay, run_files
from taskspan.cli._telling import Telling
from tests.otlp_server import Received, Reply, Script


@dataclass(frozen=True)
class Replayed:
    """What a replay has done and said."""

    outcome: Outcome
    stderr: list[str]
    waits_s: list[float]

    @property
    def exit_code(self) -> int:
        """The exit code that it stands for."""
        return self.outcome.exit_code

    @property
    def summary(self) -> str:
        """The last line, without the port of the endpoint, which differs."""
        return self.outcome.summary().replace(self.outcome.url, "URL")

    @property
    def remarks(self) -> list[str]:
        """What is said of its end, without the port of the endpoint."""
        return [remark.replace(self.outcome.url, "URL") for remark in self.outcome.remarks()]


class Replaying:
    """Replays runs, and collects what it says."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, run: Path, to: str | Endpoint, *, again: bool = False) -> Replayed:
        """Replay a run as the command does."""
        endpoint = Endpoint(to) if isinstance(to, str) else to
        waits_s: list[float] = []
        poster = Poster(endpoint, lambda seconds, _: waits_s.append(seconds))
        telling = Telling()
        outcome = replay(run_files(run), endpoint.url, poster, telling, again=again)
        telling.close()
        poster.close()
        captured = self._capsys.readouterr()
        assert not captured.out
        return Replayed(outcome, captured.err.splitlines(), waits_s)


def one_after_another(replies: Iterable[Reply]) -> Script:
    """Return a script that gives these answers, and then takes everything."""
    left = iter(replies)
    return lambda _: next(left, Reply())


def where(needle: bytes, reply: Reply) -> Script:
    """Return a script that gives this answer to bodies that contain something."""
    return lambda request: reply if needle in request.body else Reply()


def only(path: str, otherwise: Reply) -> Script:
    """Return a script that takes one signal."""

    def script(request: Received) -> Reply:
        return Reply() if request.path == path else otherwise

    return script
