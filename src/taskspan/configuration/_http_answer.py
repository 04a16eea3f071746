"""Sees what an endpoint answers over HTTP, also how long it wants to be left alone."""

from __future__ import annotations

import email.utils
import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from taskspan._fork import in_child
from taskspan.configuration import _environment
from taskspan.configuration._verdict import Answer

if TYPE_CHECKING:
    import requests

_LOOKED_AT: Final = 500
"""Bytes of an answer's body."""


class LastAnswer:
    """The answer to the latest request of one exporter."""

    answer: Answer | None = None

    def see(self, response: requests.Response, *_: object, **__: object) -> None:
        """Take note of it; a hook of `requests`."""
        retry_after_s = retry_after(response.headers.get("Retry-After"))
        body = response.content[:_LOOKED_AT]
        self.answer = Answer(response.status_code, response.reason or "", retry_after_s, body)


def made_with_answers(make: Callable[..., Any]) -> tuple[Any, LastAnswer | None]:
    """Return a new exporter and the place where its endpoint's answers are seen.

    `None` for one that does not speak HTTP through `requests`, and where the environment names
    a session of its own (`OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER`).
    """
    takes_session = "session" in inspect.signature(make).parameters
    if not takes_session or _environment.has_http_credential_provider():
        return make(), None
    last_answer = LastAnswer()
    session = _session()
    session.hooks["response"].append(last_answer.see)
    return make(session=session), last_answer


def _session() -> requests.Session:
    """Return a session that trusts whom `OTEL_EXPORTER_OTLP_CERTIFICATE` names.

    Without it `requests` prefers `REQUESTS_CA_BUNDLE`, where that is set for other programs.
    """
    import requests  # noqa: PLC0415  comes with the exporters of the extra `otlp`
    from requests.adapters import HTTPAdapter  # noqa: PLC0415  the same

    class Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  theirs
            return None  # nothing but the endpoint is contacted

        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            settings = super().merge_environment_settings(url, proxies, stream, verify, cert)
            if verify is None and isinstance(self.verify, str):
                settings["verify"] = self.verify
            return settings

        def close(self) -> None:
            # urllib3 leaves it to finalizers, which at interpreter exit have run before the last
            # spans are sent.
            for adapter in self.adapters.values():
                if isinstance(adapter, HTTPAdapter):
                    pools = adapter.poolmanager.pools
                    for key in pools.keys():  # noqa: SIM118  it cannot be iterated
                        pools[key].close()
            super().close()

        def leave_connections(self) -> None:
            # In a forked child: on one with its parent, requests and answers would get mixed up.
            for scheme in ("https://", "http://"):
                self.mount(scheme, HTTPAdapter())

    session = Session()
    in_child(session.leave_connections)
    return session


def retry_after(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())
