"""What became of a replay: the counts, the line that tells them, the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from taskspan._signals import Signal
from taskspan.cli._state import Progress

EXIT_DELIVERED: Final = 0
EXIT_NOT_DELIVERED: Final = 1
EXIT_INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells have it."""


@dataclass(slots=True)
class Tally:
    """What became of one file; counts are lines, but `rejected`: spans, metrics, log records.

    `before` is what earlier calls have done; `not_served` is the endpoint's refusal of the
    whole signal, `unread` why the file could not be read to its end.
    """

    signal: Signal
    before: Progress = field(default_factory=Progress)
    delivered: int = 0
    refused: int = 0
    rejected: int = 0
    cut: int = 0
    not_served: str = ""
    unread: str = ""

    @property
    def has_ever_delivered(self) -> bool:
        """Whether the endpoint has taken a line of it, now or earlier."""
        return self.delivered + self.before.delivered > 0


@dataclass(slots=True)
class Outcome:
    """What became of a replay; `stopped` says why it ended before its end."""

    url: str
    tallies: list[Tally] = field(default_factory=list)
    stopped: str = ""
    is_interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        if self.is_interrupted:
            return EXIT_INTERRUPTED
        is_incomplete = any(t.refused or t.rejected or t.unread for t in self.tallies)
        if self.stopped or is_incomplete or self.is_served_nothing:
            return EXIT_NOT_DELIVERED
        return EXIT_DELIVERED

    @property
    def not_served(self) -> list[Tally]:
        """The files whose signal the endpoint does not take."""
        return [tally for tally in self.tallies if tally.not_served]

    @property
    def is_served_nothing(self) -> bool:
        """Whether the endpoint has turned down every signal that it was sent: a wrong address."""
        return bool(self.not_served) and not any(t.has_ever_delivered for t in self.tallies)

    @property
    def is_over_before(self) -> bool:
        """Whether there was nothing left to send."""
        is_cut_short = self.stopped or self.is_interrupted or self.is_served_nothing
        news = any(t.delivered or t.refused or t.cut or t.unread for t in self.tallies)
        return not is_cut_short and not news

    def summary(self) -> str:
        """Return one line that says what was delivered, for stdout."""
        if self.is_over_before:
            return self._summary_of_before()
        now = _enumeration([(t.delivered, t.signal.name) for t in self.tallies])
        parts = [
            f"{now} delivered to {self.url}",
            _counted(sum(t.refused for t in self.tallies), "line", "refused"),
            _counted(sum(t.rejected for t in self.tallies), "record", "not taken"),
            _counted(sum(t.cut for t in self.tallies), "line", "incomplete"),
            _counted(sum(t.before.delivered for t in self.tallies), "line", "delivered before"),
        ]
        return "; ".join(filter(None, parts))

    def _summary_of_before(self) -> str:
        before = _enumeration([(t.before.delivered, t.signal.name) for t in self.tallies])
        if not any(t.has_ever_delivered or t.before.refused for t in self.tallies):
            return "nothing to deliver: the files are empty"
        refused = _counted(sum(t.before.refused for t in self.tallies), "line", "refused then")
        parts = [f"everything is delivered to {self.url} already ({before})", refused]
        return "; ".join(filter(None, [*parts, "--again sends it once more"]))

    def remarks(self) -> list[str]:
        """Return lines on how it ended, for stderr."""
        found = [f"{t.signal.file_name}: {t.unread}" for t in self.tallies if t.unread]
        if self.not_served:
            names = " and no ".join(t.signal.name for t in self.not_served)
            doubt = "; is the address right?" if self.is_served_nothing else ""
            found.append(f"{self.url} takes no {names} ({self.not_served[0].not_served}){doubt}")
        if self.stopped:
            found.append(f"{self.url}: {self.stopped}; the same command goes on from there")
        if self.is_interrupted:
            found.append("interrupted; the same command goes on from there")
        return found


def _enumeration(counts: list[tuple[int, str]]) -> str:
    (count, name), *others = counts
    first = f"{count:,} {'line' if count == 1 else 'lines'} of {name}"
    return ", ".join([first, *(f"{count:,} of {name}" for count, name in others)])


def _counted(count: int, noun: str, what: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'} {what}" if count else ""
