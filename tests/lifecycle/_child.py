"""Programs in processes of their own, whose spans go to a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_PRELUDE = """
import json, os, signal, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
import taskspan

class FileExporter(SpanExporter):
    def _write(self, line):
        with open("spans.jsonl", "a") as file:
            file.write(json.dumps(line) + chr(10))

    def export(self, spans):
        for span in spans:
            self._write({
                "name": span.name,
                "outcome": span.attributes.get("taskspan.outcome"),
                "completed": span.attributes.get("taskspan.progress.completed"),
                "parent": span.parent and span.parent.span_id,
                "id": span.get_span_context().span_id,
                "pid": os.getpid(),
            })
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self._write({"name": "(shutdown)", "outcome": None, "pid": os.getpid()})

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(FileExporter()))
trace.set_tracer_provider(provider)
reporter = taskspan.TaskReporter("1", "nightly", report_path="report.json")
"""


@dataclass
class Ended:
    """What a program has left."""

    exit_code: int
    stdout: str
    stderr: str
    spans: list[dict[str, Any]]
    report: dict[str, Any] | None

    @property
    def outcomes(self) -> list[tuple[str, str | None]]:
        """Name and outcome of each span in order of its end, and the provider's shutdown."""
        return [(span["name"], span["outcome"]) for span in self.spans]


def run(program: str, directory: Path) -> Ended:
    """Run a program to its end in a directory."""
    done = subprocess.run(
        [sys.executable, "-c", _PRELUDE + textwrap.dedent(program)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    spans, report = directory / "spans.jsonl", directory / "report.json"
    return Ended(
        done.returncode,
        done.stdout,
        done.stderr,
        [json.loads(line) for line in spans.read_text().splitlines()] if spans.exists() else [],
        json.loads(report.read_text()) if report.exists() else None,
    )
