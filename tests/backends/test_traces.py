from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.backends.clients import Span
from taskspan import conventions
from tests.backends.programs_running import run_failing, run_flights
from tests.backends.servers import Collector, Jaeger, eventually

MILLISECOND_US = 1000
# Where each operation of examples/flights.py belongs.
PARENTS = {
    "load": "flights",
    "read flights": "load",
    "read weather": "load",
    "read planes": "load",
    "validate": "flights",
    "join": "flights",
    "index weather": "join",
    "index planes": "join",
    "pseudonymise": "flights",
    "aggregate": "flights",
    "aggregate EWR": "aggregate",
    "aggregate JFK": "aggregate",
    "aggregate LGA": "aggregate",
    "write": "flights",
    "write delays": "write",
    "write flights": "write",
}


def whole_trace(jaeger: Jaeger, trace_id: str) -> list[Span]:
    """Return the spans of a trace when its first one, which ends last, has arrived."""
    return eventually(
        lambda: jaeger.client.spans(trace_id),
        lambda spans: any(span.parent_id is None for span in spans),
    )


@pytest.fixture(scope="module")
def report(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a run of the flights example that was sent to the Collector."""
    path = run_flights(collector, tmp_path_factory.mktemp("flights"))
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def flights(report: dict[str, Any], jaeger: Jaeger) -> list[Span]:
    """The spans of that run, read back from Jaeger."""
    return whole_trace(jaeger, report["trace_id"])


def test_a_task_is_one_trace_in_jaeger(flights: list[Span]) -> None:
    """Jaeger has one task span, and every operation under the one that encloses it."""
    names = {span.span_id: span.name for span in flights}
    tasks = [span for span in flights if span.tags[conventions.KIND] == conventions.KIND_TASK]
    assert [span.name for span in tasks] == ["flights"]
    parents = {span.name: names[span.parent_id] for span in flights if span.parent_id}
    assert parents == PARENTS
    assert len(flights) == 1 + len(PARENTS)
    assert {span.service for span in flights} == {"flights"}


def test_progress_events_arrive_with_the_names_of_the_conventions(flights: list[Span]) -> None:
    """Each counting operation has progress events, the last one with its final count."""
    counting = [span for span in flights if conventions.PROGRESS_TOTAL in span.tags]
    assert len(counting) >= len(PARENTS) - 2
    for span in counting:
        events = span.events_named(conventions.PROGRESS_EVENT)
        assert events, span.name
        assert (
            events[-1].attributes[conventions.PROGRESS_COMPLETED]
            == (span.tags[conventions.PROGRESS_COMPLETED])
        )
        assert all(conventions.PROGRESS_TOTAL in event.attributes for event in events)


def test_durations_in_jaeger_are_those_of_the_report(
    flights: list[Span], report: dict[str, Any]
) -> None:
    """Each operation took as long in Jaeger as in the report, to a millisecond."""
    of_span = {span.span_id: span.duration_us for span in flights}
    for entry in report["operations"]:
        assert of_span[entry["span_id"]] == pytest.approx(
            entry["duration"] * 1e6, abs=MILLISECOND_US
        )
    (task,) = (span for span in flights if span.parent_id is None)
    assert task.duration_us == pytest.approx(report["execution_time"] * 1e6, abs=MILLISECOND_US)
    assert len(report["operations"]) == len(PARENTS)


def test_a_failure_is_an_error_with_its_exception(
    jaeger: Jaeger, collector: Collector, tmp_path: Path
) -> None:
    """A failed operation and its task have error status, and the operation its exception."""
    run_failing(collector, tmp_path)
    trace_ids = eventually(lambda: jaeger.client.trace_ids("failing"))
    spans = {span.name: span for span in whole_trace(jaeger, trace_ids.pop())}
    for name in ("doomed", "parse"):
        assert spans[name].tags["otel.status_code"] == "ERROR"
        assert spans[name].tags["error"] is True
        assert spans[name].tags[conventions.OUTCOME] == "error"
        assert spans[name].tags[conventions.ERROR_TYPE] == "ValueError"
    (exception,) = spans["parse"].events_named(conventions.EXCEPTION_EVENT)
    assert exception.attributes[conventions.EXCEPTION_MESSAGE] == "row 2 is no row"
    assert "otel.status_code" not in spans["load"].tags
    assert "error" not in spans["load"].tags
