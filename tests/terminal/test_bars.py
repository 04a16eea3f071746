"""What a person sees of running operations."""

from __future__ import annotations

import re

from tests.terminal.program import Program, run


def test_every_bar_has_a_row_of_its_own_below_the_task() -> None:
    """The task's bar stands in the first row, its operations indented below it."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=2) as task:
            first = task.start_operation("load", total=10)
            second = task.start_operation("clean", total=4)
            first.update(5)
            second.update(1)
            pause("running")
    """) as program:
        program.reach("running")
        program.wait_for_rows(
            "nightly 42:   0%|…| 0/2 […]",
            "  load:  50%|…| 5/10 […]",
            "  clean:  25%|…| 1/4 […]",
        )
        assert program.cursor == (0, 0)


def test_values_move_while_the_task_only_counts() -> None:
    """A bar follows the count without a call that draws it."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42") as task, task.operation("load", 10) as op:
            for _ in range(2):
                op.update(3)
                pause("counted")
    """) as program:
        program.reach("counted")
        program.wait_for_text("load:  30%|…| 3/10")
        program.go()
        program.reach("counted")
        program.wait_for_text("load:  60%|…| 6/10")


def test_a_bar_shows_rate_unit_and_postfix() -> None:
    """Behind the bar stand count, total, rate in units a second, and the postfix."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42") as task, task.operation("load", 10, unit="rows") as op:
            op.update(5, {"file": "a.csv", "share": 0.123456})
            pause("running")
    """) as program:
        program.reach("running")
        program.wait_for_text("load:  50%|…| 5/10 […, file=a.csv, share=0.123]")
        (row,) = (row for row in program.rows if "load" in row)
        assert "rows/s" in row
        assert len(row) <= 79


def test_the_rate_of_a_slow_operation_is_in_seconds_an_item() -> None:
    """A rate below one a second is shown as `s/rows`, with and without a total."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=4) as task:
            known = task.start_operation("known", 10, unit="rows")
            unknown = task.start_operation("unknown", None, unit="rows")
            for op in known, unknown:
                op.operation.progress.started_ns -= 20 * 10**9
                op.update(5)
            pause("running")
    """) as program:
        program.reach("running")
        program.wait_for_text("unknown: 5 rows")
        assert sum("s/rows" in row for row in program.rows) == 2


def test_nested_operations_are_indented_by_depth() -> None:
    """Three deep, each row starts two columns further right than the one around it."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=4) as task:
            with task.operation("load", 3) as load, taskspan.operation("parse", total=2):
                inner = load.create_subtask(4, "beside")
                for _ in taskspan.track([1, 2], "read"):
                    pause("deep")
                    break
                inner.close()
    """) as program:
        program.reach("deep")
        program.wait_for_rows(
            "nightly 42:   0%|…| 0/4 […]",
            "  load:   0%|…| 0/3 […]",
            "    parse:   0%|…| 0/2 […]",
            "    beside:   0%|…| 0/4 […]",
            "      parse › read:   0%|…| 0/2 […]",
        )


def test_operations_that_end_out_of_order_leave_the_others_in_their_rows() -> None:
    """A row is freed by its operation's end, and taken by the next one that starts."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=5) as task:
            for name in "abc":
                task.start_operation(name, total=2)
            pause("three")
            task.complete_operation("b")
            pause("two")
            task.start_operation("d", total=2)
            pause("taken")
            task.complete_operation("a")
            task.complete_operation("c")
            pause("one")
            task.complete_operation("d")
    """) as program:
        program.reach("three")
        a, b, c, d = (f"  {name}:   0%|…| 0/2 […]" for name in "abcd")
        program.wait_for_rows("nightly 42:   0%|…| 0/5 […]", a, b, c)
        program.go()
        program.reach("two")
        program.wait_for_rows("nightly 42:  20%|…| 1/5 […]", a, "", c)
        program.go()
        program.reach("taken")
        program.wait_for_rows("nightly 42:  20%|…| 1/5 […]", a, d, c)
        program.go()
        program.reach("one")
        program.wait_for_rows("nightly 42:  60%|…| 3/5 […]", "", d)
        assert program.finish() == 0
        assert program.steady_rows == ["nightly 42:  80%|…| 4/5 […]"]


def test_a_thousand_operations_take_twelve_rows_and_one_that_counts_the_rest() -> None:
    """What does not fit is counted; when operations end, those that wait move up."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=1000) as task:
            for number in range(1000):
                task.start_operation(f"operation {number}", total=10)
            pause("all")
            for number in range(990):
                task.complete_operation(f"operation {number}")
            pause("ten")
    """) as program:
        program.reach("all")
        shown = [f"  operation {number}:   0%|…| 0/10 […]" for number in range(11)]
        program.wait_for_rows("nightly 42:   0%|…| 0/1000 […]", *shown, "… and 989 more")
        assert max(map(len, program.rows)) < 80
        program.go()
        program.reach("ten")
        program.wait_for_rows(
            "nightly 42:  99%|…| 990/1000 […]",
            *(f"  operation {number}:   0%|…| 0/10 […]" for number in range(990, 1000)),
        )
        for number in range(990, 1000):
            assert sum(f"operation {number}:" in row for row in program.rows) == 1


