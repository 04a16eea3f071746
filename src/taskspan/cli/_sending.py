"""Sends one line, in as many requests as the endpoint needs it to be."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from taskspan._signals import Signal
from taskspan.cli import _answers, _split
from taskspan.cli._answers import Answer, StoppedError, Verdict
from taskspan.cli._reading import Request

MOST_REASONS: Final = 3
"""Reasons that are kept of one line: a split line has one for each of its parts."""


class Posting(Protocol):
    """Posts a request."""

    def post(self, signal: Signal, body: bytes) -> Answer:
        """Return the endpoint's answer, or raise `StoppedError` where there is none."""


class NotServedError(Exception):
    """The endpoint takes nothing of this signal."""


@dataclass(slots=True)
class Sent:
    """What became of a line: requests that were taken, requests and records that were not."""

    taken: int = 0
    refused: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def is_delivered(self) -> bool:
        """Whether the endpoint has taken it, if not every record of it."""
        return self.taken > 0 or not self.refused

    def add_reason(self, reason: str) -> None:
        """Keep a reason, unless there are many or it is known."""
        if reason and reason not in self.reasons and len(self.reasons) < MOST_REASONS:
            self.reasons.append(reason)


def send(line: Request, signal: Signal, posting: Posting) -> Sent:
    """Post a line as it is, and in halves where the endpoint finds it too large.

    Raises:
        NotServedError: the endpoint does not know the signal.
        StoppedError: it does not answer, or takes nothing now.
    """
    sent = Sent()
    answer = posting.post(signal, line.body)
    waiting = _settle(answer, line.content, signal, sent)
    while waiting:
        content = waiting.pop()
        answer = posting.post(signal, _encoded(content))
        waiting += _settle(answer, content, signal, sent)
    return sent


def _settle(
    answer: Answer, content: dict[str, Any], signal: Signal, sent: Sent
) -> list[dict[str, Any]]:
    """Note what became of a request; return what is to be sent in its place."""
    verdict = _answers.verdict(answer)
    if verdict is Verdict.STOP:
        raise StoppedError(_answers.described(answer))
    if verdict is Verdict.NOT_SERVED:
        raise NotServedError(_answers.described(answer))
    if verdict is Verdict.TAKEN:
        _note_taken(answer, signal, sent)
    elif verdict is Verdict.TOO_LARGE:
        halves = _split.halves(content, signal)
        if halves:
            return [*reversed(halves)]  # the first one is sent first
        _note_refused(f"a single {signal.noun} is too large", content, signal, sent)
    else:
        _note_refused(_answers.described(answer), content, signal, sent)
    return []


def _note_taken(answer: Answer, signal: Signal, sent: Sent) -> None:
    partial = _answers.partial(answer, signal)
    sent.taken += 1
    sent.rejected += partial.rejected
    if partial.rejected:
        sent.add_reason(f"{partial.rejected:,} of its records rejected")
    sent.add_reason(partial.message)


def _note_refused(reason: str, content: dict[str, Any], signal: Signal, sent: Sent) -> None:
    sent.refused += 1
    sent.rejected += _split.count_records(content, signal)
    sent.add_reason(reason)


def _encoded(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode("ascii")
