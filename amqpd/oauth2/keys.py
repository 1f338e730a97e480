"""The keys that tokens are signed with: from files, or from the authority's key set (JWKS), which is fetched when it is
needed, kept for a while, and fetched again when a token names a key that isn't in it.

Everything here may block, and is called in worker threads.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPException
from typing import Final
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from amqpd.clock import Clock
from amqpd.log import get_logger

log = get_logger(__name__)

FRESH: Final = 300.0
"""Seconds after which a key set is fetched again: a key that was withdrawn is refused that soon."""
AGAIN: Final = 10.0
"""Seconds between two fetches, whatever tokens say: a token with a key of its own making costs nobody a request."""
TIMEOUT: Final = 5.0
LARGEST: Final = 1024 * 1024
DISCOVERY: Final = "/.well-known/openid-configuration"

Fetch = Callable[[str], object]
"""Gives the JSON document at a URL. Raises OSError, ValueError, HTTPException or RecursionError."""


class NoRedirect(HTTPRedirectHandler):
    """The keys come from where the operator says, and from nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


def fetch_over_http(authorities: str | None) -> Fetch:
    """Fetch with TLS that is checked against these authorities (a PEM file), or those of the system."""
    opener = build_opener(HTTPSHandler(context=ssl.create_default_context(cafile=authorities)), NoRedirect)

    def fetch(url: str) -> object:
        request = Request(url, headers={"accept": "application/json"})  # noqa: S310  # the settings allow http and https
        with opener.open(request, timeout=TIMEOUT) as response:
            body = response.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise ValueError(f"{url} is larger than {LARGEST} octets")
        document: object = json.loads(body)
        return document

    return fetch


class KeySet:
    """The key set of one authority: its JSON Web Keys by their names."""

    def __init__(self, clock: Clock, fetch: Fetch, url: str | None, issuer: str | None = None) -> None:
        """`url`: where the set is; None: the issuer's discovery document says so."""
        self._clock = clock
        self._fetch = fetch
        self._url = url
        self._issuer = issuer
        self._lock = threading.Lock()
        self._keys: dict[str | None, dict[str, object]] = {}
        self._fetched: float | None = None
        self._tried: float | None = None

    def key(self, name: str | None) -> dict[str, object] | None:
        """The key of this name, or the only one; None: there is none.

        While one thread fetches an old set again, the others go on with it: a slow authority holds up nobody whose key
        is known.
        """
        found = self._found(name)
        if found is not None and not self._is_stale():
            return found
        if not self._lock.acquire(blocking=found is None):
            return found
        try:
            found = self._found(name)
            now = self._clock.monotonic()
            if (found is None or self._is_stale()) and (self._tried is None or now - self._tried >= AGAIN):
                self._tried = now
                self._refresh()
                found = self._found(name)
            return found
        finally:
            self._lock.release()

    def _is_stale(self) -> bool:
        return self._fetched is None or self._clock.monotonic() - self._fetched >= FRESH

    def _found(self, name: str | None) -> dict[str, object] | None:
        if name is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name)

    def _refresh(self) -> None:
        """Fetch the set. While the authority cannot be reached, the last one goes on."""
        try:
            document = self._fetch(self._address())
            keys = document.get("keys") if isinstance(document, dict) else None
            if not isinstance(keys, list):
                raise ValueError("it has no array 'keys'")  # noqa: TRY004  # of what came, not of an argument
        except (OSError, ValueError, HTTPException, RecursionError) as error:
            reason = str(error) or type(error).__name__
            log.error("the keys of tokens cannot be fetched", url=self._url or self._issuer, reason=reason)
            return
        self._fetched = self._tried
        named = [(each.get("kid"), each) for each in keys if isinstance(each, dict)]
        self._keys = {name: each for name, each in named if name is None or isinstance(name, str)}

    def _address(self) -> str:
        if self._url is not None:
            return self._url
        document = self._fetch((self._issuer or "").rstrip("/") + DISCOVERY)
        url = document.get("jwks_uri") if isinstance(document, dict) else None
        if not isinstance(url, str) or not url.startswith("https://"):
            raise ValueError("its discovery document names no 'jwks_uri' with https")
        return url
