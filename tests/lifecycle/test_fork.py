"""Forked and spawned children: nothing is drawn over the parent, nothing exported twice."""

from __future__ import annotations

import os
import textwrap
from collections import Counter

import pytest

from tests.lifecycle.test_exit import PRELUDE
from tests.producer._reading import run_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

FORKING = (
    PRELUDE
    + """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of a fork beside a thread

def in_child(work):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
"""
)


def spans_of(program: str) -> tuple[Counter[str], str, str]:
    """Run a program that forks; return how often each span was exported, and what it wrote."""
    done = run_child(FORKING + textwrap.dedent(program))
    names = [line.split('"')[3] for line in done.stdout.splitlines() if line.startswith("{")]
    rest = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("{"))
    return Counter(name for name in names if name != "shutdown"), rest, done.stderr


def test_a_child_that_leaves_the_blocks_ends_nothing() -> None:
    """A child that unwinds its parent's blocks exports no span and reports no entry of them."""
    spans, _, stderr = spans_of(
        """
        set_provider()
        def leave():
            raise_in = manager.__exit__, operation.__exit__
            operation.__exit__(None, None, None)
            manager.__exit__(None, None, None)
            trace.get_tracer_provider().force_flush()
        manager = taskspan.TaskProgressManager("1", "nightly", None, Entries(), quiet=True)
        manager.__enter__()
        operation = manager.operation("load", 10)
        operation.__enter__().update(4)
        in_child(leave)
        operation.__exit__(None, None, None)
        manager.__exit__(None, None, None)
        """
    )
    assert spans == {"load": 1, "nightly": 1}
    assert stderr.splitlines() == ["Complete load success"]


def test_a_child_that_exits_normally_exports_nothing_of_its_parent() -> None:
    """The exit handlers of a child leave the parent's running spans alone."""
    spans, _, _ = spans_of(
        """
        set_provider()
        manager = taskspan.TaskProgressManager("1", "nightly", None, quiet=True)
        manager.start_operation("load", 10)
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        os.waitpid(pid, 0)
        """
    )
    assert spans == {"load": 1, "nightly": 1}


def test_a_child_announces_nothing() -> None:
    """A child that leaves its parent's blocks does not say how they ended."""
    spans, _, stderr = spans_of(
        """
        import logging
        set_provider()
        manager = taskspan.TaskProgressManager(
            "1", "nightly", logging.getLogger("nightly"), quiet=True
        )
        context = manager.operation("load", 10)
        context.__enter__()
        def leave():
            context.__exit__(None, None, None)
            manager.close()
        in_child(leave)
        context.__exit__(None, None, None)
        manager.close()
        """
    )
    assert spans == {"load": 1, "nightly": 1}
    assert stderr.count("Operation load completed") == 1


def test_counts_of_a_child_are_its_own() -> None:
    """Updates in a child harm nothing, and are not in the parent's span."""
    spans, rest, _ = spans_of(
        """
        set_provider()
        with taskspan.task("nightly", quiet=True) as task:
            with task.operation("load", 1000) as op:
                op.update(1)
                in_child(lambda: [op.update(1) for _ in range(1000)])
                print("count", op.completed)
        """
    )
    assert rest == "count 1"
    assert spans == {"load": 1, "nightly": 1}


def test_a_childs_own_task_is_exported_once() -> None:
    """A task that a child runs is exported by the child."""
    spans, _, _ = spans_of(
        """
        set_provider()
        def work():
            with taskspan.task("in child", quiet=True) as task:
                with task.operation("load", 1):
                    pass
                assert task.operations_completed == 1
            trace.get_tracer_provider().force_flush()
        with taskspan.task("nightly", quiet=True):
            in_child(work)
        """
    )
    assert spans == {"load": 1, "in child": 1, "nightly": 1}


def test_a_child_does_not_draw() -> None:
    """A child of a task with bars writes not a byte on the terminal."""
    done = run_child(
        FORKING
        + textwrap.dedent(
            """
            import io
            class Terminal(io.StringIO):
                def isatty(self):
                    return True
            terminal, real = Terminal(), sys.stdout
            sys.stdout = terminal
            telemetry = taskspan.configure(console=True)
            with taskspan.task("nightly", total_operations=1) as task:
                with task.operation("load", 10) as op:
                    op.update(1)
                    telemetry.force_flush()
                    def work():
                        before = terminal.tell()
                        op.update(5)
                        op.refresh()
                        telemetry.force_flush()
                        assert terminal.tell() == before, "the child has drawn"
                    in_child(work)
            sys.stdout = real
            telemetry.shutdown()
            print("load" in terminal.getvalue())
            """
        )
    )
    assert done.stdout.splitlines()[-1] == "True"


def test_a_fork_while_threads_count() -> None:
    """A child forked from under busy threads can use all of its own."""
    spans, _, _ = spans_of(
        """
        set_provider()
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                with taskspan.operation("busy") as op:
                    op.update(1)
        def work():
            with taskspan.task("in child", quiet=True) as task, task.operation("load", 1) as op:
                op.update(1)
            trace.get_tracer_provider().force_flush()
        with taskspan.task("nightly", quiet=True):
            threads = [threading.Thread(target=busy) for _ in range(2)]
            for thread in threads:
                thread.start()
            for _ in range(5):
                in_child(work)
            stop.set()
            for thread in threads:
                thread.join()
        """
    )
    assert spans["in child"] == spans["load"] == 5
    assert spans["nightly"] == 1


def test_multiprocessing_workers() -> None:
    """Workers of a forked pool leave the parent's spans alone."""
    spans, rest, _ = spans_of(
        """
        import multiprocessing
        def work(number):
            return number * 2
        set_provider()
        with taskspan.task("nightly", quiet=True) as task:
            context = multiprocessing.get_context("fork")
            with task.operation("load", 10) as op, context.Pool(2) as pool:
                for result in pool.imap_unordered(work, range(10)):
                    op.update(1)
                print("count", op.completed)
        """
    )
    assert rest == "count 10"
    assert spans == {"load": 1, "nightly": 1}
