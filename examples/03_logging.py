"""Log lines above the bars: from the task, from any logger, and the ids that lead to the trace."""

from __future__ import annotations

import logging
import time

import taskspan

LOG = logging.getLogger("shop")
EMPTY = {50, 150}
FALLEN = {100}


def main() -> None:
    """Log from all sides while a bar runs."""
    # An ordinary handler on stderr. `configure` lets the bars step aside for its lines, and
    # gives every record the trace and span it was logged in.
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)-7s %(name)s trace=%(otelTraceID).8s %(message)s"
    )
    with (
        taskspan.configure("logging"),
        taskspan.task("restock", logger=LOG, total_operations=1) as task,
        task.operation("count shelves", total=200, unit="shelves") as op,
    ):
        for shelf in range(200):
            time.sleep(0.005)
            op.update()
            if shelf in EMPTY:
                task.log_warning(f"shelf {shelf} is empty")
            if shelf in FALLEN:
                LOG.warning("shelf %d has fallen over", shelf)
                logging.getLogger("forklift").info("from somebody else's library")


if __name__ == "__main__":
    main()
