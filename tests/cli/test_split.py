from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskspan._signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from taskspan.cli._split import count_records, halves
from tests.cli._runs import traces

_SHAPES = st.lists(st.lists(st.lists(st.integers(), max_size=5), max_size=4), max_size=4)


def request_of(shape: list[list[list[int]]], signal: Signal) -> dict[str, Any]:
    """Return a request with numbered records in scopes in resources."""
    return {
        signal.resources: [
            {
                "resource": {"number": number},
                signal.scopes: [
                    {"scope": {}, signal.records: [{"name": r} for r in records]}
                    for records in scopes
                ],
            }
            for number, scopes in enumerate(shape)
        ]
    }


def records_of(content: dict[str, Any], signal: Signal) -> list[Any]:
    """Return each record with its resource."""
    return [
        (resource["resource"]["number"], record["name"])
        for resource in content[signal.resources]
        for scope in resource[signal.scopes]
        for record in scope[signal.records]
    ]


@given(_SHAPES, st.sampled_from(SIGNALS))
def test_halves_hold_all_that_was_there(shape: list[list[list[int]]], signal: Signal) -> None:
    """Split to its end, a request leaves single records, each once, in order, with its resource."""
    whole = request_of(shape, signal)
    waiting, ends = [whole], []
    while waiting:
        content = waiting.pop()
        parts = halves(content, signal)
        waiting += reversed(parts)
        ends += [] if parts else [content]
    found = [record for content in ends for record in records_of(content, signal)]
    assert found == records_of(whole, signal)
    assert all(len(records_of(content, signal)) <= 1 for content in ends)
    assert count_records(whole, signal) == len(found)


def test_a_request_is_left_as_it_was() -> None:
    """Splitting changes nothing in what is split."""
    content = traces("a", "b", "c")
    first, second = halves(content, TRACES)
    assert (first, second) == (traces("a"), traces("b", "c"))
    assert content == traces("a", "b", "c")


def test_what_is_no_request_inside_is_not_split() -> None:
    """Members of the wrong type are left to the endpoint to refuse."""
    contents: list[dict[str, Any]] = [
        {"resourceLogs": []},
        {"resourceLogs": [7]},
        {"resourceLogs": [{"scopeLogs": {}}]},
        {"resourceLogs": [{"scopeLogs": [None]}]},
    ]
    for content in contents:
        assert halves(content, LOGS) == ()
        assert count_records(content, LOGS) == 0
    assert halves({}, METRICS) == ()
