"""Where nothing is drawn, and where lines are written instead of bars."""

from __future__ import annotations

import json
import os
import re
import tempfile
from typing import Any

import pytest

from tests.terminal.program import Program

TASK = """
import json, os, sys
import taskspan
{before}
with taskspan.task("nightly", "42", total_operations=2{options}) as task:
    with task.operation("load", 10, unit="rows") as op:
        op.update(5)
        op.refresh()
        op.update(5)
    try:
        with task.operation("clean", None) as op2:
            op2.update(3)
            raise RuntimeError("dirty")
    except RuntimeError:
        pass
os.write(3, json.dumps({{
    "tracker": type(op).__name__, "completed": op.metrics["current"], "stdout": sys.stdout.isatty(),
}}).encode())
"""


def outcome_of(
    before: str = "", options: str = "", **place: Any
) -> tuple[dict[str, Any], str, str]:
    """Run a task; returns what it knows at its end, its stdout and its stderr."""
    source = f"import os\nos.dup2(int(os.environ['RESULT']), 3)\n{TASK}"
    with (
        tempfile.TemporaryFile() as result,
        tempfile.TemporaryFile() as errors,
        tempfile.TemporaryFile() as output,
    ):
        is_terminal = place.pop("is_terminal", True)
        env = {**place.pop("env", {}), "RESULT": str(result.fileno())}
        os.set_inheritable(result.fileno(), True)
        with Program(
            source.format(before=before, options=options),
            env=env,
            stderr=errors,
            stdout=None if is_terminal else output,
            pass_fds=(result.fileno(),),
        ) as program:
            assert program.finish() == 0
        for file in result, errors, output:
            file.seek(0)
        out = program.received if is_terminal else output.read()
        return json.loads(result.read()), out.decode(), errors.read().decode()


def test_a_quiet_task_writes_not_one_byte() -> None:
    """On a terminal a quiet task counts as any other, and nothing is written."""
    known, output, errors = outcome_of(options=", quiet=True")
    assert known == {"tracker": "NoOpProgressTracker", "completed": 10, "stdout": True}
    assert (output, errors) == ("", "")


@pytest.mark.parametrize("name", ["CI", "CONTINUOUS_INTEGRATION"])
def test_continuous_integration_is_quiet(name: str) -> None:
    """With `CI` set a task that configures nothing is quiet, even on a terminal."""
    known, output, errors = outcome_of(env={name: "true"})
    assert known["tracker"] == "NoOpProgressTracker"
    assert (output, errors) == ("", "")


def test_ci_set_to_a_word_for_no_is_none() -> None:
    """With `CI=false` bars are drawn."""
    known, output, errors = outcome_of(env={"CI": "false"})
    assert known["tracker"] == "ProgressTracker"
    assert "nightly 42" in output
    assert errors == ""


def test_a_task_that_configures_nothing_is_quiet_without_a_terminal() -> None:
    """Where stdout is no terminal, nothing is written to it, nor to stderr."""
    known, output, errors = outcome_of(is_terminal=False)
    assert known == {"tracker": "NoOpProgressTracker", "completed": 10, "stdout": False}
    assert (output, errors) == ("", "")


def test_console_auto_writes_lines_where_there_is_no_terminal() -> None:
    """Each start and end makes one plain line on stderr, in the order in which they happen."""
    known, output, errors = outcome_of("taskspan.configure(console='auto')", is_terminal=False)
    assert known["tracker"] == "ProgressTracker"
    assert output == ""
    assert re.sub(r"[\d.]+s(, [\d.,e+]+ \w+/s)?$", "…", errors, flags=re.MULTILINE) == (
        "taskspan: nightly 42: started, 2 operations\n"
        "taskspan: nightly 42 › load: started, 10 rows\n"
        "taskspan: nightly 42 › load: success, 100% 10/10 rows, …\n"
        "taskspan: nightly 42 › clean: started\n"
        "taskspan: nightly 42 › clean: error (RuntimeError), 3 items, …\n"
        "taskspan: nightly 42: success, 100% 2/2 operations, …\n"
    )


def test_console_auto_draws_bars_on_a_terminal_alone() -> None:
    """On a terminal there are bars and no lines."""
    _, output, errors = outcome_of("taskspan.configure(console='auto')")
    assert "100%" in output
    assert errors == ""


@pytest.mark.parametrize("is_terminal", [True, False])
def test_console_false_writes_nothing(is_terminal: bool) -> None:
    """`configure(console=False)` silences bars and lines everywhere."""
    known, output, errors = outcome_of("taskspan.configure(console=False)", is_terminal=is_terminal)
    assert known["tracker"] == "NoOpProgressTracker"
    assert (output, errors) == ("", "")


def test_operations_without_a_task_are_silent_until_configured() -> None:
    """A library's operations draw only where the application has configured a console."""
    source = """
        import taskspan
        for _ in taskspan.track(range(3), "before", leave=True):
            pass
        taskspan.configure()
        for _ in taskspan.track(range(3), "after", leave=True):
            pass
    """
    with Program(source) as program:
        assert program.finish() == 0
    assert program.steady_rows == ["after: 100%|…| 3/3 […]"]


def test_configure_may_follow_a_task_and_be_called_again() -> None:
    """The console can be changed at any time, also after a task that configured nothing."""
    source = """
        import taskspan
        with taskspan.task("first", "1"):
            pass
        for console in False, True:
            taskspan.configure(console=console)
            with taskspan.task("later", str(console)):
                pass
    """
    with Program(source) as program:
        assert program.finish() == 0
    assert program.labels == ["first 1", "later True"]


def test_a_forked_child_does_not_draw_over_its_parent() -> None:
    """What a child process does with the task it was forked from is not seen on the screen."""
    source = """
        import os
        import taskspan
        with taskspan.task("nightly", "42", total_operations=1) as task:
            with task.operation("load", 10) as op:
                op.update(3)
                op.refresh()
                child = os.fork()
                if child == 0:
                    op.update(5)
                    op.refresh()
                    with task.operation("inside", 5) as inner:
                        inner.update(2)
                        inner.refresh()
                    task.close()
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                pause("forked")
    """
    # Python 3.12 and later warn of forks beside threads.
    with Program(source, env={"PYTHONWARNINGS": "ignore::DeprecationWarning"}) as program:
        program.reach("forked")
        program.wait_for_rows("nightly 42:   0%|…| 0/1 […]", "  load:  30%|…| 3/10 […]")
        assert program.finish() == 0
    assert program.steady_rows == ["nightly 42: 100%|…| 1/1 […]"]
    assert b"inside" not in program.received
