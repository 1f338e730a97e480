"""What is known of a connection and its channels while a conversation goes on.

Decides in which state a channel is, by what was sent and what came, and which deliveries are unsettled. It follows one
broker; that the states of two brokers agree follows from their answers being the same.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from conformance.frames import BODY, HEADER
from conformance.fuzz.steps import Delivered, ServerTag

if TYPE_CHECKING:
    from conformance.fuzz.steps import Send
    from conformance.received import Received

FRAME_HEAD = struct.Struct(">BHI")
SETTLING = ("basic.ack", "basic.nack", "basic.reject")


class Line:
    """One channel as the client sees it."""

    def __init__(self) -> None:
        self.begin("unopened")

    def begin(self, state: str) -> None:
        """Start anew in a state: the number is free, or a new channel has it."""
        self.state = state
        self.mode = "open"
        self.body_due = 0
        self.published = 0
        self.acked: set[int] = set()
        self.nacked: set[int] = set()
        self.tags: dict[Delivered, int] = {}
        self.unsettled: list[Delivered] = []
        self.server_tags: list[str] = []
        self.consumers: list[str | ServerTag] = []
        self._no_ack = False
        self._no_ack_consumers: set[str | ServerTag] = set()
        self.declared = False
        """It has declared a queue, which an empty name stands for since."""
        self.uncommitted: set[str] = set()
        """Methods that wait for a commit."""
        self.windowed = False
        """A window for all consumers of the channel was set."""

    @property
    def fencible(self) -> bool:
        """Say whether a method may be sent that the broker will answer."""
        return self.state in ("open", "confirm", "tx")

    @property
    def unconfirmed(self) -> bool:
        """Say whether publishes wait for their confirms."""
        return self.state == "confirm" and len(self.acked) + len(self.nacked) < self.published

    def sent(self, step: Send) -> None:
        """Follow a method that was sent."""
        if step.method == "channel.close-ok" and self.state == "closing":
            self.begin("unopened")
        elif self.fencible:
            if self.state == "tx":
                self._in_transaction(step)
            self._sent_to_open(step)

    def _in_transaction(self, step: Send) -> None:
        if step.method in ("tx.commit", "tx.rollback"):
            self.uncommitted.clear()
        elif step.method in SETTLING or step.method == "basic.publish":
            self.uncommitted.add(step.method)

    def _sent_to_open(self, step: Send) -> None:
        if step.method == "channel.close-ok":
            self.state = "unopened"  # RabbitMQ forgets the channel, whose own word on it comes later
        elif step.method == "basic.publish":
            self.mode, self.state = self.state, "header-due"
            if step.message is not None:
                self._published()
        elif step.method == "confirm.select" and step.fields.get("nowait") and self.state == "open":
            self.state = "confirm"
        elif step.method == "queue.declare":
            self.declared = self.declared or bool(step.fields.get("nowait"))
        elif step.method in ("basic.consume", "basic.get"):
            self._no_ack = bool(step.fields.get("no_ack"))
            if step.fields.get("nowait") and isinstance(tag := step.fields.get("consumer_tag"), str):
                self._consuming(tag)
        elif step.method == "basic.recover-async":
            self.unsettled.clear()
        elif step.method == "basic.qos" and step.fields.get("global"):
            self.windowed = self.windowed or step.fields.get("prefetch_count") != 0
        elif step.method in SETTLING and isinstance(tag := step.fields.get("delivery_tag"), Delivered):
            self._settled(tag, multiple=bool(step.fields.get("multiple")))

    def _settled(self, tag: Delivered, *, multiple: bool) -> None:
        if tag in self.unsettled:
            at = self.unsettled.index(tag)
            del self.unsettled[0 if multiple else at : at + 1]

    def _published(self) -> None:
        self.state = self.mode
        if self.state == "confirm":
            self.published += 1

    def sent_octets(self, octets: bytes) -> None:
        """Follow a frame that was sent as octets: the parts of a content matter."""
        if len(octets) < FRAME_HEAD.size:
            return
        kind, _, size = FRAME_HEAD.unpack_from(octets)
        if kind == HEADER and self.state == "header-due" and size >= 14:
            (self.body_due,) = struct.unpack_from(">Q", octets, 11)
            self.state = "body-due"
        elif kind == BODY and self.state == "body-due":
            self.body_due -= size
        if self.state == "body-due" and self.body_due <= 0:
            self._published()

    def came(self, received: Received) -> None:
        """Follow a method that came."""
        match received.name:
            case "channel.open-ok":
                self.begin("open")
            case "channel.close":
                self.state = "closing"
            case "channel.close-ok":
                self.begin("unopened")
            case "queue.declare-ok":
                self.declared = True
            case "confirm.select-ok" | "tx.select-ok":
                self.state = received.name.partition(".")[0]
            case "basic.consume-ok":
                self._consuming(received["consumer_tag"])
            case "basic.recover-ok":
                self.unsettled.clear()
            case "basic.cancel-ok" | "basic.cancel":
                self._cancelled(received["consumer_tag"])
            case "basic.deliver":
                self._delivered(self.symbol(received["consumer_tag"]), received["delivery_tag"])
            case "basic.get-ok":
                self._delivered(None, received["delivery_tag"])
            case "basic.ack" | "basic.nack":
                confirmed = self.acked if received.name == "basic.ack" else self.nacked
                tag = received["delivery_tag"]
                tags = set(range(1, tag + 1)) if received["multiple"] else {tag}
                confirmed |= tags - self.acked - self.nacked

    def symbol(self, consumer: str) -> str | ServerTag:
        """Return how steps refer to a consumer tag."""
        return ServerTag(self.server_tags.index(consumer)) if consumer in self.server_tags else consumer

    def _consuming(self, tag: str) -> None:
        if tag.startswith("amq.ctag-") and tag not in self.server_tags:
            self.server_tags.append(tag)
        self.consumers.append(symbol := self.symbol(tag))
        (self._no_ack_consumers.add if self._no_ack else self._no_ack_consumers.discard)(symbol)

    def _cancelled(self, tag: str) -> None:
        if (symbol := self.symbol(tag)) in self.consumers:
            self.consumers.remove(symbol)

    def _delivered(self, consumer: str | ServerTag | None, tag: int) -> None:
        number = sum(1 for each in self.tags if each.consumer == consumer)
        identity = Delivered(consumer, number)
        self.tags[identity] = tag
        if not (self._no_ack if consumer is None else consumer in self._no_ack_consumers):
            self.unsettled.append(identity)
