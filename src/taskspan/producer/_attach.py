"""Finds the application's tracer provider, or makes a private one, for what draws by itself.

A task and a stand-alone tracker are an application's choice: they show their bars without
`configure()`. Whether somebody already listens is told by the first span itself: a
processor that takes it in says so. This is the one place where the producer reaches up, by
an import inside a function.
"""

from __future__ import annotations

from opentelemetry.trace import Tracer

from taskspan import _guard
from taskspan._live import LiveProgress
from taskspan.producer import _opening, _registry, _scope
from taskspan.producer._operation import Operation


def open_stand_alone(progress: LiveProgress, parent: Operation | None = None) -> Operation:
    """Start an operation on its own, below `parent` or what encloses the caller, if anything."""
    above = parent if parent is not None else _scope.enclosing()
    if above is not None:
        return _opening.open_operation(progress, above)
    return open_root(progress)


def open_root(progress: LiveProgress) -> Operation:
    """Start a task or operation that must be seen, whatever the application has configured."""
    from taskspan.configuration import _local  # noqa: PLC0415  see the module's docstring

    _registry.end_abandoned()
    source = _guard.attempt("the tracer provider", _local.tracer_source, None)
    tracer: Tracer = _opening.global_tracer() if source is None else source.tracer
    if source is not None:
        _registry.end_all_before_exit_of(source.provider)
    parent = _scope.enclosing_here()
    if parent is not None:
        progress.parent = parent.progress
        progress.is_drawn = progress.is_drawn and parent.progress.is_drawn
    operation = Operation(progress, tracer, parent, _scope.context_below(parent)).join()
    if source is not None and progress.watcher is None and operation.span.is_recording():
        with _guard.guarded("the progress processor"):
            _local.watch(source, operation.span, progress)
    return operation


def is_quiet_by_default() -> bool:
    """Whether a task that was not told draws nothing."""
    from taskspan.configuration import _local  # noqa: PLC0415  see the module's docstring

    return _guard.attempt("the console", _local.is_quiet, True)
