"""Time that a test moves: TTLs and expiries come due at once, and the client under test stays connected."""

from __future__ import annotations

from collections.abc import Callable

import pika
import pytest
import trio

import amqpd as package
from amqpd.testing.broker import EmbeddedBroker

WaitUntil = Callable[[Callable[[], bool]], None]
DAY = 86400


def dead_lettering(channel: pika.channel.Channel, ttl: int) -> None:
    """A queue `from` whose messages move to `to` after `ttl` milliseconds."""
    channel.queue_declare("to")
    arguments = {"x-message-ttl": ttl, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "to"}
    channel.queue_declare("from", arguments=arguments)


def test_what_was_published_before_a_jump_is_there_before_it(amqpd: EmbeddedBroker) -> None:
    """Without a confirm nothing tells the test that the broker has it, but its calls see to that."""
    with pika.BlockingConnection(pika.URLParameters(amqpd.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("q", arguments={"x-message-ttl": 60_000})
        for number in range(300):
            channel.basic_publish("", "q", b"%d" % number)
            amqpd.clock.advance(60)
            assert amqpd.messages("q") == []
        for number in range(1, 300):
            channel.basic_publish("", "q", b"%d" % number)
            assert amqpd.queue("q").messages_ready == number


def test_a_jump_expires_messages_and_queues_but_no_connection(amqpd: EmbeddedBroker) -> None:
    with pika.BlockingConnection(pika.URLParameters(f"{amqpd.url}?heartbeat=1")) as connection:
        channel = connection.channel()
        dead_lettering(channel, ttl=60_000)
        channel.queue_declare("unused", arguments={"x-expires": 3_600_000})
        channel.confirm_delivery()
        channel.basic_publish("", "from", b"late")
        amqpd.clock.advance(59)
        assert amqpd.queue("from").messages_ready == 1
        amqpd.clock.advance(1)
        assert (amqpd.queue("from").messages_ready, amqpd.queue("to").messages_ready) == (0, 1)
        assert amqpd.queue("unused").messages_ready == 0
        amqpd.clock.advance(3600)
        with pytest.raises(KeyError):
            amqpd.queue("unused")
        assert [each.state for each in amqpd.connections()] == ["running"]
        amqpd.clock.advance(365 * DAY)
        connection.process_data_events(0)
        assert channel.basic_get("to", auto_ack=True)[2] == b"late"
        assert [each.state for each in amqpd.connections()] == ["running"]


def test_a_client_with_a_heartbeat_of_one_second_lives_through_frozen_time(amqpd: EmbeddedBroker) -> None:
    """Its heartbeats are real: while time stands still, two are answered."""
    amqpd.clock.freeze()
    with pika.BlockingConnection(pika.URLParameters(f"{amqpd.url}?heartbeat=1")) as connection:
        connection.process_data_events(2.5)
        assert connection.channel().is_open
    amqpd.clock.unfreeze()


def test_frozen_time_moves_by_steps_alone(amqpd: EmbeddedBroker) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqpd.url)) as connection:
        channel = connection.channel()
        dead_lettering(channel, ttl=1)
        channel.confirm_delivery()
        amqpd.clock.freeze()
        channel.basic_publish("", "from", b"held")
        for _ in range(50):
            channel.queue_declare("from", passive=True)
        assert amqpd.queue("from").messages_ready == 1
        amqpd.clock.advance(0.0005)
        assert amqpd.queue("from").messages_ready == 1
        amqpd.clock.advance(0.001)
        assert amqpd.queue("to").messages_ready == 1


def test_steps_that_add_up_to_a_ttl_end_it(amqpd: EmbeddedBroker) -> None:
    """Whatever their sum is rounded to."""
    amqpd.clock.freeze()
    amqpd.clock.advance(365 * DAY)
    with pika.BlockingConnection(pika.URLParameters(amqpd.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("q", arguments={"x-message-ttl": 3})
        for _ in range(20):
            channel.basic_publish("", "q", b"")
            amqpd.clock.advance(0.001)
            amqpd.clock.advance(0.001)
            assert amqpd.queue("q").messages_ready == 1
            amqpd.clock.advance(0.001)
            assert amqpd.queue("q").messages_ready == 0


def test_time_runs_again_after_unfreeze(amqpd: EmbeddedBroker, wait_until: WaitUntil) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqpd.url)) as connection:
        channel = connection.channel()
        amqpd.clock.freeze()
        dead_lettering(channel, ttl=20)
        channel.confirm_delivery()
        channel.basic_publish("", "from", b"thawed")
        amqpd.clock.unfreeze()
        wait_until(lambda: amqpd.queue("to").messages_ready == 1)


def test_timers_of_one_jump_run_in_their_order_and_at_their_time(amqpd: EmbeddedBroker) -> None:
    """Three hops of a minute each, within one jump: each message dies when the one before has arrived."""
    with pika.BlockingConnection(pika.URLParameters(amqpd.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("end")
        for hop, target in (("third", "end"), ("second", "third"), ("first", "second")):
            arguments = {"x-message-ttl": 60_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": target}
            channel.queue_declare(hop, arguments=arguments)
        channel.confirm_delivery()
        channel.basic_publish("", "first", b"")
        amqpd.clock.freeze()
        amqpd.clock.advance(119)
        assert amqpd.queue("second").messages_ready == 1
        amqpd.clock.advance(200)
        assert amqpd.queue("end").messages_ready == 1
        headers = amqpd.messages("end")[0].properties["headers"]
        assert isinstance(headers, dict)
        times = [death["time"] for death in headers["x-death"]]  # whole seconds, the latest first
        assert [times[0] - each for each in times] == [0, pytest.approx(60, abs=1), pytest.approx(120, abs=1)]


def test_time_never_moves_back(amqpd: EmbeddedBroker) -> None:
    with pytest.raises(ValueError, match="only moves forward: got -1"):
        amqpd.clock.advance(-1)


async def test_the_clock_of_a_broker_in_a_trio_program_moves_too() -> None:
    async with package.serve(port=0) as broker:

        def converse() -> None:
            with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
                channel = connection.channel()
                dead_lettering(channel, ttl=60_000)
                channel.confirm_delivery()
                channel.basic_publish("", "from", b"late")

        await trio.to_thread.run_sync(converse)
        broker.clock.advance(60)
        assert broker.queue("to").messages_ready == 1


def test_a_jump_over_the_consumer_timeout_closes_the_channel_alone() -> None:
    with (
        package.run_in_thread(limits_consumer_timeout=1800) as broker,
        pika.BlockingConnection(pika.URLParameters(broker.url)) as connection,
    ):
        channel = connection.channel()
        channel.queue_declare("slow")
        channel.basic_publish("", "slow", b"task")
        assert channel.basic_get("slow")[2] == b"task"
        broker.clock.advance(1800)
        assert channel.queue_declare("slow", passive=True).method.message_count == 0
        broker.clock.advance(60)
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="Timeout value used: 1800000 ms"):
            channel.queue_declare("slow", passive=True)
        assert connection.channel().basic_get("slow", auto_ack=True)[2] == b"task"
