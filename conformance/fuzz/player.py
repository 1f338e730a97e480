"""One broker's side of a conversation: plays a step and waits until the broker has done all that follows from it.

How that is known without waiting for time to pass: a channel answers a fence after everything sent to it before; a
queue answers a passive declare after what channels told it before; what a queue then told other channels precedes their
answer to one more fence. This goes round until a round shows nothing new.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

from conformance.frames import BODY, HEADER, METHOD, encode_frame, encode_header
from conformance.fuzz import races
from conformance.fuzz.normal import Names, Observation, observe
from conformance.fuzz.steps import Binding, Delivered, Dial, Raw, Reset, Send, ServerNamed, ServerTag
from conformance.fuzz.vocabulary import EXCHANGES, QUEUES
from conformance.fuzz.wire import FENCE_CHANNEL, PATIENCE, Wire
from conformance.methods import CONTENT_BEARING, METHODS, encode_method
from conformance.received import Received

if TYPE_CHECKING:
    from conformance.fuzz.line import Line
    from conformance.fuzz.steps import Step

MOST_ROUNDS = 12
NO_EXCHANGE = re.compile("no exchange '([^']*)'")
AT_ONCE = ("channel.open", "exchange.declare", "queue.declare", "queue.bind", "queue.unbind", "exchange.bind",
           "basic.qos", "confirm.select", "tx.select")  # fmt: skip
"""Methods whose effect is there when they are answered. Of others, a queue of RabbitMQ may tell its old depth once."""
SHORTCUTS = ("basic.get", "basic.consume", "queue.delete", "queue.purge", "queue.bind", "queue.unbind")
"""Methods in which an empty name means the last queue; where there is none, even a channel that closes refuses them."""
REPLIES = {name: (f"{name}-ok",) for name in METHODS if f"{name}-ok" in METHODS} | {
    "basic.get": ("basic.get-ok", "basic.get-empty")
}
Depth = tuple[int, int] | int
"""What a queue says of itself: its ready messages and consumers, or the code of the refusal."""


class Player:
    """One broker, the connections of the conversation, and one more that looks at queues and cleans up."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.wires: dict[int, Wire] = {}
        self.names = Names()
        self.queues: dict[str, Wire | None] = {}
        self.exchanges: set[str] = set()
        """Names that were declared, for those who want to use one."""
        self.internal: set[str] = set()
        """Those of them that nobody may publish to."""
        self.by_headers: set[str] = set()
        """Those that look at headers."""
        self.bindings: list[Binding] = []
        """Bindings that were made, some of which may be gone."""
        self.owners: dict[str, Wire] = {}
        """The connections of exclusive queues."""
        self._left: dict[str, set[str]] = {"queue": {*QUEUES, "nowhere"}, "exchange": {*EXCHANGES, "nowhere"}}
        """Names that may be there since something declared them; a broker that runs already may have any."""
        self._several: set[tuple[int, int]] = set()
        """Connections and channels that had several consumers when the step began."""
        self._left_bindings: list[dict[str, Any]] = []
        self.depths: dict[str, Depth] = {}
        self.races: set[str] = set()
        """Names of the races that the step which was begun lets run."""
        self._single = False
        """There may be a queue with a single active consumer."""
        self._canaries = 0
        self._state_before = ""
        self._dying: list[str] = []
        self._eye = self._dial()

    def _dial(self) -> Wire:
        self._canaries += 1
        wire = Wire(self.host, self.port)
        wire.canary = f"canary-{os.getpid()}-{self._canaries}"
        wire.log_in(wire.canary)
        return wire

    # -- playing

    def play(self, step: Step) -> Observation:
        """Play a step, wait until everything is done that follows from it, and return what was seen."""
        self._begin(step)
        return self._settle(step)

    def outstanding(self, step: Step) -> list[Delivered]:
        """Return what the step's channel has not settled, in the order in which it came."""
        wire = self.wires.get(step.connection)
        return wire.lines[step.channel].unsettled if wire is not None and isinstance(step, Send) else []

    def follow(self, step: Step) -> None:
        """Play a step and wait until its own channel has done it."""
        self._begin(step)
        if isinstance(step, Send):
            self._await_reply(step)
        self._fence()

    def _begin(self, step: Step) -> None:
        """Send a step without waiting for anything."""
        self._foresee_races(step)
        match step:
            case Dial():
                self._leave(step.connection)
                self.wires[step.connection] = self._dial()
            case Reset():
                self._leave(step.connection)
            case Raw():
                if wire := self._standing(step.connection):
                    wire.send_octets(step)
            case Send():
                if wire := self._standing(step.connection):
                    line = wire.lines[step.channel]
                    fields = {name: self._resolve(line, value) for name, value in step.fields.items()}
                    self._remember(step.method, fields, wire)
                    self._state_before = line.state
                    wire.send(step, _encode(step, fields))

    def _foresee_races(self, step: Step) -> None:
        """Take note of what a step may leave to chance, which depends on what was there before it."""
        self.races.clear()
        lines = {(number, channel): line for number, wire in self.wires.items() for channel, line in wire.lines.items()}
        self._several = {place for place, line in lines.items() if races.several_consume(line)}
        if races.has_a_window(lines.values()):
            self.races.add(races.WINDOW)
        if not isinstance(step, Send):
            return
        if (line := lines.get((step.connection, step.channel))) is not None:
            if races.returns_by_made_up_names(line, step):
                self.races.add(races.NAMES_ORDER)
            if races.commits_a_mixture(line, step):
                self.races.add(races.ACK_OVERTAKES)
        if step.method == "basic.cancel" and self._single:
            self.races.add(races.ACTIVE_LEAVES)

    def _standing(self, connection: int) -> Wire | None:
        wire = self.wires.get(connection)
        return wire if wire and wire.alive else None

    def _leave(self, connection: int) -> None:
        wire = self.wires.pop(connection, None)
        if wire:
            wire.end()
            self._look_for_ends(wire)
            self._dying.append(wire.canary)

    def _remember(self, method: str, fields: dict[str, Any], wire: Wire) -> None:
        """Take note of what may come into being without a reply."""
        if method == "queue.declare" and fields.get("arguments", {}).get("x-single-active-consumer") is True:
            self._single = True
        if method == "queue.declare" and fields.get("nowait") and fields["queue"] in QUEUES:
            self.queues.setdefault(fields["queue"], wire)
        if method in ("exchange.declare", "queue.declare"):
            kind, _, _ = method.partition(".")
            if "\udcff" not in (name := fields[kind]):
                self._left[kind].add(name)

    def _resolve(self, line: Line, value: Any) -> Any:
        match value:
            case ServerNamed():
                return self.names.queue(value.number)
            case ServerTag():
                return line.server_tags[value.number] if value.number < len(line.server_tags) else "amq.ctag-none"
            case Delivered():
                return line.tags.get(value, 7777)
            case _:
                return value

    # -- settling

    def _settle(self, step: Step) -> Observation:
        if isinstance(step, Send):
            self._await_reply(step)
        give_up = time.monotonic() + PATIENCE
        least = 1 if isinstance(step, Send) and step.method in AT_ONCE else 2
        seen, depths = self._seen(), self.depths
        self._fence()
        for looks in range(1, MOST_ROUNDS):
            self._look()
            self._fence()
            if looks >= least and seen == self._seen() and depths == self.depths and self._at_rest(give_up):
                break
            seen, depths = self._seen(), self.depths
        self._look_for_ends(*self.wires.values())
        for connection, channel in self._several:
            if (wire := self.wires.get(connection)) is not None and _ends(wire, channel):
                self.races.add(races.CHANNEL_ENDS)
        self._learn_from_refusals()
        return observe(self.names, self.wires, self.depths)

    def _learn_from_refusals(self) -> None:
        """Forget exchanges that are gone: auto-delete ones go without a word."""
        events = [event for wire in self.wires.values() for event in wire.events if isinstance(event, Received)]
        for text in [event["reply_text"] for event in events if event.name == "channel.close"]:
            if found := NO_EXCHANGE.search(text):
                self._forget_exchange(found[1])

    def _look_for_ends(self, *wires: Wire) -> None:
        self.races |= {wire.race for wire in wires if wire.race}

    def _seen(self) -> int:
        return sum(len(wire.events) for wire in self.wires.values())

    def _await_reply(self, step: Send) -> None:
        """Wait for the reply of a synchronous method, or for the close that comes instead."""
        wire = self._standing(step.connection)
        if wire is None:
            return
        line = wire.lines[step.channel]
        before = self._state_before
        answered = _is_answered(before, step, line)
        closes = _closes(wire, step.channel)
        replies = REPLIES.get(step.method, ())
        while wire.state == "open" and answered and _closes(wire, step.channel) == closes:
            for event in wire.events:
                if isinstance(event, Received) and event.channel == step.channel and event.name in replies:
                    self._answered(wire, step, event)
                    return
            wire.read()

    def _answered(self, wire: Wire, step: Send, reply: Received) -> None:
        if reply.name == "queue.declare-ok":
            self.names.learn_queue(reply["queue"])
            if not step.fields.get("passive"):
                self.queues[reply["queue"]] = wire
            if step.fields.get("exclusive"):
                self.owners[reply["queue"]] = wire
        elif reply.name == "exchange.declare-ok" and step.fields["exchange"]:
            self.exchanges.add(step.fields["exchange"])
            if step.fields.get("type") == "headers":
                self.by_headers.add(step.fields["exchange"])
            if step.fields.get("internal") and not step.fields.get("passive"):
                self.internal.add(step.fields["exchange"])
        elif reply.name in ("queue.bind-ok", "exchange.bind-ok"):
            self._bound(wire, step)
        elif reply.name == "exchange.delete-ok":
            self._forget_exchange(step.fields["exchange"])
        elif reply.name == "basic.consume-ok":
            self.names.learn_tag(reply["consumer_tag"])

    def _forget_exchange(self, name: str) -> None:
        self.exchanges.discard(name)
        self.internal.discard(name)
        self.by_headers.discard(name)

    def _bound(self, wire: Wire, step: Send) -> None:
        binding = Binding.made_by(step)
        self.bindings.append(binding)
        if step.method == "exchange.bind" and str(binding.destination).startswith("amq."):
            line = wire.lines[step.channel]
            fields = {name: self._resolve(line, value) for name, value in step.fields.items() if name != "nowait"}
            self._left_bindings.append(fields)

    def _fence(self) -> None:
        for wire in self.wires.values():
            wire.raise_fences()
        for wire in self.wires.values():
            wire.await_fences()

    def _look(self) -> None:
        """Ask every queue how many messages and consumers it has."""
        self.depths = dict(zip(self.queues, self._ask(self._eye, list(self.queues)), strict=True))
        for wire in [wire for wire in self.wires.values() if wire.state == "open"]:
            own = [name for name, depth in self.depths.items() if depth == 405 and self.queues[name] is wire]
            self.depths.update(zip(own, self._ask(wire, own), strict=False))
        for name in [name for name, depth in self.depths.items() if depth == 404]:
            del self.queues[name]
            self.owners.pop(name, None)

    def _ask(self, wire: Wire, names: list[str]) -> list[Depth]:
        """Return what each queue says; every question has a channel of its own, which a refusal closes.

        Nothing, if a connection of the conversation fails meanwhile: the next look asks somebody else.
        """
        wire.answers.clear()
        for place, name in enumerate(names, FENCE_CHANNEL + 1):
            if place not in wire.asking:
                wire.asking.add(place)
                wire.ask(place, "channel.open")
            wire.ask(place, "queue.declare", queue=name, passive=True)
        depths: dict[int, Depth] = {}
        while len(depths) < len(names) and wire.alive:
            wire.read()
            while wire.answers:
                answer = wire.answers.pop()
                if answer.name == "queue.declare-ok":
                    depths[answer.channel] = (answer["message_count"], answer["consumer_count"])
                elif answer.name == "channel.close":
                    depths[answer.channel] = answer.refusal.code
                    wire.asking.discard(answer.channel)
                    wire.ask(answer.channel, "channel.close-ok")
        if len(depths) < len(names) and wire is not self._eye:
            return []
        if len(depths) < len(names):
            raise RuntimeError(f"asking {names} ended with {wire.events}")
        return [depth for _, depth in sorted(depths.items())]

    def _at_rest(self, give_up: float) -> bool:
        """Say whether nothing is known to be outstanding: confirms, and connections that have ended."""
        for wire in self.wires.values():
            while wire.state == "open" and any(line.unconfirmed for line in wire.lines.values()):
                if time.monotonic() > give_up:
                    wire.drop("confirms are missing")
                else:
                    wire.read()
        for wire in self.wires.values():
            if wire.state == "down" and wire.canary:
                self._dying.append(wire.canary)
                wire.canary = ""
        if not self._dying:
            return True
        while self._dying:
            if 404 in self._ask(self._eye, self._dying[-1:]):
                self._dying.pop()
            elif time.monotonic() > give_up:
                raise TimeoutError(f"connection of {self._dying[-1]!r} does not end")
        return False

    # -- cleaning

    def _done(self, steps: list[tuple[str, dict[str, Any]]]) -> bool:
        """Play steps that need no answers; return whether all of them were fine."""
        eye = self._eye
        for method, fields in steps:
            eye.ask(FENCE_CHANNEL, method, nowait=True, **fields)
        eye.raise_fences()
        eye.await_fences()
        if eye.state != "open":
            raise RuntimeError(f"cleaning up ended with {eye.events}")
        if not any(answer.name == "channel.close" for answer in eye.answers):
            return True
        eye.answers.clear()
        eye.ask(FENCE_CHANNEL, "channel.close-ok")
        eye.ask(FENCE_CHANNEL, "channel.open")
        while eye.alive and not eye.answers:
            eye.read()
        return False

    def clear(self) -> None:
        """End the conversation's connections and delete what it left."""
        for connection in list(self.wires):
            self._leave(connection)
        self._at_rest(time.monotonic() + PATIENCE)
        queues = {*self._left["queue"], *self.queues, *self.names.queues} - {""}
        gone = [("queue.delete", {"queue": name}) for name in queues]
        gone += [("exchange.delete", {"exchange": name}) for name in self._left["exchange"] if _is_ours(name)]
        gone += [("exchange.unbind", each) for each in self._left_bindings if not _is_ours(each["source"])]
        give_up = time.monotonic() + PATIENCE
        while not self._done(gone):  # an exclusive queue may outlive its connection a little
            if time.monotonic() > give_up:
                raise TimeoutError(f"nobody can delete {gone}")
        self.names = Names()
        self.queues.clear()
        self.exchanges.clear()
        self.internal.clear()
        self.by_headers.clear()
        self._single = False
        self.owners.clear()
        self.bindings.clear()
        for names in self._left.values():
            names.clear()
        self._left_bindings.clear()
        self.depths = {}


