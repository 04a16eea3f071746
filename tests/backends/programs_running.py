"""Runs the instrumented programs against a real Collector."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.backends.servers import Collector
from tests.examples._running import EXAMPLES, ROOT, run

PROGRAMS = Path(__file__).parent / "programs"


def variables(collector: Collector) -> dict[str, str]:
    """Return what makes a program send to a Collector; metrics four times a second."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http_endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "250",
    }


def run_flights(collector: Collector, folder: Path, rows: int = 3000) -> Path:
    """Run the flights example to its end; return its report."""
    output = folder / "flights"
    done = run(
        EXAMPLES / "flights.py",
        *(str(output), "--rows", str(rows), "--quiet"),
        cwd=folder,
        **variables(collector),
    )
    assert done.returncode == 0, done.stderr
    return output / "report.json"


def run_failing(collector: Collector, folder: Path) -> None:
    """Run the program that fails to its end."""
    done = run(PROGRAMS / "failing.py", cwd=folder, **variables(collector))
    assert done.returncode == 1
    assert "ValueError: row 2 is no row" in done.stderr


@contextmanager
def running(program: str, collector: Collector, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program that takes orders as lines; afterwards it ends well by itself.

    The end of its orders is the last one.
    """
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(PROGRAMS / program)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **variables(collector)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(60) == 0
        finally:
            process.kill()


def order(process: subprocess.Popen[str], word: str) -> None:
    """Send a line to a program."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
