"""One trace across processes: from the one around this one, and on to its children.

Source: OpenTelemetry specification, "Environment Variables as Context Propagation Carriers":
the headers of W3C Trace Context and W3C Baggage in upper case.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator

from taskspan import _text
from taskspan._guard import attempt, guarded, warn_once
from taskspan.producer import _attach, _scope

_LONGEST_TRACEPARENT: Final = 512  # past it the propagator logs a line of its own


def joined(context: Context) -> Context:
    """Return a Context with the trace and baggage that the environment hands down.

    One that has a span stays as it is. An invalid `TRACEPARENT` is ignored, which is logged.
    """
    if _has_span(context):
        return context
    nothing: dict[str, str] = {}
    carrier = attempt("the environment", _attach.handed_down, nothing)
    traceparent = carrier.get("traceparent")
    if not carrier:
        return context
    if traceparent:
        context = _with_trace(context, traceparent, carrier)
    return attempt("BAGGAGE", lambda: _baggage_header().extract(carrier, context), context)


def _with_trace(context: Context, traceparent: str, carrier: Mapping[str, str]) -> Context:
    inside = context
    if len(traceparent) <= _LONGEST_TRACEPARENT:
        inside = attempt("TRACEPARENT", lambda: _trace_headers().extract(carrier, context), context)
    if not _has_span(inside):
        value = _text.one_line(traceparent, 80)
        warn_once("TRACEPARENT", "invalid", f"{value} is no trace context; a new trace starts")
    return inside


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a child process whose tasks belong to the operation around.

    `subprocess.run(command, env=taskspan.child_environment())`: what the child starts with
    taskspan lies below the caller's task or operation, in the same trace. Where there is none,
    a trace that this process was handed itself is handed on.

    Args:
        environ: what to start from, by default the variables of this process.

    Returns:
        A copy with `TRACEPARENT`, `TRACESTATE` and `BAGGAGE` (W3C Trace Context, W3C Baggage),
        and with `TASKSPAN_RUN_DIR` if this process is recorded in a run directory: what the
        child records is written there, too.
    """
    variables = _attach.variables() if environ is None else environ
    context = _scope.context_below(_scope.enclosing())
    if not _has_span(context):
        return dict(variables)
    carrier: dict[str, str] = {}
    with guarded("the trace of a child process"):
        _trace_headers().inject(carrier, context)
    with guarded("the baggage of a child process"):
        _baggage_header().inject(carrier, context)
    ours = {name.upper() for name in _trace_headers().fields | _baggage_header().fields}
    kept = {name: value for name, value in variables.items() if name not in ours}
    handed_on = {name.upper(): value for name, value in carrier.items()}
    nowhere: dict[str, str] = {}
    return kept | handed_on | attempt("the run directory", _attach.recorded_where, nowhere)


def _has_span(context: Context) -> bool:
    return trace.get_current_span(context).get_span_context().is_valid


# Loaded when first needed: most programs start alone and start no other.


@cache
def _trace_headers() -> TextMapPropagator:
    from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415  see above

    return tracecontext.TraceContextTextMapPropagator()


@cache
def _baggage_header() -> TextMapPropagator:
    from opentelemetry.baggage.propagation import W3CBaggagePropagator  # noqa: PLC0415  see above

    return W3CBaggagePropagator()
