"""Life and death of channels, names, tickets, nowait, and what a closing channel ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.frames import BODY, HEADER, encode_header

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names

MALFORMED = "FRAME_ERROR - Malformed UTF-8 in shortstr"


@pytest.mark.proves("channel.open", "channel.open-ok", "channel.open-ok.channel-id", "channel.open.out-of-band")
def test_open_ok_is_an_empty_longstr(connect: Connect) -> None:
    reply = connect().call(3, "channel.open", "channel.open-ok", out_of_band="ignored")
    assert reply.payload == b"\0\x14\0\x0b\0\0\0\0"


@pytest.mark.proves(
    "access", "access.request", "access.request-ok", "access.request-ok.ticket", "access-request.ticket"
)
def test_access_request_grants_ticket_1(channel: Channel) -> None:
    assert channel.call("access.request", realm="/data", write=True)["ticket"] == 1


@pytest.mark.proves("queue.declare.ticket", "access-request.ticket")
def test_tickets_are_ignored(channel: Channel, names: Names) -> None:
    assert channel.call("queue.declare", queue=names("q"), ticket=999)["queue"] == names("q")


@pytest.mark.proves("channel.flow", "channel.flow.active", "channel.flow-ok", "channel.flow-ok.active")
def test_flow_active_is_answered_and_does_nothing(channel: Channel) -> None:
    assert channel.call("channel.flow", active=True)["active"] is True


@pytest.mark.proves("channel.flow.initial-state")
def test_a_new_channel_is_active(channel: Channel, names: Names) -> None:
    """Content goes both ways, and nobody says channel.flow."""
    queue = names("q")
    channel.declare_queue(queue)
    channel.consume(queue, no_ack=True)
    channel.publish("", queue, b"x")
    assert channel.expect("basic.deliver").body == b"x"
    assert channel.quiet(queue) == []


@pytest.mark.proves(
    "channel.flow.active", "channel.flow.bidirectional", "deviation.channel.flow", "reply-code.not-implemented"
)
@pytest.mark.proves("error.channel.flow.inactive")
def test_vector_65_flow_inactive_is_not_implemented(channel: Channel) -> None:
    with channel.connection.refused(540, "NOT_IMPLEMENTED - active=false", "channel.flow"):
        channel.send("channel.flow", active=False)


@pytest.mark.proves("channel.close", "channel.close-ok")
def test_a_channel_number_is_free_again_after_close_ok(channel: Channel) -> None:
    channel.close()
    assert channel.open().quiet() == []


@pytest.mark.proves(
    "channel.close",
    "channel.close.stability",
    "channel.close.reply-code",
    "channel.close.reply-text",
    "channel.close.class-id",
    "channel.close.method-id",
    "channel.close-ok",
    "reply-code.not-found",
)
def test_vector_63_a_closing_channel_ignores_everything_until_close_ok(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    channel.fill(queue, b"a", b"b")
    assert channel.must_get(queue)["delivery_tag"] == 1
    with channel.refused(404, f"NOT_FOUND - no queue '{names('none')}' in vhost '/'", "queue.declare"):
        channel.send("queue.declare", queue=names("none"), passive=True)
        channel.send("queue.declare", queue=names("other"))
        channel.publish("", queue, b"c")
        channel.send("tx.commit")
    channel.open()
    assert channel.must_get(queue)["delivery_tag"] == 1
    assert channel.counts(queue) == (1, 0)
    with channel.refused(404, f"NOT_FOUND - no queue '{names('other')}' in vhost '/'", "queue.declare"):
        channel.declare_queue(names("other"), passive=True)


@pytest.mark.proves("channel.close.stability")
def test_a_clients_close_on_a_closing_channel_is_answered_and_close_ok_still_awaited(connect: Connect) -> None:
    connection = connect()
    channel = connection.channel()
    channel.send("basic.ack", delivery_tag=9)
    channel.send("channel.close", reply_code=200)
    assert [connection.read().name for _ in range(2)] == ["channel.close", "channel.close-ok"]
    channel.send("tx.commit")
    channel.send("channel.close-ok")
    assert channel.open().quiet() == []


@pytest.mark.proves("channel.close.stability")
def test_content_on_a_closing_channel_is_still_assembled(channel: Channel) -> None:
    with channel.refused(406, "PRECONDITION_FAILED - unknown delivery tag 9", "basic.ack"):
        channel.ack(9)
        channel.send("basic.publish", exchange="nowhere")
        channel.connection.send_frame(HEADER, 1, encode_header(3))
        channel.connection.send_frame(BODY, 1, b"abc")
    assert channel.open().quiet() == []


@pytest.mark.proves("channel")
def test_an_error_on_one_channel_leaves_the_others_alone(connect: Connect) -> None:
    connection = connect()
    one, two = connection.channel(1), connection.channel(2)
    with one.refused(406, "PRECONDITION_FAILED - unknown delivery tag 1", "basic.ack"):
        one.ack(1)
    assert two.quiet() == []


@pytest.mark.proves("channel.close.reply-text")
def test_a_long_reply_text_ends_in_three_dots_at_255_octets(channel: Channel) -> None:
    queue = "q" * 250
    with channel.refused(404, f"NOT_FOUND - no queue '{queue}"[:252] + "...", "queue.declare"):
        channel.declare_queue(queue, passive=True)


@pytest.mark.proves("frame.shortstr-utf8", "reply-code.frame-error")
@pytest.mark.parametrize(
    ("method", "field"),
    [("queue.declare", "queue"), ("exchange.declare", "exchange"), ("queue.bind", "routing_key"),
     ("basic.get", "queue"),
     ("basic.consume", "consumer_tag"), ("basic.cancel", "consumer_tag"), ("queue.delete", "queue")],
)  # fmt: skip
@pytest.mark.proves("error.connection.frame.not-utf8")
def test_names_must_be_utf8(channel: Channel, method: str, field: str) -> None:
    with channel.connection.refused(501, MALFORMED):
        channel.send(method, **{field: b"\xff\xfe"})


@pytest.mark.proves("frame.shortstr-utf8", "basic.publish.routing-key", "basic.get-ok.routing-key")
def test_a_routing_key_of_publish_may_be_any_octets(channel: Channel, names: Names) -> None:
    exchange, queue, key = names("e"), names("q"), b"\xff\xfe\x00\x80"
    channel.declare_exchange(exchange, "fanout")
    channel.declare_queue(queue)
    channel.bind(queue, exchange)
    channel.publish(exchange, key.decode("utf-8", "surrogateescape"), b"x")
    channel.fence(queue)
    assert channel.must_get(queue)["routing_key"].encode("utf-8", "surrogateescape") == key


@pytest.mark.proves(
    "names.utf8",
    "exchange.declare.exchange.syntax",
    "queue.declare.queue.syntax",
    "basic.return.exchange",
    "basic.return.routing-key",
    "basic.deliver.exchange",
    "basic.deliver.routing-key",
    "basic.deliver.consumer-tag",
    "basic.consume-ok.consumer-tag",
    "basic.cancel-ok.consumer-tag",
)
@pytest.mark.parametrize("label", ["käse-日本語-🐰", "a[b]{c}(d)", "spaces and\ttabs", "quo'te", "~p ~s %s", "<<x>>"])
def test_names_come_back_as_they_went(channel: Channel, names: Names, label: str) -> None:
    name = names(label)
    channel.declare_exchange(name)
    assert channel.declare_queue(name)["queue"] == name
    channel.bind(name, name, label)
    channel.publish(name, label, b"x", mandatory=True)
    assert channel.consume(name, f"tag {label}") == f"tag {label}"
    delivery = channel.expect("basic.deliver")
    assert (delivery["exchange"], delivery["routing_key"], delivery["consumer_tag"]) == (name, label, f"tag {label}")
    assert channel.cancel(f"tag {label}")["consumer_tag"] == f"tag {label}"
    channel.unbind(name, name, label)
    channel.publish(name, label, b"x", mandatory=True)
    returned = channel.expect("basic.return")
    assert (returned["exchange"], returned["routing_key"]) == (name, label)


@pytest.mark.proves("names.utf8", "channel.close.reply-text")
def test_error_texts_quote_names_as_they_are(channel: Channel, names: Names) -> None:
    queue = names("käse '日本語' ~p")
    with channel.refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", "queue.declare"):
        channel.declare_queue(queue, passive=True)


@pytest.mark.proves("names.line-breaks")
def test_line_breaks_are_taken_out_of_names(channel: Channel, names: Names) -> None:
    queue, exchange = names("q"), names("e")
    assert channel.declare_queue("\r\n".join(queue))["queue"] == queue
    assert channel.declare_queue(f"\n{queue}", passive=True)["queue"] == queue
    channel.declare_exchange(exchange + "\r\n")
    channel.bind(f"{queue}\n", f"\r{exchange}", "k\n")
    channel.publish(exchange, "k\n", b"x")
    channel.fence(queue)
    assert channel.must_get(queue)["routing_key"] == "k\n"
    channel.unbind(f"{queue}\n", f"\r{exchange}", "k\n")
    channel.delete_exchange(f"{exchange}\n", if_unused=True)
    assert channel.delete_queue(f"{queue}\n") == 0


@pytest.mark.proves("names.line-breaks")
def test_line_breaks_stay_in_the_names_of_get_and_publish(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.declare_queue(queue)
    with channel.refused(404, f"NOT_FOUND - no queue '{queue}\n' in vhost '/'", "basic.get"):
        channel.get(queue + "\n")


@pytest.mark.proves(
    "nowait.silent",
    "exchange.declare.nowait",
    "queue.declare.nowait",
    "queue.bind.nowait",
    "exchange.bind.nowait",
    "exchange.unbind.nowait",
    "basic.consume.nowait",
    "basic.cancel.nowait",
    "queue.purge.nowait",
    "confirm.select.nowait",
    "queue.delete.nowait",
    "exchange.delete.nowait",
)
def test_nowait_suppresses_the_reply(channel: Channel, names: Names) -> None:
    queue, exchange = names("q"), names("e")
    for name, fields in [
        ("exchange.declare", {"exchange": exchange, "type": "direct"}),
        ("queue.declare", {"queue": queue}),
        ("queue.bind", {"queue": queue, "exchange": exchange}),
        ("exchange.bind", {"destination": exchange, "source": "amq.direct"}),
        ("exchange.unbind", {"destination": exchange, "source": "amq.direct"}),
        ("basic.consume", {"queue": queue, "consumer_tag": "t"}),
        ("basic.cancel", {"consumer_tag": "t"}),
        ("queue.purge", {"queue": queue}),
        ("confirm.select", {}),
        ("queue.delete", {"queue": queue}),
        ("exchange.delete", {"exchange": exchange}),
    ]:
        channel.send(name, nowait=True, **fields)
    assert channel.quiet() == []


@pytest.mark.proves("nowait.silent", "basic.consume.nowait")
def test_nowait_does_not_suppress_errors(channel: Channel, names: Names) -> None:
    queue = names("q")
    with channel.refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", "basic.consume"):
        channel.send("basic.consume", queue=queue, nowait=True)


@pytest.mark.proves("ordering.replies")
def test_replies_keep_the_order_of_pipelined_commands(channel: Channel, names: Names) -> None:
    queue = names("q")
    channel.send("queue.declare", queue=queue)
    channel.send("queue.bind", queue=queue, exchange="amq.direct")
    channel.send("basic.qos", prefetch_count=1)
    channel.send("queue.purge", queue=queue)
    channel.send("basic.get", queue=queue)
    channel.send("queue.delete", queue=queue)
    replies = [
        "queue.declare-ok",
        "queue.bind-ok",
        "basic.qos-ok",
        "queue.purge-ok",
        "basic.get-empty",
        "queue.delete-ok",
    ]
    assert [channel.next().name for _ in replies] == replies