def test_rows_fit_into_forty_columns() -> None:
    """On a narrow terminal every row ends before the last column."""
    with Program(
        """
        import taskspan
        with taskspan.task("nightly", "42", total_operations=2) as task:
            with task.operation("a name that is rather too long", 10, unit="rows") as op:
                op.update(5, {"file": "a.csv"})
                pause("running")
        """,
        columns=40,
    ) as program:
        program.reach("running")
        program.wait_for_text("  a name that is ra:  50%|")
        assert len(program.rows) == 2
        assert max(map(len, program.rows)) < 40


def test_a_tiny_terminal_shows_what_fits() -> None:
    """On five lines there are three bars, one row for the rest, and one line to spare."""
    with Program(
        """
        import taskspan
        with taskspan.task("t", "1") as task:
            for number in range(9):
                task.start_operation(f"o{number}", total=10)
            pause("running")
        """,
        columns=20,
        lines=5,
    ) as program:
        program.reach("running")
        program.wait_for_text("… and 7 more")
        assert program.labels == [
            "t 1",
            "  o0",
            "  o1",
            "… and 7 more",
        ]
        assert max(map(len, program.rows)) < 20
        program.go()
        assert program.finish() == 0
        assert not any("more" in row for row in program.rows)


def test_bars_follow_the_size_of_the_terminal() -> None:
    """Made narrower and wider while bars run, the screen holds the bars and nothing else."""
    with Program(
        """
        import taskspan
        with taskspan.task("nightly", "42", total_operations=2) as task:
            load = task.start_operation("load", total=10)
            task.start_operation("clean", total=10)
            for _ in range(3):
                load.update(1)
                pause("counted")
        """,
        columns=100,
    ) as program:
        for completed, columns in (1, 100), (2, 50), (3, 100):
            program.resize(columns, 24)
            program.reach("counted")
            program.wait_for_text(f"| {completed}/10 [")
            program.wait_until(
                lambda columns=columns: columns - 20 < max(map(len, program.rows)) < columns,  # type: ignore[misc]
                f"rows of {columns} columns",
            )
            assert program.labels == [
                "nightly 42",
                "  load",
                "  clean",
            ]
            program.go()
        assert program.finish() == 0
        assert program.rows[-1].startswith("nightly 42:")


def test_a_terminal_that_loses_lines_shows_fewer_bars() -> None:
    """Operations without a row any more are counted, and come back with the lines."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=4) as task:
            for number in range(9):
                task.start_operation(f"o{number}", total=10)
            pause("running")
    """) as program:
        program.reach("running")
        program.wait_until(lambda: len(program.rows) == 10, "ten bars")
        program.resize(80, 8)
        program.wait_for_text("… and 4 more")
        program.resize(80, 24)
        program.wait_until(
            lambda: (
                program.labels[-10:] == ["nightly 42", *(f"  o{number}" for number in range(9))]
            ),
            "all of them",
        )


def test_a_failed_operation_stays_in_red_with_its_error() -> None:
    """The bar of a failed operation is left above, red, and names the exception's type."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=2) as task:
            with task.operation("fine", 10) as op:
                op.update(10)
            try:
                with task.operation("load", 10) as op:
                    op.update(3)
                    raise FileNotFoundError("a.csv")
            except FileNotFoundError:
                pause("failed")
    """) as program:
        program.reach("failed")
        failed = "  load:  30%|…| 3/10 […, FileNotFoundError]"
        program.wait_for_rows(failed, "nightly 42: 100%|…| 2/2 […]")
        assert program.colours(0) == {"red"}
        assert program.colours(1) == {"default"}
        assert program.finish() == 0
        assert program.steady_rows == [failed, "nightly 42: 100%|…| 2/2 […]"]


