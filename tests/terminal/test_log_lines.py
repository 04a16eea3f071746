"""Log lines, tracebacks and prints while bars are on the screen."""

from __future__ import annotations

import pytest

from tests.terminal.program import Program, run

TASK = "nightly 42:   0%|…| 0/2 […]"
LOAD = "  load:  50%|…| 5/10 […]"
DONE = "nightly 42:  50%|…| 1/2 […]"


def around(body: str, before: str = "") -> str:
    """Return a program that runs `body` while two bars are on the screen."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return (
        "import logging, sys, threading, warnings\n"
        f"import taskspan\n{before}\n"
        "with taskspan.task('nightly', '42', total_operations=2) as task, "
        "task.operation('load', 10) as op:\n"
        "    op.update(5)\n    pause('running')\n"
        f"{lines}\n"
        "    pause('said')\n"
    )


BASIC = "logging.basicConfig(format='%(levelname)s %(message)s')"


@pytest.mark.parametrize(
    ("before", "body", "line"),
    [
        ("", "task.log_warning('careful')", "careful"),
        ("", "task.log_info('hello')", "[INFO] hello"),
        (BASIC, "task.log_warning('careful')", "WARNING careful"),
        (BASIC, "logging.getLogger('theirs').warning('careful')", "WARNING careful"),
        ("", "logging.getLogger('theirs').warning('careful')", "careful"),
        ("", "warnings.warn_explicit('old', UserWarning, 'a.py', 1)", "a.py:1: UserWarning: old"),
        ("", BASIC + "; logging.warning('careful')", "WARNING careful"),
        ("", "logging.warning('careful')", "WARNING:root:careful"),
        ("", "from tqdm import tqdm; tqdm.write('careful')", "careful"),
    ],
    ids=[
        "task",
        "info",
        "handled",
        "logger",
        "last-resort",
        "warning",
        "basic-config",
        "first",
        "write",
    ],
)
def test_a_line_appears_once_above_the_bars(before: str, body: str, line: str) -> None:
    """Whoever says it, a line is complete above the bars, and they stay as they were."""
    with Program(around(body, before)) as program:
        program.reach("running")
        program.wait_for_rows(TASK, LOAD)
        program.go()
        program.reach("said")
        program.wait_for_rows(line, TASK, LOAD)
        assert program.finish() == 0
        assert program.steady_rows == [line, DONE]


def test_a_message_of_several_lines_stays_together() -> None:
    """A message with line breaks, longer than the terminal is wide, is whole above the bars."""
    body = r"logging.warning('%s\nsecond', 'x' * 200)"
    with Program(around(body, BASIC)) as program:
        program.reach("running")
        program.wait_for_rows(TASK, LOAD)
        program.go()
        program.reach("said")
        program.wait_for_rows("WARNING " + "x" * 72, "x" * 80, "x" * 48, "second", TASK, LOAD)


def test_lines_of_many_threads_are_whole_and_in_order() -> None:
    """A thousand lines of four threads, over three ways of logging, appear once each.

    One of them is a handler that was added after the bars.
    """
    source = around(
        """
quiet = logging.getLogger("handled")
quiet.addHandler(logging.StreamHandler())
quiet.propagate = False
def talk(thread):
    for number in range(250):
        op.update(0, {"thread": thread, "number": number})
        say = [quiet.warning, logging.getLogger("bare").warning, task.log_warning][number % 3]
        say(f"<thread {thread} says {number:03}>")
