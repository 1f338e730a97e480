"""Virtual hosts: apart from each other, and closed to users without a permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.accounts import LETTERED, SECOND, STRANGER

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names

pytestmark = pytest.mark.usefixtures("connect_as")


@pytest.fixture
def elsewhere(connect: Connect) -> Channel:
    return connect(virtual_host=SECOND).channel()


@pytest.mark.proves("connection.open.virtual-host.separation", "connection.open.virtual-host")
def test_queues_and_exchanges_of_the_same_name_are_different_ones(
    channel: Channel, elsewhere: Channel, names: Names
) -> None:
    queue, exchange = names("q"), names("e")
    for each, kind in ((channel, "fanout"), (elsewhere, "direct")):
        each.declare_exchange(exchange, kind)
        each.call("queue.declare", queue=queue, auto_delete=each is channel, exclusive=True)
        each.bind(queue, exchange, "k")
    channel.publish(exchange, "any", b"here")
    elsewhere.publish(exchange, "any", b"nowhere", mandatory=True)
    assert elsewhere.expect("basic.return").body == b"nowhere"
    elsewhere.publish(exchange, "k", b"there")
    channel.fence(queue)
    elsewhere.fence(queue)
    assert (channel.drain(queue), elsewhere.drain(queue)) == ([b"here"], [b"there"])
    elsewhere.delete_exchange(exchange)
    channel.declare_exchange(exchange, passive=True)


@pytest.mark.proves("connection.open.virtual-host.separation")
def test_what_is_in_one_is_not_found_in_the_other(channel: Channel, elsewhere: Channel, names: Names) -> None:
    queue, exchange = names("q"), names("e")
    channel.declare_queue(queue)
    channel.declare_exchange(exchange)
    with elsewhere.refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '{SECOND}'", "queue.declare"):
        elsewhere.declare_queue(queue, passive=True)
    elsewhere.open().publish("", queue, b"x", mandatory=True)
    assert elsewhere.expect("basic.return")["routing_key"] == queue
    with elsewhere.refused(404, f"NOT_FOUND - no exchange '{exchange}' in vhost '{SECOND}'", "basic.publish"):
        elsewhere.publish(exchange, "k", b"x")
    assert channel.counts(queue) == (0, 0)


@pytest.mark.proves("connection.open.virtual-host.security", "reply-code.not-allowed")
@pytest.mark.parametrize(("user", "vhost"), [(STRANGER, "/"), (LETTERED, SECOND)])
def test_a_user_without_a_permission_does_not_get_in(
    connect_as: Connect, dial: Connect, user: str, vhost: str
) -> None:
    from conformance.accounts import response

    connection = dial()
    connection.tune(response=response(user))
    text = f"NOT_ALLOWED - access to vhost '{vhost}' refused for user '{user}'"
    with connection.refused(530, text, "connection.open"):
        connection.send_method(0, "connection.open", virtual_host=vhost)
