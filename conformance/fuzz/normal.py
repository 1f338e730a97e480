"""What was seen of a broker, without what it chooses freely.

Names and tags that a broker makes up become their place in the conversation, times of deaths become a word. Kept apart
because their order among each other is nobody's promise: replies, returns, cancels and confirms of a channel, and the
deliveries of each consumer. Cancels have no order at all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.fields import Typed
from conformance.received import Received

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.fuzz.line import Line
    from conformance.fuzz.player import Depth
    from conformance.fuzz.wire import Wire

Observation = dict[str, Any]
REPLY_TO = re.compile(r"amq\.rabbitmq\.reply-to\.g[^ '\"]*")
LONG_AGO = 1_750_000_000
"""Seconds since 1970; what a step says lies before, or beyond all clocks."""
UNKNOWN_TAG = re.compile(r"unknown delivery tag (\d+)")
MADE_UP = re.compile(r"amq\.(gen|ctag)-[-_A-Za-z0-9]{22}")


class Names:
    """The names that a broker made up in a conversation, in the order in which they became known."""

    def __init__(self) -> None:
        self.queues: list[str] = []
        self.tags: list[str] = []

    def queue(self, number: int) -> str:
        """Return a queue's name; one that nobody has where there is none of that number."""
        return self.queues[number] if number < len(self.queues) else "amq.gen-none"

    def learn_queue(self, name: str) -> None:
        """Take note of a queue's name."""
        if MADE_UP.fullmatch(name) and name not in self.queues:
            self.queues.append(name)

    def learn_tag(self, tag: str) -> None:
        """Take note of a consumer tag."""
        if MADE_UP.fullmatch(tag) and tag not in self.tags:
            self.tags.append(tag)

    def neutral(self, value: Any) -> Any:
        """Return a value without made-up names, at every depth."""
        match value:
            case str():
                return REPLY_TO.sub("<reply-to>", MADE_UP.sub(self._place, value))
            case Typed(tag="T", value=int(time)) if time > LONG_AGO:
                return Typed("T", "<time>")
            case Typed():
                return Typed(value.tag, self.neutral(value.value))
            case dict():
                return {self.neutral(key): self.neutral(each) for key, each in value.items()}
            case list() | tuple():
                return [self.neutral(each) for each in value]
            case _:
                return value

    def _place(self, found: re.Match[str]) -> str:
        for word, names in (("queue", self.queues), ("tag", self.tags)):
            if found[0] in names:
                return f"<{word} {names.index(found[0])}>"
        return "<made up>"


def observe(names: Names, wires: Mapping[int, Wire], depths: Mapping[str, Depth]) -> Observation:
    """Return what the wires saw since the last time, and empty them."""
    seen: Observation = {}
    for number, wire in sorted(wires.items()):
        learn(names, wire.events)
        failed = any(isinstance(event, Received) and event.name == "connection.close" for event in wire.events)
        for event in wire.events:
            if failed and isinstance(event, Received) and event.name == "basic.deliver":
                continue  # while a connection fails, what its other channels still get is a race
            if isinstance(event, str):
                seen.setdefault(f"connection {number}", []).append(event)
            else:
                told = name_the_tag(event, wire.lines[event.channel])
                _sort_in(seen, names, f"connection {number} channel {event.channel}", told)
        wire.events.clear()
        for channel, line in wire.lines.items():
            if cancels := seen.get(f"connection {number} channel {channel} cancels"):
                cancels.sort(key=repr)  # those of one queue come by tag, and brokers make tags up
            if line.published:
                seen[f"connection {number} channel {channel} confirms"] = (sorted(line.acked), sorted(line.nacked))
    seen["depths"] = {names.neutral(name): depth for name, depth in sorted(depths.items()) if depth != 404}
    return seen


def name_the_tag(event: Received, line: Line) -> Received:
    """Let a refusal of a delivery tag name the delivery: what several queues give to one channel comes in any order."""
    if event.name == "channel.close" and (found := UNKNOWN_TAG.search(event["reply_text"])):
        for delivery, tag in line.tags.items():
            if tag == int(found[1]):
                fields = {**event.fields, "reply_text": f"{event['reply_text'][: found.start(1)]}of {delivery}"}
                return replace(event, fields=fields)
    return event


def learn(names: Names, events: list[Received | str]) -> None:
    """Take note of the names in replies, in the order of the replies."""
    for event in events:
        if isinstance(event, Received) and event.name == "queue.declare-ok":
            names.learn_queue(event["queue"])
        elif isinstance(event, Received) and event.name == "basic.consume-ok":
            names.learn_tag(event["consumer_tag"])


def _sort_in(seen: Observation, names: Names, where: str, event: Received) -> None:
    fields = {key: names.neutral(value) for key, value in event.fields.items()}
    if event.name == "connection.start":
        fields.pop("server_properties")
        fields["mechanisms"] = sorted(fields["mechanisms"].split())  # their order means nothing, and varies
    match event.name:
        case "basic.ack" | "basic.nack":
            return
        case "basic.deliver":
            key = f"{where} deliveries to {fields['consumer_tag']}"
            del fields["delivery_tag"]
        case "basic.return":
            key = f"{where} returns"
        case "basic.cancel":
            key = f"{where} cancels"  # the queue's own word, which may overtake the reply to what caused it
        case _:
            key = f"{where} replies"
    content = event.content
    said: list[Any] = [event.name, fields]
    if content is not None:
        said += [names.neutral(content.properties), content.body]
    seen.setdefault(key, []).append(said)
