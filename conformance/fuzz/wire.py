"""One connection of a conversation: sends steps, follows what comes, keeps it for the comparison.

Decides what may be asked to know that the broker has done everything so far (a fence), and what its answer is told
apart by.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from conformance.client import Connection
from conformance.frames import METHOD, PROTOCOL_HEADER, encode_frame
from conformance.fuzz.line import Line
from conformance.fuzz.races import CONNECTION_ENDS, CONNECTION_FAILS, ends_consuming
from conformance.methods import encode_method
from conformance.received import Dropped, Received

if TYPE_CHECKING:
    from conformance.fuzz.steps import Raw, Send

PATIENCE = 15.0
"""Seconds without an answer after which a broker counts as silent: then the silence is what was seen."""
FENCE_CHANNEL = 2000
OWN_CHANNELS = range(FENCE_CHANNEL, 2048)
"""Channels on which the fuzzer asks what it needs to know; steps use small numbers."""


class Wire:
    """One connection to one broker; `events` holds what came since it was emptied."""

    def __init__(self, host: str, port: int) -> None:
        self.client = Connection(host, port, PATIENCE)
        self.state = "connected"
        self.lines: defaultdict[int, Line] = defaultdict(Line)
        self.lines[0].state = "channel-0"
        self.events: list[Received | str] = []
        self.answers: list[Received] = []
        self.fences: set[int] = set()
        self.race = ""
        """The connection ended, and this race decides who gets what it gave back."""
        self.canary = ""
        self.asking: set[int] = set()

    @property
    def alive(self) -> bool:
        """Say whether the TCP connection stands."""
        return self.state != "down"

    def log_in(self, canary: str) -> None:
        """Open the virtual host, a channel for fences, and an exclusive queue that is gone when this connection is."""
        own = FENCE_CHANNEL
        tune = {"channel_max": 2047, "frame_max": 131072, "heartbeat": 0}
        self.client.send(PROTOCOL_HEADER)
        self.client.start_ok()
        self.client.send(
            encode_frame(METHOD, 0, encode_method("connection.tune-ok", **tune))
            + encode_frame(METHOD, 0, encode_method("connection.open", virtual_host="/"))
            + encode_frame(METHOD, own, encode_method("channel.open"))
            + encode_frame(METHOD, own, encode_method("queue.declare", queue=canary, exclusive=True))
        )
        while self.alive and not any(answer.name == "queue.declare-ok" for answer in self.answers):
            self.read()
        self.answers.clear()
        self.events.clear()

    def send(self, step: Send, payload: bytes) -> None:
        """Send the frames of a step."""
        self.lines[step.channel].sent(step)
        self.client.send(payload)
        if step.method == "connection.close-ok" and step.channel == 0 and self.state == "closing":
            self.read_to_the_end()

    def send_octets(self, step: Raw) -> None:
        """Send octets."""
        self.lines[step.channel].sent_octets(step.octets)
        self.client.send(step.octets)

    def ask(self, channel: int, method: str, **fields: Any) -> None:
        """Send a question of the fuzzer's own."""
        self.client.send_method(channel, method, **fields)

    def read(self) -> None:
        """Take in one method; the end of the connection or a silence is an event, too."""
        try:
            received = self.client.read()
        except Dropped:
            self.drop("dropped")
        except TimeoutError:
            self.drop("silent")
        except (AssertionError, KeyError, ValueError) as garbage:
            self.drop(f"garbage: {garbage}")
        else:
            self._came(received)

    def _came(self, received: Received) -> None:
        if received.channel in OWN_CHANNELS:
            self.answers.append(received)
            return
        if received.channel in self.fences and received.name == "exchange.declare-ok":
            self.fences.discard(received.channel)
            return
        if received.name == "channel.close":
            self.fences.discard(received.channel)
        self.events.append(received)
        self.lines[received.channel].came(received)
        if received.name == "connection.open-ok":
            self.state = "open"
        elif received.name == "connection.close":
            self.state = "closing"
            self._race_for_returns(CONNECTION_FAILS)
            self.fences.clear()
        elif received.name == "connection.close-ok":
            self.end()

    def read_to_the_end(self) -> None:
        """Take in everything up to the end of the connection."""
        while self.alive:
            self.read()

    def drop(self, why: str) -> None:
        """Let go of the connection, which has ended."""
        self.events.append(why)
        self.end()

    def end(self) -> None:
        """Let go of the connection without a word."""
        if not self.race:
            self._race_for_returns(CONNECTION_ENDS)
        self.state = "down"
        self.fences.clear()
        self.client.abort()

    def _race_for_returns(self, race: str) -> None:
        if ends_consuming(self.lines.values()):
            self.race = race

    def half_close(self) -> None:
        """Say that nothing more is sent: the broker answers what it has, and ends the connection."""
        with suppress(OSError):
            self.client.finish()

    # -- fences

    def raise_fences(self) -> None:
        """Ask on every channel that can be asked; each answers when it has done what was sent to it before."""
        if self.state != "open":
            return
        for number, line in self.lines.items():
            if line.fencible:
                self.fences.add(number)
                self.ask(number, "exchange.declare", exchange="amq.direct", passive=True)
        self.answers.clear()
        self.ask(FENCE_CHANNEL, "exchange.declare", exchange="amq.direct", passive=True)

    def await_fences(self) -> None:
        """Read until all fences are answered."""
        while self.state == "open" and (self.fences or not self.answers):
            self.read()
