"""Channels, confirm mode and transactions: what is refused, and how it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.frames import HEADER, encode_header
from conformance.methods import CONTENT_BEARING
from conformance.received import ChannelClosed

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conditions import Condition
    from conformance.conftest import Connect, Names

proves = pytest.mark.proves


@proves("error.channel.open.second")
def test_a_channel_is_opened_once(condition: Condition, channel: Channel) -> None:
    with condition.closes_connection(channel.connection):
        channel.send("channel.open")


@proves("error.channel.open.second")
def test_a_channel_that_waits_for_close_ok_is_still_open(condition: Condition, channel: Channel) -> None:
    """All else but close and close-ok is ignored then."""
    channel.send("tx.commit")
    with pytest.raises(ChannelClosed):
        channel.next()
    channel.send("tx.select")
    with condition.closes_connection(channel.connection):
        channel.send("channel.open")


@proves("error.channel.open.expected")
@pytest.mark.parametrize(
    "method", ["queue.declare", "basic.ack", "tx.select", "channel.close", "channel.close-ok", "channel.flow"]
)
def test_a_channel_number_that_is_not_open(condition: Condition, channel: Channel, method: str) -> None:
    channel.close()
    with condition.closes_connection(channel.connection, method):
        channel.send(method)


@proves("error.channel.flow.inactive")
def test_deliveries_cannot_be_paused(condition: Condition, channel: Channel) -> None:
    with condition.closes_connection(channel.connection):
        channel.send("channel.flow", active=False)


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("channel.flow-ok", marks=proves("error.channel.flow-ok.unexpected")),
        pytest.param("channel.close-ok", marks=proves("error.channel.close-ok.unexpected")),
        pytest.param(
            "basic.cancel-ok",
            marks=[
                proves("error.basic.cancel-ok.unexpected"),
                pytest.mark.versions(before="4.3", otherwise="since 4.3 it is taken silently"),
            ],
        ),
    ],
)
def test_answers_to_nothing(condition: Condition, channel: Channel, method: str) -> None:
    with condition.closes_connection(channel.connection):
        channel.send(method)


@proves("error.channel.method.unimplemented")
@pytest.mark.parametrize(
    "method",
    ["channel.open-ok", "access.request-ok", "exchange.declare-ok", "exchange.delete-ok", "exchange.bind-ok",
     "exchange.unbind-ok", "queue.declare-ok", "queue.bind-ok", "queue.purge-ok", "queue.delete-ok", "queue.unbind-ok",
     "basic.qos-ok", "basic.consume-ok", "basic.get-empty", "basic.recover-ok", "confirm.select-ok", "tx.select-ok",
     "tx.commit-ok", "tx.rollback-ok", "basic.deliver", "basic.return", "basic.get-ok"],
)  # fmt: skip
def test_methods_that_only_a_broker_sends(condition: Condition, channel: Channel, method: str) -> None:
    with condition.closes_connection(channel.connection, method):
        channel.send(method)
        if method in CONTENT_BEARING:
            channel.connection.send_frame(HEADER, channel.number, encode_header(0))


@proves("error.confirm.select.transactional")
def test_a_transactional_channel_cannot_confirm(condition: Condition, channel: Channel) -> None:
    channel.call("tx.select")
    with condition.closes_channel(channel):
        channel.call("confirm.select")


@proves("error.tx.select.confirming")
def test_a_confirming_channel_cannot_become_transactional(condition: Condition, channel: Channel) -> None:
    channel.confirm()
    with condition.closes_channel(channel):
        channel.call("tx.select")


@pytest.mark.parametrize(
    "method",
    [pytest.param(f"tx.{verb}", marks=proves(f"error.tx.{verb}.not-transactional")) for verb in ("commit", "rollback")],
)
def test_nothing_ends_a_transaction_that_is_none(condition: Condition, channel: Channel, method: str) -> None:
    with condition.closes_channel(channel):
        channel.call(method)


@proves("error.tx.commit.partial")
def test_a_queue_that_refuses_fails_the_commit(condition: Condition, connect: Connect, names: Names) -> None:
    channel, full, other = connect().channel(), names("full"), names("other")
    channel.declare_queue(full, {"x-max-length": 0, "x-overflow": "reject-publish"}, durable=True)
    channel.declare_queue(other, durable=True)
    channel.call("tx.select")
    for queue in (full, other):
        channel.publish("", queue, b"x")
    with condition.closes_channel(channel):
        channel.call("tx.commit")
    assert channel.drain(other) == [b"x"]
