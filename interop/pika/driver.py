"""pika: one driver for its five adapters. Whoever runs one of them does not load the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interop.matrix.python.play import main

if TYPE_CHECKING:
    from interop.matrix.python.port import Client


def client(variant: str) -> Client:
    """Return the client of an adapter. Raises KeyError for one that pika doesn't have."""
    if variant == "blocking":
        from interop.pika.blocking import Blocking

        return Blocking()
    if variant == "twisted":
        from interop.pika.deferreds import OnTwisted

        return OnTwisted()
    from interop.pika import callbacks

    return {"select": callbacks.select, "asyncio": callbacks.on_asyncio, "tornado": callbacks.on_tornado}[variant]()


if __name__ == "__main__":
    main(client)
