"""The octets of a TLS handshake, taken when it is this client's turn: what follows may compute for a millisecond."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


class Handshaking(trio.abc.Stream):
    """A stream whose octets wait for `turn` until the handshake is `over`."""

    def __init__(self, stream: trio.abc.Stream, turn: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._turn = turn
        self.over = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        received = await self._stream.receive_some(max_bytes)
        if not self.over:
            await self._turn()
        return received

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()
