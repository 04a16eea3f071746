"""Delays of the flights from New York in 2013: a whole task, with bars, log, report and spans.

    python examples/flights.py [OUTPUT] [--rows N] [--quiet] [--fail]

Reads 336,776 flights, checks them, adds weather and planes, puts pseudonyms in place of tail
numbers, works out the delays of every route, and writes two CSV files and a report. Set
`FLIGHTS_KEY` to get the same pseudonyms in every run. `flights_base_task.py` is the same task
as a class.
"""

from __future__ import annotations

import argparse
import csv
import errno
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flights_data as data
import taskspan
from flights_data import Delays, Findings, Flight, Plane, Weather

LOG = logging.getLogger("flights")


def run(output: Path, rows: int, reporter: taskspan.TaskReporter, *, fail: bool) -> None:
    """Run the task; with `fail` its last step ends as if the disk were full."""
    with taskspan.task(
        "flights", reporter.task_id, total_operations=6, logger=LOG, reporter=reporter
    ) as task:
        with task.operation("load", total=3, unit="files") as op:
            flights = list(
                taskspan.track(data.read_flights(rows), "read flights", total=rows, unit="flights")
            )
            op.update()
            # How many rows there are shows only at the end of the file.
            weather = list(taskspan.track(data.read_weather(), "read weather", unit="hours"))
            op.update()
            planes = list(taskspan.track(data.read_planes(), "read planes", unit="planes"))
            op.update()

        findings = Findings(task.log_warning)
        with task.operation("validate", total=len(flights) + len(weather), unit="rows") as op:
            for flight in flights:
                data.check_flight(flight, findings)
                op.update()
            for index, hour in enumerate(weather):
                weather[index] = data.checked_weather(hour, findings)
                op.update()
            findings.say_rest()
        for kind, count in findings.counts.items():
            reporter.add_nested_metric("findings", kind, count)

        with task.operation("join", total=len(flights), unit="flights") as op:
            join(flights, weather, planes, op)

        key = data.key_from_environment()
        with task.operation("pseudonymise", total=len(flights), unit="flights") as op:
            for flight in flights:
                flight.tail = data.pseudonym(flight.tail, key)
                op.update()

        with task.operation("aggregate", total=len(flights), unit="flights") as op:
            delays = aggregate(flights, op)

        with task.operation("write", total=2, unit="files") as op:
            write_delays(output / "delays.csv", delays)
            reporter.add_artifact("csv", output / "delays.csv", "Delays of every route")
            op.update()
            write_flights(output / "flights.csv", flights, fail=fail)
            reporter.add_artifact("csv", output / "flights.csv", "Flights, weather and planes")
            op.update()


def join(
    flights: list[Flight],
    weather: list[Weather],
    planes: list[Plane],
    op: taskspan.ProgressTracker,
) -> None:
    """Add weather and plane to each flight, as far as they are known."""
    hours = {
        (hour.origin, hour.hour): hour
        for hour in taskspan.track(weather, "index weather", unit="hours")
    }
    tails = {plane.tail: plane for plane in taskspan.track(planes, "index planes", unit="planes")}
    with_weather = with_plane = 0
    for flight in flights:
        with_weather += data.add_weather(flight, hours)
        with_plane += data.add_plane(flight, tails)
        op.update()
    # Both become attributes of the span, too.
    op.metrics.update(with_weather=with_weather, with_plane=with_plane)


def aggregate(flights: list[Flight], op: taskspan.ProgressTracker) -> list[Delays]:
    """Return the delays of every route: each airport in a thread, with a bar of its own."""

    def of_airport(departures: list[Flight]) -> list[Delays]:
        delays = []
        airport = departures[0].origin
        with op.create_subtask(len(departures), f"aggregate {airport}", "flights") as subtask:
            for route in data.by_route(departures):
                delays.append(data.delays_of(route))
                subtask.update(len(route), {"to": route[0].dest})
                op.update(len(route))
        return delays

    with ThreadPoolExecutor() as pool:
        parts = pool.map(of_airport, data.by_airport(flights))
        return [delays for part in parts for delays in part]


@taskspan.operation("write delays")
def write_delays(path: Path, delays: list[Delays]) -> None:
    """Write the delays of every route."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(data.DELAYS_HEADER)
        rows.writerows(delays)


def write_flights(path: Path, flights: list[Flight], *, fail: bool) -> None:
    """Write the flights; with `fail` the disk is full half-way."""
    with (
        path.open("w", encoding="utf-8", newline="") as file,
        taskspan.operation("write flights", total=len(flights), unit="flights") as op,
    ):
        rows = csv.writer(file)
        rows.writerow(data.FLIGHT_HEADER)
        for flight in flights:
            if fail and op.completed >= len(flights) // 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rows.writerow(data.flight_row(flight))
            op.update()


def main() -> int:
    """Run the task as the command line says; return the exit code."""
    arguments = command_line()
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.WARNING if arguments.quiet else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    reporter = taskspan.TaskReporter(
        time.strftime("%Y%m%dT%H%M%S"),
        "flights",
        "Delays of the flights from New York in 2013",
        output / "report.json",
    )
    with taskspan.configure("flights", console=False if arguments.quiet else "auto"):
        try:
            run(output, arguments.rows, reporter, fail=arguments.fail)
        except OSError as error:
            LOG.critical("The result is not complete: %s", error)
    if not arguments.quiet:
        files = ", ".join(sorted(path.name for path in output.iterdir()))
        print(f"\n{reporter.summary()}\n\nIn {output}: {files}")
    return 0 if reporter.generate_report()["success"] else 1


def command_line() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("output", nargs="?", type=Path, default=Path("flights-output"))
    parser.add_argument("--rows", type=int, default=data.FLIGHTS, help="read only so many flights")
    parser.add_argument("--quiet", action="store_true", help="show warnings only")
    parser.add_argument("--fail", action="store_true", help="let the last file fail half-way")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
