"""Runs programs as a person does, in a process of their own without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def run(
    program: Path, *arguments: str, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end; its exit code is the caller's to look at."""
    # The parent has no OTEL_* and CI variables: see the fixture in conftest.py.
    return subprocess.run(
        [sys.executable, "-W", "error", str(program), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def run_well(program: Path, *arguments: str, cwd: Path, **environment: str) -> str:
    """Run a Python program that must succeed; return its stdout."""
    done = run(program, *arguments, cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout
