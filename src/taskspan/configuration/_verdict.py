"""What came of sending a batch, told by what the exporter returned and logged.

Sources: OpenTelemetry protocol specification, "Failures" (OTLP/gRPC and OTLP/HTTP response
codes, retryable or not).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses
from typing import Final

from taskspan import _text
from taskspan.configuration._exporter_log import ExporterLog

_REASON_LIMIT: Final = 200
_USER_AND_PASSWORD: Final = re.compile(r"[^\s/@'\"]{1,200}:[^\s/@]{0,200}@")


class Fate(enum.Enum):
    """What becomes of a batch that was sent."""

    DELIVERED = enum.auto()
    TRY_AGAIN = enum.auto()
    """Not now: unreachable, overloaded, no answer, or a reason that is not known."""
    TOO_LARGE = enum.auto()
    REJECTED = enum.auto()
    """This batch is not accepted; another may be."""
    NOT_TAKEN = enum.auto()
    """The endpoint does not take this signal at all."""
    NOT_ALLOWED = enum.auto()
    """The endpoint wants other credentials."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered over HTTP.

    `retry_after_s` in seconds, if it said so; `body` is the beginning of one.
    """

    status: int
    reason: str
    retry_after_s: float | None = None
    body: bytes = b""

    @property
    def is_redirect(self) -> bool:
        """Whether the endpoint says that it is elsewhere."""
        return HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST

    @property
    def is_too_large(self) -> bool:
        """Whether a smaller request may be taken: the Collector says 400, and why in the body."""
        is_said = self.status == HTTPStatus.BAD_REQUEST and b"too large" in self.body
        return is_said or self.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a batch, why, and how many seconds to wait before the next try."""

    fate: Fate
    reason: str = ""
    wait_s: float | None = None


DELIVERED: Final = Verdict(Fate.DELIVERED)
_UNKNOWN: Final = Verdict(Fate.TRY_AGAIN, "no answer")

_HTTP_FATES: Final[dict[int, Fate]] = {
    HTTPStatus.REQUEST_TIMEOUT: Fate.TRY_AGAIN,
    HTTPStatus.TOO_MANY_REQUESTS: Fate.TRY_AGAIN,
    HTTPStatus.NOT_FOUND: Fate.NOT_TAKEN,
    HTTPStatus.METHOD_NOT_ALLOWED: Fate.NOT_TAKEN,
    HTTPStatus.NOT_IMPLEMENTED: Fate.NOT_TAKEN,
    HTTPStatus.UNAUTHORIZED: Fate.NOT_ALLOWED,
    HTTPStatus.FORBIDDEN: Fate.NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: Fate.NOT_ALLOWED,
}

_GRPC_FATES: Final = {
    "UNIMPLEMENTED": Fate.NOT_TAKEN,
    "UNAUTHENTICATED": Fate.NOT_ALLOWED,
    "PERMISSION_DENIED": Fate.NOT_ALLOWED,
    "INVALID_ARGUMENT": Fate.REJECTED,
    "FAILED_PRECONDITION": Fate.REJECTED,
}


def failure(log: ExporterLog, answer: Answer | None) -> Verdict:
    """Return the verdict on a batch that was not delivered.

    `answer` is the last one over HTTP, where it could be seen; the rest is in the log.
    """
    if answer is not None and answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return _by_status(answer)
    if any("max_request_size" in str(record.msg) for record in log.records):
        return Verdict(Fate.TOO_LARGE, "too large for a request")
    told = (_by_arguments(arguments) for arguments in log.told())
    return next((verdict for verdict in told if verdict is not None), _UNKNOWN)


def _by_arguments(arguments: list[object]) -> Verdict | None:
    """Return the verdict that the arguments of one log record tell."""
    texts = [argument for argument in arguments if isinstance(argument, str)]
    for argument in arguments:
        if isinstance(argument, BaseException):
            # What is no failure of the connection comes from a record that cannot be encoded.
            # Smaller batches lead to it; those of HTTP clients are all `OSError`.
            is_of_connection = isinstance(argument, OSError)
            fate = Fate.TRY_AGAIN if is_of_connection else Fate.TOO_LARGE
            return Verdict(fate, reason_of(argument))
        if isinstance(argument, enum.Enum):
            return _by_code(argument.name, texts[-1] if texts else "")
    return Verdict(Fate.TRY_AGAIN, _shortened(texts[0])) if texts else None


def _by_status(answer: Answer) -> Verdict:
    if answer.is_redirect:
        fate = Fate.NOT_TAKEN
    else:
        fate = Fate.TOO_LARGE if answer.is_too_large else _fate_of(answer.status)
    reason = f"{answer.status} {answer.reason or responses.get(answer.status, '')}".strip()
    return Verdict(fate, _shortened(reason), answer.retry_after_s)


def _fate_of(status: int) -> Fate:
    is_fault_of_ours = status < HTTPStatus.INTERNAL_SERVER_ERROR
    otherwise = Fate.REJECTED if is_fault_of_ours else Fate.TRY_AGAIN
    return _HTTP_FATES.get(status, otherwise)


def _by_code(code: str, details: str) -> Verdict:
    """Return the verdict on a gRPC status code."""
    is_too_large = code == "RESOURCE_EXHAUSTED" and "larger than max" in details
    fate = Fate.TOO_LARGE if is_too_large else _GRPC_FATES.get(code, Fate.TRY_AGAIN)
    return Verdict(fate, _shortened(f"{code}: {details}"))


def reason_of(error: BaseException) -> str:
    """Return why in a few words: what the operating system or the TLS library said.

    HTTP clients wrap it in several exceptions with long texts.
    """
    innermost = list(_chain(error))[-1]
    told = getattr(innermost, "verify_message", None) or getattr(innermost, "strerror", None)
    return _shortened(told if isinstance(told, str) else _text.shown(innermost))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = _cause(current)


def _cause(error: BaseException) -> BaseException | None:
    inside = error.args[0] if error.args else None
    candidates = (error.__cause__, getattr(inside, "reason", None), inside, error.__context__)
    return next((found for found in candidates if isinstance(found, BaseException)), None)


def _shortened(reason: str) -> str:
    # An address with user and password may have no scheme, by which it would be known for one.
    return _text.one_line(_USER_AND_PASSWORD.sub("", reason), _REASON_LIMIT)
