"""The settings of TLS for AMQP."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from amqpd.config.checks import NotEmpty, Within
from amqpd.config.setting import setting


@attrs.frozen(kw_only=True)
class Tls:
    """The listener with TLS, beside the plain one."""

    port: int | None = setting(None, "Port of the TLS listener, usually 5671; 0 takes a free one.", Within(0, 65535))
    certificate: Path | None = setting(None, "The server's certificate chain (PEM); needed with `tls.port`.")
    key: Path | None = setting(None, "The private key (PEM); unset, it is in the file of `tls.certificate`.")
    ca: Path | None = setting(None, "The authorities (PEM) that client certificates are checked against.")
    ciphers: str = setting(
        "ECDHE+AESGCM:ECDHE+CHACHA20",
        "Cipher suites of TLS 1.2, as OpenSSL writes them; those of TLS 1.3 are OpenSSL's own.",
        NotEmpty(),
    )
    verify_peer: bool = setting(False, "Refuse a client without a valid certificate; needs `tls.ca`.")
    minimum_version: Literal["1.2", "1.3"] = setting("1.2", "The oldest TLS version that is accepted.")
