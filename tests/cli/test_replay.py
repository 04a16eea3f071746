"""What is delivered, remembered and said."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import NoReturn

import pytest

from taskspan.cli._replay import NoRunError, run_files
from taskspan.cli._state import state_file
from taskspan.cli._telling import MOST_REMARKS
from tests.cli._replaying import Replaying, one_after_another
from tests.cli._runs import lines_of, traces, write_lines, write_run, write_traces
from tests.otlp_server import Reply, Server, closed_url


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with three lines of traces, two of metrics, four of logs."""
    return write_run(tmp_path / "run")


def test_lines_are_posted_as_they_are(run: Path, server: Server, replaying: Replaying) -> None:
    """Each line is a request to its signal's path, byte for byte and in order."""
    replayed = replaying(run, server.url)
    for name in ("traces", "metrics", "logs"):
        assert server.bodies(name) == lines_of(run, name)
    assert {request.headers["content-type"] for request in server.received} == {"application/json"}
    assert replayed.summary == "3 lines of traces, 2 of metrics, 4 of logs delivered to URL"
    assert (replayed.exit_code, replayed.stderr, replayed.remarks) == (0, [], [])


def test_a_file_may_be_missing(run: Path, server: Server, replaying: Replaying) -> None:
    """What is not there is neither sent nor told."""
    (run / "metrics.jsonl").unlink()
    assert replaying(run, server.url).summary == "3 lines of traces, 4 of logs delivered to URL"


@pytest.mark.parametrize("kind", ["missing", "a file", "empty", "a pipe"])
def test_what_is_no_run_is_refused(kind: str, tmp_path: Path) -> None:
    """A path without any file of a run is an error that names it."""
    path = tmp_path / "run"
    if kind == "a file":
        path.touch()
    elif kind != "missing":
        path.mkdir()
    if kind == "a pipe":
        os.mkfifo(path / "traces.jsonl")
    with pytest.raises(NoRunError, match=str(path)):
        run_files(path)


def test_an_empty_run_is_no_error(tmp_path: Path, server: Server, replaying: Replaying) -> None:
    """A run that has not written anything yet has nothing to deliver."""
    replayed = replaying(write_lines(tmp_path / "run"), server.url)
    assert replayed.summary == "nothing to deliver: the files are empty"
    assert (replayed.exit_code, server.received) == (0, [])


# -- what is remembered


def test_a_second_replay_sends_nothing(run: Path, server: Server, replaying: Replaying) -> None:
    """What is delivered to an endpoint is not sent to it again."""
    replaying(run, server.url)
    server.received.clear()
    replayed = replaying(run, server.url)
    assert replayed.summary == (
        "everything is delivered to URL already (3 lines of traces, 2 of metrics, 4 of logs); "
        "--again sends it once more"
    )
    assert (replayed.exit_code, server.received) == (0, [])


def test_again_starts_over(run: Path, server: Server, replaying: Replaying) -> None:
    """With `again` everything is sent once more, and remembered from then on."""
    replaying(run, server.url)
    replayed = replaying(run, server.url, again=True)
    assert replayed.summary == "3 lines of traces, 2 of metrics, 4 of logs delivered to URL"
    assert server.bodies() == lines_of(run) * 2
    assert replaying(run, server.url).outcome.is_over_before


def test_endpoints_are_remembered_each(run: Path, server: Server, replaying: Replaying) -> None:
    """What one endpoint has got is sent to another all the same."""
    replaying(run, server.url)
    with Server() as other:
        replaying(run, other.url)
        assert other.bodies() == lines_of(run)


def test_what_is_appended_is_sent_by_the_next_call(
    run: Path, server: Server, replaying: Replaying
) -> None:
    """A run that goes on is delivered line by line, each line once."""
    replaying(run, server.url)
    write_traces(run, 2)
    replayed = replaying(run, server.url)
    assert replayed.summary == (
        "2 lines of traces, 0 of metrics, 0 of logs delivered to URL; 9 lines delivered before"
    )
    assert server.bodies() == lines_of(run)


def test_a_dead_endpoint_is_gone_on_with(run: Path, server: Server, replaying: Replaying) -> None:
    """Where an endpoint stops answering, the next call goes on with the line it did not take."""
    server.script = one_after_another([Reply(), *[Reply(503, b"")] * 7])
    stopped = replaying(run, server.url)
    assert stopped.summary == ("1 line of traces, 0 of metrics, 0 of logs delivered to URL")
    assert stopped.remarks == ["URL: HTTP 503; the same command goes on from there"]
    assert stopped.exit_code == 1
    server.received.clear()
    assert replaying(run, server.url).exit_code == 0
    assert server.bodies() == lines_of(run)[1:]


def test_an_incomplete_line_waits_for_its_end(
    run: Path, server: Server, replaying: Replaying
) -> None:
    """A last line that is still being written is told, and sent once it is whole."""
    whole = json.dumps(traces("late")).encode()
    path = run / "traces.jsonl"
    with path.open("ab") as file:
        file.write(whole[:30])
    replayed = replaying(run, server.url)
    assert replayed.summary.endswith("delivered to URL; 1 line incomplete")
    (remark,) = replayed.stderr
    assert remark.startswith("traces.jsonl:4: incomplete (not JSON (")
    assert replayed.exit_code == 0
    with path.open("ab") as file:
        file.write(whole[30:] + b"\n")
    assert replaying(run, server.url).exit_code == 0
    assert server.bodies() == lines_of(run)


