"""Where a span comes from, if not from where its code runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link


@dataclass(frozen=True, slots=True)
class Origin:
    """The Context that a span starts in, `None` for the current one, and what it links to."""

    context: Context | None = None
    links: tuple[Link, ...] = ()


HERE: Final = Origin()


def origin(context: object, links: Sequence[Link] | None) -> Origin:
    """Return the origin that a caller has named.

    Raises:
        TypeError: `context` is no `Context` of OpenTelemetry, or `links` are no `Link`s.
    """
    if context is None and links is None:
        return HERE
    if context is not None and not isinstance(context, Context):
        raise TypeError(f"context must be an OpenTelemetry Context, got {type(context).__name__}")
    taken = tuple(links or ())
    for link in taken:
        if not isinstance(link, Link):
            raise TypeError(f"links must be OpenTelemetry Links, got {type(link).__name__}")
    return Origin(context, taken)
