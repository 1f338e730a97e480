"""The server of scrapes: GET and nothing else, however a client behaves, and others' turns between two pieces."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from amqpd import app
from amqpd.config import load
from amqpd.metrics import http, serving
from amqpd.metrics.requests import Answer
from amqpd.server.listeners import listen

Listening = tuple[str, int]


def respond(target: str) -> Answer:
    if target == "/defect":
        return Answer(200, "text/plain", endless(defective=True))
    if target == "/endless":
        return Answer(200, "text/plain", endless())
    return Answer(200, "text/plain", iter(["", f"you asked for {target}\n", "", "twice\n"]))


def endless(*, defective: bool = False) -> Iterator[str]:
    while not defective:
        yield "more\n"
    raise RuntimeError("a defect")


@asynccontextmanager
async def served() -> AsyncIterator[Listening]:
    listener = listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        address: Listening = listener.getsockname()[:2]
        nursery.start_soon(http.serve, [listener], respond)
        yield address
        nursery.cancel_scope.cancel()


async def said(address: Listening, *requests: bytes) -> bytes:
    """All that comes back until the server ends the connection, after the client has ended its side."""
    async with await trio.open_tcp_stream(*address) as stream:
        for each in requests:
            await stream.send_all(each)
        await stream.send_eof()
        return b"".join([data async for data in stream])


def get(target: str, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def test_a_get_is_answered_piece_by_piece_and_the_connection_stays() -> None:
    async with served() as address:
        octets = await said(address, get("/a"), get("/b"))
    assert octets.count(b"HTTP/1.1 200 OK") == 2
    assert b"you asked for /a\n" in octets
    assert b"you asked for /b\n" in octets


async def test_an_old_client_gets_the_body_until_the_end_of_the_connection() -> None:
    async with served() as address:
        octets = await said(address, b"GET /old HTTP/1.0\r\n\r\n")
    assert octets.endswith(b"\r\n\r\nyou asked for /old\ntwice\n")


async def test_head_has_no_body_and_other_methods_are_refused() -> None:
    async with served() as address:
        head = await said(address, get("/", "HEAD"))
        posted = await said(address, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", get("/b"))
    assert head.startswith(b"HTTP/1.1 200")
    assert b"asked" not in head
    assert posted.startswith(b"HTTP/1.1 405")
    assert b"allow: GET, HEAD" in posted
    assert b"you asked for /b\n" in posted


@pytest.mark.parametrize("octets", [b"\x16\x03\x01\x02\x00", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_is_no_request_gets_a_400(octets: bytes) -> None:
    async with served() as address:
        answered = await said(address, octets, b"\r\n\r\n")
        assert answered.startswith(b"HTTP/1.1 400")
        assert b"you asked for /x" in await said(address, get("/x"))


async def test_endless_headers_are_refused() -> None:
    async with served() as address:
        answered = await said(address, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000)
    assert answered.startswith(b"HTTP/1.1 431")


async def test_a_defect_costs_one_scrape(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as address:
        await said(address, get("/defect"))
        assert b"you asked for /x" in await said(address, get("/x"))
    assert "internal error in a scrape" in caplog.text


async def test_others_have_their_turn_between_two_pieces() -> None:
    async with served() as address:
        endless = await trio.open_tcp_stream(*address)
        await endless.send_all(get("/endless"))
        assert b"you asked for /x" in await said(address, get("/x"))
        await endless.aclose()


async def test_too_many_connections_are_closed_at_once(autojump_clock: trio.testing.MockClock) -> None:
    async with served() as address:
        held = [await trio.open_tcp_stream(*address) for _ in range(http.AT_ONCE)]
        for each in held:
            await each.send_all(get("/"))
            await each.receive_some()
        further = await trio.open_tcp_stream(*address)
        assert await further.receive_some() == b""
        await further.aclose()
        with trio.fail_after(http.PATIENCE + 1):  # who says nothing more is let go
            for each in held:
                while await each.receive_some():
                    pass
                await each.aclose()
        assert b"you asked for /x" in await said(address, get("/x"))


# -- beside a broker --------------------------------------------------------------------------------------------------


async def test_a_broker_tells_its_metrics_where_the_settings_say() -> None:
    config = load(None, {}, {"port": 0, "metrics.port": 0, "metrics.host": "127.0.0.1", "transient": True})
    node = app.make_node(config)
    async with app.serve_node(node, config) as server:
        (address,) = app.serve_metrics(server, config, None)
        octets = await said(address, get("/metrics"))
    assert re.search(rb"^rabbitmq_queues 0\r?$", octets, re.MULTILINE)
    assert b"rabbitmq_resident_memory_limit_bytes" in octets


@pytest.mark.parametrize("installed", [True, False])
async def test_without_a_port_or_the_extra_nothing_is_served(
    installed: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "amqpd")
    monkeypatch.setattr(serving, "is_installed", lambda: installed)
    config = load(None, {}, {"port": 0, "metrics.port": "none" if installed else 0, "transient": True})
    node = app.make_node(config)
    async with app.serve_node(node, config) as server:
        assert app.serve_metrics(server, config, None) == []
    assert ("they come with the extra amqpd[metrics]" in caplog.text) is not installed


async def test_a_port_that_is_taken_keeps_no_broker_from_serving(caplog: pytest.LogCaptureFixture) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        settings = {"port": 0, "metrics.port": port, "metrics.host": "127.0.0.1", "transient": True}
        config = load(None, {}, settings)
        node = app.make_node(config)
        async with app.serve_node(node, config) as server:
            assert app.serve_metrics(server, config, None) == []
            assert server.addresses
    assert f"no metrics are served: cannot listen on 127.0.0.1:{port}" in caplog.text


def test_the_disk_of_the_data_directory_is_told(tmp_path: Path) -> None:
    async def main() -> bytes:
        from amqpd.clock import SystemClock
        from amqpd.server.offload import Threads

        settings = {"port": 0, "metrics.port": 0, "metrics.host": "127.0.0.1", "data_dir": str(tmp_path / "data")}
        config = load(None, {}, settings)
        storage = app.open_storage(config, SystemClock())
        assert storage is not None
        node = app.make_node(config, storage=storage, offload=Threads())
        async with app.serve_node(node, config, storage) as server:
            (address,) = app.serve_metrics(server, config, storage)
            while storage.room is None or storage.room.free is None:
                await trio.lowlevel.checkpoint()
            return await said(address, get("/metrics"))

    octets = trio.run(main)
    assert re.search(rb"^rabbitmq_disk_space_available_bytes [1-9]\d+\r?$", octets, re.MULTILINE)
    assert b"rabbitmq_disk_space_available_limit_bytes 50000000" in octets
