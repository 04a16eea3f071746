"""The command line in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A person's terminal has no ignored Ctrl-C, whoever started the tests.
_PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from taskspan.cli._main import main
main(prog_name="taskspan")
"""


class Command:
    """`taskspan` with these arguments, running."""

    def __init__(self, *arguments: str | Path, **environment: str | Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _PROGRAM, *map(str, arguments)],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "src"),
                **{name: str(value) for name, value in environment.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.stdout = ""
        self.stderr = ""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def finish(self) -> int:
        """Wait for its end; return the exit code, after checking that no stack trace is told."""
        self.stdout, self.stderr = self._process.communicate(timeout=60)
        assert "Traceback" not in self.stderr, self.stderr
        return self._process.returncode


def run_command(*arguments: str | Path, exit_code: int, **environment: str | Path) -> Command:
    """Run `taskspan` to its end."""
    command = Command(*arguments, **environment)
    ended = command.finish()
    assert ended == exit_code, command.stdout + command.stderr
    return command
