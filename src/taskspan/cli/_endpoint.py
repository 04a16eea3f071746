"""Where a run is sent, and with what: checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from opentelemetry.util.re import parse_env_headers

from taskspan import _text

DEFAULT_TIMEOUT_S: Final = 10.0
"""Seconds for one request, as OpenTelemetry's exporters have it."""

LONGEST_TIMEOUT_S: Final = 3600.0
"""Seconds of the longest timeout that is taken."""

_SCHEMES: Final = ("http", "https")
_SIGNAL_PATH: Final = re.compile(r"/v1/(traces|metrics|logs)$")
_URL_LIMIT: Final = 500

# RFC 9110: a token, and a value of visible characters, spaces and tabs.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OTLP/HTTP endpoint, and how to talk to it.

    `url` is the base, without `/v1/traces`; `timeout_s` counts for connecting and for each
    wait for an answer, in seconds. Headers are not shown: they hold secrets.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    is_compressed: bool = False

    def __post_init__(self) -> None:
        """Check the timeout.

        Raises:
            ValueError: it is not more than 0 and at most an hour.
        """
        if not 0 < self.timeout_s <= LONGEST_TIMEOUT_S:  # nor is NaN
            raise ValueError(f"a timeout is 0 to 3600 seconds, not {self.timeout_s}")


def checked_url(text: str) -> str:
    """Return the base of an endpoint, without a slash at its end.

    Raises:
        ValueError: it is no address that OTLP/HTTP can be sent to; the message says why.
    """
    shown = _text.one_line(text, _URL_LIMIT)
    parts = _parts(text, shown)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"{shown!r} is no address such as http://localhost:4318")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "an endpoint holds no user and password: they would be shown and kept; "
            "set OTEL_EXPORTER_OTLP_HEADERS"
        )
    if parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError(f"{shown!r} has a query, a fragment, a space or a control character")
    base = text.rstrip("/")
    if _SIGNAL_PATH.search(base):
        raise ValueError(f"{shown!r}: leave out the path of a signal, replay appends all three")
    return base


def _parts(text: str, shown: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for one that is no number
    except ValueError as error:
        raise ValueError(f"{shown!r} is no address ({error})") from None
    return parts


def parsed_headers(text: str) -> dict[str, str]:
    """Return the headers of `OTEL_EXPORTER_OTLP_HEADERS`, as OpenTelemetry's exporters read them.

    Raises:
        ValueError: one cannot be sent over HTTP; the message has its name and not its value.
    """
    headers = dict(parse_env_headers(text, liberal=True))
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            shown = _text.one_line(name, _text.NAME_LIMIT)
            raise ValueError(f"the header {shown!r} holds characters that no header may have")
    return headers
