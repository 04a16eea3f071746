"""How programs end, and what they leave on the screen."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest

from tests.terminal.program import Program, signal_number

WITH = """
import os, sys, threading
import taskspan
with taskspan.task("nightly", "42", total_operations=2) as task:
    with task.operation("load", 10) as op:
        op.update(3)
        pause("running")
        {end}
"""

WITHOUT = """
import os, sys, threading
import taskspan
task = taskspan.create_task_progress_manager("42", "nightly", None, total_operations=2)
op = task.start_operation("load", 10)
op.update(3)
pause("running")
{end}
"""


def bars(outcome: str, name: str) -> list[str]:
    """Return the rows of the operation and the task, both ended with one outcome."""
    return [f"  load:  30%|…| 3/10 […, {outcome}]", f"{name}:  50%|…| 1/2 […, {outcome}]"]


def test_an_exception_leaves_red_bars_above_its_traceback() -> None:
    """An exception out of the task: its bars stay in red, and the traceback follows whole."""
    with Program(WITH.format(end="raise KeyError('missing')")) as program:
        program.reach("running")
        program.wait_for_text("3/10")
        assert program.finish() == 1
    assert program.steady_rows[:2] == bars("KeyError", "nightly 42")
    assert program.colours(0) == program.colours(1) == {"red"}
    assert program.rows[2] == "Traceback (most recent call last):"
    assert program.rows[-1] == "KeyError: 'missing'"


def test_an_exception_past_a_task_that_nobody_closes_keeps_its_traceback_whole() -> None:
    """The traceback appears above the bars, which are ended as interrupted at exit."""
    with Program(WITHOUT.format(end="raise KeyError('missing')")) as program:
        program.reach("running")
        program.wait_for_text("3/10")
        assert program.finish() == 1
    assert program.rows[0] == "Traceback (most recent call last):"
    assert program.rows[-3] == "KeyError: 'missing'"
    assert program.steady_rows[-2:] == bars("interrupted", "Task: 42 (nightly)")


@pytest.mark.parametrize("source", [WITH, WITHOUT], ids=["with", "without"])
def test_ctrl_c_ends_a_program_as_it_ends_any_other(source: str) -> None:
    """The exit status is that of SIGINT; bars stay in red, and the traceback is whole."""
    with Program(source.format(end="")) as program:
        program.reach("running")
        program.wait_for_text("3/10")
        program.press(b"\x03")
        program.wait_until(lambda: program.process.poll() is not None, "its end")
        assert signal_number(program.finish()) == signal.SIGINT
    rows = program.steady_rows
    bar_rows = [row for row in rows if "|…|" in row]
    outcome, name = (
        ("KeyboardInterrupt", "nightly 42")
        if source == WITH
        else ("interrupted", "Task: 42 (nightly)")
    )
    assert [row[:25] for row in bar_rows] == [row[:25] for row in bars(outcome, name)]
    rest = [row for row in rows if row not in bar_rows]
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "KeyboardInterrupt"
    assert all(row.startswith("  ") for row in rest[1:-1])
    for index, row in enumerate(rows):
        if row in bar_rows:
            assert program.colours(index) == {"red"}
    assert program.cursor == (len(rows), 0)


def test_sys_exit_inside_a_task_keeps_its_status() -> None:
    """`sys.exit(3)` ends the bars as interrupted and the program with 3."""
    with Program(WITH.format(end="sys.exit(3)")) as program:
        program.reach("running")
        program.wait_for_text("3/10")
        assert program.finish() == 3
    assert program.steady_rows == bars("SystemExit", "nightly 42")
    assert program.cursor == (2, 0)


def test_a_program_that_forgets_to_close_ends_its_bars() -> None:
    """At exit what still runs is ended as interrupted, and the cursor is below it."""
    with Program(WITHOUT.format(end="")) as program:
        program.reach("running")
        program.wait_for_text("3/10")
        assert program.finish() == 0
    assert program.steady_rows == bars("interrupted", "Task: 42 (nightly)")
    assert program.cursor == (2, 0)


def test_os_exit_does_not_hang() -> None:
    """`os._exit` ends the program at once, whatever is drawn."""
    with Program(WITH.format(end="os._exit(7)")) as program:
        program.reach("running")
        program.wait_for_text("3/10")
        assert program.finish() == 7


def test_a_thread_that_outlives_the_main_one_keeps_its_bars() -> None:
    """Bars of a thread that is still at work are drawn until it is done."""
    end = """
