"""`configure()`: what an application calls once, at its start."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import _logs as otel_logs
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider

from taskspan import _redaction
from taskspan._fork import in_child
from taskspan._guard import guarded
from taskspan._protocols import View
from taskspan._signals import LOGS, METRICS, TRACES
from taskspan.configuration import _local, _log_bridge, _providers
from taskspan.configuration._console import Console, views_for
from taskspan.configuration._pipelines import Pipelines, RunDir, pipelines
from taskspan.configuration._sampler import LocalVisibilitySampler
from taskspan.configuration._worker_exit import before_workers_end
from taskspan.processor._processor import ProgressSpanProcessor
from taskspan.producer import _registry
from taskspan.producer._messages import add_trace_ids

if TYPE_CHECKING:
    from typing_extensions import Self

_FLUSH_TIMEOUT_MS: Final = 30_000


class _Once:
    # Held while providers are set: two threads may both find that there is none.
    lock = threading.Lock()


def _renew_in_child() -> None:
    # Another thread of the parent process may have held it at the fork.
    _Once.lock = threading.Lock()


in_child(_renew_in_child)


class Telemetry:
    """What `configure` has set up; also a context manager that shuts it down."""

    def __init__(self, processor: ProgressSpanProcessor) -> None:
        """Hold the processor, and the providers that are global now."""
        self.processor = processor
        self.tracer_provider = trace.get_tracer_provider()
        self.meter_provider = metrics.get_meter_provider()
        self.logger_provider = otel_logs.get_logger_provider()
        self._is_shut_down = False

    @property
    def run_dir(self) -> Path | None:
        """The directory that records this run, if one does."""
        return _local.run_directory()

    def force_flush(self, timeout_millis: int = _FLUSH_TIMEOUT_MS) -> bool:
        """Export what has ended and draw the latest values; `False` if time ran out.

        Waits until endpoints have everything, at most `timeout_millis` milliseconds.
        """
        deadline = time.monotonic() + timeout_millis / 1000
        self.processor.force_flush()
        results = [
            self._call(provider, "force_flush", timeout_millis) for provider in self._providers()
        ]
        delivered = [made.outbox.flush(deadline) for made in _local.pipelines()]
        return all(result is not False for result in results) and all(delivered)

    def shutdown(self) -> None:
        """End what still runs, export everything, stop drawing; a second call does nothing.

        An endpoint that cannot be reached is waited for `EXIT_S` seconds (5) at most, all
        signals together; what it has not taken by then is kept on disk, and a line says where.

        OpenTelemetry lets a provider be set once in a process: after this, spans are
        neither shown nor exported.
        """
        if self._is_shut_down:
            return
        self._is_shut_down = True
        _registry.end_all()
        for provider in self._providers():
            self._call(provider, "shutdown")
        self.processor.shutdown()
        _local.forget_console()

    def _providers(self) -> Sequence[object]:
        # The end of spans writes log records, and is counted: the tracer provider comes first.
        return self.tracer_provider, self.meter_provider, self.logger_provider

    def _call(self, provider: object, method: str, *arguments: object) -> object:
        call: Callable[..., object] | None = getattr(provider, method, None)
        if call is None:
            return None
        with guarded(f"{method} of {type(provider).__name__}"):
            return call(*arguments)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()


def configure(
    service_name: str | None = None,
    *,
    console: Console = "auto",
    run_dir: RunDir = None,
    logs: bool = False,
    redact: Callable[[str], str] | None = None,
) -> Telemetry:
    """Set up tracing, metrics, logs and the console of an application.

    Sets the global providers where the application has none, with the exporters that the
    `OTEL_*` environment variables name; where they name none, the run is kept in a directory of
    its own. Adds to providers that are there already. Called again it changes the console, the
    redaction and whether logs are exported.

    Args:
        service_name: the resource attribute `service.name`; by default `OTEL_SERVICE_NAME`.
        console: `True` for bars, `False` for nothing, `"auto"` for bars on a terminal and
            plain lines on stderr elsewhere.
        run_dir: the directory that records this run, also beside an endpoint; never pruned. By
            default `TASKSPAN_RUN_DIR`, and without an endpoint a new directory in
            `TASKSPAN_RUNS_HOME`. `False`: none.
        logs: export the application's own log records as well, with trace and span ids.
        redact: called with each text that leaves the process in a span, a log record or a report,
            after secrets of well-known forms have been taken out; returns what may be kept.

    Raises:
        TypeError: `run_dir` is `True`.
        ValueError: `console` is none of the three.
    """
    if isinstance(run_dir, bool) and run_dir:  # what a caller without a type checker may try
        raise TypeError("run_dir must be a path, None or False, got True")
    views = views_for(console)
    _redaction.use_hook(redact)
    with _Once.lock:
        _set_up(service_name, run_dir)
    processor = _local.show(console, views)
    _watch(trace.get_tracer_provider(), processor)
    _stamp_log_records()
    if logs:
        _log_bridge.install()
    else:
        _log_bridge.remove()
    return Telemetry(processor)


def _set_up(service_name: str | None, run_dir: RunDir) -> None:
    missing = _providers.signals_without_provider()
    if not missing and (not run_dir or _local.is_recorded_in(run_dir)):
        return
    resource = _providers.resource_of(service_name)
    made = pipelines(_providers.service_name_of(resource), run_dir, missing)
    # Exit handlers run in reverse order: spans end first, and their end is counted and logged.
    if LOGS in missing:
        with guarded("the logger provider"):
            _providers.set_logger_provider(resource, made)
    if METRICS in missing:
        with guarded("the meter provider"):
            _providers.set_meter_provider(resource, made)
    if TRACES in missing:
        _providers.set_tracer_provider(resource, made)
    _providers.add_to_those_there(made, missing)
    _local.add_pipelines(made, _recorders(made))
    before_workers_end(_end_of_worker)


def _end_of_worker() -> None:
    """Let go of what a worker process has recorded, as exit handlers do in others."""
    Telemetry(_local.processor()).shutdown()


def _recorders(made: Pipelines) -> list[View]:
    """Return the views that write down what runs, where that goes anywhere."""
    recorders: list[View] = []
    if made.outlets["logs"]:
        from taskspan.views._log_events import LogEventsView  # noqa: PLC0415  loaded when used

        recorders.append(LogEventsView())
    if made.run is not None:
        from taskspan.views._run_report import RunReportView  # noqa: PLC0415  loaded when used

        recorders.append(RunReportView(made.run.report_path))
    return recorders


def _watch(provider: Any, processor: ProgressSpanProcessor) -> None:
    _registry.end_all_before_exit_of(provider)
    if not isinstance(provider, TracerProvider):
        return
    if not isinstance(provider.sampler, LocalVisibilitySampler):
        provider.sampler = LocalVisibilitySampler(provider.sampler)
    if _local.adds_to(provider):
        provider.add_span_processor(processor)


def _stamp_log_records() -> None:
    make = logging.getLogRecordFactory()
    if getattr(make, "stamps_trace_ids", False):
        return

    def stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        add_trace_ids(record)
        return record

    stamped.stamps_trace_ids = True  # type: ignore[attr-defined]  # seen by the next call
    logging.setLogRecordFactory(stamped)
