"""What an answer of an endpoint means for a batch."""

from __future__ import annotations

import logging
import ssl

import pytest

from taskspan.configuration._exporter_log import ExporterLog
from taskspan.configuration._http_answer import retry_after
from taskspan.configuration._verdict import Answer, Fate, failure, reason_of


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (400, Fate.REJECTED),
        (401, Fate.NOT_ALLOWED),
        (403, Fate.NOT_ALLOWED),
        (404, Fate.NOT_TAKEN),
        (405, Fate.NOT_TAKEN),
        (408, Fate.TRY_AGAIN),
        (413, Fate.TOO_LARGE),
        (422, Fate.REJECTED),
        (429, Fate.TRY_AGAIN),
        (500, Fate.TRY_AGAIN),
        (501, Fate.NOT_TAKEN),
        (502, Fate.TRY_AGAIN),
        (503, Fate.TRY_AGAIN),
        (504, Fate.TRY_AGAIN),
        (599, Fate.TRY_AGAIN),
    ],
)
def test_each_status(status: int, fate: Fate) -> None:
    """The OTLP specification says which are worth another try."""
    assert failure(ExporterLog(), Answer(status, "")).fate is fate


def test_the_collector_says_400_to_what_is_too_large() -> None:
    """Its answer to an oversized body is told by the text of it."""
    answer = Answer(400, "Bad Request", body=b"\x12\x1ehttp: request body too large")
    assert failure(ExporterLog(), answer).fate is Fate.TOO_LARGE


def test_the_wait_that_is_asked_for() -> None:
    """`Retry-After` goes with the verdict."""
    assert failure(ExporterLog(), Answer(429, "Slow", retry_after_s=7.0)).wait_s == 7.0


def test_the_first_reason_counts() -> None:
    """What was broken off at the end began with something else."""
    with ExporterLog() as log:
        for reason in (ConnectionRefusedError(111, "Connection refused"), OSError("closed")):
            log.records.append(
                logging.LogRecord("x", logging.WARNING, "x", 1, "failed: %s", (reason,), None)
            )
    verdict = failure(log, None)
    assert (verdict.fate, verdict.reason) == (Fate.TRY_AGAIN, "Connection refused")


def test_nothing_told() -> None:
    """An exporter that fails without a word is tried again."""
    assert failure(ExporterLog(), None).fate is Fate.TRY_AGAIN


def test_the_reason_is_the_innermost() -> None:
    """HTTP clients wrap what the system said in exceptions with long texts."""
    error = RuntimeError("HTTPConnectionPool(host='x'): Max retries exceeded")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert reason_of(error) == "Connection refused"


def test_the_reason_of_tls() -> None:
    """What is wrong with a certificate is said in the words of the TLS library."""
    error = ssl.SSLCertVerificationError(1, "[SSL] certificate verify failed (_ssl.c:1006)")
    error.verify_message = "self-signed certificate"
    assert reason_of(error) == "self-signed certificate"


def test_a_reason_is_one_line() -> None:
    """Whatever an endpoint answers, it cannot forge lines or send control sequences."""
    verdict = failure(ExporterLog(), Answer(418, "tea\r\npot\x1b[31m" + "x" * 10_000))
    assert verdict.reason.isprintable()
    assert len(verdict.reason) <= 200


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("7", 7.0), (" 0 ", 0.0), ("soon", None), ("-1", None), ("", None)],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds are taken as they are; what is neither seconds nor a date is not there."""
    assert retry_after(value) == seconds


def test_retry_after_a_date_that_has_passed() -> None:
    """A date is turned into seconds from now, never below zero."""
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
