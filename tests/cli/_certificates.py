"""Certificates of an authority of our own."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """An authority, and a server and a client that it knows; the key stands in the same file.

    And in one of its own beside it, which ends in `.key`.
    """

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
    authority = trustme.CA()
    found = Certificates(
        directory / "authority.pem", directory / "server.pem", directory / "client.pem"
    )
    authority.cert_pem.write_to_path(str(found.authority))
    for path, name in ((found.server, "localhost"), (found.client, "client@example.org")):
        certificate = authority.issue_cert(name)
        certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
        certificate.private_key_pem.write_to_path(str(path.with_suffix(".key")))
    return found
