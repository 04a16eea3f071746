"""Which task or operation encloses the code that is running, and in which Context."""

from __future__ import annotations

from typing import Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context

from taskspan import _carrier
from taskspan.producer import _registry
from taskspan.producer._operation import Operation

_SCOPE: Final = otel_context.create_key("taskspan-scope")


def enclosing(context: Context | None = None) -> Operation | None:
    """Return the innermost running operation or task around the caller, or in a Context.

    A thread that was started without a Context belongs to the process's task, if just
    one is running.
    """
    operation = enclosing_here(context)
    if operation is None and not trace.get_current_span().get_span_context().is_valid:
        task = _registry.only_task()
        return task if isinstance(task, Operation) else None
    return operation


def enclosing_here(context: Context | None = None) -> Operation | None:
    """Return the innermost running operation or task of a Context, else of the current one.

    A Context that came from another process has none: its span is the parent, but what is
    started ends with the block that it stands in.
    """
    given = None if context is None else _innermost_running(context)
    return given or _innermost_running(otel_context.get_current())


def context_below(parent: Operation | None) -> Context:
    """Return the Context in which a child of `parent` starts.

    The current one where it lies within `parent`, so that a foreign span in between stays
    the child's parent; else the Context of `parent` itself.
    """
    current = otel_context.get_current()
    scope = current.get(_SCOPE)
    if scope is parent:
        return current
    if parent is not None:
        return context_within(parent)
    if not isinstance(scope, Operation):
        return current
    # Left behind by a loop that could not restore the Context: whatever was there before.
    while scope.parent is not None:
        scope = scope.parent
    return scope.parent_context


def context_within(operation: Operation) -> Context:
    """Return the Context in which the work of `operation` runs."""
    context = trace.set_span_in_context(operation.span, operation.parent_context)
    context = _carrier.with_enclosing(operation.progress, context)
    return otel_context.set_value(_SCOPE, operation, context)


def lies_within(operation: Operation) -> bool:
    """Whether the current Context is inside `operation`."""
    return encloses(operation, enclosing_here())


def encloses(operation: Operation, innermost: Operation | None) -> bool:
    """Whether `innermost` is `operation`, or lies inside it."""
    while innermost is not None and innermost is not operation:
        innermost = innermost.parent
    return innermost is operation


class Attachment:
    """Makes the Context of an operation the current one until `detach`."""

    __slots__ = ("_operation", "_token")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._token = otel_context.attach(context_within(operation))

    def detach(self) -> None:
        """Restore the Context of before, if the current one lies within the operation.

        It does not where a generator is closed in a Context that is not its own, or where
        a block around it has restored what was before both.
        """
        scope = otel_context.get_current().get(_SCOPE)
        while isinstance(scope, Operation) and scope is not self._operation:
            scope = scope.parent
        if scope is self._operation:
            otel_context.detach(self._token)


def _innermost_running(context: Context) -> Operation | None:
    scope = context.get(_SCOPE)
    operation = scope if isinstance(scope, Operation) else None
    while operation is not None and operation.has_ended:
        operation = operation.parent
    return operation
