"""The files of the web UI and the pages beside it: which there are, and with what headers a browser gets them. All else
is left to the API.

The page may load what this broker serves and nothing else, run no inline script, and put no text anywhere that a
browser would read as HTML or script (trusted types): names of queues are written by strangers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final
from urllib.parse import urlsplit

import attrs

from amqpd.http.message import Handle, Request, Response
from amqpd.management.encoding import JSON, encode
from amqpd.management.pages import MOVED, NO_SCRIPT, SCRIPT

PAGE: Final = "index.html"
KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served, by the end of its name; everything else in the folder is for whoever reads the sources."""
HEADERS: Final = (
    ("cache-control", "no-cache"),
    ("vary", "accept-encoding"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {}; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)
"""Whom the page may ask stands in the middle."""


@attrs.define(eq=False)
class File:
    """One file, read when somebody first wants it."""

    _read: Callable[[], bytes]
    kind: str

    @cached_property
    def octets(self) -> bytes:
        return self._read()

    @cached_property
    def tag(self) -> str:
        """Its entity tag: another content has another one."""
        return f'"{hashlib.blake2b(self.octets, digest_size=12).hexdigest()}"'


class Site:
    """Answers for the web UI and the pages beside it, and hands everything else on."""

    def __init__(
        self, prefix: str, others: Handle, pages: Mapping[str, bytes], provider: str | None = None
    ) -> None:
        """`pages`: those that are made and not read, by their paths. `provider`: the URL of the identity provider that
        the web UI may ask too, if there is one.
        """
        self._prefix = prefix
        asked = "'self'" if provider is None else f"'self' {origin(provider)}"
        self._headers = (*HEADERS, ("content-security-policy", POLICY.format(asked)))
        self._others = others
        made = {name: File(partial(bytes, text), KINDS[".html"]) for name, text in pages.items()}
        self._files = _found(files(__package__) / "ui") | made

    async def handle(self, request: Request) -> Response:
        path = request.target.partition("?")[0]
        if path == self._prefix and path:
            return self._elsewhere(f"{path}/")
        name = path.removeprefix(f"{self._prefix}/") if path.startswith(f"{self._prefix}/") else "no file"
        if name in MOVED:
            return self._elsewhere(f"{self._prefix}/{MOVED[name]}")
        if name == SCRIPT:
            return Response(404, (encode({"error": "Object Not Found", "reason": NO_SCRIPT}),), (JSON,))
        file = self._files.get(name or PAGE)
        if file is None or request.method not in ("GET", "HEAD"):
            return await self._others(request)
        return Response(200, (file.octets,), (*self._headers, ("etag", file.tag), ("content-type", file.kind)))

    def _elsewhere(self, path: str) -> Response:
        return Response(301, (), (*self._headers, ("location", path)))


def origin(url: str) -> str:
    """Scheme, host and port of a URL, as a policy names them."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port is None else f":{parts.port}")


def _found(folder: Traversable, above: str = "") -> dict[str, File]:
    """All files under a folder that are for browsers, by their path in it: no other path ever reaches the disk."""
    found: dict[str, File] = {}
    for each in folder.iterdir():
        name = f"{above}{each.name}"
        if each.is_dir():
            found |= _found(each, f"{name}/")
        elif (kind := KINDS.get(name[name.rfind(".") :])) is not None:
            found[name] = File(each.read_bytes, kind)
    return found
