"""The task of `flights.py` as a class: a `BaseTask` with operations that have a `run` method.

    python examples/flights_base_task.py [OUTPUT] [--rows N] [--quiet]

The results are the same, byte for byte, if `FLIGHTS_KEY` is set. The weather comes from a
source that fails at first: `OperationExecutor` tries again.
"""

from __future__ import annotations

import argparse
import csv
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import flights_data as data
import taskspan
from flights_data import Delays, Findings, Flight, Plane, Weather
from taskspan import BaseTask, OperationResult, OperationStatus, ProgressTracker, TaskReporter


@dataclass
class Tables:
    """What the operations hand on to each other."""

    flights: list[Flight] = field(default_factory=list)
    weather: list[Weather] = field(default_factory=list)
    planes: list[Plane] = field(default_factory=list)
    delays: list[Delays] = field(default_factory=list)


@dataclass
class Load:
    """Reads flights and planes."""

    tables: Tables
    rows: int
    name: ClassVar[str] = "load"
    total: ClassVar[int] = 2

    def run(self, *, progress_tracker: ProgressTracker) -> None:
        """Read both files."""
        with progress_tracker.create_subtask(self.rows, "read flights", "flights") as subtask:
            for flight in data.read_flights(self.rows):
                self.tables.flights.append(flight)
                subtask.update()
        progress_tracker.update()
        self.tables.planes.extend(data.read_planes())
        progress_tracker.update()


@dataclass
class LoadWeather:
    """Reads the weather, from a source that is not always there."""

    tables: Tables
    failures_left: int = 1
    name: ClassVar[str] = "load weather"

    def run(self, *, progress_tracker: ProgressTracker) -> None:
        """Read the file."""
        if self.failures_left:
            self.failures_left -= 1
            raise ConnectionError("the weather service does not answer")
        for hour in data.read_weather():
            self.tables.weather.append(hour)
            progress_tracker.update()


@dataclass
class Validate:
    """Tells what is odd in the data."""

    tables: Tables
    reporter: TaskReporter
    name: ClassVar[str] = "validate"

    def run(self, *, log: logging.Logger, progress_tracker: ProgressTracker) -> OperationResult:
        """Check every row."""
        progress_tracker.total = len(self.tables.flights) + len(self.tables.weather)
        findings = Findings(log.warning)
        for flight in self.tables.flights:
            data.check_flight(flight, findings)
            progress_tracker.update()
        for index, hour in enumerate(self.tables.weather):
            self.tables.weather[index] = data.checked_weather(hour, findings)
            progress_tracker.update()
        findings.say_rest()
        for kind, count in findings.counts.items():
            self.reporter.add_nested_metric("findings", kind, count)
        status = OperationStatus.WARNING if findings.counts else OperationStatus.SUCCESS
        return OperationResult(status, metrics={"findings": sum(findings.counts.values())})


@dataclass
class Join:
    """Adds weather and planes to the flights."""

    tables: Tables
    name: ClassVar[str] = "join"

    def run(self, *, progress_tracker: ProgressTracker) -> OperationResult:
        """Look both up for every flight."""
        progress_tracker.total = len(self.tables.flights)
        hours = {(hour.origin, hour.hour): hour for hour in self.tables.weather}
        tails = {plane.tail: plane for plane in self.tables.planes}
        with_weather = with_plane = 0
        for flight in self.tables.flights:
            with_weather += data.add_weather(flight, hours)
            with_plane += data.add_plane(flight, tails)
            progress_tracker.update()
        return OperationResult(metrics={"with_weather": with_weather, "with_plane": with_plane})


@dataclass
class Pseudonymise:
    """Puts pseudonyms in place of tail numbers."""

    tables: Tables
    name: ClassVar[str] = "pseudonymise"

    def run(self, *, key: bytes, progress_tracker: ProgressTracker) -> None:
        """Replace every tail number."""
        progress_tracker.total = len(self.tables.flights)
        for flight in self.tables.flights:
            flight.tail = data.pseudonym(flight.tail, key)
            progress_tracker.update()


