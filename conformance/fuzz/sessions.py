"""Long random conversations: two connections with two channels each, mostly legal, never for long.

Decides the next step from the random numbers and from what the first broker has shown so far. Everything a step holds
comes from `vocabulary`.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.frames import BODY, HEADER, HEARTBEAT, METHOD, encode_frame, encode_header
from conformance.fuzz import vocabulary
from conformance.fuzz.line import SETTLING, Line
from conformance.fuzz.sense import BUILT_IN, Known, headers_along, makes_sense, sensible
from conformance.fuzz.steps import Delivered, Dial, Message, Raw, Reset, Send, ServerNamed, ServerTag
from conformance.methods import METHODS, encode_method

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from conformance.fuzz.coverage import Coverage
    from conformance.fuzz.player import Player
    from conformance.fuzz.steps import Step
    from conformance.fuzz.wire import Wire

CONNECTIONS, CHANNELS = 2, 2
SANE = 95
"""How many times in a hundred a method can succeed and names only what exists, with arguments of valid classes."""
SANE_MESSAGES = 90
"""The same for messages, whose properties matter less."""
BEGINNING = {
    "queue.declare": 4, "exchange.declare": 2, "queue.bind": 2, "exchange.bind": 1, "basic.qos": 2, "basic.consume": 2,
    "basic.publish": 2,
}  # fmt: skip
OPENING = 25
"""Steps at the start in which names come into being."""
LEANINGS = (0.2, 1, 1, 4)
"""How many times more often than usual a method is played, or a bit set, in a session: each is about a few things."""
FAVOURITE = 25
"""How many times in a hundred a session declares a queue with the arguments that it is about."""
USUAL = {
    "queue.declare": 14, "queue.bind": 9, "queue.unbind": 3, "queue.purge": 2, "queue.delete": 3,
    "exchange.declare": 9, "exchange.bind": 4, "exchange.unbind": 2, "exchange.delete": 2,
    "basic.publish": 50, "basic.get": 10, "basic.consume": 12, "basic.cancel": 4, "basic.qos": 6,
    "basic.ack": 16, "basic.nack": 10, "basic.reject": 8, "basic.recover": 2, "basic.recover-async": 1,
    "confirm.select": 6, "tx.select": 2, "tx.commit": 8, "tx.rollback": 5,
    "channel.close": 2, "channel.flow": 1,
}  # fmt: skip


class Composer:
    """Makes methods and their arguments up."""

    def __init__(self, random: Random, coverage: Coverage) -> None:
        self.random = random
        self.coverage = coverage
        self.bodies = 0
        self.bits: Mapping[str, float] = vocabulary.BITS
        self.favourite: Mapping[str, Any] | None = None
        """Arguments that queues often have."""

    def lean(self) -> None:
        """Prefer some things from now on: they meet themselves, as a message that dies meets its own queue again."""
        self.bits = {bit: min(percent * self.random.choice(LEANINGS), 90) for bit, percent in vocabulary.BITS.items()}
        self.favourite = self.random.choice(vocabulary.USUAL_QUEUES)

    def chance(self, percent: float) -> bool:
        """Say yes so many times in a hundred."""
        return self.random.random() * 100 < percent

    def fields(self, method: str, line: Line, known: Known | None) -> tuple[dict[str, Any], list[str]]:
        """Return fields for a method and the classes that they are of; with `known`, fields that make sense."""
        fields: dict[str, Any] = {}
        classes: dict[str, str] = {}
        tables: list[str] = []
        for name, kind in METHODS[method].fields:
            if kind == "b":
                fields[name] = self.chance(self.bits.get(name, 50))
            elif kind == "t":
                fields[name] = self._table(method, tables, known is not None)
            elif name in vocabulary.FIELDS:
                classes[name], value = vocabulary.choose(self.random, vocabulary.FIELDS[name])
                fields[name] = self._refer(value, line)
            else:
                fields[name] = self.random.choice(("", "text")) if kind in "sS" else self.random.choice((0, 1, 2))
        if known is not None:
            fields |= (right := sensible(self.random, method, line, known))
            classes |= dict.fromkeys(right.keys() & classes.keys(), "known")
        if fields.get("nowait") and method == "basic.get":
            del fields["nowait"]
        classes |= {name: "set" if fields[name] else "unset" for name in vocabulary.BITS if name in fields}
        return fields, [*(f"{name}:{label}" for name, label in classes.items()), *tables]

    def _table(self, method: str, classes: list[str], sane: bool) -> dict[str, Any]:
        if sane and method == "queue.declare" and self.favourite is not None and self.chance(FAVOURITE):
            return dict(self.favourite)
        arguments, percent = vocabulary.ARGUMENTS.get(method, ({}, 0))
        if not self.chance(percent):
            return {}
        table, chosen = vocabulary.table(self.random, arguments, method, 3, sane)
        if sane and method == "queue.declare":
            if self.chance(40):
                return dict(self.random.choice(vocabulary.USUAL_QUEUES))
            if "x-dead-letter-routing-key" in table:
                table.setdefault("x-dead-letter-exchange", "")
        classes += chosen
        return table

    def _refer(self, value: Any, line: Line) -> Any:
        """Turn a class that stands for something known into what is known."""
        if value is ServerNamed:
            return ServerNamed(self.random.randrange(3))
        if value is ServerTag:
            return ServerTag(self.random.randrange(2))
        if value is Delivered:
            known = line.unsettled or list(line.tags)
            if not known:
                return self.random.choice((0, 1))
            return known[-1] if self.chance(30) else self.random.choice(known)
        return value

    def message(self, sane: bool, headers: dict[str, Any] | None = None) -> Message:
        """Return a message with a body of its own, and with these headers and others."""
        self.bodies += 1
        properties: dict[str, Any] = {}
        classes: list[str] = []
        if self.chance(60):
            chosen, classes = vocabulary.table(self.random, vocabulary.PROPERTIES, "property", 3, sane)
            properties.update(chosen)
        if self.chance(35):
            properties["headers"], more = vocabulary.table(self.random, vocabulary.MESSAGE_HEADERS, "header", 3, sane)
            classes += more
        if headers:
            properties["headers"] = properties.get("headers", {}) | headers
        if "priority" in properties:
            # In a priority queue 3.10.8 may hand out expired messages, which amqpd never does (decision 0007).
            properties.pop("expiration", None)
        self.coverage.classes.update(classes)
        body = b"" if self.chance(8) else b"m%d" % self.bodies + b"." * self.random.choice((0, 0, 0, 7, 30))
        cuts = (self.random.randint(1, len(body)),) if body and self.chance(15) else ()
        return Message(properties, body, cuts)

    def send(
        self, connection: int, channel: int, method: str, line: Line, state: str, known: Known | None = None
    ) -> Send:
        """Return a step that plays a method, counted; with `known`, one that makes sense."""
        fields, classes = self.fields(method, line, known)
        if method == "queue.declare" and fields["queue"] == "" and fields["nowait"]:
            fields["nowait"] = False  # nobody would ever know its name
        if method == "exchange.bind" and fields["destination"].startswith("amq."):
            fields["nowait"] = False  # bindings between built-in exchanges have to be taken back
        if method == "basic.consume" and fields["nowait"] and fields["consumer_tag"] == "":
            fields["nowait"] = False
        self.coverage.played(method, state, classes)
        whole = method == "basic.publish" and state in ("open", "confirm", "tx")
        headers = headers_along(self.random, fields, known) if whole and known else {}
        message = self.message(self.chance(SANE_MESSAGES), headers) if whole else None
        return Send(connection, channel, method, fields, message)

    def any_method(self, connection: int, channel: int, line: Line, state: str) -> Send:
        """Return a step that plays a method of any kind."""
        return self.send(connection, channel, self.random.choice(list(METHODS)), line, state)

    def of_class(self, connection: int, channel: int, name: str) -> Send | Raw:
        """Return a step with an argument of the class of this name, which otherwise makes sense on a new channel."""
        head, _, label = name.rpartition(":")
        owner, _, key = head.rpartition(".")
        if head == "frame":
            return self.malformed(connection, channel, label)
        if owner in ("property", "header"):
            method = "basic.publish"
        elif owner:
            method = owner
        else:
            method = self.random.choice([each for each in METHODS if head in dict(METHODS[each].fields)])
        line, known = Line(), Known(("q0",))
        step = self.send(connection, channel, method, line, "open", known if makes_sense(method, line, known) else None)
        value = self._refer(vocabulary.of_class(self.random, name), line)
        self.coverage.classes[name] += 1
        if not owner:
            return replace(step, fields={**step.fields, head: value})
        if method != "basic.publish":
            return replace(step, fields={**step.fields, "arguments": {key: value}})
        properties = {key: value} if owner == "property" else {"headers": {key: value}}
        return replace(step, message=Message(properties, b"m"))

    def malformed(self, connection: int, channel: int, kind: str | None = None) -> Raw:
        """Return a frame that is wrong in one way, or unusual."""
        random = self.random
        method = encode_method(random.choice(("queue.declare", "basic.ack", "channel.open", "basic.publish")))
        number = channel
        frames = {
            "end": lambda: encode_frame(METHOD, number, method, random.choice((0, 0xCD))),
            "type": lambda: encode_frame(random.choice((0, 4, 7, 9, 255)), number, b"x"),
            "truncated": lambda: encode_frame(METHOD, number, method[: random.randrange(len(method))]),
            "trailing": lambda: encode_frame(METHOD, number, method + b"\0\xff"),
            "ids": lambda: encode_frame(METHOD, number, struct.pack(">HH", random.choice((60, 61, 10)), 999)),
            "header": lambda: encode_frame(HEADER, number, encode_header(1)),
            "header-class": lambda: encode_frame(HEADER, number, encode_header(1, class_id=50)),
            "header-weight": lambda: encode_frame(HEADER, number, encode_header(1, weight=1)),
            "body": lambda: encode_frame(BODY, number, b"body"),
            "empty-body": lambda: encode_frame(BODY, number, b""),
            "channel-0-content": lambda: encode_frame(random.choice((HEADER, BODY)), 0, encode_header(1)),
            "channel-too-high": lambda: encode_frame(METHOD, 2048, encode_method("channel.open")),
            "oversized": lambda: encode_frame(BODY, number, b"x" * 131073),
            "heartbeat": lambda: encode_frame(HEARTBEAT, 0, b""),
            "heartbeat-on-channel": lambda: encode_frame(HEARTBEAT, number, b""),
            "heartbeat-payload": lambda: encode_frame(HEARTBEAT, 0, b"x"),
        }
        kind = kind or random.choice(vocabulary.FRAMES)
        self.coverage.classes[f"frame:{kind}"] += 1
        return Raw(connection, number, frames[kind]())


class Session:
    """The choice of the next step of a long conversation."""

    def __init__(self, random: Random, coverage: Coverage) -> None:
        self.random = random
        self.compose = Composer(random, coverage)
        self.compose.lean()
        self.coverage = coverage
        self.steps = 0
        self._weights = {method: weight * random.choice(LEANINGS) for method, weight in USUAL.items()}

    def next(self, player: Player) -> Step:
        """Return the next step."""
        self.steps += 1
        connection = self.random.randrange(CONNECTIONS)
        wire = player.wires.get(connection)
        if wire is None or not wire.alive:
            return Dial(connection)
        channel = self.random.randint(1, CHANNELS)
        line = wire.lines[channel]
        if wire.state == "closing":
            if self.compose.chance(60):
                return Send(connection, 0, "connection.close-ok")
            return self.compose.any_method(connection, channel, line, "connection-closing")
        if self.compose.chance(1):
            return self._rare(connection, channel, line, wire.lines[0])
        return self._by_state(connection, channel, line, self._known(player, wire))

    @staticmethod
    def _known(player: Player, wire: Wire) -> Known:
        usable = [name for name, depth in player.depths.items() if isinstance(depth, tuple)]
        own = [name for name in usable if player.owners.get(name) in (None, wire)]
        named = player.names.queues
        return Known(
            tuple(ServerNamed(named.index(each)) if each in named else each for each in own),
            tuple(sorted(player.exchanges)),
            frozenset(player.internal),
            frozenset(player.by_headers),
            tuple(each for each in player.bindings if each.source in player.exchanges or each.source in BUILT_IN),
        )

    def _rare(self, connection: int, channel: int, line: Line, root: Line) -> Step:
        kind = self.random.choice(("reset", "malformed", "any", "channel-0", "close"))
        match kind:
            case "reset":
                return Reset(connection)
            case "malformed":
                return self.compose.malformed(connection, channel)
            case "close":
                return self.compose.send(connection, 0, "connection.close", root, "channel-0")
            case "channel-0":
                return self.compose.any_method(connection, 0, root, "channel-0")
            case _:
                return self.compose.any_method(connection, channel, line, line.state)

    def _by_state(self, connection: int, channel: int, line: Line, known: Known) -> Step:
        match line.state:
            case "unopened":
                return self.compose.send(connection, channel, "channel.open", line, "unopened")
            case "closing":
                if self.compose.chance(90):
                    return self.compose.send(connection, channel, "channel.close-ok", line, "closing")
                return self.compose.any_method(connection, channel, line, "closing")
            case "header-due":
                return self._header(connection, channel)
            case "body-due":
                return self._body(connection, channel, line)
            case _:
                sane = self.compose.chance(SANE)
                method = self._usual(line, known) if sane else self.random.choice(list(USUAL))
                step = self.compose.send(connection, channel, method, line, line.state, known if sane else None)
                if method == "basic.publish" and self.compose.chance(4):
                    return Send(connection, channel, method, step.fields)
                return step

    def _usual(self, line: Line, known: Known) -> str:
        """Return a method that makes sense now."""
        if line.unsettled and self.compose.chance(20):
            return self.random.choice(SETTLING)
        weights = BEGINNING if self.steps < OPENING else self._weights
        able = [method for method in weights if makes_sense(method, line, known)]
        return self.random.choices(able, [weights[method] for method in able])[0]

    def _header(self, connection: int, channel: int) -> Step:
        message = self.compose.message(sane=True)
        header = encode_header(len(message.body), message.properties)
        return Raw(connection, channel, encode_frame(HEADER, channel, header))

    def _body(self, connection: int, channel: int, line: Line) -> Step:
        size = line.body_due if self.compose.chance(60) else self.random.randint(0, line.body_due + 1)
        return Raw(connection, channel, encode_frame(BODY, channel, b"b" * size))
