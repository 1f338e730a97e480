"""Encrypted values of RabbitMQ's configuration: made, and read again, which one moves them to amqpd's with.

The key is made of the passphrase by PBKDF2; in base64 are 16 octets of salt, those that the cipher begins with, and
the encrypted octets of an Erlang term. https://www.rabbitmq.com/docs/configure#configuration-encryption
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from amqpd.cli.ctl.terms import for_programs, packed, read, unpacked, written
from amqpd.cli.ctl.verb import DATA, UNAVAILABLE, USAGE, Answer, BadUse, Needs, Option, Request, Stop, Value, Verb
from amqpd.cli.ctl.verbs.errors import ERROR

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher

GROUP: Final = "Configuration and Environment"
CIPHERS: Final = {f"aes_{bits}_{mode}": (bits // 8, mode) for mode in ("cbc", "ctr") for bits in (128, 192, 256)}
"""The octets of the key, and the mode. RabbitMQ has older ones too, down to DES and RC4."""
HASHES: Final = {
    "sha": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512",
    "sha3_224": "sha3_224", "sha3_256": "sha3_256", "sha3_384": "sha3_384", "sha3_512": "sha3_512",
}  # fmt: skip
DEFAULT_CIPHER, DEFAULT_HASH, DEFAULT_ITERATIONS = "aes_128_cbc", "sha256", 1
"""rabbitmqctl's, of version 3.10."""
BLOCK: Final = 16
WRONG: Final = (
    "Failed to decrypt the value. Things to check: is the passphrase correct? "
    "Are the cipher and hash algorithms the same as those used for encryption?"
)
USED: Final = "value passphrase [--cipher <cipher>] [--hash <hash>] [--iterations <iterations>]"
OPTIONS: Final = (Option("--cipher"), Option("--hash"), Option("--iterations", int))


def encode(request: Request) -> Answer:
    value = request.arguments[0] if request.arguments else _asked(request, "Value to encode: ")
    passphrase = request.arguments[1] if len(request.arguments) > 1 else _asked(request, "Passphrase: ")
    octets, salt, start = packed(read(value)), secrets.token_bytes(BLOCK), secrets.token_bytes(BLOCK)
    padding = _block(request) - len(octets) % _block(request)
    octets += bytes([padding]) * padding
    encryptor = _cipher(request, passphrase, salt, start).encryptor()
    found = base64.b64encode(salt + start + encryptor.update(octets) + encryptor.finalize()).decode("ascii")
    return Value(f'{{encrypted,<<"{found}">>}}', ["encrypted", found])


def decode(request: Request) -> Answer:
    value = request.arguments[0]
    passphrase = request.arguments[1] if len(request.arguments) > 1 else _asked(request, "Passphrase: ")
    found = re.search(r'<<\s*"([^"]*)"\s*>>', value)
    try:
        octets = base64.b64decode(found[1] if found else "", validate=True)
        salt, start, rest = octets[:BLOCK], octets[BLOCK : 2 * BLOCK], octets[2 * BLOCK :]
        decryptor = _cipher(request, passphrase, salt, start).decryptor()
        plain = decryptor.update(rest) + decryptor.finalize()
        term = unpacked(plain[: -plain[-1]])
    except (ValueError, IndexError):
        raise Stop(UNAVAILABLE, ERROR.format(WRONG)) from None
    return Value(written(term), for_programs(term))


def list_ciphers(_: Request) -> Answer:
    return Value(f"[{','.join(CIPHERS)}]", [*CIPHERS])


def list_hashes(_: Request) -> Answer:
    return Value(f"[{','.join(HASHES)}]", [*HASHES])


def checked(request: Request) -> None:
    """Raises BadUse for a cipher, a hash or a number of iterations that cannot be."""
    options = request.options
    if options.get("cipher", DEFAULT_CIPHER) not in CIPHERS:
        raise BadUse("Bad argument: The requested cipher is not supported.", DATA)
    if options.get("hash", DEFAULT_HASH) not in HASHES:
        raise BadUse("Bad argument: The requested hash is not supported", DATA)
    if options.get("iterations", 1) <= 0:
        raise BadUse("Bad argument: The requested number of iterations is incorrect", DATA)


def to_decode(request: Request) -> None:
    """Raises BadUse too where there is nothing to decode."""
    if not request.arguments:
        raise BadUse("not enough arguments: Please provide a value to decode and a passphrase", USAGE)
    checked(request)


def _block(request: Request) -> int:
    """What the octets are filled up to a multiple of; one is always added."""
    return BLOCK if str(request.options.get("cipher", DEFAULT_CIPHER)).endswith("_cbc") else 1


def _cipher(request: Request, passphrase: str, salt: bytes, start: bytes) -> Cipher[Any]:
    """Raises Stop where the library for it is not installed, and ValueError."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ImportError:
        text = "this takes the Python package cryptography: pip install 'amqpd[server]' brings it"
        raise Stop(UNAVAILABLE, ERROR.format(text)) from None
    options = request.options
    length, mode = CIPHERS[str(options.get("cipher", DEFAULT_CIPHER))]
    name = HASHES[str(options.get("hash", DEFAULT_HASH))]
    iterations = int(options.get("iterations", DEFAULT_ITERATIONS))
    key = hashlib.pbkdf2_hmac(name, passphrase.encode(), salt, iterations, length)
    return Cipher(algorithms.AES(key), modes.CBC(start) if mode == "cbc" else modes.CTR(start))


def _asked(request: Request, question: str) -> str:
    request.say(question)
    said = request.stdin.readline().rstrip("\r\n")
    if not said:
        raise Stop(UNAVAILABLE, ERROR.format("not_enough_args"))
    return said


VERBS: Final = (
    Verb("encode", USED, "Encrypt a value for RabbitMQ's configuration", GROUP, encode,
         lambda _: "Encrypting value ...", 0, 2, OPTIONS, Needs.NOTHING, checked),
    Verb("decode", USED, "Decrypt a value of RabbitMQ's configuration", GROUP, decode,
         lambda _: "Decrypting value...", 0, 2, OPTIONS, Needs.NOTHING, to_decode),
    Verb("list_ciphers", "", "List the ciphers of encode and decode", GROUP, list_ciphers,
         lambda _: "Listing supported ciphers ...", needs=Needs.NOTHING),
    Verb("list_hashes", "", "List the hashes of encode and decode", GROUP, list_hashes,
         lambda _: "Listing supported hash algorithms ...", needs=Needs.NOTHING),
)  # fmt: skip
