"""One trace across processes, threads and queues."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from typing import Any

import pytest
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, TraceFlags

import taskspan
from taskspan.producer import _registry
from tests.producer._reading import ROOT, context_of, span_named

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"

# Runs a task with an operation; prints what its spans are, after those of a child of its own.
PROGRAM = """
import json, subprocess, sys
import taskspan
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

depth = int(sys.argv[1])
with taskspan.task(f"task {depth}", quiet=True), taskspan.operation(f"work {depth}"):
    carried = dict(baggage.get_all())
    if depth:
        command = [sys.executable, "-c", sys.argv[2], str(depth - 1), sys.argv[2]]
        subprocess.run(command, env=taskspan.child_environment(), check=True)
for span in exporter.get_finished_spans():
    print(json.dumps({
        "name": span.name,
        "trace": trace.format_trace_id(span.context.trace_id),
        "span": trace.format_span_id(span.context.span_id),
        "parent": None if span.parent is None else trace.format_span_id(span.parent.span_id),
        "baggage": carried,
    }), flush=True)
"""


def spans_of_child(depth: int, environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Run a child process, and children of it, with an environment; return their spans."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(depth), PROGRAM],
        env={**environment, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    spans = map(json.loads, done.stdout.splitlines())
    return {span["name"]: span for span in spans}


def ids_of(context: SpanContext) -> tuple[str, str]:
    """Return trace and span id as they are written."""
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


def traceparent_of(context: SpanContext) -> str:
    """Return what a child process is told of a span; newer SDKs set a flag for random ids."""
    trace_id, span_id = ids_of(context)
    return f"00-{trace_id}-{span_id}-{context.trace_flags:02x}"


def remote(flags: int = 1) -> Context:
    """Return a Context as it is extracted from the headers of a message."""
    return propagate.extract({"traceparent": f"00-{TRACE}-{SPAN}-{flags:02x}"})


# -- child processes


def test_a_child_process_lies_below_the_operation_that_started_it(
    exporter: InMemorySpanExporter,
) -> None:
    """Tasks of a child and of a grandchild have the trace and the operation of their parents."""
    token = context.attach(baggage.set_baggage("day", "2026-11-23"))
    with taskspan.task("nightly", quiet=True), taskspan.operation("export"):
        environment = taskspan.child_environment()
    context.detach(token)
    spans = spans_of_child(1, environment)
    trace_id, span_id = ids_of(context_of(span_named(exporter, "export")))
    assert {span["trace"] for span in spans.values()} == {trace_id}
    assert spans["task 1"]["parent"] == span_id
    assert spans["work 1"]["parent"] == spans["task 1"]["span"]
    assert spans["task 0"]["parent"] == spans["work 1"]["span"]
    assert {span["baggage"]["day"] for span in spans.values()} == {"2026-11-23"}


def test_a_child_process_of_a_task_without_configure_joins_it() -> None:
    """The ids of a private provider are handed on as well."""
    with taskspan.task("nightly", quiet=True) as task:
        environment = taskspan.child_environment()
        trace_id, span_id = ids_of(task.span.get_span_context())
    spans = spans_of_child(0, environment)
    assert (spans["task 0"]["trace"], spans["task 0"]["parent"]) == (trace_id, span_id)


def test_outside_of_a_task_the_environment_is_handed_on_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a current span an inherited trace stays, and none is made up."""
    assert "TRACEPARENT" not in taskspan.child_environment()
    monkeypatch.setenv("TRACEPARENT", TRACEPARENT)
    assert taskspan.child_environment()["TRACEPARENT"] == TRACEPARENT


def test_the_environment_is_a_copy_without_what_belongs_to_others(
    exporter: InMemorySpanExporter,
) -> None:
    """A given mapping stays as it is; a state or baggage that the operation lacks is removed."""
    given = {"PATH": "/bin", "TRACEPARENT": "old", "TRACESTATE": "a=1", "BAGGAGE": "b=2"}
    before = dict(given)
    with taskspan.task("nightly", quiet=True) as task:
        environment = taskspan.child_environment(given)
        expected = traceparent_of(task.span.get_span_context())
    assert given == before
    assert environment == {"PATH": "/bin", "TRACEPARENT": expected}
    assert exporter.get_finished_spans()


