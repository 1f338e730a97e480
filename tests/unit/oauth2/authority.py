"""An authority that signs tokens, and answers whoever asks for its keys."""

from __future__ import annotations

import json
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

URL = "https://authority.example/keys"


class Authority:
    """Signs with the newest of its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.fetches: list[str] = []
        self.down = False
        self.renew("first")

    def renew(self, name: str) -> None:
        """Go on with a new key alone."""
        self.keys = {name: ec.generate_private_key(ec.SECP256R1())}

    def fetch(self, url: str) -> object:
        self.fetches.append(url)
        if self.down:
            raise ConnectionRefusedError("nobody is there")
        if url.endswith("openid-configuration"):
            return {"jwks_uri": URL}
        return {"keys": [self._public(name) for name in self.keys]}

    def _public(self, name: str) -> dict[str, object]:
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.keys[name].public_key()))
        return {**key, "kid": name, "alg": "ES256", "use": "sig"}

    def sign(self, claims: Mapping[str, object], **header: object) -> bytes:
        name, key = next(iter(self.keys.items()))
        return jwt.encode(dict(claims), key, "ES256", headers={"kid": name, **header}).encode()

    def pem(self) -> bytes:
        """The public key, for a file."""
        key = next(iter(self.keys.values())).public_key()
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def rsa_key() -> rsa.RSAPrivateKey:
    """Somebody else's key."""
    return rsa.generate_private_key(65537, 2048)