def _encode(step: Send, fields: dict[str, Any]) -> bytes:
    payload = encode_frame(METHOD, step.channel, encode_method(step.method, **fields))
    if step.message is None:
        return payload
    body, at = step.message.body, 0
    payload += encode_frame(HEADER, step.channel, encode_header(len(body), step.message.properties))
    for size in (*step.message.cuts, len(body)):
        if at < len(body):
            payload += encode_frame(BODY, step.channel, body[at : at + size])
            at += size
    return payload


def _closes(wire: Wire, channel: int) -> int:
    events = [event for event in wire.events if isinstance(event, Received) and event.channel == channel]
    return sum(event.name == "channel.close" for event in events)


def _ends(wire: Wire, channel: int) -> bool:
    events = [event for event in wire.events if isinstance(event, Received) and event.channel == channel]
    return any(event.name in ("channel.close", "channel.close-ok") for event in events)


def _is_answered(state: str, step: Send, line: Line) -> bool:
    """Say whether a step in this state makes something come on its channel, or ends the connection."""
    match state:
        case "unopened":
            return step.method not in CONTENT_BEARING
        case "closing":
            nameless = step.method in SHORTCUTS and step.fields["queue"] == "" and not line.declared
            return nameless or step.method in ("channel.open", "channel.close")
        case "header-due" | "body-due":
            return False
        case _:
            return step.method == "channel.close-ok" or (step.method in REPLIES and not step.fields.get("nowait"))


def _is_ours(exchange: str) -> bool:
    return bool(exchange) and not exchange.startswith("amq.")
