"""Sends a run to an endpoint: line after line, from where the last call has stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import taskspan
from taskspan import _text
from taskspan._signals import SIGNALS, Signal
from taskspan.cli._answers import StoppedError
from taskspan.cli._keeping import Keeping
from taskspan.cli._outcome import Outcome, Tally
from taskspan.cli._reading import Broken, Line, Request, read_lines
from taskspan.cli._sending import NotServedError, Posting, send
from taskspan.cli._state import Progress
from taskspan.cli._telling import Telling

_REASON_LIMIT: Final = 200
_PATH_LIMIT: Final = 1000

RunFiles: TypeAlias = Sequence[tuple[Signal, Path]]
"""The files of one run directory; there is at least one."""


class NoRunError(ValueError):
    """A path is no run directory; the message says why."""


def run_files(run: Path) -> RunFiles:
    """Return the files of a run that are there.

    Raises:
        NoRunError: it is no directory, or has none of the files.
    """
    name = _text.one_line(run, _PATH_LIMIT)
    if not run.is_dir():
        raise NoRunError(f"{name} is no directory" if run.exists() else f"{name} does not exist")
    # A pipe of such a name would be waited for without end.
    found = [(s, run / s.file_name) for s in SIGNALS if (run / s.file_name).is_file()]
    if not found:
        files = ", ".join(signal.file_name for signal in SIGNALS)
        raise NoRunError(f"{name} is no run directory: it has none of {files}")
    return found


def replay(
    files: RunFiles, url: str, posting: Posting, telling: Telling, *, again: bool = False
) -> Outcome:
    """Send what an endpoint has not got yet of a run.

    Args:
        files: of the run; what was delivered is remembered in their directory.
        url: the endpoint, as it is named and remembered.
        posting: posts to it.
        telling: gets a line for whatever is not delivered.
        again: forget what was delivered before.
    """
    outcome = Outcome(url, [Tally(signal) for signal, _ in files])
    paths = [path for _, path in files]
    try:
        keeping = Keeping(paths[0].parent, url, telling, again=again)
        with taskspan.task("replay", total_operations=len(files)) as task:
            for path, tally in zip(paths, outcome.tallies, strict=True):
                _File(path, tally, posting, keeping, telling).send_all(task.operation)
    except StoppedError as error:
        outcome.stopped = str(error)
    except KeyboardInterrupt:
        outcome.is_interrupted = True
    return outcome


class _File:
    """One file of a run on its way."""

    def __init__(
        self, path: Path, tally: Tally, posting: Posting, keeping: Keeping, telling: Telling
    ) -> None:
        self._path = path
        self._tally = tally
        self._posting = posting
        self._keeping = keeping
        self._telling = telling
        self._done = Progress()

    def send_all(self, operation: Callable[..., taskspan.ProgressContext]) -> None:
        """Send what is left of the file; a file that cannot be read is noted."""
        try:
            self._done = self._tally.before = self._keeping.progress_of(self._path)
            left = self._path.stat().st_size - self._done.offset
            if left > 0:
                name = self._tally.signal.name
                with operation(name, left, self._path.name, unit="bytes") as tracker:
                    self._send_lines(tracker.update)
        except NotServedError as error:
            self._tally.not_served = str(error)
        except OSError as error:
            self._tally.unread = _text.one_line(error.strerror or error, _REASON_LIMIT)

    def _send_lines(self, update: Callable[[int], object]) -> None:
        with self._path.open("rb") as file:
            lines = read_lines(file, self._path.name, self._tally.signal, self._done.position)
            for line in lines:
                if isinstance(line, Broken) and line.is_cut:
                    self._note_cut(line)
                    break
                before = self._done.offset
                self._pass(line)
                update(self._done.offset - before)

    def _pass(self, line: Line) -> None:
        is_delivered = self._send(line) if isinstance(line, Request) else self._refuse(line)
        self._tally.delivered += is_delivered
        self._tally.refused += not is_delivered
        self._done = Progress(
            line.after.offset,
            line.after.number,
            self._done.delivered + is_delivered,
            self._done.refused + (not is_delivered),
        )
        self._keeping.keep(self._path, self._done)

    def _send(self, line: Request) -> bool:
        sent = send(line, self._tally.signal, self._posting)
        # The records of a line that is refused as a whole are not counted once more.
        self._tally.rejected += sent.rejected if sent.is_delivered else 0
        if sent.reasons:
            outcome = "" if sent.is_delivered else "refused: "
            self._telling.remark(f"{line.file}:{line.number}: {outcome}{'; '.join(sent.reasons)}")
        return sent.is_delivered

    def _refuse(self, line: Broken) -> bool:
        self._telling.remark(f"{line.file}:{line.number}: {line.problem}")
        return False

    def _note_cut(self, line: Broken) -> None:
        self._tally.cut += 1
        self._telling.say(
            f"{line.file}:{line.number}: incomplete ({line.problem}): cut by a crash, or still "
            "being written; not sent, a later replay looks again"
        )
