"""Smaller bodies for clients that accept gzip, made a slice at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from amqpd.http.message import Request, Response, Sink

SMALLEST: Final = 1024
"""Octets: what fits into one packet anyway is left alone."""
SLICE: Final = 32 * 1024
"""Octets that are compressed before others get their turn: some 0.2 ms."""
LEVEL: Final = 1
"""Lists of objects shrink to a tenth at once; what higher levels save beyond that costs several times the work."""
GZIP: Final = 31
"""zlib's window bits for the largest window with gzip's header."""
TEXTS: Final = ("application/json", "application/javascript", "image/svg+xml", "text/")


async def compressed(request: Request, response: Response) -> Response:
    """The same answer with gzip's body, where the client takes it and it is worth while."""
    if not _accepts_gzip(request.headers.get("accept-encoding", "")) or not _shrinks(response):
        return response
    headers = [each for each in response.headers if each[0] != "etag"]
    headers.append(("content-encoding", "gzip"))
    etag = response.header("etag")
    if etag is not None:  # the same body in other octets: only a weak one is true of both (RFC 9110, section 8.8.3)
        headers.append(("etag", f"W/{etag.removeprefix('W/')}"))
    write = response.written
    if write is not None:

        async def written(sink: Sink) -> None:
            smaller = _GzipSink(sink)
            await write(smaller)
            await smaller.end()

        return Response(response.status, (), tuple(headers), written)
    stream, parts = zlib.compressobj(LEVEL, wbits=GZIP), []
    for piece in _slices(response.body):
        parts.append(stream.compress(piece))
        await trio.lowlevel.checkpoint()
    parts.append(stream.flush())
    return attrs.evolve(response, body=tuple([each for each in parts if each]), headers=tuple(headers))


class _GzipSink(Sink):
    """Compresses what is written on its way to another sink."""

    def __init__(self, behind: Sink) -> None:
        self._behind = behind
        self._stream = zlib.compressobj(LEVEL, wbits=GZIP)

    async def write(self, data: bytes) -> None:
        await self._behind.write(self._stream.compress(data))

    async def flush(self) -> None:
        await self._behind.write(self._stream.flush(zlib.Z_SYNC_FLUSH))
        await self._behind.flush()

    async def end(self) -> None:
        """Nothing more comes."""
        await self._behind.write(self._stream.flush())


def _accepts_gzip(accepted: str) -> bool:
    for each in accepted.split(","):
        name, _, weight = each.partition(";")
        if name.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _shrinks(response: Response) -> bool:
    kind = response.header("content-type") or ""
    if not kind.startswith(TEXTS) or response.header("content-encoding") is not None:
        return False
    return response.written is not None or response.length >= SMALLEST


def _slices(parts: tuple[bytes, ...]) -> Iterator[memoryview | bytes]:
    """The octets of all parts, in slices; small ones as they are."""
    for part in parts:
        if len(part) <= SLICE:
            yield part
            continue
        view = memoryview(part)
        for start in range(0, len(view), SLICE):
            yield view[start : start + SLICE]
