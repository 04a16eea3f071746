"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeAlias

import opentelemetry._logs._internal as logs_api
import opentelemetry.metrics._internal as metrics_api
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.util._once import Once

from taskspan import _console, _guard, _redaction
from taskspan.configuration import _local
from taskspan.producer import _instruments, _registry

Problems: TypeAlias = list[tuple[str, BaseException]]

NO_SKIPS = os.environ.get("TASKSPAN_NO_SKIPS") == "1"


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure, where everything that the tests need is meant to be there."""
    is_expected_failure = hasattr(report, "wasxfail")
    if NO_SKIPS and report.skipped and not is_expected_failure:
        report.outcome = "failed"
        report.longrepr = f"skipped, and TASKSPAN_NO_SKIPS=1 forbids it: {report.longrepr}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test fails in CI."""
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A skipped test file fails in CI."""
    report = yield
    fail_if_skipped(report)
    return report


# -- a process as new for each test: OpenTelemetry and taskspan keep state in modules


@pytest.fixture(scope="session")
def runs_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs of tests are kept, also those of their child processes."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch, runs_home: Path) -> Iterator[None]:
    """Every test starts without providers and console, and leaves nothing running."""
    for name in [*os.environ]:
        if name.startswith(("OTEL_", "TASKSPAN_RUN", "CONTINUOUS_INTEGRATION")) or name in (
            "CI",
            "NO_COLOR",
            "TRACEPARENT",
            "TRACESTATE",
            "BAGGAGE",
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TASKSPAN_RUNS_HOME", str(runs_home))
    _forget_everything()
    yield
    left = [operation.progress.name for operation in _registry.running()]
    _registry.end_all()
    _forget_everything()
    assert not left, f"the test left operations running: {left}"


def _forget_everything() -> None:
    own = _local._State.processor
    if own is not None:
        own.shutdown()
    _local._State.processor = None
    _local._State.private_provider = None
    _local._State.console = None
    _local._State.pipelines = ()
    _local._State.recorders = ()
    _local._State.watched_providers.clear()
    _registry.end_abandoned()
    _registry._running.clear()
    _console._drawings.clear()
    _instruments._series.clear()
    _guard.forget()
    _redaction.use_hook(None)
    trace._TRACER_PROVIDER = None
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    for provider in (metrics_api._METER_PROVIDER, logs_api._LOGGER_PROVIDER):
        if provider is not None and hasattr(provider, "shutdown"):
            provider.shutdown()
    metrics_api._METER_PROVIDER = None
    metrics_api._METER_PROVIDER_SET_ONCE = Once()
    logs_api._LOGGER_PROVIDER = None
    logs_api._LOGGER_PROVIDER_SET_ONCE = Once()


@pytest.fixture(autouse=True)
def problems(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Problems]:
    """What telemetry had to swallow: a test that does not expect it fails."""
    found = Problems()
    report = _guard.report

    def noted(what: str, error: BaseException) -> None:
        found.append((what, error))
        report(what, error)

    monkeypatch.setattr(_guard, "report", noted)
    yield found
    if not request.node.get_closest_marker("expects_problems"):
        for what, error in found:
            raise AssertionError(f"telemetry swallowed a problem in {what}") from error


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """The spans that a global tracer provider exports, as an application sets one up."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_ON)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    yield memory
    provider.shutdown()
