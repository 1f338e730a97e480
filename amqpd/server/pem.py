"""What a PEM file lacks that was to hold a certificate or a key: OpenSSL says no more of it than `PEM lib`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_TRUSTED: Final = b"-----BEGIN TRUSTED CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"


def lacking(certificate: Path, key: Path | None = None) -> str | None:
    """Say why `certificate`, and the private key in `key`, can't be used; None where nothing is seen to be wrong."""
    try:
        text = certificate.read_bytes()
        secret = b"" if key is None else key.read_bytes()
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    if _CERTIFICATE not in text and _TRUSTED not in text:
        return f"there is no certificate in {certificate} (-----BEGIN CERTIFICATE-----)"
    if key is None:
        return None
    if _KEY not in secret:
        unset = " Where it is in a file of its own, say which" if key == certificate else ""
        return f"there is no private key in {key} (-----BEGIN PRIVATE KEY-----).{unset}"
    if b"ENCRYPTED" in secret:
        return f"the private key in {key} wants a passphrase; take it off: `openssl pkey -in {key} -out FILE`"
    return None