def test_a_thread_without_a_context_hands_on_the_only_task(exporter: InMemorySpanExporter) -> None:
    """A child process that is started in a plain thread lies below the process's task."""
    found: list[str] = []

    def start() -> None:
        found.append(taskspan.child_environment()["TRACEPARENT"])

    with taskspan.task("nightly", quiet=True) as task:
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        expected = traceparent_of(task.span.get_span_context())
    assert found == [expected]
    assert exporter.get_finished_spans()


def test_coroutines_hand_on_their_own_operation(exporter: InMemorySpanExporter) -> None:
    """Side by side, each coroutine's child process lies below its own operation."""

    async def start(name: str) -> str:
        with taskspan.operation(name):
            await asyncio.sleep(0)
            return taskspan.child_environment()["TRACEPARENT"]

    async def both() -> list[str]:
        with taskspan.task("nightly", quiet=True):
            return [*await asyncio.gather(start("a"), start("b"))]

    found = asyncio.run(both())
    assert found == [traceparent_of(context_of(span_named(exporter, name))) for name in "ab"]


# -- what the environment hands down


def test_a_root_joins_the_trace_of_the_environment(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task, and an operation outside of one, lie below `TRACEPARENT`, with state and baggage."""
    monkeypatch.setenv("TRACEPARENT", TRACEPARENT)
    monkeypatch.setenv("TRACESTATE", "vendor=1")
    monkeypatch.setenv("BAGGAGE", "day=monday")
    with taskspan.task("nightly", quiet=True), taskspan.operation("inside"):
        carried = baggage.get_baggage("day")
    with taskspan.operation("alone"):
        assert taskspan.child_environment()["BAGGAGE"] == "day=monday"
    list(taskspan.track([1], "loop"))
    for name in ("nightly", "alone", "loop"):
        span = span_named(exporter, name)
        assert span.parent is not None
        assert ids_of(span.parent) == (TRACE, SPAN)
        assert span.parent.is_remote
        assert context_of(span).trace_state == {"vendor": "1"}
    inside = span_named(exporter, "inside")
    assert inside.parent == context_of(span_named(exporter, "nightly"))
    assert carried == "monday"


def test_a_current_span_comes_before_the_environment(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task inside a span of other code lies below that."""
    monkeypatch.setenv("TRACEPARENT", TRACEPARENT)
    tracer = trace.get_tracer("other")
    with tracer.start_as_current_span("request") as request, taskspan.task("x", quiet=True):
        pass
    assert span_named(exporter, "x").parent == request.get_span_context()


@pytest.mark.parametrize(
    "value",
    [
        "x",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        TRACEPARENT + "-more",
        TRACEPARENT * 100,
        "\x1b[2J",
    ],
)
def test_an_invalid_variable_is_ignored_and_told_once(
    value: str,
    exporter: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A new trace starts, and one line in the log says why."""
    monkeypatch.setenv("TRACEPARENT", value)
    for _ in range(2):
        with taskspan.task("nightly", quiet=True):
            pass
    assert [span.parent for span in exporter.get_finished_spans()] == [None, None]
    assert len(caplog.records) == 1
    assert "is no trace context" in caplog.text
    assert "\x1b" not in caplog.records[0].getMessage()


def test_an_empty_variable_is_none(
    exporter: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`TRACEPARENT=` is the same as no variable."""
    monkeypatch.setenv("TRACEPARENT", "")
    with taskspan.task("nightly", quiet=True):
        pass
    assert span_named(exporter, "nightly").parent is None
    assert not caplog.records


# -- what a caller names


def test_a_given_context_is_the_parent(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An explicit Context comes before the current span and before the environment."""
    monkeypatch.setenv("TRACEPARENT", "00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    with taskspan.task("outer", quiet=True) as outer:
        with taskspan.task("task", quiet=True, context=remote()):
            pass
        with outer.operation("of manager", context=remote()):
            pass
        with taskspan.operation("operation", context=remote()), taskspan.operation("inside"):
            pass
        list(taskspan.track([1], "loop", context=remote()))
        assert outer.operations_completed == 3
    for name in ("task", "of manager", "operation", "loop"):
        parent = span_named(exporter, name).parent
        assert parent is not None
        assert ids_of(parent) == (TRACE, SPAN)
    operation = context_of(span_named(exporter, "operation"))
    assert span_named(exporter, "inside").parent == operation


def test_an_empty_context_starts_a_new_trace(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message without headers belongs to no trace, not to the one around or handed down."""
    monkeypatch.setenv("TRACEPARENT", TRACEPARENT)
    with taskspan.task("nightly", quiet=True, context=propagate.extract({})):
        pass
    assert span_named(exporter, "nightly").parent is None


def test_a_context_of_this_process_leads_to_its_task(exporter: InMemorySpanExporter) -> None:
    """In another thread a given Context makes an operation one of the task it was taken in."""

    def work(where: Context) -> None:
        with taskspan.operation("work", context=where):
            pass

    with (
        taskspan.task("other", quiet=True),
        taskspan.task("nightly", quiet=True, context=Context()) as task,
    ):
        thread = threading.Thread(target=work, args=(context.get_current(),))
        thread.start()
        thread.join()
        assert task.operations_completed == 1
    assert span_named(exporter, "work").parent == context_of(span_named(exporter, "nightly"))


def test_links_are_on_the_span(exporter: InMemorySpanExporter) -> None:
    """A batch links to the traces of the messages that it is made of."""
    links = [Link(trace.get_current_span(remote()).get_span_context(), {"message": 1})]
    manager = taskspan.create_task_progress_manager(
        "id", "manager", logging.getLogger("x"), quiet=True, links=links, context=remote()
    )
    with manager as task:
        task.start_operation("started", 1, links=links)
        task.complete_operation("started")
        with taskspan.operation("operation", links=links), task.operation("block", links=links):
            list(taskspan.track([1], "loop", links=links))
    for name in ("manager", "started", "operation", "block", "loop"):
        (link,) = span_named(exporter, name).links
        assert ids_of(link.context) == (TRACE, SPAN)
        assert dict(link.attributes or {}) == {"message": 1}


def test_a_decorated_function_keeps_context_and_links(exporter: InMemorySpanExporter) -> None:
    """Each call starts where the decorator says."""

    @taskspan.operation("call", context=remote())
    def call() -> None:
        pass

    call()
    parent = span_named(exporter, "call").parent
    assert parent is not None
    assert ids_of(parent) == (TRACE, SPAN)


def test_what_is_no_context_or_link_is_told_at_once(exporter: InMemorySpanExporter) -> None:
    """Headers in place of a Context, or a span in place of a Link, raise, and nothing is open."""
    headers: Any = {"traceparent": TRACEPARENT}
    with pytest.raises(TypeError, match="context must be an OpenTelemetry Context, got dict"):
        taskspan.operation("x", context=headers)
    with pytest.raises(TypeError, match="context must be"), taskspan.task("x", context=headers):
        pass
    span: Any = trace.get_current_span()
    with pytest.raises(TypeError, match="links must be OpenTelemetry Links"):
        taskspan.track([], "x", links=[span])
    assert not exporter.get_finished_spans()
    assert not _registry.running()


def test_an_unsampled_parent_hides_no_bar() -> None:
    """Below a trace that is not sampled a task is seen here and not exported."""
    with (
        taskspan.configure("x", console=False, run_dir=False),
        taskspan.task("nightly", context=remote(flags=0)) as task,
    ):
        assert task.span.is_recording()
        flags = task.span.get_span_context().trace_flags
        assert flags == TraceFlags.DEFAULT
        assert taskspan.child_environment()["TRACEPARENT"].endswith("-00")
