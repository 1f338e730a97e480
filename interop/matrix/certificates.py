"""An authority that lives as long as the run, and a certificate of it for this machine's loopback names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import trustme

HOST = "localhost"
"""The name that clients connect to with TLS."""
ADDRESSES = ("127.0.0.1", "::1")
"""Where the TLS listeners are: not every client tries all addresses of a name."""


@attrs.frozen
class Certificates:
    """PEM files: the authority's certificate, the server's chain and its private key."""

    ca: Path
    chain: Path
    key: Path


@contextmanager
def issued() -> Iterator[Certificates]:
    """Yield certificates in a folder that any user may read and that is gone afterwards."""
    authority = trustme.CA(organization_name="interop")
    server = authority.issue_cert(HOST, *ADDRESSES, common_name=HOST)
    with tempfile.TemporaryDirectory(prefix="interop-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # RabbitMQ runs as a user of its own; the key is worth nothing after the run
        made = Certificates(folder / "ca.pem", folder / "chain.pem", folder / "key.pem")
        authority.cert_pem.write_to_path(made.ca)
        made.chain.write_bytes(b"".join(each.bytes() for each in server.cert_chain_pems))
        server.private_key_pem.write_to_path(made.key)
        for file in folder.iterdir():
            file.chmod(0o644)
        yield made
