"""Accounts and the firehose through the handle, as a client of pika sees them."""

from __future__ import annotations

import pika
import pytest

from amqpd.testing.broker import EmbeddedBroker


def connect(broker: EmbeddedBroker, user: str = "guest", vhost: str = "/") -> pika.BlockingConnection:
    """Log a user in whose password is its name."""
    credentials = pika.PlainCredentials(user, user)
    return pika.BlockingConnection(
        pika.ConnectionParameters(broker.host, broker.port, vhost, credentials=credentials)
    )


def test_a_user_may_do_what_is_granted_until_that_is_revoked(amqpd: EmbeddedBroker) -> None:
    amqpd.add_user("ann", "ann", ("monitoring",))
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError):
        connect(amqpd, "ann")
    amqpd.grant("ann", configure="^ann-")
    with connect(amqpd, "ann") as connection:
        connection.channel().queue_declare("ann-queue", exclusive=True)
    amqpd.revoke("ann")
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError):
        connect(amqpd, "ann")
    amqpd.delete_user("ann")
    with pytest.raises(KeyError):
        amqpd.delete_user("ann")


def test_the_firehose_of_a_vhost_is_switched_by_its_name(amqpd: EmbeddedBroker) -> None:
    amqpd.add_vhost("traced")
    with connect(amqpd, vhost="traced") as connection:
        channel = connection.channel()
        channel.queue_declare("copies")
        channel.queue_bind("copies", "amq.rabbitmq.trace", "#")
        amqpd.trace("traced")
        channel.basic_publish("", "nowhere", b"on")
        assert [each.body for each in amqpd.messages("copies", "traced")] == [b"on"]
        amqpd.trace("traced", on=False)
        channel.basic_publish("", "nowhere", b"off")
        assert [each.body for each in amqpd.messages("copies", "traced")] == [b"on"]
    with pytest.raises(KeyError):
        amqpd.trace("unknown")
