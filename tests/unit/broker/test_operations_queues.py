"""queue.declare, purge and delete: the order of the checks and RabbitMQ's texts."""

from __future__ import annotations

import pytest

from amqpd.broker.operations import queues
from amqpd.broker.operations.queues import Declared
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal
from amqpd.broker.session import Session
from amqpd.errors import AccessRefused, AmqpError, NotFound, PreconditionFailed, ResourceLocked
from amqpd.fields import EMPTY, Field, Table, from_python, long, longstr, signedint
from tests.unit.broker.world import RecordingConsumer, RecordingReplyConsumer, World, publish

PROFILES = ("3.10", "3.13", "4.0", "4.2", "4.3")
LOCKED = (
    "cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another "
    "connection or the exclusive property value does not match that of the original declaration."
)


def declare(
    world: World,
    session: Session,
    name: str = "q",
    *,
    durable: bool = True,
    exclusive: bool = False,
    auto_delete: bool = False,
    arguments: Table = EMPTY,
) -> Declared:
    answer = queues.declare(
        world.broker, session, name, durable=durable, exclusive=exclusive, auto_delete=auto_delete, arguments=arguments
    )
    assert isinstance(answer, Declared)
    return answer


def test_a_new_queue_is_empty(world: World) -> None:
    assert declare(world, world.session()) == ("q", 0, 0)


def test_declare_tells_ready_messages_and_consumers(world: World) -> None:
    session = world.session()
    declare(world, session)
    queue = world.vhost.queues["q"]
    publish(queue, b"a", b"b", b"c")
    queue.add_consumer(RecordingConsumer(queue, window=1))
    queue.resume()
    assert declare(world, session) == ("q", 2, 1)
    assert queues.declare_passive(world.broker, session, "q") == ("q", 2, 1)


def test_an_exclusive_queue_is_not_durable_whatever_was_asked(world: World) -> None:
    session = world.session()
    declare(world, session, durable=True, exclusive=True)
    assert not world.vhost.queues["q"].durable
    declare(world, session, durable=True, exclusive=True)
    declare(world, session, durable=False, exclusive=True)


def test_line_ends_are_taken_out_of_names(world: World) -> None:
    session = world.session()
    assert declare(world, session, "a\r\nb").name == "ab"
    assert queues.declare_passive(world.broker, session, "a\nb") == ("ab", 0, 0)
    assert queues.delete(world.broker, session, "\rab", if_unused=False, if_empty=False) == 0
    assert "ab" not in world.vhost.queues


# -- names -------------------------------------------------------------------------------------------------------------


def test_an_empty_name_asks_for_one_that_nobody_else_has(world: World) -> None:
    session = world.session()
    names = {declare(world, session, "").name for _ in range(10)}
    assert len(names) == 10
    for name in names:
        assert name.startswith("amq.gen-")
        assert len(name) == len("amq.gen-") + 22
        assert name in world.vhost.queues


def test_made_up_names_are_the_same_for_the_same_randomness() -> None:
    first, second = World(), World()
    assert declare(first, first.session(), "") == declare(second, second.session(), "")


def test_a_name_of_line_ends_only_is_an_empty_name(world: World) -> None:
    assert declare(world, world.session(), "\r\n").name.startswith("amq.gen-")


def test_the_reserved_prefix_comes_before_permission_and_counts_for_existing_queues(world: World) -> None:
    generated = declare(world, world.session(), "").name
    for name in ("amq.x", generated):
        with pytest.raises(AccessRefused) as refused:
            declare(world, world.session("u", grant=None), name)
        assert refused.value.text == f"queue name '{name}' contains reserved prefix 'amq.*'"


def test_configure_is_checked_on_the_made_up_name(world: World) -> None:
    with pytest.raises(AccessRefused) as refused:
        declare(world, world.session("u", grant=("^mine", "", "")), "")
    assert refused.value.text.startswith("configure access to queue 'amq.gen-")
    declare(world, world.session("v", grant=("^amq\\.gen-", "", "")), "")


# -- an existing queue -------------------------------------------------------------------------------------------------


