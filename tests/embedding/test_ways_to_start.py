"""A broker in a plain program, a trio program and an asyncio program; what goes wrong surfaces as itself."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import aio_pika
import pika
import pytest
import trio

import amqpd
from amqpd.config import Config, ConfigError
from amqpd.server.listeners import listen
from amqpd.testing.broker import EmbeddedBroker

ROOT = Path(__file__).resolve().parents[2]


class Own(Exception):
    """What a caller's own code raises."""


def round_trip(url: str) -> bytes:
    """Publish and get one message with pika."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare("round trip", exclusive=True)
        channel.basic_publish("", "round trip", b"there and back")
        return bytes(channel.basic_get("round trip", auto_ack=True)[2])


def test_a_plain_program_runs_a_broker_in_a_thread() -> None:
    with amqpd.run_in_thread() as broker:
        assert round_trip(broker.url) == b"there and back"


async def test_a_trio_program_runs_a_broker_among_its_tasks() -> None:
    async with amqpd.serve(port=0) as broker:
        assert await trio.to_thread.run_sync(round_trip, broker.url) == b"there and back"
        assert broker.queues() == []


async def test_a_trio_program_may_use_a_broker_of_another_thread() -> None:
    with amqpd.run_in_thread() as broker:
        assert await trio.to_thread.run_sync(round_trip, broker.url) == b"there and back"
        broker.clock.advance(1)
        broker.faults.drop()
        assert broker.connections() == []


def test_an_asyncio_program_uses_a_broker_in_a_thread() -> None:
    async def program(broker: EmbeddedBroker) -> bytes:
        async with await aio_pika.connect(broker.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("asyncio", exclusive=True)
            await channel.default_exchange.publish(aio_pika.Message(b"body"), "asyncio")
            assert broker.queue("asyncio").messages_ready == 1
            message = await queue.get(no_ack=True)
            return message.body

    with amqpd.run_in_thread() as broker:
        assert asyncio.run(program(broker)) == b"body"


def test_two_brokers_in_one_program_share_nothing() -> None:
    with amqpd.run_in_thread() as one, amqpd.run_in_thread(compat="3.10") as two:
        assert one.port != two.port
        with pika.BlockingConnection(pika.URLParameters(one.url)) as connection:
            connection.channel().queue_declare("of one")
        assert [each.name for each in one.queues()] == ["of one"]
        assert two.queues() == []
        one.clock.advance(3600)
        one.faults.block()
        assert round_trip(two.url) == b"there and back"


async def test_two_brokers_in_one_trio_program_share_nothing() -> None:
    async with amqpd.serve(port=0) as one, amqpd.serve(port=0) as two:
        assert one.port != two.port
        assert await trio.to_thread.run_sync(round_trip, two.url) == b"there and back"


def test_a_config_takes_the_place_of_settings() -> None:
    config = Config(port=0, shutdown_timeout=0)
    with amqpd.run_in_thread(config) as broker:
        assert round_trip(broker.url) == b"there and back"
    with (
        pytest.raises(TypeError, match="either a Config or settings, not both: got compat"),
        amqpd.run_in_thread(config, compat="4.0"),
    ):
        pass


def test_a_port_that_is_taken_is_an_os_error() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"), amqpd.run_in_thread(port=port):
            pass


async def test_a_port_that_is_taken_is_an_os_error_in_trio_too() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with amqpd.serve(port=port):
                pass


def test_a_wrong_setting_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="did you mean 'compat'"), amqpd.run_in_thread(compatt="4.0"):
        pass
    with pytest.raises(ConfigError, match="bad value for 'compat'"), amqpd.run_in_thread(compat="2.0"):
        pass


def test_an_access_file_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"), amqpd.run_in_thread(access_file=tmp_path / "none.toml"):
        pass


def test_an_error_of_the_block_leaves_run_in_thread_as_itself() -> None:
    own = Own()
    with pytest.raises(Own) as caught, amqpd.run_in_thread():
        raise own
    assert caught.value is own


@pytest.mark.parametrize("cause", [None, KeyError("cause")])
async def test_an_error_of_the_block_leaves_serve_as_itself(cause: BaseException | None) -> None:
    own = Own()
    with pytest.raises(Own) as caught:
        async with amqpd.serve(port=0):
            raise own from cause
    assert caught.value is own
    assert own.__cause__ is cause
    assert own.__context__ is None


async def test_a_group_of_the_block_leaves_serve_as_itself() -> None:
    own = ExceptionGroup("own", [ExceptionGroup("inner", [Own()])])
    with pytest.raises(ExceptionGroup) as caught:
        async with amqpd.serve(port=0):
            raise own
    assert caught.value is own


async def test_a_cancelled_block_ends_the_broker() -> None:
    with trio.CancelScope() as scope:
        async with amqpd.serve(port=0) as broker:
            port = broker.port
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    listen("127.0.0.1", port).close()


async def test_a_timeout_around_serve_is_a_timeout() -> None:
    async def too_long() -> None:
        with trio.fail_after(0):
            async with amqpd.serve(port=0):
                await trio.sleep_forever()

    with pytest.raises(trio.TooSlowError):
        await too_long()


def test_a_client_that_was_left_open_is_told_that_the_broker_stops() -> None:
    with amqpd.run_in_thread() as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="reason 'shutdown'"):
        connection.channel()


def test_the_hosts_signals_collector_and_switch_interval_are_left_alone() -> None:
    def settings_of_the_host() -> tuple[object, ...]:
        handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        return (*handlers, gc.get_threshold(), gc.isenabled(), sys.getswitchinterval())

    before = settings_of_the_host()
    with amqpd.run_in_thread() as broker:
        round_trip(broker.url)
        assert settings_of_the_host() == before


def _modules(statement: str) -> set[str]:
    """Names of the modules that are loaded after a statement in a fresh interpreter, where no log has a handler."""
    checks = "assert not logging.getLogger().handlers and not logging.getLogger('amqpd').handlers"
    code = f"{statement}\nimport sys\nprint(*sys.modules)\nimport logging\n{checks}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_amqpd_loads_no_trio_and_configures_no_logging() -> None:
    assert not {"trio", "pamqp", "structlog", "attrs"} & _modules("import amqpd")


def test_importing_the_plugin_loads_no_broker_and_no_client() -> None:
    assert not {"trio", "pamqp", "pika", "structlog", "attrs", "cattrs"} & _modules("import amqpd.testing.plugin")


def test_a_broker_that_runs_configures_no_logging() -> None:
    assert "trio" in _modules("import amqpd\nwith amqpd.run_in_thread(): pass")
