"""What an endpoint's answer means for the request, and for those that follow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

from taskspan import _text
from taskspan._signals import Signal

_MESSAGE_LIMIT: Final = 200
_DIGITS: Final = 20  # 2 ** 64 has as many


class Verdict(Enum):
    """What follows from an answer."""

    TAKEN = auto()
    TOO_LARGE = auto()
    """The same in smaller requests may be taken."""
    REFUSED = auto()
    """This request is not taken, whenever it is sent; others may be."""
    NOT_SERVED = auto()
    """No request of this signal is taken here."""
    STOP = auto()
    """No request is taken now; later, or after something was changed, they may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is its beginning, `location` where it redirects to."""

    status: int
    body: bytes = b""
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """What a taken request's answer says of it: records that were left out, and a remark."""

    rejected: int = 0
    message: str = ""


class StoppedError(Exception):
    """The endpoint does not answer, or takes nothing now; the message is one line."""


_NOT_SERVED: Final = frozenset(
    {
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
RETRIED: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Statuses that pass by themselves (OTLP specification, "Retryable response codes")."""

# What the OpenTelemetry Collector (0.155) and Jaeger answer where the specification has 413: the
# text of Go's http.MaxBytesError.
_COLLECTORS_TOO_LARGE: Final = b"http: request body too large"

_DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def verdict(answer: Answer) -> Verdict:
    """Return what follows from a status."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004  the class of success
        return Verdict.TAKEN
    if _is_too_large(answer):
        return Verdict.TOO_LARGE
    if status in _NOT_SERVED:
        return Verdict.NOT_SERVED
    if status in _DENIED or status in RETRIED or status < 400:  # noqa: PLR2004  redirects
        return Verdict.STOP
    return Verdict.REFUSED


def _is_too_large(answer: Answer) -> bool:
    if answer.status == HTTPStatus.BAD_REQUEST:
        return _COLLECTORS_TOO_LARGE in answer.body
    return answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def described(answer: Answer) -> str:
    """Return an answer's status and message on one line."""
    if answer.location is not None:
        target = _text.one_line(answer.location, _MESSAGE_LIMIT)
        return f"HTTP {answer.status} to {target}: redirects are not followed"
    message = _message(answer.body)
    return f"HTTP {answer.status}: {message}" if message else f"HTTP {answer.status}"


def partial(answer: Answer, signal: Signal) -> Partial:
    """Return the `partialSuccess` of an answer; an answer that is no OTLP JSON has none."""
    found = _decoded(answer.body).get("partialSuccess")
    if not isinstance(found, dict):
        return Partial()
    message = found.get("errorMessage")
    return Partial(
        _count(found.get(signal.rejected)),
        _text.one_line(message, _MESSAGE_LIMIT) if isinstance(message, str) else "",
    )


def _count(value: object) -> int:
    # JSON of a 64-bit number is a string.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS:
        return int(value)
    return value if type(value) is int and value > 0 else 0


def _message(body: bytes) -> str:
    content = _decoded(body)
    message = content.get("message")
    if not isinstance(message, str):
        message = "" if content else body.decode("utf-8", "replace")
    return _text.one_line(message.strip(), _MESSAGE_LIMIT)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
