"""A task with operations and a report, without `configure()`: nothing global is set."""

from __future__ import annotations

import time

import taskspan


@taskspan.operation("clean")
def clean(orders: list[int]) -> list[int]:
    """Drop the empty orders: an operation each time it is called."""
    time.sleep(0.2)
    return [order for order in orders if order]


def main() -> None:
    """Run the task and print its report."""
    reporter = taskspan.TaskReporter("2026-11-24", "orders", "Bill the orders of one day")
    orders = [n % 7 for n in range(300)]

    with taskspan.task("orders", "2026-11-24", total_operations=3, reporter=reporter) as task:
        with task.operation("price", total=len(orders), unit="orders") as op:
            turnover = 0
            for order in orders:
                turnover += order * 5
                op.update(1, {"turnover": turnover})
                time.sleep(0.001)
            op.metrics["turnover"] = turnover  # in the report, and on the span

        real = clean(orders)

        for _ in taskspan.track(real, "bill", unit="orders"):
            time.sleep(0.001)

    print(reporter.summary())
    print("in the report:", reporter.generate_report()["operations"][0]["details"]["turnover"])


if __name__ == "__main__":
    main()
