from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.backends import binaries
from scripts.backends.clients import Alert, PrometheusClient, Sample
from scripts.backends.places import CONFIG
from tests.backends.programs_running import order, run_failing, run_flights, running
from tests.backends.servers import Collector, Prometheus, eventually, needed

RULES = CONFIG / "prometheus-rules.yml"
DASHBOARD = CONFIG / "grafana" / "dashboards" / "taskspan.json"

# An hour of the rules is 18 s of the tests.
TIMES_FASTER = 200
UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(?<=[\[ ])(\d+)([smhd])\b")
# A metric with its labels, its range and its offset, as it stands in an expression.
_SELECTOR = re.compile(r"\b(?:up|taskspan[_:][\w:]+)(?:\{[^}]*\})?(?:\[\w+\])?(?: offset \w+)?")
_LABEL_LIST = re.compile(r"\b(?:by|on|without) \([^)]*\)")


def faster(text: str) -> str:
    """Return rules, a configuration or an expression with shorter durations."""
    text = text.replace("_interval: 15s", "_interval: 100s")  # 500 ms
    # Three exports of a minute each; here one takes a second, the Collector's own batch.
    text = text.replace("[3m]", "[10m]")  # 3 s
    return _DURATION.sub(
        lambda found: f"{int(found[1]) * UNITS_MS[found[2]] // TIMES_FASTER}ms", text
    )


def promtool(*arguments: str) -> str:
    """Run promtool, which must succeed; return what it prints."""
    tool = needed(binaries.promtool(), "promtool")
    done = subprocess.run(
        [tool, *arguments], cwd=CONFIG, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rule_expressions(kind: str) -> dict[str, str]:
    """Return the expressions of the rules of a kind (`record`, `alert`), by name and place."""
    # The file's layout is regular: a block under `expr: |`, or the rest of that line.
    pattern = re.compile(
        rf"^ {{6}}- {kind}: (\S+)\n {{8}}expr:(.*\n(?: {{10}}.*\n)*)", re.MULTILINE
    )
    found = pattern.findall(RULES.read_text(encoding="utf-8"))
    return {
        f"{name}-{number}": " ".join(expression.lstrip(" |").split())
        for number, (name, expression) in enumerate(found)
    }


def selectors(expression: str) -> list[str]:
    """Return the metrics that an expression reads, each as it reads it."""
    return _SELECTOR.findall(_LABEL_LIST.sub("", expression))


def dashboard_queries() -> dict[str, str]:
    """Return the queries of the dashboard, by the title of their panel and their letter."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return {
        f"{panel['title']}-{target['refId']}": target["expr"]
        .replace("$service", ".*")
        .replace("$task_type", ".*")
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    }


RECORDED = rule_expressions("record")
ALERTS = rule_expressions("alert")
QUERIES = dashboard_queries()


def has_data(samples: list[Sample]) -> bool:
    """Whether there is a figure among the samples."""
    return any(not math.isnan(sample.value) for sample in samples)


@pytest.fixture(scope="module")
def prometheus(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A real Prometheus with the files of this repository, of which an hour takes 18 s."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), collector, faster) as server:
        yield server


def assert_answers(client: PrometheusClient, query: str, within_s: float = 10) -> None:
    """Fail unless the query, with shorter durations, has an answer with data in it."""
    eventually(lambda: client.query(faster(query)), has_data, within_s)


@pytest.fixture(scope="module")
def busy(
    prometheus: Prometheus, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrometheusClient]:
    """A Prometheus that sees tasks end, well and with errors, and one that goes on."""
    folder = tmp_path_factory.mktemp("busy")
    run_flights(collector, folder)
    with (
        running("stalling.py", collector, folder),
        running("repeating.py", collector, folder),
    ):
        # Until "an hour" has passed: only then there is a past to compare with.
        for name in ("operation_duration_seconds:avg1h", "operation_throughput:running"):
            past = f"avg_over_time(taskspan:{name}[7d] offset 1h)"
            assert_answers(prometheus.client, past, within_s=60)
        yield prometheus.client


@pytest.mark.parametrize("name", QUERIES)
def test_prometheus_answers_the_dashboard(busy: PrometheusClient, name: str) -> None:
    """Each query of the Grafana dashboard has an answer with data in it."""
    assert_answers(busy, QUERIES[name])


@pytest.mark.parametrize("name", RECORDED)
def test_prometheus_answers_the_recording_rules(busy: PrometheusClient, name: str) -> None:
    """Each recording rule's expression, and what it records, has data in it."""
    assert_answers(busy, RECORDED[name])
    assert_answers(busy, name.rpartition("-")[0])


@pytest.mark.parametrize("name", ALERTS)
def test_prometheus_has_what_the_alerts_ask_for(busy: PrometheusClient, name: str) -> None:
    """Each alert's expression is answered, and every metric that it reads has data."""
    busy.query(faster(ALERTS[name]))
    read = selectors(ALERTS[name])
    assert read
    for selector in read:
        assert_answers(busy, f"last_over_time({selector})" if "[" in selector else selector)


@pytest.mark.parametrize("variable", ["service_name", "taskspan_task_type"])
def test_the_dashboard_can_be_narrowed(busy: PrometheusClient, variable: str) -> None:
    """The labels behind the dashboard's variables have the names of services and task types."""
    values = busy.label_values(variable, "taskspan_operation_active")
    expected = {
        "service_name": {"flights", "repeating", "stalling"},
        "taskspan_task_type": {"flights", "small", "nightly"},
    }
    assert expected[variable] <= set(values)
    definitions = [v.get("definition", "") for v in _variables()]
    assert sum(f", {variable})" in definition for definition in definitions) == 1


def _variables() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["templating"][
        "list"
    ]
    return listed


def firing(prometheus: Prometheus, service: str) -> dict[str, Alert]:
    """Return the alerts that fire for a service, by name."""
    return {
        alert.name: alert
        for alert in prometheus.client.alerts()
        if alert.state == "firing" and alert.labels.get("service_name") == service
    }


def test_an_operation_that_stands_still_raises_the_alerts(
    prometheus: Prometheus, collector: Collector, tmp_path: Path
) -> None:
    """An operation that counts raises no alert; one that stands still its task's and its own."""
    active = 'taskspan_operation_active{service_name="stalling"} > 0'
    with running("stalling.py", collector, tmp_path) as program:
        eventually(lambda: prometheus.client.query(active))
        assert "TaskspanTaskStalled" not in firing(prometheus, "stalling")
        order(program, "stall")
        eventually(
            lambda: firing(prometheus, "stalling"),
            lambda alerts: {"TaskspanTaskStalled", "TaskspanOperationStalled"} <= alerts.keys(),
        )
        alert = firing(prometheus, "stalling")["TaskspanOperationStalled"]
        assert alert.labels["taskspan_operation_name"] == "load"
        assert alert.annotations["summary"] == "load (stalling) has not moved for 30 minutes"
    eventually(lambda: firing(prometheus, "stalling"), lambda alerts: not alerts)


def test_a_short_run_that_fails_is_counted_and_raises_the_alert(
    prometheus: Prometheus, collector: Collector, tmp_path: Path
) -> None:
    """A run that shows up once, with all it has done, is seen; its failure raises the alert."""
    run_failing(collector, tmp_path)
    alert = eventually(lambda: firing(prometheus, "failing").get("TaskspanFailureRate"))
    assert alert is not None
    assert alert.annotations["summary"] == "doomed (failing): 100% failed within an hour"


def test_promtool_finds_no_fault_with_the_files() -> None:
    """Prometheus' own tool accepts the configuration and the rules."""
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    assert f"{len(RECORDED) + len(ALERTS)} rules found" in promtool("check", "rules", RULES.name)


def test_the_rules_pass_their_unit_tests() -> None:
    """The rules do what they say with runs that stall, vanish, restart and are short."""
    assert "SUCCESS" in promtool("test", "rules", "prometheus-rules.test.yml")
