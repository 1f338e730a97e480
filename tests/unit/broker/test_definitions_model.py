"""Whatever is done to definitions: a broker that is made from the rows has the same durable graph."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from amqpd.broker.operations import bindings, exchanges, policies, queues
from amqpd.broker.session import EXCHANGE, QUEUE
from amqpd.broker.users import User
from amqpd.broker.vhost import VHost
from amqpd.errors import AmqpError
from amqpd.fields import Table, from_python, longstr, signedint
from tests.unit.broker.rows import Kept, durable
from tests.unit.broker.world import RecordingConsumer

NAMES = st.sampled_from(["a", "b", "ü😀", "d\x00"])
SOURCES = st.one_of(NAMES, st.sampled_from(["amq.direct", "amq.topic", "amq.headers"]))
KEYS = st.sampled_from(["", "k", "#", "\udcff", "*.€"])
TYPES = st.sampled_from(["direct", "fanout", "topic", "headers", "x-random"])
ONE, TWO = ("n", signedint(1)), ("m", longstr(b"\xfe"))
ARGUMENTS = st.sampled_from([Table.of(each) for each in ((), (ONE,), (ONE, TWO), (TWO, ONE), (ONE, ONE))])
FLAGS = st.booleans()
KINDS = st.sampled_from([QUEUE, EXCHANGE])


class Definitions(RuleBasedStateMachine):
    """One session that declares, binds and deletes, and an operator."""

    @initialize()
    def start(self) -> None:
        self.begin(Kept.new())

    def begin(self, kept: Kept) -> None:
        self.kept = kept
        self.broker = kept.world.broker
        self.session = kept.world.session()
        self.other = self.broker.add_vhost("other")

    @property
    def vhost(self) -> VHost:
        return self.kept.world.vhost

    @rule(name=NAMES, type_=TYPES, durable=FLAGS, auto_delete=FLAGS, arguments=ARGUMENTS)
    def declare_exchange(self, name: str, type_: str, durable: bool, auto_delete: bool, arguments: Table) -> None:
        try:
            exchanges.declare(
                self.broker,
                self.session,
                name,
                type_,
                durable=durable,
                auto_delete=auto_delete,
                internal=False,
                arguments=arguments,
            )
        except AmqpError:
            pass  # there is another one of this name

    @rule(name=NAMES, durable=FLAGS, exclusive=FLAGS, auto_delete=FLAGS, expires=FLAGS)
    def declare_queue(self, name: str, durable: bool, exclusive: bool, auto_delete: bool, expires: bool) -> None:
        arguments = from_python({"x-expires": 10_000} if expires else {"x-max-length": 5})
        try:
            queues.declare(
                self.broker,
                self.session,
                name,
                durable=durable,
                exclusive=exclusive,
                auto_delete=auto_delete,
                arguments=arguments,
            )
        except AmqpError:
            pass  # there is another one of this name

    @rule(bound=FLAGS, kind=KINDS, name=NAMES, source=SOURCES, key=KEYS, arguments=ARGUMENTS)
    def bind(self, bound: bool, kind: str, name: str, source: str, key: str, arguments: Table) -> None:
        act = bindings.bind if bound else bindings.unbind
        try:
            act(self.broker, self.session, kind, name, source, key, arguments)
        except AmqpError:
            pass  # one end is missing

    @rule(name=NAMES)
    def delete_exchange(self, name: str) -> None:
        exchanges.delete(self.broker, self.session, name, if_unused=False)

    @rule(name=NAMES)
    def delete_queue(self, name: str) -> None:
        queues.delete(self.broker, self.session, name, if_unused=False, if_empty=False)

    @rule(name=NAMES)
    def consume_and_stop(self, name: str) -> None:
        queue = self.vhost.queues.get(name)
        if queue is not None:
            consumer = RecordingConsumer(queue)
            queue.add_consumer(consumer)
            if queue.remove_consumer(consumer):
                self.vhost.delete_unused(queue)

    @rule(seconds=st.integers(1, 12))
    def wait(self, seconds: int) -> None:
        self.kept.world.advance(seconds)

    @rule()
    def reconnect(self) -> None:
        self.broker.end_session(self.session)
        self.session = self.kept.world.session()

    @rule(name=NAMES, operator=FLAGS, apply_to=st.sampled_from(["all", "queues"]), length=st.integers(1, 9))
    def set_policy(self, name: str, operator: bool, apply_to: str, length: int) -> None:
        policies.set_policy(
            self.broker, self.vhost, name, name, {"max-length": length}, apply_to=apply_to, operator=operator
        )

    @rule(name=NAMES, operator=FLAGS)
    def clear_policy(self, name: str, operator: bool) -> None:
        if name in (self.vhost.policies.operator if operator else self.vhost.policies.ordinary):
            policies.clear_policy(self.broker, self.vhost, name, operator=operator)

    @rule(name=NAMES, hash_=st.sampled_from(["", "x"]))
    def add_user(self, name: str, hash_: str) -> None:
        self.broker.add_user(User(name, hash_))

    @rule(name=NAMES)
    def delete_user(self, name: str) -> None:
        if name in self.broker.access.users:
            self.broker.delete_user(name)

    @rule(name=NAMES, vhost=st.sampled_from(["/", "other"]), granted=FLAGS)
    def grant(self, name: str, vhost: str, granted: bool) -> None:
        access = self.broker.access
        if granted:
            access.grant(name, vhost, read=name)
            access.grant_topic(name, vhost, name, "", name)
        else:
            access.revoke(name, vhost)
            access.revoke_topic(name, vhost, name if vhost == "/" else None)

    @rule()
    def delete_the_other_vhost(self) -> None:
        self.other.bind(
            self.other.exchanges["amq.fanout"],
            self.other.add_queue("q", True, False, None, Table()),
            "k",
            Table(),
        )
        self.broker.delete_vhost("other")
        self.other = self.broker.add_vhost("other")

    @rule()
    def restart(self) -> None:
        self.begin(self.kept.again())

    @invariant()
    def a_broker_made_from_the_rows_is_the_same(self) -> None:
        again = self.kept.again()
        assert durable(again.world.broker) == durable(self.broker)
        assert again.journal.changes == []


TestDefinitions = Definitions.TestCase
TestDefinitions.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