def test_permission_comes_before_existence(world: World) -> None:
    session = world.session("u", grant=None)
    declare(world, world.session())
    for name in ("q", "nope"):
        with pytest.raises(AccessRefused) as refused:
            declare(world, session, name)
        assert refused.value.text == f"configure access to queue '{name}' in vhost '/' refused for user 'u'"


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_the_exclusive_bit_must_be_the_same(world: World, first: bool, second: bool) -> None:
    session = world.session()
    declare(world, session, exclusive=first)
    with pytest.raises(ResourceLocked) as refused:
        declare(world, session, exclusive=second)
    assert refused.value.text == LOCKED


@pytest.mark.parametrize("exclusive", [True, False])
def test_another_connections_exclusive_queue_is_locked_before_anything_is_compared(
    world: World, exclusive: bool
) -> None:
    declare(world, world.session(), exclusive=True)
    with pytest.raises(ResourceLocked) as refused:
        declare(world, world.session("u"), exclusive=exclusive, auto_delete=True)
    assert refused.value.text == LOCKED


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({}, {"durable": False}, "'durable' {}: received 'false' but current is 'true'"),
        ({}, {"auto_delete": True}, "'auto_delete' {}: received 'true' but current is 'false'"),
        ({"auto_delete": True}, {"durable": False}, "'durable' {}: received 'false' but current is 'true'"),
        (
            {"x-message-ttl": signedint(1000)},
            {},
            "'x-message-ttl' {}: received none but current is the value '1000' of type 'signedint'",
        ),
        (
            {},
            {"x-max-length": long(5)},
            "'x-max-length' {}: received the value '5' of type 'long' but current is none",
        ),
        (
            {"x-max-length": signedint(4)},
            {"x-max-length": signedint(5)},
            "'x-max-length' {}: received '5' but current is '4'",
        ),
        (
            {"x-expires": signedint(5000)},
            {"x-expires": longstr("5000")},
            "'x-expires' {}: received '5000' but current is '5000'",
        ),
    ],
)
def test_a_redeclare_that_differs_is_refused(
    before: dict[str, Field | bool], after: dict[str, Field | bool], text: str
) -> None:
    world = World("4.2")
    session = world.session()

    def of(case: dict[str, Field | bool]) -> Declared:
        return declare(
            world,
            session,
            durable=case.get("durable") is not False,
            auto_delete=case.get("auto_delete") is True,
            arguments=Table.of({name: value for name, value in case.items() if isinstance(value, Field)}),
        )

    of(before)
    with pytest.raises(PreconditionFailed) as refused:
        of(after)
    assert refused.value.text == "inequivalent arg " + text.format("for queue 'q' in vhost '/'")


def test_the_width_of_an_integer_and_unknown_arguments_do_not_matter(world: World) -> None:
    session = world.session()
    declare(world, session, arguments=Table.of({"x-max-length": signedint(5), "x-foo": signedint(1)}))
    declare(world, session, arguments=Table.of({"x-max-length": long(5), "x-foo": signedint(2)}))
    declare(world, session, arguments=Table.of({"x-max-length": Field("b", 5, b"b\x05")}))


@pytest.mark.parametrize("profile", PROFILES)
def test_no_queue_type_means_classic(profile: str) -> None:
    world = World(profile)
    session = world.session()
    typed = Table.of({"x-queue-type": longstr("classic")})
    declare(world, session, "a")
    declare(world, session, "a", arguments=typed)
    declare(world, session, "b", arguments=typed)
    declare(world, session, "b")
    assert ("x-queue-type" in world.vhost.queues["a"].arguments) is (profile in ("4.0", "4.2", "4.3"))


@pytest.mark.parametrize(
    ("profile", "names"),
    [("3.10", ["x-max-length", "x-expires"]), ("4.0", ["x-expires", "x-max-length", "x-queue-type"])],
)
def test_arguments_that_get_a_queue_type_are_sorted(profile: str, names: list[str]) -> None:
    world = World(profile)
    declare(world, world.session(), arguments=Table.of({"x-max-length": signedint(5), "x-expires": signedint(1000)}))
    assert [name for name, _ in world.vhost.queues["q"].arguments.items()] == names