def work():
    op.update(7)
    task.complete_operation("load")
    task.close()
threading.Thread(target=lambda: (threading.main_thread().join(), work())).start()
"""
    with Program(WITHOUT.format(end=end)) as program:
        program.reach("running")
        program.wait_for_text("3/10")
        assert program.finish() == 0
    assert program.steady_rows == ["Task: 42 (nightly):  50%|…| 1/2 […]"]


BROKEN = """
import logging
import taskspan
taskspan.configure(console=True)
with taskspan.task("nightly", "42", total_operations=1) as task:
    with task.operation("load", 5) as op:
        op.refresh()
        pause("running")
        for number in range(5):
            op.update()
            task.log_warning(f"line {number}")
            op.refresh()
if op.metrics["current"] == 5:
    task.log_warning("done")
"""


def test_a_broken_pipe_costs_the_bars_alone() -> None:
    """Whoever reads stdout goes away: one line tells, no log line is lost, the status is 0."""
    reader, writer = os.pipe()
    with Program(BROKEN, stdout=writer) as program:
        os.close(writer)
        program.reach("running")
        os.close(reader)
        assert program.finish() == 0
    text = "".join(row.ljust(80) for row in program.rows)
    assert text.count("switched off") == 1
    rows = [row for row in program.rows if row.startswith(("line", "done"))]
    assert rows == [*(f"line {number}" for number in range(5)), "done"]


def test_a_closed_terminal_costs_the_bars_alone() -> None:
    """The window is closed while bars run: the program, kept alive, ends well."""
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with tempfile.TemporaryFile() as errors, Program(ignore + BROKEN, stderr=errors) as program:
        program.reach("running")
        program.hang_up()
        program.go()
        assert program.process.wait() == 0
        errors.seek(0)
        said = errors.read().decode().splitlines()
    assert sum("switched off" in line for line in said) == 1
    lines = [line for line in said if "switched off" not in line]
    assert lines == [*(f"line {number}" for number in range(5)), "done"]


def test_a_closed_stdout_costs_the_bars_alone() -> None:
    """A program that closes `sys.stdout` itself goes on without bars."""
    source = BROKEN.replace(
        'pause("running")', 'pause("running"); __import__("sys").stdout.close()'
    )
    with Program(source) as program:
        program.reach("running")
        program.wait_for_text("load")
        assert program.finish() == 0
    assert sum("switched off" in row for row in program.rows) == 1
    assert program.rows[-1] == "done"


def test_a_stopped_terminal_does_not_keep_a_program_from_ending() -> None:
    """Nobody reads what is drawn, and the pipe is full: the task ends, and so does the program."""
    reader, writer = os.pipe()
    try:
        with Program(
            """
            import os
            import taskspan
            from taskspan.processor import _ticker
            _ticker.PATIENCE_S = 0.3
            os.set_blocking(1, False)
            for size in 65536, 1:
                try:
                    while True:
                        os.write(1, b"x" * size)
                except BlockingIOError:
                    pass
            os.set_blocking(1, True)
            view, *_ = taskspan.configure(console=True).processor._views
            with taskspan.task("nightly", "42", total_operations=1) as task:
                with task.operation("load", 5) as op:
                    while not view._shown:  # about to be written
                        pass
                    op.update(5)
            os.write(2, b"done")
            """,
            stdout=writer,
        ) as program:
            status = program.finish()
        assert (status, program.rows) == (0, ["done"])
    finally:
        os.close(reader)
        os.close(writer)
