"""Opens operations below whatever encloses the caller."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context

from taskspan._guard import attempt
from taskspan._live import LiveProgress
from taskspan._version import __version__
from taskspan.conventions import INSTRUMENTATION_SCOPE, KIND_OPERATION, KIND_TASK
from taskspan.producer import _attach, _processes, _registry, _scope
from taskspan.producer._operation import Operation
from taskspan.producer._origin import HERE, Origin


def open_operation(
    progress: LiveProgress,
    parent: Operation | None,
    counted_by: Operation | None = None,
    origin: Origin = HERE,
) -> Operation:
    """Start the span of an operation below `parent`, or on its own where there is none.

    `counted_by` is the task whose count of operations grows when it ends.
    """
    _registry.end_abandoned()
    if parent is not None:
        _inherit(progress, parent.progress)
        tracer = parent.tracer
    else:
        tracer = global_tracer()
        _registry.end_all_before_exit_of(trace.get_tracer_provider())
    context = _context_of(parent, origin)
    return Operation(progress, tracer, parent, context, counted_by, origin.links).join()


def open_enclosed(progress: LiveProgress, origin: Origin = HERE) -> Operation:
    """Start an operation where the caller stands; a task directly around it counts it."""
    parent = _scope.enclosing(origin.context)
    is_in_task = parent is not None and parent.progress.kind == KIND_TASK
    return open_operation(progress, parent, parent if is_in_task else None, origin)


def open_stand_alone(progress: LiveProgress, parent: Operation | None = None) -> Operation:
    """Start an operation on its own, below `parent` or what encloses the caller, if anything."""
    above = parent if parent is not None else _scope.enclosing()
    if above is not None:
        return open_operation(progress, above)
    return open_root(progress)


def open_root(progress: LiveProgress, origin: Origin = HERE) -> Operation:
    """Start a task or operation that must be seen, whatever the application has configured."""
    _registry.end_abandoned()
    source = _attach.tracer_source()
    tracer: trace.Tracer = global_tracer() if source is None else source.tracer
    if source is not None:
        _registry.end_all_before_exit_of(source.provider)
    parent = _scope.enclosing_here(origin.context)
    if parent is not None:
        progress.parent = parent.progress
        progress.is_drawn = progress.is_drawn and parent.progress.is_drawn
    context = _context_of(parent, origin)
    operation = Operation(progress, tracer, parent, context, links=origin.links).join()
    if source is not None:
        _attach.watch(source, operation)
    return operation


def _context_of(parent: Operation | None, origin: Origin) -> Context:
    """Return the Context that a span starts in: the given one, the current, the process's."""
    if origin.context is not None:
        return origin.context
    context = _scope.context_below(parent)
    return context if parent is not None else _processes.joined(context)


def detached(description: str) -> Operation:
    """Return an operation that is none: without a span, seen by nobody."""
    progress = operation_progress(description, 0, "items", None, leave=False, is_drawn=False)
    return Operation(progress, trace.NoOpTracer(), None, Context())


def operation_progress(
    name: str,
    total: int | None,
    unit: str,
    description: str | None,
    leave: bool,
    *,
    is_drawn: bool = True,
) -> LiveProgress:
    """Return the state of an operation that has not started yet."""
    return LiveProgress(
        kind=KIND_OPERATION,
        name=name,
        description=name if description is None else description,
        unit=unit,
        total=total,
        leaves_bar=leave,
        is_drawn=is_drawn,
    )


def global_tracer() -> trace.Tracer:
    """Return the tracer of the application's provider; a no-op one where it has none."""
    nothing: trace.Tracer = trace.NoOpTracer()
    return attempt(
        "the tracer provider",
        lambda: trace.get_tracer(INSTRUMENTATION_SCOPE, __version__),
        nothing,
    )


def _inherit(progress: LiveProgress, parent: LiveProgress) -> None:
    progress.parent = parent
    progress.task_type = parent.task_type
    progress.task_id = parent.task_id
    progress.reporter = parent.reporter
    progress.is_drawn = progress.is_drawn and parent.is_drawn
