"""Each mistake of the seed (DESIGN, section 6), proven to fail on the seed's own code."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pyte
import pytest
from tqdm import tqdm

import taskspan
from taskspan.configuration._configure import Telemetry, configure
from tests.seed import seed_tracker


@dataclass(frozen=True)
class Implementation:
    """One implementation of the API, and what the tests must know of its insides."""

    manager: Callable[..., Any]
    tracker: Callable[..., Any]
    count_of: Callable[[Any], int]
    draw: Callable[[], object]
    refresh: Callable[[Any], object]


class _Own:
    """Taskspan, its bars drawn on what stdout is when a test first uses it."""

    def __init__(self) -> None:
        self._telemetry: Telemetry | None = None

    def manager(self, *arguments: Any, **options: Any) -> Any:
        """Return a task's manager."""
        self._configure()
        return taskspan.TaskProgressManager("1", "nightly", *arguments, **options)

    def tracker(self, *arguments: Any, **options: Any) -> Any:
        """Return a stand-alone tracker."""
        self._configure()
        return taskspan.ProgressTracker(*arguments, **options)

    def _configure(self) -> None:
        # Not in the fixture: pytest gives each phase of a test a stdout of its own.
        self._telemetry = self._telemetry or configure(console=True)

    def draw(self) -> None:
        """Draw the latest values."""
        assert self._telemetry is not None
        self._telemetry.force_flush()

    def shutdown(self) -> None:
        """Stop drawing."""
        if self._telemetry is not None:
            self._telemetry.shutdown()


def _seed_manager(*arguments: Any, **options: Any) -> Any:
    """Return the seed's manager with the first of its mistakes mended."""
    return seed_tracker.TaskProgressManager(
        "1", "nightly", *arguments, **options, make_lock=threading.RLock
    )


def _seed_manager_as_it_stands(*arguments: Any, **options: Any) -> Any:
    return seed_tracker.TaskProgressManager("1", "nightly", *arguments, **options)


def _seed(manager: Callable[..., Any] = _seed_manager) -> Implementation:
    return Implementation(
        manager,
        seed_tracker.ProgressTracker,
        lambda tracker: tracker.pbar.n,
        lambda: None,
        lambda tracker: tracker.pbar.refresh(),
    )


def _implementations(
    raises: type[BaseException] = AssertionError,
    seed_manager: Callable[..., Any] = _seed_manager,
) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "api",
        [
            pytest.param("taskspan", id="taskspan"),
            pytest.param(
                _seed(seed_manager), id="seed", marks=pytest.mark.xfail(strict=True, raises=raises)
            ),
        ],
        indirect=True,
    )


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[Implementation]:
    """One of the implementations."""
    if request.param != "taskspan":
        yield request.param
        bars: Any = tqdm
        for bar in list(bars._instances):  # what a failed test has left open
            bar.disable = True
            bars._instances.discard(bar)
        return
    own = _Own()
    yield Implementation(
        own.manager,
        own.tracker,
        lambda tracker: tracker.completed,
        own.draw,
        lambda tracker: tracker.refresh(),
    )
    own.shutdown()


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger without handlers."""
    logger = logging.getLogger("seed.mistakes")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger
    logger.handlers.clear()


@_implementations(seed_tracker.SelfDeadlockError, _seed_manager_as_it_stands)
def test_an_operation_starts_and_says_so(api: Implementation, logger: logging.Logger) -> None:
    """Starting an operation logs a message and does not wait for itself."""
    manager = api.manager(logger, total_operations=1)
    manager.start_operation("load", 3)
    assert list(manager.active_operations) == ["load"]
    manager.close()


@_implementations(seed_tracker.SelfDeadlockError, _seed_manager_as_it_stands)
def test_an_operation_completes_and_says_so(api: Implementation, logger: logging.Logger) -> None:
    """Completing an operation, even one never started, logs a message without a deadlock."""
    manager = api.manager(logger, total_operations=1)
    manager.complete_operation("load")
    assert manager.operations_completed == 1
    manager.close()


@_implementations()
def test_quiet_draws_nothing(
    api: Implementation, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quiet task writes not one byte on stdout."""
    manager = api.manager(logger, total_operations=1, quiet=True)
    tracker = manager.start_operation("load", 3)
    tracker.update(2)
    api.draw()
    manager.complete_operation("load")
    manager.close()
    api.draw()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("api", ["taskspan"], indirect=True)
