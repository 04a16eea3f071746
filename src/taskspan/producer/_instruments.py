"""The metrics of tasks and operations as OpenTelemetry instruments.

Made once, on the global meter: it starts to record when the application sets a meter
provider, also after the first task. What changes all the time is pulled when the reader
collects, never pushed by the loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from taskspan import _text, conventions
from taskspan._fork import in_child
from taskspan._live import LiveProgress
from taskspan._memory import PROBE
from taskspan._version import __version__
from taskspan.conventions import KIND_OPERATION, KIND_TASK
from taskspan.producer import _registry

_SeriesKey: TypeAlias = tuple[str, str, str]
_Attributes: TypeAlias = dict[str, str | bool]

MAX_SERIES: Final = 1000
"""Combinations of task type, operation name and unit that are told apart.

The rest is one series with the attribute `otel.metric.overflow` (OpenTelemetry
specification, metrics SDK, "Cardinality limits").
"""

_OVERFLOW: Final[_SeriesKey] = ("", "", "")


@dataclass(slots=True)
class _Series:
    """What is left of the ended operations of one series."""

    items: int = 0
    throughput: float = 0.0
    memory_peak: int = 0


@dataclass(slots=True)
class _Sum:
    """The running operations of one series, added up."""

    active: int = 0
    items: int = 0
    completed_of_total: int = 0
    total: int = 0
    throughput: float = 0.0
    memory_peak: int = 0


_series: dict[_SeriesKey, _Series] = {}


class _State:
    # Keeps `_series` and what is running together: an operation is in exactly one of them
    # whenever a reader looks, else the counter of items would fall. Nothing foreign is called
    # under it. Re-entrant, as a signal handler may end an operation while its thread is at it.
    lock = threading.RLock()


def _renew_in_child() -> None:
    # Another thread of the parent process may have held it at the fork.
    _State.lock = threading.RLock()


in_child(_renew_in_child)


def take_over(operation: _registry.Running) -> None:
    """Count an operation among the ended ones, no longer among the running ones."""
    progress = operation.progress
    with _State.lock:
        _registry.remove(operation)
        if progress.kind == KIND_OPERATION:
            series = _series[_registered(_key(progress))]
            series.items += progress.metrics["current"]
            series.throughput = progress.throughput
            series.memory_peak = progress.peak_memory


def record_end(progress: LiveProgress) -> None:
    """Record the duration of a task or operation that has just ended."""
    outcome = {conventions.OUTCOME: str(progress.outcome)}
    if progress.kind == KIND_TASK:
        attributes = {conventions.TASK_TYPE: _text.name(progress.task_type), **outcome}
        _task_duration.record(progress.elapsed_s, attributes)
        return
    _operation_duration.record(progress.elapsed_s, {**_name_attributes(progress), **outcome})


def _registered(key: _SeriesKey) -> _SeriesKey:
    """Return the key a series is kept under, its own or the overflow; call under the lock."""
    if key not in _series and len(_series) >= MAX_SERIES:
        key = _OVERFLOW
    _series.setdefault(key, _Series())
    return key


def _key(progress: LiveProgress) -> _SeriesKey:
    return _text.name(progress.task_type), _text.name(progress.name), _text.name(progress.unit)


def _name_attributes(progress: LiveProgress) -> dict[str, str]:
    names = {conventions.OPERATION_NAME: _text.name(progress.name)}
    if progress.task_type:
        names[conventions.TASK_TYPE] = _text.name(progress.task_type)
    return names


def _attributes(key: _SeriesKey) -> _Attributes:
    if key == _OVERFLOW:
        return {"otel.metric.overflow": True}
    task_type, name, unit = key
    attributes: _Attributes = {
        conventions.OPERATION_NAME: name,
        conventions.PROGRESS_UNIT: conventions.unit_annotation(unit),
    }
    if task_type:
        attributes[conventions.TASK_TYPE] = task_type
    return attributes


def _sums() -> dict[_SeriesKey, _Sum]:
    """Return what runs; call under the lock if `_series` is read too."""
    sums: dict[_SeriesKey, _Sum] = {}
    with _State.lock:
        for operation in _registry.running():
            progress = operation.progress
            if progress.kind == KIND_OPERATION:
                _add(sums.setdefault(_registered(_key(progress)), _Sum()), progress)
    return sums


def _add(sums: _Sum, progress: LiveProgress) -> None:
    completed = progress.counter.completed
    sums.active += 1
    sums.items += completed
    sums.throughput += progress.throughput
    sums.memory_peak = max(sums.memory_peak, progress.peak_memory)
    if progress.total:
        sums.total += progress.total
        sums.completed_of_total += min(completed, progress.total)


def _observe_items(_: CallbackOptions) -> Iterable[Observation]:
    with _State.lock:
        running = _sums()
        ended = {key: series.items for key, series in _series.items()}
    for key, items in ended.items():
        now = running[key].items if key in running else 0
        yield Observation(items + now, _attributes(key))


def _observe_active(_: CallbackOptions) -> Iterable[Observation]:
    with _State.lock:
        running = _sums()
        keys = list(_series)
    # A series that was active keeps being reported, as 0: a gap would read as "still active".
    for key in keys:
        yield Observation(running[key].active if key in running else 0, _attributes(key))


def _observe_progress(_: CallbackOptions) -> Iterable[Observation]:
    for key, sums in _sums().items():
        if sums.total:
            yield Observation(sums.completed_of_total / sums.total, _attributes(key))


def _running_or_last(
    of_running: Callable[[_Sum], float], of_ended: Callable[[_Series], float]
) -> Iterable[Observation]:
    with _State.lock:
        running = _sums()
        values = {key: of_ended(series) for key, series in _series.items()}
    values.update({key: of_running(sums) for key, sums in running.items()})
    for key, value in values.items():
        yield Observation(value, _attributes(key))


def _observe_throughput(_: CallbackOptions) -> Iterable[Observation]:
    return _running_or_last(lambda s: s.throughput, lambda s: s.throughput)


def _observe_memory_peak(_: CallbackOptions) -> Iterable[Observation]:
    return _running_or_last(lambda s: s.memory_peak, lambda s: s.memory_peak)


def _observe_process_memory(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(PROBE.sample())]


_meter = get_meter(conventions.INSTRUMENTATION_SCOPE, __version__)
# From a hundredth of a second to a day: the SDK's own buckets are made for milliseconds.
_BUCKETS_S: Final = (0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 14_400, 43_200, 86_400)
_task_duration = _meter.create_histogram(
    conventions.TASK_DURATION,
    unit="s",
    description="How long tasks took",
    explicit_bucket_boundaries_advisory=_BUCKETS_S,
)
_operation_duration = _meter.create_histogram(
    conventions.OPERATION_DURATION,
    unit="s",
    description="How long operations took",
    explicit_bucket_boundaries_advisory=_BUCKETS_S,
)
_meter.create_observable_counter(
    conventions.OPERATION_ITEMS, [_observe_items], "{item}", "Items completed"
)
_meter.create_observable_up_down_counter(
    conventions.OPERATION_ACTIVE, [_observe_active], "{operation}", "Operations running now"
)
_meter.create_observable_gauge(
    conventions.OPERATION_PROGRESS, [_observe_progress], "1", "Completed / total"
)
_meter.create_observable_gauge(
    conventions.OPERATION_THROUGHPUT, [_observe_throughput], "{item}/s", "Items per second"
)
_meter.create_observable_gauge(
    conventions.OPERATION_MEMORY_PEAK, [_observe_memory_peak], "By", "Peak process memory"
)
_meter.create_observable_up_down_counter(
    conventions.PROCESS_MEMORY, [_observe_process_memory], "By", "Resident memory"
)
