from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taskspan.cli._endpoint import Endpoint
from taskspan.cli._posting import Poster
from tests.cli._certificates import Certificates, make_certificates
from tests.cli._command import run_command
from tests.cli._replaying import Replaying
from tests.cli._runs import lines_of, traces, write_lines
from tests.otlp_server import Server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of our own."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def secure(certificates: Certificates) -> Iterator[Server]:
    """An https endpoint whose certificate no system knows."""
    with Server(context=certificates.server_context()) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with one line."""
    return write_lines(tmp_path / "run", traces("a"))


def test_a_private_authority_is_trusted_if_given(
    run: Path, secure: Server, certificates: Certificates
) -> None:
    """`OTEL_EXPORTER_OTLP_CERTIFICATE` names who has signed the endpoint's certificate."""
    run_command(
        "replay",
        run,
        exit_code=0,
        OTEL_EXPORTER_OTLP_ENDPOINT=secure.url,
        OTEL_EXPORTER_OTLP_CERTIFICATE=certificates.authority,
    )
    assert secure.bodies() == lines_of(run)


def test_an_unknown_authority_is_not_trusted(
    run: Path, secure: Server, replaying: Replaying
) -> None:
    """A certificate that cannot be checked is told in one line, at once, and nothing is sent."""
    replayed = replaying(run, secure.url)
    (remark,) = replayed.remarks
    assert remark.startswith("URL: TLS: ")
    assert "certificate verify failed" in remark
    assert (replayed.exit_code, replayed.waits_s, secure.received) == (1, [], [])


def test_a_certificate_for_another_name_is_not_trusted(
    run: Path, secure: Server, replaying: Replaying, certificates: Certificates
) -> None:
    """The endpoint has to be the one that its certificate names."""
    url = secure.url.replace("localhost", "127.0.0.1")
    replayed = replaying(run, Endpoint(url, certificate=certificates.authority))
    assert "127.0.0.1" in replayed.remarks[0]
    assert (replayed.exit_code, secure.received) == (1, [])


def test_https_to_a_port_without_it_is_told(
    run: Path, server: Server, replaying: Replaying
) -> None:
    """An endpoint that speaks no TLS is told in one line."""
    replayed = replaying(run, server.url.replace("http:", "https:"))
    assert replayed.remarks[0].startswith("URL: TLS: ")
    assert replayed.exit_code == 1


def test_the_client_shows_its_certificate(run: Path, certificates: Certificates) -> None:
    """An endpoint that asks for it gets the client's certificate, and lets nobody in without."""
    key = certificates.client.with_suffix(".key")
    with Server(context=certificates.server_context(asks_clients=True)) as server:
        told: dict[str, str | Path] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
            "OTEL_EXPORTER_OTLP_CERTIFICATE": certificates.authority,
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": certificates.client,
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": key,
        }
        run_command("replay", run, exit_code=0, **told)
        assert server.bodies() == lines_of(run)


def test_a_file_that_is_no_certificate_is_told(tmp_path: Path) -> None:
    """A certificate or key that cannot be used is an error before anything is sent."""
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    for endpoint in (
        Endpoint("https://localhost", certificate=wrong),
        Endpoint("https://localhost", certificate=tmp_path / "none.pem"),
        Endpoint("https://localhost", client_certificate=wrong),
    ):
        with pytest.raises(ValueError, match=r"cannot use .*\.pem: "):
            Poster(endpoint)
