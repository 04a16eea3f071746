"""One trace across processes: the tasks of child processes lie below the step that starts them."""

from __future__ import annotations

import subprocess
import sys
import time

from opentelemetry import trace

import taskspan


def convert(name: str) -> None:
    """Convert one file: what a child process does, and says of its trace."""
    with taskspan.task("convert", name, quiet=True) as task:
        for _ in taskspan.track(range(20), "read", unit="rows"):
            time.sleep(0.005)
        ids = task.span.get_span_context()
        print(f"{name}: trace {trace.format_trace_id(ids.trace_id)}")


def main() -> None:
    """Start a process for each file, inside one operation."""
    names = ["a.csv", "b.csv", "c.csv"]
    with (
        taskspan.task("nightly", total_operations=1) as task,
        task.operation("convert files", total=len(names), unit="files") as op,
    ):
        for name in names:
            command = [sys.executable, __file__, name]
            subprocess.run(command, env=taskspan.child_environment(), check=True)  # noqa: S603  itself
            op.update(1, {"last": name})
    print("mine: trace", op.metrics["trace_id"])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        convert(sys.argv[1])
    else:
        main()
