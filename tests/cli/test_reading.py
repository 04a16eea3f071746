from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskspan._signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from taskspan.cli._reading import Broken, Line, Position, Request, read_lines
from tests.cli._runs import lines_of, write_run

GOOD = b'{"resourceSpans":[]}'
START = Position()


def read(data: bytes, start: Position = START, limit: int = 1000) -> list[Line]:
    """Return the lines of these bytes as traces."""
    return list(read_lines(io.BytesIO(data), "traces.jsonl", TRACES, start, limit))


def problem(data: bytes, limit: int = 1000) -> str:
    """Return what is wrong with the only line of these bytes."""
    (line,) = read(data, limit=limit)
    assert isinstance(line, Broken)
    return line.problem


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_what_exporters_write_is_read(signal: Signal, tmp_path: Path) -> None:
    """Each line of OpenTelemetry's file exporters is a request, with its bytes as they are."""
    run = write_run(tmp_path / "run")
    with (run / signal.file_name).open("rb") as file:
        lines = list(read_lines(file, signal.file_name, signal))
    assert [line.number for line in lines] == [*range(1, len(lines) + 1)]
    assert [line.body for line in lines if isinstance(line, Request)] == lines_of(run, signal.name)
    assert lines


def test_a_request_is_decoded() -> None:
    """A good line has its place in the file, its bytes and what they mean."""
    assert read(GOOD + b"\r\n") == [
        Request("traces.jsonl", 1, 0, 22, GOOD, {"resourceSpans": []}, Position(22, 2))
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "not JSON (Expecting property name"),
        (b'{"a": NaN}', "not JSON (NaN is no JSON number)"),
        (b"9" * 5000, "not JSON (Exceeds the limit"),
        (b"[" * 100_000, "not JSON that can be read (nested too deeply)"),
        (b'{"a": "\xff"}', "not UTF-8 (byte 8)"),
        (b"\0\0\0", "holds NUL bytes"),
        (b"12", "not an OTLP request for traces"),
        (b"{}", "not an OTLP request for traces"),
        (b'{"resourceLogs":[]}', "not an OTLP request for traces"),
        (b'{"resourceSpans":{}}', "not an OTLP request for traces"),
    ],
)
def test_a_broken_line_says_why(line: bytes, words: str) -> None:
    """A line that is no request of its file is named, and the next one is read."""
    broken, good = read(line + b"\n" + GOOD + b"\n", limit=200_000)
    assert isinstance(broken, Broken)
    assert broken.problem.startswith(words)
    assert not broken.is_cut
    assert (good.number, good.offset) == (2, len(line) + 1)
    assert isinstance(good, Request)


def test_signals_do_not_mix() -> None:
    """A request in the file of another signal is none there."""
    for signal in (METRICS, LOGS):
        (line,) = read_lines(io.BytesIO(GOOD), signal.file_name, signal)
        assert isinstance(line, Broken)


def test_a_line_that_is_too_long_is_passed_over() -> None:
    """A line longer than the limit is refused by its number, and the next one is read."""
    long, good = read(b"x" * 5_000_000 + b"\n" + GOOD + b"\n", limit=20)
    assert isinstance(long, Broken)
    assert long.problem == "longer than 20 bytes"
    assert (long.number, long.end_offset, long.is_cut) == (1, 5_000_001, False)
    assert isinstance(good, Request)


@pytest.mark.parametrize(("more", "is_good"), [(0, True), (1, False)])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_limit_counts_no_line_break(end: bytes, more: int, is_good: bool) -> None:
    """A line of exactly the limit is taken, whatever its line break."""
    (line,) = read(GOOD + b" " * more + end, limit=len(GOOD))
    assert isinstance(line, Request) == is_good


@pytest.mark.parametrize("end", [b"{", b'{"resource', b"1", b"\xc3", b"\0\0", b"x" * 2000])
def test_an_incomplete_last_line_is_cut(end: bytes) -> None:
    """A last line that more bytes could complete is named as cut, and only that one."""
    good, cut = read(GOOD + b"\n" + end)
    assert isinstance(good, Request)
    assert isinstance(cut, Broken)
    assert cut.is_cut


def test_a_whole_last_line_needs_no_line_break() -> None:
    """A request at the end is one without a line break too; what no bytes can mend is not cut."""
    (whole,) = read(GOOD)
    assert isinstance(whole, Request)
    (other,) = read(b"{}")
    assert isinstance(other, Broken)
    assert not other.is_cut


def test_reading_goes_on_after_a_line() -> None:
    """From a line's `after`, the same lines follow with the same numbers."""
    data = b"\n".join([GOOD, b"", b"{", GOOD, b" "])
    lines = read(data)
    assert [line.number for line in lines] == [1, 3, 4]
    for index, line in enumerate(lines, start=1):
        assert read(data, line.after) == lines[index:]


def test_the_rest_of_a_line_keeps_its_number() -> None:
    """A line break that was written later ends the line that was read before, not a new one."""
    (whole,) = read(GOOD)
    (next_line,) = read(GOOD + b"\n" + GOOD, whole.after)
    assert next_line.number == 2


_PIECES = st.sampled_from(
    [b"\n", b"\r\n", b"\0", b"\xff", b"{", b" ", b"[", b"12", b"{}", GOOD, b"NaN", b'"']
)
_DATA = st.one_of(st.binary(), st.lists(_PIECES).map(b"".join))


@given(_DATA, st.integers(1, 50))
def test_every_line_is_good_or_named(data: bytes, limit: int) -> None:
    """Any bytes are read without an error, and each line that is not blank is accounted for."""
    end, number = 0, 1
    for line in read(data, limit=limit):
        assert not data[end : line.offset].strip()
        assert line.number == number + data[end : line.offset].count(b"\n")
        whole = data[line.offset : line.end_offset]
        assert b"\n" not in whole[:-1]
        if isinstance(line, Request):
            assert whole.rstrip(b"\r\n") == line.body
            assert json.loads(line.body) == line.content
            assert len(line.body) <= limit
        else:
            assert line.problem
            assert not line.is_cut or line.end_offset == len(data)
        end, number = line.end_offset, line.after.number
        assert line.after.offset == end
    assert len(data[end:].strip()) == 0


@given(_DATA, st.integers(1, 50), st.data())
def test_reading_in_two_calls_is_reading_in_one(
    data: bytes, limit: int, choice: st.DataObject
) -> None:
    """Whatever line a reader stops at, going on after it yields the rest."""
    lines = read(data, limit=limit)
    if lines:
        index = choice.draw(st.integers(0, len(lines) - 1))
        assert read(data, lines[index].after, limit) == lines[index + 1 :]
