"""Plain lines where there is no terminal."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from taskspan.conventions import Outcome
from taskspan.views._lines import GROWTH, MAX_LINES_PER_TICK, LinesView
from tests.views._stand_ins import FakeLive


class Log:
    """A view, and the lines that it wrote since the last look."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.view = LinesView(self.stream)

    def new(self) -> list[str]:
        """Tick, and return the lines."""
        self.view.ticked()
        text = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        assert text == "" or text.endswith("\n")
        return text.split("\n")[:-1]


@pytest.fixture
def log() -> Log:
    """A view that writes into a string."""
    return Log()


def test_one_line_at_the_start_and_one_at_the_end(log: Log) -> None:
    """A short operation makes two lines, the second with outcome, count, time and rate."""
    live = FakeLive("load", total=2000)
    log.view.started(live)
    assert log.new() == ["taskspan: load: started, 2,000 rows"]
    live.at(2000, 4.0).with_outcome("success")
    log.view.ended(live)
    assert log.new() == ["taskspan: load: success, 100% 2,000/2,000 rows, 4.0s, 500 rows/s"]
    assert log.new() == []


def test_without_a_total_there_is_no_percentage(log: Log) -> None:
    """An operation of unknown length shows its count alone."""
    live = FakeLive("scan")
    log.view.started(live)
    log.view.ended(live.at(7, 0.0).with_outcome("success"))
    assert log.new() == [
        "taskspan: scan: started",
        "taskspan: scan: success, 7 rows, 0.0s, 0 rows/s",
    ]


@pytest.mark.parametrize("outcome", ["success", "error", "cancelled", "interrupted"])
def test_the_outcome_is_told(outcome: Outcome, log: Log) -> None:
    """The last line says how the operation ended, with the type of the error."""
    live = FakeLive("load")
    log.view.started(live)
    log.new()
    log.view.ended(live.with_outcome(outcome, "ValueError"))
    assert log.new() == [f"taskspan: load: {outcome} (ValueError), 0.0s"]


def test_nested_operations_are_told_with_their_path(log: Log) -> None:
    """The label names whatever encloses the operation, the outermost first."""
    task = FakeLive("nightly", kind="task", unit="operations")
    parse = FakeLive("parse", FakeLive("load", task))
    log.view.started(task)
    log.view.started(parse)
    log.view.ended(task.at(0, 1.0).with_outcome("success"))
    assert log.new() == [
        "taskspan: nightly: started",
        "taskspan: nightly › load › parse: started",
        "taskspan: nightly: success, 1.0s",
    ]


def test_the_waits_grow(log: Log) -> None:
    """A day's operation with a tick every second makes some 20 lines, the first after 30 s."""
    live = FakeLive("load", total=86_400)
    log.view.started(live)
    log.new()
    told = []
    for second in range(86_400):
        live.at(second, float(second))
        if log.new():
            told.append(second)
    assert told[0] == 30
    assert 10 < len(told) < 25
    for earlier, later in pairwise(told):
        assert later - earlier * GROWTH < 1


def test_a_line_in_between_tells_how_far_it_is(log: Log) -> None:
    """A line of a running operation has share, count, time, rate and postfix."""
    live = FakeLive("load", total=1000)
    live.progress.postfix = {"file": "a.csv"}
    log.view.started(live)
    log.new()
    live.at(500, 3700.0)
    assert log.new() == ["taskspan: load: 50% 500/1,000 rows, 1h01m40s, 0.135 rows/s, file=a.csv"]


def test_a_tick_writes_a_bounded_number_of_lines(log: Log) -> None:
    """Of 10,000 starts and ends between two ticks, 100 are told and the others counted."""
    for number in range(5000):
        live = FakeLive(f"n{number}")
        log.view.started(live)
        log.view.ended(live.with_outcome("success"))
    lines = log.new()
    assert len(lines) == MAX_LINES_PER_TICK + 1
    assert lines[-1] == f"taskspan: … and {10_000 - MAX_LINES_PER_TICK:,} more starts and ends"
    assert log.new() == []


def test_what_is_not_drawn_is_not_told(log: Log) -> None:
    """A quiet operation makes no line, neither at its start nor at its end."""
    live = FakeLive("load", is_drawn=False)
    log.view.started(live)
    log.view.ended(live.with_outcome("success"))
    assert log.new() == []


def test_an_end_that_was_never_started_is_not_told(log: Log) -> None:
    """The end of an operation that the view has not seen start makes no line."""
    log.view.ended(FakeLive("load").with_outcome("success"))
    assert log.new() == []


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "a\rb", "\u202eabc", "\ud800", "x" * 10_000])
def test_hostile_text_stays_on_one_printable_line(text: str, log: Log) -> None:
    """Control characters, marks and surrogates are escaped, and a line's length is bounded."""
    live = FakeLive(f"load {text}", unit=text, total=3)
    live.progress.postfix = {text: text}
    log.view.started(live)
    live.at(1, 31.0)
    log.view.ticked()
    log.view.ended(live.with_outcome("error"))
    lines = log.new()
    assert len(lines) == 3
    for line in lines:
        assert line.isprintable()
        assert len(line) < 1000
        line.encode()


def test_a_stream_that_lacks_characters_gets_escapes() -> None:
    """A stream with an encoding of ASCII alone is written escapes, and does not fail."""
    raw = io.BytesIO()
    view = LinesView(io.TextIOWrapper(raw, encoding="ascii"))
    view.started(FakeLive("größe", FakeLive("load")))
    view.ticked()
    assert raw.getvalue() == b"taskspan: load \\u203a gr\\xf6\\xdfe: started\n"


def test_the_stream_is_stderr_at_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream of its own the view writes to what `sys.stderr` is then."""
    view = LinesView()
    view.started(FakeLive("load"))
    view.ticked()
    captured = capsys.readouterr()
    assert captured.err == "taskspan: load: started\n"
    assert captured.out == ""
