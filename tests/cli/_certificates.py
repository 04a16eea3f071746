"""Certificates of an authority of our own, made by the program `openssl` (apt: openssl)."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_OPENSSL = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2")


@dataclass(frozen=True)
class Certificates:
    """An authority, and a server and a client that it knows; the key stands in the same file."""

    authority: Path
    server: Path
    client: Path

    def server_context(self, *, asks_clients: bool = False) -> ssl.SSLContext:
        """Return what a server needs; one that `asks_clients` takes only those it knows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        if asks_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        return context


def make_certificates(directory: Path) -> Certificates:
    """Make an authority, and certificates for `localhost` and a client."""
    assert shutil.which("openssl"), "these tests need the program openssl on the PATH"
    authority = directory / "authority.pem"
    _request(authority, "-subj", "/CN=an authority for tests", "-addext", "keyUsage=keyCertSign")
    found = Certificates(authority, directory / "server.pem", directory / "client.pem")
    signed = ("-CA", str(authority), "-CAkey", str(authority))
    name = ("-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE")
    _request(found.server, "-subj", "/CN=localhost", *name, *signed)
    _request(found.client, "-subj", "/CN=client", "-addext", "basicConstraints=CA:FALSE", *signed)
    return found


def _request(path: Path, *arguments: str) -> None:
    key = path.with_suffix(".key")
    subprocess.run(
        [*_OPENSSL, "-keyout", str(key), "-out", str(path), *arguments],
        check=True,
        capture_output=True,
    )
    with path.open("a") as file:
        file.write(key.read_text())