def test_a_line_break_that_comes_late_changes_nothing(
    tmp_path: Path, server: Server, replaying: Replaying
) -> None:
    """A whole last line is sent without its line break, and once."""
    run = write_lines(tmp_path / "run", traces("a"))
    path = run / "traces.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    replaying(run, server.url)
    write_lines(run, b"", b"{", traces("b"))
    assert replaying(run, server.url).stderr[0].startswith("traces.jsonl:2: not JSON")
    assert server.contents() == [traces("a"), traces("b")]


@pytest.mark.parametrize(("count", "words"), [(1, "has become shorter"), (9, "has been replaced")])
def test_another_file_is_sent_anew(
    count: int, words: str, run: Path, server: Server, replaying: Replaying
) -> None:
    """A file that is not the one that was delivered is sent from its start, and told."""
    replaying(run, server.url)
    server.received.clear()
    (run / "traces.jsonl").unlink()
    write_traces(run, count)
    replayed = replaying(run, server.url)
    assert replayed.stderr == [f"traces.jsonl {words}: it is sent anew"]
    assert server.bodies() == lines_of(run)
    assert server.bodies("logs") == []


def test_a_state_that_cannot_be_written_is_told_once(
    run: Path, server: Server, replaying: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a directory that takes no files the run is delivered all the same."""
    state = state_file(run, server.url)

    def refuse(*_: object) -> NoReturn:
        # What a read-only directory does, which would not keep root from writing.
        raise IsADirectoryError(errno.EISDIR, "Is a directory")

    monkeypatch.setattr(Path, "replace", refuse)
    replayed = replaying(run, server.url)
    assert replayed.stderr == [
        f"{state} cannot be written (Is a directory): the next replay starts over"
    ]
    assert replayed.exit_code == 0
    assert server.bodies("logs") == lines_of(run, "logs")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"format": 2}',
        b'{"format": 1}',
        b'{"format": 1, "files": {"traces.jsonl": 3}}',
        b'{"format": 1, "files": {"traces.jsonl": {}}}',
        b'{"format": 1, "files": {"traces.jsonl": {"fingerprint": "", "offset": -1}}}',
    ],
)
def test_a_state_that_is_none_is_told(
    content: bytes, run: Path, server: Server, replaying: Replaying
) -> None:
    """Everything is sent anew where what was remembered cannot be understood."""
    state = state_file(run, server.url)
    state.write_bytes(content)
    replayed = replaying(run, server.url)
    assert replayed.stderr[0].startswith(f"{state.name} cannot be read (")
    assert server.bodies() == lines_of(run)


def test_a_state_ahead_of_its_file_starts_it_over(
    run: Path, server: Server, replaying: Replaying
) -> None:
    """Numbers that somebody has changed lose no line."""
    replaying(run, server.url)
    state = state_file(run, server.url)
    content = json.loads(state.read_text())
    content["files"]["traces.jsonl"]["offset"] = 2**62
    state.write_text(json.dumps(content))
    server.received.clear()
    replaying(run, server.url)
    assert server.bodies() == lines_of(run)


# -- what is said


def test_broken_lines_are_named_and_left_out(
    tmp_path: Path, server: Server, replaying: Replaying
) -> None:
    """A line that is no request is told by file and number; the others are delivered."""
    run = write_lines(tmp_path / "run", traces("a"), b"{", b"\0", traces("b"))
    replayed = replaying(run, server.url)
    assert [line.split(" (")[0] for line in replayed.stderr] == [
        "traces.jsonl:2: not JSON",
        "traces.jsonl:3: holds NUL bytes",
    ]
    assert server.contents() == [traces("a"), traces("b")]
    assert replayed.summary == "2 lines of traces delivered to URL; 2 lines refused"
    assert replayed.exit_code == 1
    second = replaying(run, server.url)
    assert second.exit_code == 0
    assert "; 2 lines refused then; " in second.summary


def test_remarks_are_bounded(tmp_path: Path, server: Server, replaying: Replaying) -> None:
    """However many lines are broken, a few are told and the others counted."""
    run = write_lines(tmp_path / "run", *[b"?"] * (MOST_REMARKS + 5))
    replayed = replaying(run, server.url)
    assert len(replayed.stderr) == MOST_REMARKS + 1
    assert replayed.stderr[-1] == "… and 5 more remarks about lines"
    assert replayed.summary == "0 lines of traces delivered to URL; 25 lines refused"


def test_a_file_that_cannot_be_read_keeps_no_other_back(
    run: Path, server: Server, replaying: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk is told with its file, and the others are delivered."""
    opened = Path.open

    def failing(self: Path, *args: str, **options: int) -> object:
        if self.name == "traces.jsonl":
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **options)  # type: ignore[call-overload]  # as it came

    monkeypatch.setattr(Path, "open", failing)
    replayed = replaying(run, server.url)
    assert replayed.remarks == ["traces.jsonl: Permission denied"]
    assert replayed.exit_code == 1
    assert len(server.bodies("logs")) == 4


def test_nothing_of_the_replay_is_exported(run: Path, server: Server, replaying: Replaying) -> None:
    """The endpoint gets the run and nothing else, however the environment is set."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        environment.setenv("OTEL_TRACES_EXPORTER", "otlp")
        replaying(run, server.url)
    assert len(server.received) == 9
    assert sorted(path.suffix for path in run.iterdir()) == [".json", *[".jsonl"] * 3]


def test_nobody_listens(run: Path, replaying: Replaying) -> None:
    """A connection that is refused is tried again for half a minute, then told in one line."""
    replayed = replaying(run, closed_url())
    assert replayed.waits_s == [1, 2, 4, 8, 16]
    assert replayed.remarks == ["URL: Connection refused; the same command goes on from there"]
    assert replayed.exit_code == 1
