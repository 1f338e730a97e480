"""A node's metrics over HTTP, and where the settings say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trio

from amqpd import app
from amqpd.config import load
from amqpd.metrics import serving
from amqpd.server.listeners import listen

Listening = tuple[str, int]


async def said(address: Listening, *requests: bytes) -> bytes:
    """All that comes back until the server ends the connection, after the client has ended its side."""
    async with await trio.open_tcp_stream(*address) as stream:
        for each in requests:
            await stream.send_all(each)
        await stream.send_eof()
        return b"".join([data async for data in stream])


def get(target: str, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def test_a_broker_tells_its_metrics_where_the_settings_say() -> None:
    config = load(None, {}, {"port": 0, "metrics.port": 0, "metrics.host": "127.0.0.1", "transient": True})
    node = app.make_node(config)
    async with app.serve_node(node, config) as server:
        (address,) = app.serve_metrics(server, config, None)
        octets = await said(address, get("/metrics"))
        head = await said(address, get("/metrics", "HEAD"))
        post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
        posted = await said(address, post, get("/metrics"))
    assert head.startswith(b"HTTP/1.1 200")
    assert b"rabbitmq_" not in head
    assert posted.startswith(b"HTTP/1.1 405")
    assert b"allow: GET, HEAD" in posted
    assert b"rabbitmq_queues 0" in posted
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
