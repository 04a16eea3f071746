"""Sampling decides what is exported, never what is seen here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

import taskspan
from taskspan import conventions
from taskspan.configuration._configure import configure
from tests.configuration._watching import ENDS, NAMES, Noting, application_provider, run_task
from tests.producer._reading import Entries, names_of

DROPPING = [
    ALWAYS_OFF,
    TraceIdRatioBased(0.0),
    ParentBasedTraceIdRatio(0.0),
    ParentBased(ALWAYS_OFF),
]


@pytest.fixture
def view() -> Iterator[Noting]:
    """A view; the provider that it watches is shut down after the test."""
    yield Noting()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def dropping_parent() -> trace.Span:
    """Return a span of another process that was not sampled."""
    return NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(0)))


@pytest.mark.parametrize("sampler", DROPPING, ids=Sampler.get_description)
def test_a_task_is_seen_where_everything_is_dropped(sampler: Sampler, view: Noting) -> None:
    """An application's sampler that drops everything exports nothing, and hides nothing here."""
    _, exporter = application_provider(sampler, view)
    run_task()
    assert view.started_names == NAMES
    assert view.ends == ENDS
    assert names_of(exporter) == []


@pytest.mark.parametrize("sampler", DROPPING, ids=Sampler.get_description)
def test_configure_wraps_the_sampler_that_is_there(sampler: Sampler, view: Noting) -> None:
    """After `configure` an operation outside of a task is seen, too, and not exported."""
    _, exporter = application_provider(sampler, view)
    with configure(console=False):
        with taskspan.operation("score") as score:
            score.update(2)
        run_task()
    assert view.started_names == ["score", *NAMES]
    assert view.ends == [("score", "success", 2), *ENDS]
    assert names_of(exporter) == []


def test_a_dropped_operation_is_reported(view: Noting) -> None:
    """What a sampler drops is in the report all the same."""
    application_provider(ALWAYS_OFF, view)
    entries = Entries()
    with taskspan.task("nightly", reporter=entries, quiet=True) as task, task.operation("load"):
        pass
    assert entries.outcomes == {"Complete load": "success"}


def test_plain_spans_are_dropped_as_before(view: Noting) -> None:
    """Spans without our attribute are what the sampler makes of them."""
    _, exporter = application_provider(ALWAYS_OFF, view)
    with configure(console=False):
        tracer = trace.get_tracer("plain")
        with tracer.start_as_current_span("plain") as plain:
            assert not plain.is_recording()
        with taskspan.task("nightly", quiet=True), tracer.start_as_current_span("inside") as inside:
            assert not inside.is_recording()
    assert view.started_names == ["nightly"]
    assert names_of(exporter) == []


def test_a_foreign_span_with_our_attributes_is_seen(view: Noting) -> None:
    """After `configure` a dropped span of another tracer is seen if it carries our attribute."""
    _, exporter = application_provider(ALWAYS_OFF, view)
    with configure(console=False):
        attributes = {conventions.KIND: conventions.KIND_OPERATION}
        with trace.get_tracer("foreign").start_as_current_span("theirs", attributes=attributes):
            pass
    assert view.started_names == ["theirs"]
    assert names_of(exporter) == []


def test_the_sampled_flag_is_the_samplers(view: Noting) -> None:
    """A span that is only seen here tells the services it calls that it was not sampled."""
    application_provider(ALWAYS_OFF, view)
    with taskspan.task("nightly", quiet=True) as task:
        assert task.span.is_recording()
        assert not task.span.get_span_context().trace_flags.sampled


def test_what_is_sampled_is_exported(view: Noting) -> None:
    """A sampler that keeps a trace keeps all of it."""
    _, exporter = application_provider(ParentBasedTraceIdRatio(1.0), view)
    run_task()
    assert sorted(names_of(exporter)) == sorted(NAMES)
    assert view.ends == ENDS


def test_a_ratio_keeps_whole_traces(view: Noting) -> None:
    """With a ratio each trace is exported whole or not at all, and every one is seen."""
    _, exporter = application_provider(ParentBasedTraceIdRatio(0.5), view)
    for _ in range(64):
        run_task()
    assert len(view.ends) == 64 * 3
    by_trace: dict[int, list[str]] = {}
    for span in exporter.get_finished_spans():
        assert span.context is not None
        by_trace.setdefault(span.context.trace_id, []).append(span.name)
    assert all(sorted(names) == sorted(NAMES) for names in by_trace.values())
    # All or none of 64 fair coins: once in 2**63 runs.
    assert 0 < len(by_trace) < 64


def test_a_dropped_remote_parent_is_followed(view: Noting) -> None:
    """Under a caller that was not sampled nothing is exported, and the task is seen."""
    _, exporter = application_provider(ParentBased(ALWAYS_ON), view)
    with trace.use_span(dropping_parent()):
        run_task()
    assert view.ends == ENDS
    assert names_of(exporter) == []


def test_the_sampler_is_wrapped_once() -> None:
    """Calling `configure` again does not wrap what is wrapped."""
    provider, _ = application_provider(ALWAYS_OFF)
    with configure(console=False), configure(console=False):
        assert isinstance(provider.sampler, taskspan.LocalVisibilitySampler)
        assert provider.sampler.inner is ALWAYS_OFF


@pytest.mark.parametrize(
    ("inner", "attributes", "decision"),
    [
        (ALWAYS_OFF, None, Decision.DROP),
        (ALWAYS_OFF, {}, Decision.DROP),
        (ALWAYS_OFF, {"http.route": "/"}, Decision.DROP),
        (ALWAYS_OFF, {conventions.KIND: "task"}, Decision.RECORD_ONLY),
        (ALWAYS_ON, {conventions.KIND: "task"}, Decision.RECORD_AND_SAMPLE),
        (ALWAYS_ON, None, Decision.RECORD_AND_SAMPLE),
    ],
)
def test_the_decision(
    inner: Sampler, attributes: dict[str, str] | None, decision: Decision
) -> None:
    """Only a drop of a span of ours is changed, to `RECORD_ONLY`."""
    sampler = taskspan.LocalVisibilitySampler(inner)
    result = sampler.should_sample(None, 1, "load", attributes=attributes)
    assert result.decision is decision


def test_the_description_names_the_inner_sampler() -> None:
    """The description of the sampler tells which one decides."""
    sampler = taskspan.LocalVisibilitySampler(ALWAYS_OFF)
    assert sampler.get_description() == "LocalVisibilitySampler{AlwaysOffSampler}"