@pytest.mark.parametrize(
    ("profile", "current"), [("3.10", "none"), ("3.13", "none"), ("4.2", "'classic'"), ("4.3", "'classic'")]
)
def test_another_queue_type_for_an_existing_queue_is_a_difference_even_if_it_is_no_type(
    profile: str, current: str
) -> None:
    world = World(profile)
    session = world.session()
    declare(world, session)
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, session, arguments=Table.of({"x-queue-type": longstr("foo")}))
    received = "the value 'foo' of type 'longstr'" if current == "none" else "'foo'"
    assert refused.value.text == (
        f"inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received {received} but current is {current}"
    )


def test_bad_values_of_an_existing_queue_are_differences_only(world: World) -> None:
    session = world.session()
    declare(world, session)
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, session, arguments=from_python({"x-expires": -1}))
    assert refused.value.text.startswith("inequivalent arg 'x-expires'")


def test_a_redeclare_renews_the_lease_and_so_does_a_passive_one(world: World) -> None:
    session = world.session()
    arguments = from_python({"x-expires": 1000})
    declare(world, session, arguments=arguments)
    world.advance(0.75)
    declare(world, session, arguments=arguments)
    world.advance(0.75)
    queues.declare_passive(world.broker, session, "q")
    world.advance(0.75)
    assert "q" in world.vhost.queues
    world.advance(0.25)
    assert "q" not in world.vhost.queues


# -- a new queue -------------------------------------------------------------------------------------------------------


def test_a_bad_argument_creates_nothing(world: World) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, world.session(), arguments=from_python({"x-expires": 0}))
    assert refused.value.text == "invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}"
    assert not world.vhost.queues


def test_a_dead_letter_exchange_needs_read_on_the_queue_and_write_on_the_exchange(world: World) -> None:
    arguments = from_python({"x-dead-letter-exchange": "dlx"})
    with pytest.raises(AccessRefused) as refused:
        declare(world, world.session("u", grant=(".*", ".*", "")), arguments=arguments)
    assert refused.value.text == "read access to queue 'q' in vhost '/' refused for user 'u'"
    with pytest.raises(AccessRefused) as refused:
        declare(world, world.session("v", grant=(".*", "", ".*")), arguments=arguments)
    assert refused.value.text == "write access to exchange 'dlx' in vhost '/' refused for user 'v'"
    declare(world, world.session("w", grant=("^q$", "^dlx$", "^q$")), arguments=arguments)
    declare(world, world.session("x", grant=("^q$", "", "")), arguments=arguments)


@pytest.mark.parametrize("limit", [0, 2])
def test_the_queue_limit_of_a_vhost_counts_for_new_queues(world: World, limit: int) -> None:
    session = world.session()
    world.vhost.max_queues = limit
    for number in range(limit):
        declare(world, session, f"q{number}")
    for number in range(limit):
        declare(world, session, f"q{number}")
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, session, "more")
    assert refused.value.text == f"cannot declare queue 'more': queue limit in vhost '/' ({limit}) is reached"


def test_a_negative_queue_limit_is_none(world: World) -> None:
    world.vhost.max_queues = -1
    declare(world, world.session())


# -- passive, purge, delete --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
def test_passive_asks_for_existence_and_lately_for_any_permission(profile: str) -> None:
    world = World(profile)
    with pytest.raises(AmqpError) as refused:
        queues.declare_passive(world.broker, world.session("u", grant=None), "nope")
    if profile in ("4.2", "4.3"):
        assert isinstance(refused.value, AccessRefused)
        assert refused.value.text == "configure access to queue 'nope' in vhost '/' refused for user 'u'"
    else:
        assert isinstance(refused.value, NotFound)
        assert refused.value.text == "no queue 'nope' in vhost '/'"


