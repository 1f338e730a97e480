"""One channel: its line of methods, its deliveries, confirms and transaction.

Methods are handled strictly in order; what has to wait stands in its `line`. A channel that an error has closed drops
everything but the client's close-ok.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeVar

from amqpd.broker import announce as broker_announce
from amqpd.broker.confirms import ACK, Confirms
from amqpd.broker.message import Message
from amqpd.broker.pending import Pending
from amqpd.broker.transaction import Transaction
from amqpd.broker.unacked import Delivery, Unacked
from amqpd.broker.undecided import Undecided
from amqpd.errors import AmqpError, ChannelMisused, CommandInvalid
from amqpd.protocol import announce, publishing
from amqpd.protocol.channel_end import terminate
from amqpd.protocol.consumer import ChannelConsumer, ReplyPort
from amqpd.protocol.line import Line
from amqpd.protocol.methods import CONTENT, HANDLERS, NAMES_A_QUEUE, SETTLEMENTS
from amqpd.protocol.methods.queue import expanded
from amqpd.protocol.publish_plan import PublishPlan, PublishPlans
from amqpd.wire import hot, methods, server_methods
from amqpd.wire.content import ContentAssembler
from amqpd.wire.kinds import METHOD
from amqpd.wire.methods import CONTENT_BEARING, OPEN, MethodId

if TYPE_CHECKING:
    from amqpd.broker.session import Session
    from amqpd.protocol.ack_timeout import Ages
    from amqpd.protocol.connection import Connection
    from amqpd.protocol.settling import Settling

T = TypeVar("T")

METHOD_COST: Final = 8
"""Units of a turn's budget that a method takes which neither publishes nor settles, beside one for each 256 octets of
it; where many have more to say than a turn takes, it counts as several.
"""
CLOSE: Final[MethodId] = (20, 40)
CLOSE_OK: Final[MethodId] = (20, 41)
CANCEL_OK: Final[MethodId] = (60, 31)


class Channel:
    """The protocol's side of one channel."""

    __slots__ = (
        "_confirming",
        "_window_shut",
        "acked",
        "ages",
        "announced",
        "assembler",
        "awaited",
        "closing",
        "confirms",
        "connection",
        "consumers",
        "counted_gets",
        "delivery_tag",
        "direct",
        "get_empty",
        "gets",
        "gets_no_ack",
        "is_open",
        "last_payload",
        "last_plan",
        "last_queue",
        "line",
        "number",
        "pid",
        "plans",
        "prefetch",
        "reply_port",
        "retired",
        "session",
        "settling",
        "transaction",
        "turned_back",
        "unacked",
        "window",
        "window_used",
    )

    def __init__(self, connection: Connection, number: int, session: Session) -> None:
        self.connection = connection
        self.number = number
        self.session = session
        self.pid = connection.node.broker.next_pid()
        """What events call it."""
        self.assembler = ContentAssembler(connection.headers, connection.node.broker.compat.profile.strict_content_size)
        self.direct = False
        """Open, in between methods, nothing pending: a whole publish may be handled at once."""
        self.consumers: dict[str, ChannelConsumer] = {}
        self.unacked = Unacked()
        self.delivery_tag = 0
        self.ages: Ages | None = None
        """Of what is unsettled, while there is a limit to it."""
        self.prefetch = 0
        """Window of consumers that are started from now on."""
        self.window = 0
        """Channel-wide window; 0: none."""
        self.window_used = 0
        self.counted_gets: dict[Message, None] = {}
        """Unsettled messages of basic.get that were there when the window was set."""
        self.last_queue = ""
        self.plans: PublishPlans | None = None
        """Once it has published."""
        self.last_plan: PublishPlan | None = None
        self.last_payload = b""
        """What it was found by: most channels publish the same way again and again."""
        self.acked = 0
        """Deliveries that its client acknowledged."""
        self.turned_back = 0
        """Deliveries that its client rejected, or gave back."""
        self.gets = 0
        """Messages that basic.get took, to be acknowledged."""
        self.gets_no_ack = 0
        self.get_empty = 0
        self.confirms: Confirms | None = None
        self.awaited: tuple[Pending[None], list[int]] | None = None
        """What the latest publishes wait for before they are confirmed, and their numbers."""
        self.transaction: Transaction | None = None
        self.reply_port: ReplyPort | None = None
        self.retired: dict[ChannelConsumer, None] = {}
        """Consumers that are over, while something of theirs is outstanding."""
        self.settling: Settling | None = None  # one of many deliveries, while it is worked off
        self.is_open = False  # from channel.open to its end
        self.announced = False  # the same, but an error doesn't end it before its client has answered
        self.closing = False  # an error has closed it, and the client has yet to answer
        self._confirming = False
        self._window_shut = False
        self.line = Line(self)

    # -- frames ----------------------------------------------------------------------------------------------------

    def publish(self, payload: bytes, header: bytes, body: bytes) -> None:
        """A whole basic.publish, while `direct`."""
        content = self.connection.headers.get(header)
        try:
            publishing.publish(self, payload, content, body)
        except Undecided as undecided:
            publishing.publish_once_decided(self, undecided, payload, content, body)

    def plan_of(self, payload: bytes) -> PublishPlan:
        """The plan for a basic.publish payload, which may be stale. Raises Undecodable."""
        plans = self.plans
        if plans is None:
            plans = self.plans = PublishPlans()
        plan = self.last_plan = plans.get(payload)
        self.last_payload = payload
        return plan

    def receive(self, kind: int, ids: MethodId, payload: bytes) -> None:
        """Handle one frame, or let it wait its turn."""
        behind_replies = False
        if self.line.busy:
            if self.line.takes(kind, ids, payload):
                return
            behind_replies = self.line.has_replies
        if self.closing:
            self._receive_while_closing(kind, ids, payload)
            return
        assembler = self.assembler
        if kind != METHOD:
            self._receive_content(kind, payload)
        elif assembler.ids is not None:
            methods.require_known(ids)
            raise assembler.unexpected_method()
        elif ids in CONTENT_BEARING:
            if ids == CONTENT[0]:
                self.plan_of(payload)
            else:
                self.connection.node.methods.decode(payload)
            assembler.begin(ids, payload)
            self.direct = False
        elif behind_replies:
            self._method_behind_replies(ids, payload)
        else:
            self._method(ids, payload)

    def _method_behind_replies(self, ids: MethodId, payload: bytes) -> None:
        try:
            self._method(ids, payload)
        except AmqpError as error:
            error.method = error.method or ids
            self.line.fail(error)

    def _receive_content(self, kind: int, payload: bytes) -> None:
        if self.connection.alarmed and not self.assembler.idle:
            self.connection.publish_blocked()
        assembler = self.assembler
        before = assembler.received
        body = assembler.receive(kind, payload)
        if body is None:
            publishing.count_unfinished(self, assembler.received - before)
            return
        header, arguments, ids = assembler.header, assembler.arguments, assembler.ids
        self.drop_content()
        assert header is not None
        try:
            if not self.is_open:
                raise ChannelMisused("expected 'channel.open'")
            if ids != CONTENT[0]:
                raise CommandInvalid("unimplemented method")
            self.direct = True
            publishing.publish(self, arguments, header, body)
        except Undecided as undecided:
            publishing.publish_once_decided(self, undecided, arguments, header, body)
        except AmqpError as error:
            if error.method is None:
                error.method = ids
            raise

    def drop_content(self) -> None:
        """Forget the content that is arriving."""
        publishing.count_unfinished(self, -self.assembler.received)
        self.assembler.reset()

    def _method(self, ids: MethodId, payload: bytes) -> None:
        settlement = SETTLEMENTS.get(ids)
        if settlement is not None and self.is_open:
            try:
                tag, bits = hot.parse_settlement(payload)
            except ValueError:
                self.connection.node.methods.decode(payload)
                raise
            settlement(self, tag, bits)
            return
        node = self.connection.node
        node.broker.work.spent += METHOD_COST * node.crowding + (len(payload) >> 8)
        arguments = node.methods.decode(payload)
        if not self.is_open:
            if ids in NAMES_A_QUEUE:
                expanded(self, str(arguments[0]))  # looked for before the state, as by RabbitMQ
            if ids != OPEN:
                raise ChannelMisused("expected 'channel.open'")
            self.is_open = self.announced = self.direct = True
            self.connection.node.broker.statistics.channels_opened += 1
            self.send(server_methods.CHANNEL_OPEN_OK)
            if self.connection.node.broker.events.heard:
                announce.channel_created(self)
            return
        if ids == OPEN:
            raise ChannelMisused("second 'channel.open' seen")
        handler = HANDLERS.get(ids)
        if handler is None:
            if ids == CANCEL_OK and self.connection.node.broker.compat.profile.accepts_cancel_ok:
                return
            raise CommandInvalid("unimplemented method")
        handler(self, *arguments)

    def _receive_while_closing(self, kind: int, ids: MethodId, payload: bytes) -> None:
        """Drop everything but close-ok and close; what RabbitMQ looks at before it drops a method still goes wrong.

        These are the order of frames, whether a method can be decoded, a second open, and an empty queue name.
        """
        assembler = self.assembler
        if kind != METHOD:
            before = assembler.received
            if assembler.receive(kind, payload) is None:
                publishing.count_unfinished(self, assembler.received - before)
            else:
                self.drop_content()
            return
        if not assembler.idle:
            methods.require_known(ids)
            raise assembler.unexpected_method()
        arguments = self.connection.node.methods.decode(payload)
        if ids == CLOSE_OK:
            terminate(self)
            self.connection.channels.pop(self.number, None)
        elif ids == CLOSE:
            self.send(server_methods.CHANNEL_CLOSE_OK)
        elif ids == OPEN:
            raise ChannelMisused("second 'channel.open' seen")
        elif ids in CONTENT:
            assembler.begin(ids, payload)
        elif ids in NAMES_A_QUEUE:
            expanded(self, str(arguments[0]))

    @property
    def waits(self) -> bool:
        """What the client sends stands in line."""
        return self.line.busy

    @property
    def is_idle(self) -> bool:
        """It is open, and in between methods."""
        return self.is_open and self.assembler.idle

    # -- what handlers call ----------------------------------------------------------------------------------------

    def send(self, made: bytes) -> None:
        """Send a ready-made frame on this channel."""
        self.connection.outbox.append(server_methods.on(self.number, made))

    def send_frame(self, frame: bytes) -> None:
        """Send a frame that carries this channel's number already."""
        self.connection.outbox.append(frame)

    def reply(self, result: T | Pending[T], send: Callable[[T], None]) -> None:
        """Send the reply to a result: at once, or when it is there, in its order."""
        self.line.reply(result, send)

    def wait_for(self, pending: Pending[T], then: Callable[[Pending[T]], None]) -> None:
        """Handle nothing else on this channel before `pending` is done and `then` was called with it."""
        self.line.wait_for(pending, then)

    def confirm_later(self) -> None:
        """Send what `confirms` has to say at the end of this turn."""
        if not self._confirming:
            self._confirming = True
            self.connection.node.broker.at_turn_end(self._send_confirms)

    def settle(self, delivery: Delivery) -> None:
        """Free the windows that a delivery took up; the caller does what becomes of the message."""
        consumer = delivery[2]
        if isinstance(consumer, ChannelConsumer):
            consumer.unacked -= 1
            if self.retired and not consumer.unacked:
                self.retired.pop(consumer, None)
            if self.window and self.window_used:
                self.window_used -= 1
        elif self.counted_gets and delivery[0] in self.counted_gets:
            del self.counted_gets[delivery[0]]
            self.window_used -= 1

    def settled(self, deliveries: list[Delivery]) -> None:
        """After a settlement: whoever waited for a window goes on."""
        if self._window_shut:
            self.window_changed()
            return
        previous: ChannelConsumer | None = None
        for delivery in deliveries:
            consumer = delivery[2]
            if consumer is not previous and isinstance(consumer, ChannelConsumer):
                previous = consumer
                if not previous.able and previous.channel is self:
                    previous.refresh()

    def window_changed(self) -> None:
        """The channel-wide window became full, or isn't any more, or was set anew."""
        self._window_shut = bool(self.window) and self.window_used >= self.window
        self._refresh_consumers()

    def outbox_changed(self) -> None:
        """The connection's outbox is over its mark, or isn't any more."""
        self._refresh_consumers()

    def _refresh_consumers(self) -> None:
        """All that can go on are back in their rotations, in the order in which they were passed over there, before a
        queue hands out: they take turns.
        """
        risen = [each for each in self.consumers.values() if each.find_out()]
        risen.sort(key=attrgetter("passed_over"))
        for consumer in risen:
            consumer.queue.consumers.rejoin(consumer)
        for queue in dict.fromkeys(each.queue for each in risen):
            queue.resume()

    def stop_deliveries(self) -> None:
        """The connection ends: what its channels give back must not come to another of them."""
        for consumer in self.consumers.values():
            consumer.able = False

    def send_close(self, error: AmqpError, failed: MethodId) -> None:
        """Send a close, and nothing else."""
        self.send_frame(hot.close(self.number, error.code, error.reply_text, failed))

    def drop_reply_port(self) -> None:
        """Stop waiting for direct replies."""
        if self.reply_port is not None:
            self.connection.node.broker.reply_consumers.pop(self.reply_port.name, None)
            self.session.vhost.reply_consumer_changed()
            self.reply_port = None

    def return_unroutable(self, message: Message) -> None:
        """basic.return with the content as it came."""
        parts = [hot.returned(self.number, message.exchange, message.routing_key)]
        parts += hot.content(self.number, message.properties, message.body, self.connection.frame_max)
        self.connection.outbox.append(b"".join(parts))

    def retire(self, consumer: ChannelConsumer) -> None:
        """A consumer is over; what it holds stays outstanding on the channel."""
        if consumer.unacked:
            self.retired[consumer] = None

    def consumer_cancelled(self, consumer: ChannelConsumer) -> None:
        """The queue of a consumer is gone."""
        self.consumers.pop(consumer.tag, None)
        self.retire(consumer)
        self.consumer_over(consumer, None)
        if "consumer_cancel_notify" in self.connection.capabilities:
            self.send_frame(hot.cancel(self.number, consumer.tag))

    def consumer_over(self, consumer: ChannelConsumer, by: str | None) -> None:
        """Tell who listens to events that a consumer is gone, and who did that."""
        vhost = self.session.vhost
        if vhost.events.heard:
            broker_announce.consumer_deleted(vhost, consumer, by)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _send_confirms(self) -> None:
        self._confirming = False
        if self.confirms is None:
            return
        outbox = self.connection.outbox
        for verdict, number, multiple in self.confirms.take():
            outbox.append((hot.ack if verdict is ACK else hot.nack)(self.number, number, multiple))