@dataclass
class Aggregate:
    """Works out the delays of every route, each airport in a thread."""

    tables: Tables
    name: ClassVar[str] = "aggregate"

    def run(self, *, progress_tracker: ProgressTracker) -> None:
        """Aggregate the airports side by side."""
        progress_tracker.total = len(self.tables.flights)

        def of_airport(departures: list[Flight]) -> list[Delays]:
            delays = []
            name = f"aggregate {departures[0].origin}"
            with progress_tracker.create_subtask(len(departures), name, "flights") as subtask:
                for route in data.by_route(departures):
                    delays.append(data.delays_of(route))
                    subtask.update(len(route), {"to": route[0].dest})
                    progress_tracker.update(len(route))
            return delays

        with ThreadPoolExecutor() as pool:
            for delays in pool.map(of_airport, data.by_airport(self.tables.flights)):
                self.tables.delays.extend(delays)


@dataclass
class Write:
    """Writes the results."""

    tables: Tables
    reporter: TaskReporter
    name: ClassVar[str] = "write"

    def run(self, *, output: Path, progress_tracker: ProgressTracker) -> None:
        """Write both files."""
        progress_tracker.total = len(self.tables.delays) + len(self.tables.flights)
        with (output / "delays.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(data.DELAYS_HEADER)
            rows.writerows(self.tables.delays)
        progress_tracker.update(len(self.tables.delays))
        with (output / "flights.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(data.FLIGHT_HEADER)
            for flight in self.tables.flights:
                rows.writerow(data.flight_row(flight))
                progress_tracker.update()
        self.reporter.add_artifact("csv", output / "delays.csv", "Delays of every route")
        self.reporter.add_artifact("csv", output / "flights.csv", "Flights, weather and planes")


class FlightsTask(BaseTask):
    """The task: seven operations, one after another."""

    def __init__(self, output: Path, rows: int, *, quiet: bool) -> None:
        """Prepare a run that writes to a directory."""
        super().__init__(
            time.strftime("%Y%m%dT%H%M%S"),
            "flights",
            "Delays of the flights from New York in 2013",
            report_path=output / "report.json",
            quiet=True if quiet else None,
        )
        self.output = output
        self.rows = rows

    def configure_operations(self) -> None:
        """Say what to run, and with what."""
        tables = Tables()
        self.add_operation(Load(tables, self.rows))
        self.add_operation(LoadWeather(tables))
        self.add_operation(Validate(tables, self.reporter), log=self.logger)
        self.add_operation(Join(tables))
        self.add_operation(Pseudonymise(tables), key=data.key_from_environment())
        self.add_operation(Aggregate(tables))
        self.add_operation(Write(tables, self.reporter), output=self.output)

    def execute_one(self, configured: Any) -> OperationResult:
        """Run an operation; the one that may fail for a while, up to three times."""
        if not isinstance(configured.operation, LoadWeather):
            return super().execute_one(configured)
        return self.executor.execute_with_retry(
            configured.operation, max_retries=2, initial_wait=0.2, retry_on=ConnectionError
        )


def main() -> int:
    """Run the task as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("output", nargs="?", type=Path, default=Path("flights-output"))
    parser.add_argument("--rows", type=int, default=data.FLIGHTS, help="read only so many flights")
    parser.add_argument("--quiet", action="store_true", help="show warnings only")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.WARNING if arguments.quiet else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    with taskspan.configure("flights", console=False if arguments.quiet else "auto"):
        task = FlightsTask(arguments.output, arguments.rows, quiet=arguments.quiet)
        succeeded = task.run()
    if not arguments.quiet:
        print(f"\n{task.reporter.summary()}")
    return 0 if succeeded else 1


if __name__ == "__main__":
    raise SystemExit(main())
