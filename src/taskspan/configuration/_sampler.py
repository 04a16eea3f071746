"""Keeps tasks and operations visible where a sampler drops them: seen here, not exported."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from taskspan import conventions


class LocalVisibilitySampler(Sampler):
    """Asks another sampler, and records what it drops if it carries `taskspan.kind`.

    `RECORD_ONLY` (OpenTelemetry specification, trace SDK, "Sampling"): processors see the
    span, exporters do not, and the sampled flag that travels on is the other sampler's.
    """

    def __init__(self, inner: Sampler) -> None:
        """Wrap `inner`."""
        self.inner = inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the inner sampler's decision, with `RECORD_ONLY` for `DROP` where it is ours."""
        result = self.inner.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        if result.decision is not Decision.DROP or conventions.KIND not in (attributes or {}):
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Return a description that names the inner sampler."""
        return f"LocalVisibilitySampler{{{self.inner.get_description()}}}"
