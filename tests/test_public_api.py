"""The front door: what `import taskspan` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import taskspan

NAMES = {
    "BarsView",
    "BaseTask",
    "LinesView",
    "LocalVisibilitySampler",
    "NoOpProgressTracker",
    "OperationExecutor",
    "OperationResult",
    "OperationStatus",
    "ProgressContext",
    "ProgressSpanProcessor",
    "ProgressTracker",
    "ProgressTrackerProtocol",
    "TaskProgressManager",
    "TaskReporter",
    "Telemetry",
    "__version__",
    "child_environment",
    "configure",
    "create_task_progress_manager",
    "operation",
    "task",
    "track",
}


def test_the_public_names_are_these() -> None:
    """A name slips neither in nor out."""
    assert set(taskspan.__all__) == NAMES
    assert set(dir(taskspan)) == NAMES


def test_every_public_name_can_be_imported() -> None:
    """Names that are loaded late are there when asked for."""
    for name in NAMES:
        assert getattr(taskspan, name) is not None


def test_no_folder_or_module_bears_a_public_name() -> None:
    """A module that is loaded is bound to its name in the package: it would hide the other."""
    source = Path(taskspan.__file__).parent
    assert not NAMES & {path.stem for path in source.iterdir()}


def test_every_public_name_is_used_in_the_typing_test() -> None:
    """tests/typing/api.py shows the checkers each name."""
    text = (Path(__file__).parent / "typing" / "api.py").read_text(encoding="utf-8")
    assert not [name for name in NAMES if name not in text]


def test_heavy_packages_load_when_used() -> None:
    """Importing taskspan, and `operation()` in a library, loads no SDK, tqdm, tenacity, asyncio."""
    program = (
        "import sys, opentelemetry.trace, opentelemetry.metrics, psutil\n"
        "there = set(sys.modules)\n"  # older versions of OpenTelemetry's API load asyncio
        "import taskspan\n"
        "with taskspan.operation('x') as op: op.update()\n"
        "heavy = {'opentelemetry.sdk', 'tqdm', 'tenacity', 'asyncio', 'multiprocessing'}\n"
        "print(sorted(heavy & set(sys.modules) - there))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
