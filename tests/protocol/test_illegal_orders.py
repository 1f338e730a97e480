"""Whole connections in random order: a small model of the reference says which answer each frame must get.

The model knows which channels are open, closing or in the middle of a content, and nothing else of the broker. A
second, healthy connection must go on working whatever the first one does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands, frame

from amqpd.testing.delayed import DelayedJournal
from tests.protocol.harness import (
    HEARTBEAT,
    Client,
    World,
    content_header,
    publish_method,
    raw,
    raw_method,
)

METHOD, HEADER, BODY = "method", "header", "body"

CHANNEL_MAX: Final = 3
SIZE: Final = 4


def _method(method: object) -> Callable[[int], bytes]:
    return lambda channel: frame.marshal(method, channel)  # type: ignore[arg-type]  # every value below is a method


ACTIONS: Final[dict[str, Callable[[int], bytes]]] = {
    "open": lambda channel: raw_method(channel, 20, 10, b"\x00"),
    "close": lambda channel: raw_method(channel, 20, 40, b"\x00\xc8\x00" + bytes(4)),
    "close-ok": lambda channel: raw_method(channel, 20, 41),
    "flow": _method(commands.Channel.Flow(active=True)),
    "declare": _method(commands.Queue.Declare(queue="mine")),
    "missing": _method(commands.Queue.Declare(queue="missing", passive=True)),
    "unknown tag": _method(commands.Basic.Ack(99)),
    "publish": lambda channel: publish_method("mine", channel=channel),
    "to nowhere": lambda channel: publish_method("mine", "nowhere", channel=channel),
    "header": lambda channel: content_header(channel, SIZE),
    "empty header": lambda channel: content_header(channel, 0),
    "other class": lambda channel: content_header(channel, SIZE, class_id=10),
    "half": lambda channel: raw(3, channel, b"x" * (SIZE // 2)),
    "too much": lambda channel: raw(3, channel, b"x" * (SIZE + 1)),
    "server's": lambda channel: raw_method(channel, 60, 11),
    "connection's": lambda channel: raw_method(channel, 10, 31, bytes(8)),
    "undecodable": lambda channel: raw_method(channel, 50, 40, b"\x00"),
    "unknown": lambda channel: raw_method(channel, 70, 10),
    "heartbeat": lambda channel: HEARTBEAT[:1] + struct.pack(">H", channel) + HEARTBEAT[3:],
    "bad type": lambda channel: raw(5, channel, b""),
}
BODIES: Final = {"half": SIZE // 2, "too much": SIZE + 1}
HEADERS: Final = ("header", "empty header", "other class")
CONTENT: Final = ("publish", "to nowhere")
DECODED_FIRST: Final = {"undecodable": 501, "unknown": 503}


@attrs.define
class Model:
    """What the reference says about one channel number."""

    open: bool = False
    closing: bool = False
    content: str = ""
    """The method whose content is awaited."""
    remaining: int | None = None
    """Octets of its body; None: the header is awaited."""

    def forget(self) -> None:
        self.content, self.remaining = "", None


@attrs.define
class Expected:
    """Code of a connection.close or channel.close, or 0 for none."""

    connection: int = 0
    channel: int = 0


class Reference:
    """The whole connection: numbers in use, and what each frame must bring about."""

    def __init__(self, *, one_read: bool = False) -> None:
        self.numbers: dict[int, Model] = {}
        self.one_read = one_read
        self.closed: set[int] = set()

    def frame(self, action: str, number: int) -> Expected:
        if action == "bad type":
            return Expected(connection=501)
        if action == "heartbeat":
            return Expected(connection=505 if number else 0)
        if number == 0:
            return Expected(connection=self._channel_zero(action))
        model = self.numbers.get(number)
        if model is None:
            if self.one_read and number in self.closed and action != "open":
                return Expected()
            if len(self.numbers) >= CHANNEL_MAX:
                return Expected(connection=530)
            model = self.numbers[number] = Model()
        if model.closing:
            return self._closing(model, action, number)
        if action in HEADERS or action in BODIES:
            return self._content(model, action)
        if model.content:
            return Expected(connection=503 if action == "unknown" else 505)
        if action in CONTENT:
            model.content = action
            return Expected()
        return self._method(model, action, number)

    @staticmethod
    def _channel_zero(action: str) -> int:
        if action in HEADERS or action in BODIES:
            return 505
        return DECODED_FIRST.get(action, 504)

    def _method(self, model: Model, action: str, number: int) -> Expected:
        if action in DECODED_FIRST:
            return Expected(connection=DECODED_FIRST[action])
        if not model.open:
            model.open = action == "open"
            return Expected(connection=0 if model.open else 504)
        if action == "open":
            return Expected(connection=504)
        if action in ("close-ok", "server's", "connection's"):
            return Expected(connection=503)
        if action == "close":
            del self.numbers[number]
            self.closed.add(number)
        elif action in ("missing", "unknown tag"):
            model.closing = True
            return Expected(channel=404 if action == "missing" else 406)
        return Expected()

    def _content(self, model: Model, action: str) -> Expected:
        if not model.content:
            return Expected(connection=505)
        if model.remaining is None:
            if action not in ("header", "empty header"):
                return Expected(connection=505)
            model.remaining = 0 if action == "empty header" else SIZE
        elif action in HEADERS:
            return Expected(connection=505)
        else:
            model.remaining -= BODIES[action]
        if model.remaining < 0:
            return Expected(connection=501)
        return self._complete(model) if model.remaining == 0 else Expected()

    @staticmethod
    def _complete(model: Model) -> Expected:
        action = model.content
        model.forget()
        if not model.open:
            return Expected(connection=504)
        if action == "to nowhere":
            model.closing = True
            return Expected(channel=404)
        return Expected()

    def _closing(self, model: Model, action: str, number: int) -> Expected:
        """Methods are dropped, but frames must keep their order, be decodable, and not open the channel again."""
        if action in HEADERS or action in BODIES:
            return Expected(connection=self._content(model, action).connection)
        if model.content:
            return Expected(connection=503 if action == "unknown" else 505)
        if action in DECODED_FIRST:
            return Expected(connection=DECODED_FIRST[action])
        if action == "close-ok":
            del self.numbers[number]
        elif action in CONTENT:
            model.content, model.remaining = action, None
        return Expected(connection=504 if action == "open" else 0)


def closes(client: Client) -> Expected:
    """The closes among what arrived."""
    found = Expected()
    for each in client.read():
        if isinstance(each.method, commands.Connection.Close):
            found.connection = each.method.reply_code or 0
        elif isinstance(each.method, commands.Channel.Close):
            found.channel = each.method.reply_code or 0
    return found


Steps = list[tuple[str, int]]

ANYTHING = st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from([0, 1, 1, 1, 2, 3, 9])), max_size=20)
OPENED: Final[tuple[Steps, ...]] = tuple([("open", each) for each in range(1, count + 1)] for count in range(4))
STEPS: st.SearchStrategy[Steps] = st.tuples(st.sampled_from(OPENED), ANYTHING).map(lambda each: each[0] + each[1])
ORDINARY = ("open", "close", "declare", "missing", "close-ok", "publish", "header", "half", "flow", "unknown tag")
LEGAL = st.lists(st.sampled_from(ORDINARY), max_size=30)


def run(steps: Steps, *, delayed: bool) -> None:
    world = World(journal=DelayedJournal() if delayed else None)
    healthy, client = world.open(), world.open(channels=(), channel_max=CHANNEL_MAX)
    healthy.declare("mine")
    reference = Reference()
    for action, number in steps:
        expected = reference.frame(action, number)
        client.send(ACTIONS[action](number))
        assert closes(client) == expected, (action, number)
        healthy.fill("mine", b"m")
        assert healthy.get("mine", no_ack=True) is not None
        if expected.connection:
            client.send(raw_method(0, 10, 51))
            assert client.has_ended()
            break
    healthy.call(commands.Basic.Get(queue="mine"))
    assert healthy.connection.state == "running"


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_any_order_of_frames_gets_the_references_answer(steps: Steps, delayed: bool) -> None:
    run(steps, delayed=delayed)


@settings(max_examples=300)
@given(LEGAL, st.booleans())
def test_mostly_legal_orders_on_one_channel_do_too(actions: list[str], delayed: bool) -> None:
    run([("open", 1), *((action, 1) for action in actions)], delayed=delayed)


@settings(max_examples=200)
@given(STEPS)
def test_one_read_gets_the_answers_of_many(steps: Steps) -> None:
    """The closes of a whole stream are those of its frames one after the other."""
    world = World()
    client = world.open(channels=(), channel_max=CHANNEL_MAX)
    world.open().declare("mine")
    reference = Reference(one_read=True)
    expected: list[int] = []
    for action, number in steps:
        answer = reference.frame(action, number)
        expected += [each for each in (answer.channel, answer.connection) if each]
        if answer.connection:
            break
    client.send(b"".join(ACTIONS[action](number) for action, number in steps))
    found = [
        each.method.reply_code
        for each in client.read()
        if isinstance(each.method, commands.Channel.Close | commands.Connection.Close)
    ]
    assert found == expected
