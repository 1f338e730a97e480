"""Topic permissions: which routing and binding keys a user may use on a topic exchange.

`topical.user` may do everything, but on amq.topic its keys must match the patterns of `conformance.accounts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.accounts import SECOND, TOPICAL
from conformance.denials import topic_denial

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names
    from conformance.targets import Target

TOPIC = "amq.topic"


@pytest.fixture
def topical(connect_as: Connect) -> Channel:
    return connect_as(TOPICAL).channel()


def _publish(channel: Channel, exchange: str, key: str) -> None:
    channel.confirm().publish(exchange, key, b"x")
    channel.expect("basic.ack")


@pytest.mark.parametrize("key", ["open", "topical.user.", "topical.user.a.b"])
@pytest.mark.proves("beyond.topic-permissions.publish")
def test_a_routing_key_that_matches_is_taken(topical: Channel, key: str) -> None:
    _publish(topical, TOPIC, key)


@pytest.mark.parametrize("key", ["", "opened", "x.topical.user.a", "Open", "käse [日本] 'y'"])
@pytest.mark.proves("beyond.topic-permissions.publish")
def test_a_routing_key_that_does_not_match_is_refused(target: Target, topical: Channel, key: str) -> None:
    with topical.refused(403, topic_denial(target, "w", key, TOPIC, TOPICAL), "basic.publish"):
        topical.publish(TOPIC, key, b"x")


@pytest.mark.versions(
    since="4.2", otherwise="3.10.8 and 4.0.5 take the name for a part of the pattern: its dot is any character"
)
@pytest.mark.proves("beyond.topic-permissions.variables")
def test_a_users_name_stands_for_itself_in_a_pattern(target: Target, topical: Channel) -> None:
    with topical.refused(403, topic_denial(target, "w", "topicalxuser.a", TOPIC, TOPICAL), "basic.publish"):
        topical.publish(TOPIC, "topicalxuser.a", b"x")


@pytest.mark.parametrize("method", ["queue.bind", "queue.unbind"])
@pytest.mark.parametrize("key", ["read", "read.#", "reader", "#"])
@pytest.mark.proves("beyond.topic-permissions.bind")
def test_a_binding_key_that_matches_is_taken(topical: Channel, names: Names, method: str, key: str) -> None:
    topical.declare_queue(names("q"))
    topical.call(method, queue=names("q"), exchange=TOPIC, routing_key=key)


@pytest.mark.parametrize("method", ["queue.bind", "queue.unbind"])
@pytest.mark.parametrize("key", ["", "*", "open", "to.read"])
@pytest.mark.proves("beyond.topic-permissions.bind")
def test_a_binding_key_that_does_not_match_is_refused(
    target: Target, topical: Channel, names: Names, method: str, key: str
) -> None:
    with topical.refused(403, topic_denial(target, "r", key, TOPIC, TOPICAL), method):
        topical.call(method, queue=names("q"), exchange=TOPIC, routing_key=key)


@pytest.mark.proves("beyond.topic-permissions.bind")
def test_the_key_that_an_empty_name_and_key_stand_for_is_asked_about(
    target: Target, topical: Channel, names: Names
) -> None:
    topical.declare_queue(names("q"))
    with topical.refused(403, topic_denial(target, "r", names("q"), TOPIC, TOPICAL), "queue.bind"):
        topical.bind("", TOPIC, "")


@pytest.mark.parametrize("method", ["exchange.bind", "exchange.unbind"])
@pytest.mark.proves("beyond.topic-permissions.bind-exchange")
def test_binding_an_exchange_to_a_topic_exchange_is_asked_about(
    target: Target, topical: Channel, names: Names, method: str
) -> None:
    topical.declare_exchange(names("e"), "fanout")
    topical.call(method, destination=names("e"), source=TOPIC, routing_key="read.this")
    with topical.refused(403, topic_denial(target, "r", "open", TOPIC, TOPICAL), method):
        topical.call(method, destination=names("e"), source=TOPIC, routing_key="open")


@pytest.mark.parametrize("method", ["exchange.bind", "exchange.unbind"])
@pytest.mark.proves("beyond.topic-permissions.bind-exchange")
def test_binding_a_topic_exchange_to_another_exchange_is_not_asked_about(
    topical: Channel, names: Names, method: str
) -> None:
    topical.declare_exchange(names("e"), "fanout")
    topical.call(method, destination=TOPIC, source=names("e"), routing_key="anything")


@pytest.mark.proves("beyond.topic-permissions.unasked")
def test_without_a_record_every_key_is_taken(topical: Channel, channel: Channel, names: Names) -> None:
    topical.declare_exchange(names("e"), "topic")
    topical.declare_queue(names("q"))
    topical.bind(names("q"), names("e"), "write.#")
    _publish(topical, names("e"), "write.x")
    assert topical.must_get(names("q")).body == b"x"
    _publish(channel, TOPIC, "nobody.asks.guest")


@pytest.mark.proves("beyond.topic-permissions.unasked")
def test_a_record_for_an_exchange_of_another_type_means_nothing(topical: Channel, names: Names) -> None:
    topical.declare_queue(names("q"))
    topical.bind(names("q"), "amq.direct", "anything")
    _publish(topical, "amq.direct", "anything")
    assert topical.must_get(names("q")).body == b"x"


@pytest.mark.proves("beyond.topic-permissions.unasked")
def test_keys_are_not_asked_about_where_one_exchange_feeds_another(topical: Channel, names: Names) -> None:
    topical.declare_exchange(names("e"), "fanout")
    topical.declare_queue(names("q"))
    topical.bind(names("q"), TOPIC, "read")
    topical.bind_exchange(TOPIC, names("e"))
    _publish(topical, names("e"), "read")
    assert topical.must_get(names("q")).body == b"x"


@pytest.mark.versions(before="4.0", otherwise="since 4.0 the keys of CC and BCC are asked about as well")
@pytest.mark.parametrize("header", ["CC", "BCC"])
@pytest.mark.proves("beyond.topic-permissions.carbon-copies")
def test_carbon_copies_are_not_asked_about(topical: Channel, names: Names, header: str) -> None:
    topical.declare_queue(names("q"))
    topical.bind(names("q"), TOPIC, "read")
    topical.confirm().publish(TOPIC, "open", b"x", {"headers": {header: ["read"]}})
    topical.expect("basic.ack")
    assert topical.must_get(names("q")).body == b"x"


@pytest.mark.proves("beyond.topic-permissions.variables")
def test_the_virtual_host_may_stand_in_a_pattern(target: Target, connect_as: Connect) -> None:
    channel = connect_as(TOPICAL, virtual_host=SECOND).channel()
    _publish(channel, TOPIC, SECOND)
    with channel.refused(403, topic_denial(target, "w", "{vhost}", TOPIC, TOPICAL, SECOND), "basic.publish"):
        channel.publish(TOPIC, "{vhost}")
    channel.open()
    queue = channel.declare_queue("", exclusive=True)["queue"]
    channel.bind(queue, TOPIC, SECOND)
    with channel.refused(403, topic_denial(target, "r", "/", TOPIC, TOPICAL, SECOND), "queue.bind"):
        channel.bind(queue, TOPIC, "/")


@pytest.mark.proves("beyond.topic-permissions.order")
def test_the_key_is_asked_about_before_the_user_id(target: Target, topical: Channel) -> None:
    with topical.refused(403, topic_denial(target, "w", "no", TOPIC, TOPICAL), "basic.publish"):
        topical.publish(TOPIC, "no", b"x", {"user_id": "other"})


@pytest.mark.proves("beyond.topic-permissions.order")
def test_the_key_is_asked_about_before_a_missing_queue_is_noticed(
    target: Target, topical: Channel, names: Names
) -> None:
    with topical.refused(403, topic_denial(target, "r", "no", TOPIC, TOPICAL), "queue.bind"):
        topical.bind(names("none"), TOPIC, "no")
