"""Keep a run on disk, without any server, and look at what is there.

Send it to a Collector or to Jaeger whenever you like: `taskspan replay RUN --endpoint URL`.
"""

from __future__ import annotations

import logging

import taskspan

LOGGER = logging.getLogger("copy")


def copy(rows: range) -> None:
    """Do the work of a nightly job."""
    with (
        taskspan.task("copy", total_operations=1) as task,
        task.operation("rows", total=len(rows), unit="rows") as op,
    ):
        for _ in rows:
            op.update()
        LOGGER.warning("the last row looks odd")


def main() -> None:
    """Without OTEL_EXPORTER_OTLP_ENDPOINT, a run is kept in a directory of its own."""
    with taskspan.configure("nightly", console=False, logs=True) as telemetry:
        copy(range(10_000))
        run = telemetry.run_dir
    if run is not None:
        for path in sorted(run.iterdir()):
            print(f"{path.name:<14} {path.stat().st_size:>7,} bytes")
        print(f"taskspan replay {run} --endpoint http://127.0.0.1:4318")


if __name__ == "__main__":
    main()
