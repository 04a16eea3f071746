"""What an endpoint may answer, and what follows."""

from __future__ import annotations

import json
import socket
import threading
from email.utils import formatdate
from pathlib import Path

import pytest

from taskspan._signals import TRACES
from taskspan.cli import _answers
from taskspan.cli._answers import Answer, Partial
from taskspan.cli._endpoint import Endpoint
from tests.cli._replaying import Replaying, one_after_another, only, where
from tests.cli._runs import lines_of, span_names, traces, write_lines, write_run
from tests.otlp_server import Received, Reply, Server


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two lines of traces."""
    return write_lines(tmp_path / "run", traces("a"), traces("b"))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_waited_for(
    status: int, run: Path, server: Server, replaying: Replaying
) -> None:
    """An endpoint that is busy gets the same request again, after growing waits."""
    server.script = one_after_another([Reply(status)] * 3)
    replayed = replaying(run, server.url)
    assert server.contents() == [traces("a")] * 4 + [traces("b")]
    assert replayed.waits_s == [1, 2]  # the first repetition follows at once
    assert (replayed.exit_code, replayed.stderr) == (0, [])


def test_retry_after_is_honoured(run: Path, server: Server, replaying: Replaying) -> None:
    """The endpoint says how long to wait."""
    server.script = one_after_another([Reply(503, headers={"Retry-After": "7"})] * 2)
    assert replaying(run, server.url).waits_s == [7, 7]


@pytest.mark.parametrize("value", ["soon", "-1", "0", formatdate(0), "nan", "9" * 400])
def test_a_retry_after_that_is_none_is_passed_over(
    value: str, run: Path, server: Server, replaying: Replaying
) -> None:
    """A header that names no time to wait for changes nothing but where it asks for too much."""
    server.script = one_after_another([Reply(503, headers={"Retry-After": value})] * 3)
    replayed = replaying(run, server.url)
    assert replayed.waits_s in ([1, 2], [])
    assert len(replayed.remarks) == replayed.exit_code


def test_a_long_retry_after_stops(run: Path, server: Server, replaying: Replaying) -> None:
    """An endpoint that asks for more than a minute is left alone, not knocked at earlier."""
    server.script = one_after_another([Reply(429, headers={"Retry-After": "3600"})] * 9)
    replayed = replaying(run, server.url)
    assert replayed.remarks == [
        "URL: HTTP 429: asks to wait 3,600 s; the same command goes on from there"
    ]
    assert (replayed.waits_s, len(server.received)) == ([], 1)


def test_a_connection_that_breaks_is_made_anew(
    run: Path, server: Server, replaying: Replaying
) -> None:
    """A request without an answer is sent again: at least once, not at most once."""
    server.script = one_after_another([Reply(0)])
    assert replaying(run, server.url).exit_code == 0
    assert server.contents() == [traces("a"), traces("a"), traces("b")]


@pytest.mark.parametrize("status", [401, 403])
def test_no_entry_stops_at_once(
    status: int, run: Path, server: Server, replaying: Replaying
) -> None:
    """An endpoint that does not let us in is asked once."""
    server.script = lambda _: Reply(status, b'{"message": "no \\u001b[31m token"}')
    replayed = replaying(run, server.url)
    assert replayed.remarks == [
        f"URL: HTTP {status}: no \\x1b[31m token; the same command goes on from there"
    ]
    assert (replayed.exit_code, len(server.received)) == (1, 1)


def test_redirects_are_not_followed(run: Path, server: Server, replaying: Replaying) -> None:
    """Only the given endpoint is contacted, wherever it points to."""
    with Server() as other:
        target = f"{other.url}/v1/traces"
        server.script = lambda _: Reply(307, headers={"Location": target})
        replayed = replaying(run, server.url)
        assert replayed.remarks[0].startswith(
            f"URL: HTTP 307 to {target}: redirects are not followed; "
        )
        assert (replayed.exit_code, other.received) == (1, [])


@pytest.mark.parametrize("status", [404, 405, 415, 501])
def test_a_signal_that_is_not_taken_is_told(
    status: int, tmp_path: Path, server: Server, replaying: Replaying
) -> None:
    """An endpoint for traces alone, such as Jaeger, gets the traces, and that is a success."""
    run = write_run(tmp_path / "run")
    server.script = only("/v1/traces", Reply(status, b"404 page not found\n"))
    for _ in range(2):
        replayed = replaying(run, server.url)
        assert replayed.exit_code == 0
        assert replayed.remarks == [
            f"URL takes no metrics and no logs (HTTP {status}: 404 page not found)"
        ]
    assert server.bodies() == lines_of(run)
    assert len(server.bodies("metrics")) == 2


def test_an_endpoint_that_takes_no_signal_is_a_failure(
    tmp_path: Path, server: Server, replaying: Replaying
) -> None:
    """An address that knows no signal at all is likely the wrong one."""
    server.script = lambda _: Reply(404, b"")
    replayed = replaying(write_run(tmp_path / "run"), server.url)
    assert replayed.exit_code == 1
    assert replayed.remarks == [
        "URL takes no traces and no metrics and no logs (HTTP 404); is the address right?"
    ]
    assert replayed.summary.startswith("0 lines of traces, 0 of metrics, 0 of logs delivered")


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_line_that_is_refused_is_named(
    status: int, run: Path, server: Server, replaying: Replaying
) -> None:
    """A request that the endpoint cannot use is told by its line, and the next one is sent."""
    server.script = where(b'"a"', Reply(status, b'{"code": 3, "message": "bad id"}'))
    replayed = replaying(run, server.url)
    assert replayed.stderr == [f"traces.jsonl:1: refused: HTTP {status}: bad id"]
    assert replayed.summary == "1 line of traces delivered to URL; 1 line refused"
    assert (replayed.exit_code, len(server.received)) == (1, 2)


@pytest.mark.parametrize(
    "too_large",
    [
        Reply(413, headers={"Retry-After": "1"}),
        Reply(400, b'{"code":3,"message":"http: request body too large"}'),  # the Collector's
    ],
)
def test_a_request_that_is_too_large_is_split(
    too_large: Reply, tmp_path: Path, server: Server, replaying: Replaying
) -> None:
    """A line is sent in parts that the endpoint takes, in order, and counts as one line."""
    names = [f"span {number}" for number in range(7)]
    run = write_lines(tmp_path / "run", traces(*names))
    taken: list[str] = []

    def script(request: Received) -> Reply:
        found = span_names(json.loads(request.body))
        if len(found) > 2:
            return too_large
        taken.extend(found)
        return Reply()

    server.script = script
    replayed = replaying(run, server.url)
    assert taken == names
    assert replayed.summary == "1 line of traces delivered to URL"
    assert (replayed.exit_code, replayed.stderr, replayed.waits_s) == (0, [], [])


def test_a_single_record_that_is_too_large_is_named(
    tmp_path: Path, server: Server, replaying: Replaying
) -> None:
    """One record that no request is small enough for leaves the others to be delivered."""
    run = write_lines(tmp_path / "run", traces("a", "huge", "b"), traces("huge"))
    server.script = where(b"huge", Reply(413))
    replayed = replaying(run, server.url)
    assert replayed.stderr == [
        "traces.jsonl:1: a single span is too large",
        "traces.jsonl:2: refused: a single span is too large",
    ]
    assert replayed.summary == (
        "1 line of traces delivered to URL; 1 line refused; 1 record not taken"
    )
    assert replayed.exit_code == 1


def test_a_partial_success_is_told(run: Path, server: Server, replaying: Replaying) -> None:
    """Records that the endpoint has left out of a request that it took are told by line."""
    answer = {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}
    server.script = where(b'"b"', Reply(200, json.dumps(answer).encode()))
    replayed = replaying(run, server.url)
    assert replayed.stderr == ["traces.jsonl:2: 3 of its records rejected; too old"]
    assert replayed.summary == "2 lines of traces delivered to URL; 3 records not taken"
    assert replayed.exit_code == 1


def test_a_remark_of_the_endpoint_is_no_failure(
    run: Path, server: Server, replaying: Replaying
) -> None:
    """A message without rejected records is passed on."""
    server.script = where(b'"b"', Reply(200, b'{"partialSuccess": {"errorMessage": "slow"}}'))
    replayed = replaying(run, server.url)
    assert (replayed.exit_code, replayed.stderr) == (0, ["traces.jsonl:2: slow"])


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"x" * 1_000_000, b'{"partialSuccess": 3}', b"[" * 60_000]
)
def test_the_body_of_a_success_may_be_anything(
    body: bytes, run: Path, server: Server, replaying: Replaying
) -> None:
    """A status of success is one, whatever follows it."""
    server.script = lambda _: Reply(200, body)
    replayed = replaying(run, server.url)
    assert (replayed.exit_code, replayed.stderr, len(server.received)) == (0, [], 2)


@pytest.mark.parametrize(
    ("count", "rejected"), [("4", 4), (4, 4), (-4, 0), ("9" * 30, 0), (True, 0), ([], 0)]
)
def test_counts_are_read_as_json_has_them(count: object, rejected: int) -> None:
    """A count is a number or a string of digits; anything else is none."""
    body = json.dumps({"partialSuccess": {"rejectedSpans": count}}).encode()
    assert _answers.partial(Answer(200, body), TRACES) == Partial(rejected)


def test_gzip_and_headers(run: Path, server: Server, replaying: Replaying) -> None:
    """Requests carry the given headers, and are compressed where it is asked for."""
    headers = {"authorization": "Bearer 1", "content-type": "text/plain"}
    endpoint = Endpoint(server.url, headers, is_compressed=True)
    assert replaying(run, endpoint).exit_code == 0
    assert server.bodies() == lines_of(run)
    sent = server.received[0].headers
    assert sent["content-encoding"] == "gzip"
    assert sent["content-type"] == "application/json"
    assert sent["authorization"] == "Bearer 1"


def test_a_port_that_speaks_no_http_is_told(run: Path, replaying: Replaying) -> None:
    """An endpoint that answers in another protocol is told in one line."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for _ in range(7):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b"\0\0\6\4\0\0\0\0\0")

        thread = threading.Thread(target=answer)
        thread.start()
        replayed = replaying(run, f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()
    (remark,) = replayed.remarks
    assert "no HTTP answer" in remark
    assert "gRPC" in remark
