"""What this process shows of itself: one processor, its views, and where spans come from."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from opentelemetry import trace
from opentelemetry.sdk.trace import Span, Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import DEFAULT_ON

from taskspan._fork import in_child
from taskspan._guard import warn_once
from taskspan._live import LiveProgress
from taskspan._protocols import View
from taskspan._version import __version__
from taskspan.configuration import _environment
from taskspan.configuration._console import Console, views_for
from taskspan.configuration._sampler import LocalVisibilitySampler
from taskspan.conventions import INSTRUMENTATION_SCOPE
from taskspan.processor._processor import ProgressSpanProcessor

if TYPE_CHECKING:  # a task without `configure` needs none of it
    from taskspan.configuration._pipelines import Pipelines


@dataclass(frozen=True, slots=True)
class TracerSource:
    """A tracer, and the provider it comes from."""

    provider: trace.TracerProvider
    tracer: trace.Tracer


class _State:
    """What is made once in a process, on demand."""

    # Protects the fields; nothing is called under it but their constructors.
    lock = threading.Lock()
    console: Console | None = None
    processor: ProgressSpanProcessor | None = None
    private_provider: TracerProvider | None = None
    pipelines: Sequence[Pipelines] = ()
    recorders: Sequence[View] = ()
    watched_providers: ClassVar[weakref.WeakSet[object]] = weakref.WeakSet()


def _renew_in_child() -> None:
    # Another thread of the parent process may have held it at the fork.
    _State.lock = threading.Lock()


in_child(_renew_in_child)


def processor() -> ProgressSpanProcessor:
    """Return the process's own processor, with a console that fits where it runs."""
    with _State.lock:
        if _State.processor is None or _State.processor.is_shut_down:
            _State.processor = ProgressSpanProcessor(views_for("auto"))
            _State.watched_providers.clear()
        return _State.processor


def show(console: Console, views: Sequence[View]) -> ProgressSpanProcessor:
    """Return the process's own processor after giving it views beside those that record.

    `console` is what they stand for.
    """
    own = processor()
    own.set_views([*views, *_State.recorders])
    _State.console = console
    return own


def add_pipelines(made: Pipelines, recorders: Sequence[View]) -> None:
    """Keep what records this process, and the views that write for it."""
    _State.pipelines = [*_State.pipelines, made]
    _State.recorders = [*_State.recorders, *recorders]


def pipelines() -> Sequence[Pipelines]:
    """Return what records this process."""
    return _State.pipelines


def run_directory() -> Path | None:
    """Return the directory that records this process, if one does."""
    return next((made.run.path for made in _State.pipelines if made.run is not None), None)


def is_recorded_in(directory: str | Path) -> bool:
    """Whether this process is being recorded in a directory already."""
    path = Path(directory).resolve()
    runs = [made.run for made in _State.pipelines if made.run is not None]
    return any(run.path.resolve() == path for run in runs)


def adds_to(provider: object) -> bool:
    """Whether the process's own processor is still to be added to a provider; then it is."""
    with _State.lock:
        is_new = provider not in _State.watched_providers
        _State.watched_providers.add(provider)
        return is_new


def forget_console() -> None:
    """Go back to what a process shows that has configured nothing."""
    _State.console = None


def tracer_source() -> TracerSource:
    """Return the application's provider, or a private one where it has set none.

    The tracer of a real provider gets a sampler that keeps tasks visible; spans of other
    tracers are sampled as before.
    """
    provider = trace.get_tracer_provider()
    if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        provider = _private_provider()
    tracer = provider.get_tracer(INSTRUMENTATION_SCOPE, __version__)
    if isinstance(tracer, Tracer) and not isinstance(tracer.sampler, LocalVisibilitySampler):
        tracer.sampler = LocalVisibilitySampler(tracer.sampler)
    return TracerSource(provider, tracer)


def _private_provider() -> TracerProvider:
    with _State.lock:
        if _State.private_provider is None:
            _State.private_provider = TracerProvider(sampler=DEFAULT_ON)
        return _State.private_provider


def watch(source: TracerSource, span: trace.Span, progress: LiveProgress) -> None:
    """Let the process's own processor watch a span that no other has taken in.

    It is added to the provider too, for the spans that follow.
    """
    own = processor()
    add = getattr(source.provider, "add_span_processor", None)
    if not callable(add) or not isinstance(span, Span):
        warn_once(
            "the tracer provider",
            "foreign",
            f"{type(source.provider).__name__} takes no span processors: no bars are drawn",
        )
        return
    if adds_to(source.provider):
        add(own)
    own.watch(span, progress)


def is_quiet() -> bool:
    """Whether a task that was not told shows nothing: follows `configure`, else the place.

    Without `configure` it does on anything but a terminal, and in continuous integration.
    """
    if _State.console is not None:
        return _State.console is False
    return _environment.is_continuous_integration() or not _environment.stdout_is_terminal()