def test_a_task_that_is_not_quiet_draws(
    api: Implementation, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """These tests see a bar that is drawn, so that silence means something."""
    manager = api.manager(logger, total_operations=1)
    manager.start_operation("load", 3).update(2)
    api.draw()
    display = _screen(capsys.readouterr().out).display
    manager.close()
    assert [line.split(":")[0] for line in display[:2]] == ["Task", "  load"]


@_implementations()
def test_rows_do_not_collide_after_an_out_of_order_completion(
    api: Implementation, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each running operation has a row of its own, whichever ended before."""
    manager = api.manager(logger, total_operations=3)
    manager.start_operation("first", 3)
    second = manager.start_operation("second", 3)
    manager.complete_operation("first")
    third = manager.start_operation("third", 3)
    for tracker in (second, third):
        api.refresh(tracker)
    display = _screen(capsys.readouterr().out).display
    manager.close()
    for name in ("second", "third"):
        assert any(name in line and "/3" in line for line in display), display


@_implementations()
def test_a_closed_and_completed_operation_counts_once(
    api: Implementation, logger: logging.Logger
) -> None:
    """`close()` and `complete_operation` together count one operation on the main bar."""
    manager = api.manager(logger, total_operations=2)
    tracker = manager.start_operation("load", 3)
    tracker.close()
    manager.complete_operation("load")
    count = api.count_of(manager.main_progress)
    manager.close()
    assert count == 1


@_implementations()
def test_a_tracker_knows_its_children(api: Implementation) -> None:
    """A tracker made below another is among its children."""
    parent = api.tracker(3, "load")
    child = api.tracker(3, "parse", parent=parent)
    children = list(parent.children)
    child.close()
    parent.close()
    assert children == [child]


@_implementations()
def test_a_context_has_the_final_metrics(api: Implementation, logger: logging.Logger) -> None:
    """After its block a context holds what `close()` measured."""
    manager = api.manager(logger)
    context = manager.create_operation_context("load", 3)
    with context as tracker:
        tracker.update(3)
    manager.close()
    assert context.metrics.keys() >= {
        "execution_time",
        "peak_memory_mb",
        "memory_delta_mb",
        "items_per_second",
    }


@_implementations()
def test_a_postfix_is_not_changed(api: Implementation) -> None:
    """The caller's dictionary stays as it was."""
    tracker = api.tracker(3, "load")
    postfix: dict[str, object] = {}
    tracker.update(1, postfix)
    tracker.set_postfix(postfix)
    tracker.close()
    assert postfix == {}


@_implementations()
def test_a_total_set_later_makes_a_main_bar(api: Implementation, logger: logging.Logger) -> None:
    """The task has its bar as soon as the number of operations is known."""
    manager = api.manager(logger)
    manager.total_operations = 2
    main = manager.main_progress
    manager.close()
    assert main is not None


@_implementations()
def test_updates_make_no_process_object(
    api: Implementation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred updates make no psutil process object of their own."""
    made = []

    class CountedProcess(psutil.Process):
        def __init__(self, pid: int | None = None) -> None:
            made.append(pid)
            super().__init__(pid)

    monkeypatch.setattr(psutil, "Process", CountedProcess)
    tracker = api.tracker(100, "load")
    for _ in range(100):
        tracker.update(1)
    tracker.close()
    assert len(made) <= 1


@_implementations()
def test_a_message_is_printed_once(
    api: Implementation, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A logger that has a console handler prints a message, and nobody else does."""
    logger.addHandler(logging.StreamHandler(sys.stderr))
    manager = api.manager(logger)
    manager.log_warning("disk is nearly full")
    manager.close()
    assert capsys.readouterr().err.count("disk is nearly full") == 1


def _screen(text: str) -> Any:
    """Return a terminal of 100 columns that has shown `text`."""
    screen = pyte.Screen(100, 24)
    stream = pyte.Stream(screen)
    stream.feed(text.replace("\n", "\r\n"))
    return screen