def test_only_bars_that_are_to_stay_are_left() -> None:
    """After the end there are the task's bar and those with `leave`; a prompt comes below."""
    program = run("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=3) as task:
            for name in "abc":
                with task.operation(name, 2, leave=name == "b") as op:
                    op.update(2)
        print("$ prompt")
    """)
    assert program.steady_rows == [
        "  b: 100%|…| 2/2 […]",
        "nightly 42: 100%|…| 3/3 […]",
        "$ prompt",
    ]
    assert program.cursor == (3, 0)


def test_bars_at_the_bottom_of_the_screen_scroll_it_once() -> None:
    """A full screen makes room for the bars, and no line of it is lost or doubled."""
    lines = [f"line {number}" for number in range(30)]
    with Program("""
        import taskspan
        for number in range(30):
            print("line", number)
        with taskspan.task("nightly", "42", total_operations=2) as task:
            with task.operation("load", 10), task.operation("clean", 10):
                pause("running")
                task.log_warning("careful")
                pause("logged")
    """) as program:
        program.reach("running")
        bars = [
            "nightly 42:   0%|…| 0/2 […]",
            "  load:   0%|…| 0/10 […]",
            "    clean:   0%|…| 0/10 […]",
        ]
        program.wait_for_rows(*lines, *bars)
        program.go()
        program.reach("logged")
        program.wait_for_rows(*lines, "careful", *bars)
        assert program.finish() == 0
        assert program.steady_rows == [*lines, "careful", "nightly 42: 100%|…| 2/2 […]"]


def test_erasing_bars_at_the_top_leaves_no_copy_in_the_scrollback() -> None:
    """The whole screen is never erased at once: tmux would keep what was on it."""
    program = run("""
        import taskspan
        with taskspan.task("nightly", "42") as task, task.operation("load", 10) as op:
            op.refresh()
            task.log_warning("careful")
    """)
    assert program.rows[0] == "careful"
    assert not re.search(rb"\r\x1b\[J", program.received)


def test_total_and_length_may_change_while_it_runs() -> None:
    """A raised total shows at once; a bar past its total, or without one, has no percentage."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=2) as task:
            op = task.start_operation("load", total=10)
            op.update(5)
            pause("half")
            op.total = 50
            task.set_total_operations(4)
            pause("raised")
            op.update(50)
            pause("past")
            op.total = None
            pause("unknown")
    """) as program:
        program.reach("half")
        program.wait_for_rows("nightly 42:   0%|…| 0/2 […]", "  load:  50%|…| 5/10 […]")
        program.go()
        program.reach("raised")
        program.wait_for_rows("nightly 42:   0%|…| 0/4 […]", "  load:  10%|…| 5/50 […]")
        program.go()
        program.reach("past")
        program.wait_for_rows("nightly 42:   0%|…| 0/4 […]", "  load: 55 items […]")
        program.go()
        program.reach("unknown")
        program.wait_for_rows("nightly 42:   0%|…| 0/4 […]", "  load: 55 items […]")


def test_a_description_changes_and_a_bar_hides() -> None:
    """`set_description` renames the bar, `clear` takes it off the screen until `refresh`."""
    with Program("""
        import taskspan
        with taskspan.task("nightly", "42", total_operations=4) as task:
            op = task.start_operation("load", total=10)
            task.start_operation("clean", total=10)
            pause("running")
            op.set_description("loading")
            op.refresh()
            pause("renamed")
            op.clear()
            pause("hidden")
            op.refresh()
            pause("back")
    """) as program:
        program.reach("running")
        task, clean = "nightly 42:   0%|…| 0/4 […]", "  clean:   0%|…| 0/10 […]"
        program.wait_for_rows(task, "  load:   0%|…| 0/10 […]", clean)
        program.go()
        program.reach("renamed")
        program.wait_for_rows(task, "  loading:   0%|…| 0/10 […]", clean)
        program.go()
        program.reach("hidden")
        program.wait_for_rows(task, "", clean)
        program.go()
        program.reach("back")
        program.wait_for_rows(task, "  loading:   0%|…| 0/10 […]", clean)


def test_a_stand_alone_tracker_draws_and_stays() -> None:
    """A tracker made directly needs no task; its bar has the colour it asks for, and stays."""
    with Program("""
        import taskspan
        with taskspan.ProgressTracker(4, "copy", unit="files", color="green") as tracker:
            tracker.update(2)
            pause("running")
        taskspan.ProgressTracker(4, "unseen", disable=True).close()
        taskspan.ProgressTracker(4, "mauve", color="mauve").close()
    """) as program:
        program.reach("running")
        program.wait_for_rows("copy:  50%|…| 2/4 […]")
        assert program.colours(0) == {"default", "green"}
        assert program.finish() == 0
        assert program.steady_rows == ["copy:  50%|…| 2/4 […]", "mauve:   0%|…| 0/4 […]"]


def test_tasks_that_run_at_the_same_time_share_the_screen() -> None:
    """Two tasks in two threads have their own rows, and each leaves its own bar."""
    with Program("""
        import taskspan, threading
        started, looked = threading.Barrier(3), threading.Barrier(3)

        def work(name):
            with taskspan.task(name, "1", total_operations=1) as task:
                with task.operation(f"inside {name}", 3):
                    started.wait()
                    looked.wait()

        threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        started.wait()
        pause("running")
        looked.wait()
        for thread in threads:
            thread.join()
    """) as program:
        program.reach("running")
        program.wait_until(lambda: len(program.rows) == 4, "four bars")
        labels = {label.split("› ")[-1].strip() for label in program.labels}
        assert labels == {"one 1", "two 1", "inside one", "inside two"}
        assert program.finish() == 0
        assert sorted(program.labels) == ["one 1", "two 1"]
