"""Makes two smaller requests of one that an endpoint finds too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taskspan._signals import Signal


def halves(content: dict[str, Any], signal: Signal) -> tuple[dict[str, Any], ...]:
    """Return two requests that together hold what `content` holds, or none for a single record.

    What is more than one is halved, from the outside in: resources, scopes, records.
    """
    return _halved(content, (signal.resources, signal.scopes, signal.records))


def _halved(part: dict[str, Any], keys: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    if not keys:
        return ()
    key, *inner = keys
    members = part.get(key)
    if not isinstance(members, list) or not members:
        return ()
    if len(members) > 1:
        middle = len(members) // 2
        return {**part, key: members[:middle]}, {**part, key: members[middle:]}
    if not isinstance(members[0], dict):
        return ()
    return tuple({**part, key: [half]} for half in _halved(members[0], tuple(inner)))


def count_records(content: dict[str, Any], signal: Signal) -> int:
    """Return how many spans, metrics or log records a request holds."""
    return sum(
        len(_members(scope, signal.records))
        for resource in _dicts(content, signal.resources)
        for scope in _dicts(resource, signal.scopes)
    )


def _dicts(part: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    return (member for member in _members(part, key) if isinstance(member, dict))


def _members(part: dict[str, Any], key: str) -> list[Any]:
    members = part.get(key)
    return members if isinstance(members, list) else []