def test_passive_does_not_expand_an_empty_name(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        queues.declare_passive(world.broker, world.session(), "")
    assert refused.value.text == "no queue '' in vhost '/'"


def test_passive_purge_and_delete_refuse_another_connections_exclusive_queue(world: World) -> None:
    declare(world, world.session(), exclusive=True)
    session = world.session("u")
    for attempt in (
        lambda: queues.declare_passive(world.broker, session, "q"),
        lambda: queues.purge(world.broker, session, "q"),
        lambda: queues.delete(world.broker, session, "q", if_unused=False, if_empty=False),
    ):
        with pytest.raises(ResourceLocked) as refused:
            attempt()
        assert refused.value.text == LOCKED


def test_purge_needs_read_and_a_queue(world: World) -> None:
    with pytest.raises(AccessRefused) as refused:
        queues.purge(world.broker, world.session("u", grant=(".*", ".*", "")), "nope")
    assert refused.value.text == "read access to queue 'nope' in vhost '/' refused for user 'u'"
    with pytest.raises(NotFound) as missing:
        queues.purge(world.broker, world.session(), "nope")
    assert missing.value.text == "no queue 'nope' in vhost '/'"


def test_purge_counts_ready_messages_only(world: World) -> None:
    queue = world.queue()
    publish(queue, b"a", b"b", b"c")
    assert queue.get() is not None
    assert queues.purge(world.broker, world.session(), "q") == 2
    assert queue.unacked == 1


def test_delete_of_nothing_is_fine_but_needs_configure(world: World) -> None:
    assert queues.delete(world.broker, world.session(), "nope", if_unused=True, if_empty=True) == 0
    with pytest.raises(AccessRefused) as refused:
        queues.delete(world.broker, world.session("u", grant=("", ".*", ".*")), "nope", if_unused=False, if_empty=False)
    assert refused.value.text == "configure access to queue 'nope' in vhost '/' refused for user 'u'"


def test_delete_looks_at_messages_first_and_then_at_consumers(world: World) -> None:
    session, queue = world.session(), world.queue()
    consumer = RecordingConsumer(queue, window=1)
    queue.add_consumer(consumer)
    publish(queue, b"a", b"b")
    with pytest.raises(PreconditionFailed) as refused:
        queues.delete(world.broker, session, "q", if_unused=True, if_empty=True)
    assert refused.value.text == "queue 'q' in vhost '/' not empty"
    queue.purge()
    with pytest.raises(PreconditionFailed) as refused:
        queues.delete(world.broker, session, "q", if_unused=True, if_empty=True)
    assert refused.value.text == "queue 'q' in vhost '/' in use"
    publish(queue, b"c")
    assert queues.delete(world.broker, session, "q", if_unused=False, if_empty=False) == 1


# -- direct reply-to ---------------------------------------------------------------------------------------------------


def test_declaring_a_reply_name_tells_whether_its_requester_is_there(world: World) -> None:
    session = world.session("u", grant=None)
    alive = RecordingReplyConsumer("amq.rabbitmq.reply-to.abc")
    world.broker.reply_consumers[alive.name] = alive
    for name in ("amq.rabbitmq.reply-to", alive.name):
        assert declare(world, session, name) == (name, 0, 1)
        assert queues.declare_passive(world.broker, session, name) == (name, 0, 1)
    with pytest.raises(NotFound) as missing:
        declare(world, session, "amq.rabbitmq.reply-to.gone")
    assert missing.value.text == "no queue 'amq.rabbitmq.reply-to.gone' in vhost '/'"


# -- durability --------------------------------------------------------------------------------------------------------


class SlowJournal(Journal):
    """Makes nothing durable until it is told to."""

    immediate = False

    def __init__(self) -> None:
        self.waiting: list[Pending[None]] = []

    def definitions_durable(self) -> Pending[None] | None:
        self.waiting.append(Pending())
        return self.waiting[-1]

    def messages_durable(self) -> Pending[None] | None:
        return None


def test_an_answer_waits_until_the_change_is_durable() -> None:
    journal = SlowJournal()
    world = World(journal=journal)
    answer = queues.declare(
        world.broker, world.session(), "q", durable=True, exclusive=False, auto_delete=False, arguments=EMPTY
    )
    assert isinstance(answer, Pending)
    assert not answer.done
    journal.waiting[0].settle(None)
    assert answer.result() == ("q", 0, 0)
