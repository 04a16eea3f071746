"""Where the records of each signal go: to the endpoints of the environment, or to a run directory.

The rule: what the environment names gets it. Where it names nothing, a new directory in the home
of runs does. A directory that the application or `TASKSPAN_RUN_DIR` names always does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from opentelemetry.sdk.metrics.export import MetricReader

from taskspan._guard import LOGGER, warn_once
from taskspan._signals import SIGNALS, TRACES, Signal, SignalName
from taskspan.configuration import _environment, _run_directory
from taskspan.configuration._exporters import Exporting, exporters
from taskspan.configuration._outbox import Outbox
from taskspan.configuration._run_directory import RunDirectory
from taskspan.configuration._sending import ExporterSender, Outlet

RunDir: TypeAlias = str | Path | Literal[False] | None
"""What `configure(run_dir=...)` takes."""


@dataclass(slots=True)
class Pipelines:
    """The outlets of each signal, what they share, and readers that are asked for metrics."""

    run: RunDirectory | None
    outbox: Outbox
    outlets: dict[SignalName, list[Outlet]] = field(
        default_factory=lambda: {signal.name: [] for signal in SIGNALS}
    )
    readers: list[MetricReader] = field(default_factory=list)


def pipelines(service_name: str, run_dir: RunDir, signals: Collection[Signal]) -> Pipelines:
    """Return the pipelines of the signals that the application has no provider for."""
    run = _run(service_name, run_dir, signals)
    outbox = Outbox(run, lambda: _run_directory.in_home(service_name))
    made = Pipelines(run, outbox)
    for signal in () if _environment.sdk_is_disabled() else signals:
        for exporting in exporters(signal):
            _add(made, signal, exporting)
        if run is None and _is_left_without(made, signal):
            _keep_instead(made, signal)
    if run is not None:
        for signal in SIGNALS:
            made.outlets[signal.name].append(_outlet_into(run, signal))
    outbox.start()
    return made


def _is_left_without(made: Pipelines, signal: Signal) -> bool:
    """Whether an endpoint is asked for, and no exporter could be made for it."""
    asked = _environment.exporter_names(signal.name)
    return not made.outlets[signal.name] and any(name.startswith("otlp") for name in asked)


def _keep_instead(made: Pipelines, signal: Signal) -> None:
    run = made.outbox.opened_run()
    if run is not None:
        made.outlets[signal.name].append(_outlet_into(run, signal))
        warn_once("runs", "instead", f"what cannot be exported is kept in {run.path}")


def _outlet_into(run: RunDirectory, signal: Signal) -> Outlet:
    file = run.files[signal.name]
    return Outlet(file.write, file.close)


def _add(made: Pipelines, signal: Signal, exporting: Exporting) -> None:
    exporter = exporting.exporter
    if isinstance(exporter, MetricReader):
        made.readers.append(exporter)
    elif exporting.is_otlp:
        endpoint = _environment.shown_endpoint(signal.name)
        # A replay speaks HTTP: who exports over gRPC knows the port for that.
        replay_to = "http://HOST:4318" if _environment.is_grpc(signal.name) else endpoint
        sender = ExporterSender(signal, exporter, endpoint, replay_to, exporting.last_answer)
        delivery = made.outbox.add(signal, sender)
        outlet = Outlet(delivery.hand_over, lambda: made.outbox.close(delivery), exporter)
        made.outlets[signal.name].append(outlet)
    else:
        made.outlets[signal.name].append(Outlet(exporter.export, exporter.shutdown, exporter))


def _run(service_name: str, run_dir: RunDir, signals: Collection[Signal]) -> RunDirectory | None:
    """Return the directory that records the run, if one does."""
    if run_dir is False or _environment.sdk_is_disabled():
        return None
    directory = run_dir or _environment.run_directory()
    if directory is None and (TRACES not in signals or _environment.says_where_to_export()):
        return None
    try:
        if directory is None:
            return _run_directory.in_home(service_name)
        return _run_directory.named(Path(directory))
    except (OSError, RuntimeError, ValueError) as error:  # no home directory; a NUL in a path
        LOGGER.warning(
            "the run is not kept on disk: %s; name a directory with configure(run_dir=...) or "
            "TASKSPAN_RUNS_HOME, or switch it off with run_dir=False",
            error,
        )
        return None
