"""The range checks of single settings, as attrs validators that also describe themselves.

A check runs when a value is built by a program and when it is loaded; both get a ConfigError that says what is allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from amqpd.config.errors import bad_value

if TYPE_CHECKING:
    import attrs


class Check:
    """Refuse a value that `accepts` does not take; None is left to the type."""

    text = ""
    """What is allowed, to stand after the description of the kind and a comma."""

    def accepts(self, value: Any) -> bool:
        """Tell whether `value`, which has the right type, is in range."""
        raise NotImplementedError

    def __call__(self, _instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Raise ConfigError unless `value` is None or accepted (the signature is that of an attrs validator)."""
        try:
            accepted = value is None or self.accepts(value)
        except TypeError:  # a program passed a value of another type
            accepted = False
        if not accepted:
            raise bad_value(attribute.name, value, self.text)


class Within(Check):
    """Accept a number from `low` to `high` (None: no upper end), and the numbers in `also`."""

    def __init__(self, low: int, high: int | None = None, *, also: tuple[int, ...] = ()) -> None:
        self.low = low
        self.high = high
        self.also = also
        span = f"from {low}" if high is None else f"from {low} to {high}"
        self.text = " or ".join([*map(str, also), span])

    def accepts(self, value: Any) -> bool:
        """Tell whether the number lies in the range or is one of `also`."""
        if isinstance(value, bool):
            return False
        return value in self.also or (value >= self.low and (self.high is None or value <= self.high))


class Above(Check):
    """Accept a number above `low`."""

    def __init__(self, low: int) -> None:
        self.low = low
        self.text = f"more than {low}"

    def accepts(self, value: Any) -> bool:
        """Tell whether the number is above."""
        return not isinstance(value, bool) and bool(value > self.low)


class ShareOrSize(Check):
    """Accept a float from 0.0 to 1.0, and an int of at least 0."""

    text = "not negative"

    def accepts(self, value: Any) -> bool:
        """Tell whether the share is one, or the number of bytes can be."""
        return not isinstance(value, bool) and bool(value >= 0) and (isinstance(value, int) or value <= 1.0)


class NotEmpty(Check):
    """Accept a text or a list with something in it."""

    text = "not empty"

    def accepts(self, value: Any) -> bool:
        """Tell whether there is at least one character or item."""
        return len(value) > 0


class ShortText(Check):
    """Accept a text of 1 to 255 bytes in UTF-8: what a short string of the protocol can carry."""

    text = "of 1 to 255 bytes"

    def accepts(self, value: Any) -> bool:
        """Tell whether the text fits."""
        return isinstance(value, str) and 1 <= len(value.encode()) <= 255


class PathPrefix(Check):
    """Accept the beginning of a path: nothing, or parts that each begin with a slash."""

    text = "empty, or such as '/broker' (no slash at the end)"
    _prefix = re.compile(r"(/[A-Za-z0-9._~-]+)*")

    def accepts(self, value: Any) -> bool:
        """Tell whether paths can begin with it."""
        return self._prefix.fullmatch(value) is not None


class MechanismNames(Check):
    """Accept a list, not empty, of names that SASL allows (RFC 4422, section 3.1)."""

    text = "each of 1 to 20 upper-case letters, digits, - or _; at least one"
    _name = re.compile(r"[A-Z0-9_-]{1,20}")

    def accepts(self, value: Any) -> bool:
        """Tell whether every name is well-formed; whether it is registered is not known here."""
        return len(value) > 0 and all(self._name.fullmatch(name) for name in value)


class FileMode(Check):
    """Accept the permission bits of a file as `chmod` takes them."""

    text = "three or four octal digits such as '0660'"
    _mode = re.compile(r"0?[0-7]{3}")

    def accepts(self, value: Any) -> bool:
        """Tell whether they are such digits."""
        return self._mode.fullmatch(value) is not None


class HttpsUrl(Check):
    """Accept a URL that nobody on the way can change: https, or http on this machine."""

    text = "a URL with https, or with http on this machine"
    _local = ("localhost", "127.0.0.1", "::1")

    def accepts(self, value: Any) -> bool:
        """Tell whether it is such a URL."""
        try:
            parts = urlsplit(value)
            host = parts.hostname
        except ValueError:
            return False
        return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in self._local))


class HttpUrl(Check):
    """Accept a URL with http or https and without a query: what is asked for follows it."""

    text = "a URL with http or https, without a query"

    def accepts(self, value: Any) -> bool:
        """Tell whether it is such a URL."""
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            return False
        return bool(host) and parts.scheme in ("http", "https") and not parts.query and not parts.fragment


class SignatureNames(Check):
    """Accept a list, not empty, of signature algorithms of JSON web tokens (RFC 7518, section 3.1; RFC 8037)."""

    text = "each of RS256, PS256, ES256, HS256 and the like with 384 or 512, or EdDSA; at least one"
    _name = re.compile(r"(RS|PS|ES|HS)(256|384|512)|EdDSA")

    def accepts(self, value: Any) -> bool:
        """Tell whether every name is one; `none` is none."""
        return len(value) > 0 and all(self._name.fullmatch(name) for name in value)