threads = [threading.Thread(target=talk, args=(thread,)) for thread in range(4)]
pause("found")
for thread in threads: thread.start()
for thread in threads: thread.join()
op.update(0, {})
"""
    )
    with Program(source) as program:
        program.reach("running")
        program.wait_for_rows(TASK, LOAD)
        program.go()
        program.reach("found")
        # By the next change on the screen the new handler has been found.
        program.resize(90, 24)
        program.wait_until(lambda: len(program.rows[0]) > 80, "wider bars")
        program.go()
        program.reach("said")
        program.wait_until(lambda: program.steady_rows[-2:] == [TASK, LOAD], "the bars below")
        assert program.finish() == 0
    *said, last = program.steady_rows
    assert last == DONE
    assert len(said) == 1000
    for thread in range(4):
        numbers = [row for row in said if f"thread {thread}" in row]
        assert numbers == [f"<thread {thread} says {number:03}>" for number in range(250)]


def test_the_traceback_of_a_thread_appears_above_the_bars() -> None:
    """An exception that ends a thread is readable, and the bars go on below it."""
    body = "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()"
    with Program(around(body)) as program:
        program.reach("running")
        program.wait_for_rows(TASK, LOAD)
        program.go()
        program.reach("said")
        program.wait_until(lambda: program.steady_rows[-2:] == [TASK, LOAD], "the bars below")
        assert program.rows[0].startswith("Exception in thread Thread-1")
        assert program.rows[1] == "Traceback (most recent call last):"
        assert program.rows[-3] == "ZeroDivisionError: division by zero"


def test_hooks_and_handlers_are_as_before_after_the_end() -> None:
    """What stands before handlers and hooks while bars run is gone with the bars."""
    program = run("""
        import logging, sys, threading, warnings
        import taskspan
        def state():
            (handler,) = logging.getLogger().handlers
            return [handler.stream, sys.excepthook, threading.excepthook, warnings.showwarning,
                    logging.lastResort, sys.stderr, sys.stdout]
        logging.basicConfig()
        before = state()
        with taskspan.task("nightly", "42") as task, task.operation("load", 10) as op:
            op.refresh()
            during = state()
        print([one is two for one, two in zip(before, state())])
        print([one is two for one, two in zip(before, during)])
    """)
    assert program.rows[1] == str([True] * 7)
    assert program.rows[2] == str([False] * 5 + [True] * 2)


def test_a_logger_that_writes_to_stdout_is_told_of() -> None:
    """A handler on stdout gets one warning about the bars there, and its lines stay whole."""
    program = run("""
        import logging, sys
        import taskspan
        logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
        with taskspan.task("nightly", "42", total_operations=1) as task:
            with task.operation("load", 10) as op:
                op.refresh()
                for number in range(5):
                    logging.info("line %d", number)
    """)
    warning, *rest = program.steady_rows
    assert "stdout" in warning
    while rest[0] != "line 0":  # the warning is longer than the terminal is wide
        del rest[0]
    assert rest == [*(f"line {number}" for number in range(5)), "nightly 42: 100%|…| 1/1 […]"]


def test_a_bar_of_the_application_s_own_stands_below_ours() -> None:
    """A tqdm bar that starts beside ours takes the row below them."""
    body = """
from tqdm import tqdm
bar = tqdm(total=20, desc="theirs")
bar.update(5); bar.refresh()
op.refresh()
pause("beside")
bar.leave = False
bar.close()
"""
    with Program(around(body)) as program:
        program.reach("running")
        program.wait_for_rows(TASK, LOAD)
        program.go()
        program.reach("beside")
        program.wait_for_rows(TASK, LOAD, "theirs:  25%|…| 5/20 […]")
        program.go()
        program.reach("said")
        program.wait_for_rows(TASK, LOAD)
        assert program.finish() == 0
        assert program.steady_rows == [DONE]


def test_log_lines_of_an_operation_per_line_leave_no_trace() -> None:
    """Operations that start, log and end in quick succession mix no bars into the log."""
    program = run("""
        import logging
        import taskspan
        with taskspan.task("nightly", "42", total_operations=200) as task:
            for number in range(200):
                with task.operation(f"op {number}", 1) as op:
                    logging.getLogger().warning("line %03d", number)
                    op.update()
    """)
    *said, last = program.steady_rows
    assert last == "nightly 42: 100%|…| 200/200 […]"
    assert said == [f"line {number:03}" for number in range(200)]
