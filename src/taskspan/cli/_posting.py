"""Posts requests to an OTLP/HTTP endpoint: the one module that opens a connection.

Redirects are not followed and no proxy of the environment is used: nothing but the given
endpoint is ever contacted.
"""

from __future__ import annotations

import gzip
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from urllib3 import PoolManager
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from taskspan import _text
from taskspan._signals import Signal
from taskspan._version import __version__
from taskspan.cli._answers import RETRIED, Answer, StoppedError
from taskspan.cli._endpoint import Endpoint

RETRIES: Final = 6
"""Further attempts of a request, after 0, 1, 2, 4, 8 and 16 seconds: half a minute in all."""

LONGEST_WAIT_S: Final = 60.0
"""Seconds of a `Retry-After` that are waited for; where more is asked for, the replay stops."""

_BACKOFF_S: Final = 0.5
_FOREVER_S: Final = 1e9
_ANSWER_LIMIT: Final = 64 * 1024
_REASON_LIMIT: Final = 200

# Where urllib3's own text names its objects.
_REASONS: Final = (
    (NameResolutionError, "its name is not known"),
    (ReadTimeoutError, "no answer in time"),
)

Wait = Callable[[float, str], None]
"""Is told for how many seconds to wait, and why, and returns when they are over."""


def sleep(seconds: float, _reason: str) -> None:
    """Wait."""
    time.sleep(seconds)


class Poster:
    """Posts request after request over one connection, again where that may help."""

    def __init__(self, endpoint: Endpoint, wait: Wait = sleep) -> None:
        """Prepare to post.

        Raises:
            ValueError: a certificate or key cannot be used; the message says why.
        """
        self._endpoint = endpoint
        self._headers = {**endpoint.headers, **_own_headers(endpoint)}
        self._pool = PoolManager(ssl_context=_ssl_context(endpoint), timeout=endpoint.timeout_s)
        self._retry = _Retry.waiting_by(wait)

    def post(self, signal: Signal, body: bytes) -> Answer:
        """Post a request of OTLP JSON and return the last answer to it.

        Raises:
            StoppedError: there was no answer; the message is one line.
        """
        try:
            response = self._pool.request(
                "POST",
                self._endpoint.url + signal.path,
                body=gzip.compress(body) if self._endpoint.is_compressed else body,
                headers=self._headers,
                redirect=False,
                retries=self._retry,
                preload_content=False,
            )
        except HTTPError as error:
            raise StoppedError(_reason(error)) from error
        return Answer(
            response.status, _beginning(response), response.get_redirect_location() or None
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()


def _own_headers(endpoint: Endpoint) -> dict[str, str]:
    # In lower case, as the parser of the others has it: none is sent twice.
    encoding = {"content-encoding": "gzip"} if endpoint.is_compressed else {}
    return {
        "content-type": "application/json",
        "user-agent": f"taskspan/{__version__}",
        **encoding,
    }


def _ssl_context(endpoint: Endpoint) -> ssl.SSLContext:
    # Made here and not by urllib3, which would try a missing file again and again.
    try:
        context = ssl.create_default_context(cafile=endpoint.certificate)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot use {endpoint.certificate}: {_os_reason(error)}") from error
    if endpoint.client_certificate is not None:
        try:
            # An empty password: nobody may be there to be asked for the one of the key.
            context.load_cert_chain(endpoint.client_certificate, endpoint.client_key, "")
        except (OSError, ValueError) as error:
            names = " and ".join(map(str, filter(None, _client_files(endpoint))))
            raise ValueError(f"cannot use {names}: {_os_reason(error)}") from error
    return context


def _client_files(endpoint: Endpoint) -> tuple[object, object]:
    return endpoint.client_certificate, endpoint.client_key


def _beginning(response: BaseHTTPResponse) -> bytes:
    # The status has said what became of the request; a body that breaks off changes nothing.
    try:
        body = response.read(_ANSWER_LIMIT)
    except HTTPError:
        response.close()
        return b""
    if len(body) < _ANSWER_LIMIT:
        response.release_conn()
    else:
        response.close()
    return body


class _Retry(Retry):
    """Waits as the caller has it, honours every bearable `Retry-After`, and no hopeless case."""

    # 413 with a Retry-After would otherwise be sent again as it is; the others are in RETRIED.
    RETRY_AFTER_STATUS_CODES = frozenset()
    wait: Wait = staticmethod(sleep)

    @classmethod
    def waiting_by(cls, wait: Wait) -> _Retry:
        """Return the rules for one request."""
        retry = cls(
            total=RETRIES,
            allowed_methods=None,  # POST: what is delivered twice is known as such by its ids
            status_forcelist=RETRIED,
            backoff_factor=_BACKOFF_S,
            raise_on_status=False,
        )
        retry.wait = wait
        return retry

    def new(self, **changes: Any) -> _Retry:
        """Return the rules for the next attempt."""
        retry = super().new(**changes)
        retry.wait = self.wait
        return retry

    def increment(self, *args: Any, **kwargs: Any) -> _Retry:
        """Count an attempt; a certificate that was not accepted is not tried again."""
        error = kwargs.get("error")
        if isinstance(error, SSLError) and not _is_cut_off(error):
            raise error
        return super().increment(*args, **kwargs)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Wait for the time that the endpoint asks for, or else ever longer."""
        asked = None if response is None else self._asked_for(response)
        if asked is not None and asked > LONGEST_WAIT_S:
            raise StoppedError(f"HTTP {_status(response)}: asks to wait {asked:,.0f} s")
        seconds = asked or self.get_backoff_time()
        if seconds > 0:
            self.wait(seconds, self._last_reason())

    def _asked_for(self, response: BaseHTTPResponse) -> float | None:
        try:
            asked = self.get_retry_after(response)
            # Bounded: a whole number of hundreds of digits could not even be printed.
            return None if asked is None else min(asked, _FOREVER_S)
        except (InvalidHeader, ValueError, OverflowError):
            return None

    def _last_reason(self) -> str:
        last = self.history[-1]
        return f"HTTP {last.status}" if last.error is None else _reason(last.error)


def _status(response: BaseHTTPResponse | None) -> int:
    return 0 if response is None else response.status


def _is_cut_off(error: SSLError) -> bool:
    return any(isinstance(argument, ssl.SSLEOFError) for argument in error.args)


def _reason(error: BaseException) -> str:
    """Return why there is no answer, without the objects that urllib3's own texts name."""
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    if type(error) is ConnectTimeoutError:  # not its subclass for a refused connection
        return "no connection in time"
    for kind, text in _REASONS:
        if isinstance(error, kind):
            return text
    cause = _os_reason(_innermost(error))
    if isinstance(error, ProtocolError):
        return f"no HTTP answer ({cause}); a gRPC port gives none"
    return f"TLS: {cause}" if isinstance(error, SSLError) else cause


def _innermost(error: BaseException) -> BaseException:
    inner = [argument for argument in error.args if isinstance(argument, BaseException)]
    if isinstance(error, NewConnectionError) and error.__cause__ is not None:
        inner = [error.__cause__]
    return _innermost(inner[-1]) if inner else error


def _os_reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return _text.one_line(text, _REASON_LIMIT)
