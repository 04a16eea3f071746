"""Reads what a run directory holds; for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def requests_in(run: Path, signal: str) -> list[dict[str, Any]]:
    """Return the requests of a file, each line one."""
    lines = (run / f"{signal}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def spans_in(run: Path) -> Iterator[dict[str, Any]]:
    """Return all spans of a run, in the order in which they were written."""
    for request in requests_in(run, "traces"):
        for resource in request["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                yield from scope["spans"]


def recorded_spans(run: Path) -> list[str]:
    """Return the names of all spans of a run."""
    return [span["name"] for span in spans_in(run)]


def recorded_events(run: Path) -> list[str]:
    """Return the names of all log events of a run."""
    return [
        record.get("eventName", "")
        for request in requests_in(run, "logs")
        for resource in request["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]
