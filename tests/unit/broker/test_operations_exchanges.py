"""exchange.declare and exchange.delete: the order of the checks and RabbitMQ's texts."""

from __future__ import annotations

import pytest

from amqpd.broker.operations import exchanges
from amqpd.broker.session import Session
from amqpd.errors import AccessRefused, AmqpError, CommandInvalid, NotFound, PreconditionFailed
from amqpd.fields import EMPTY, Table, boolean, from_python, longstr
from tests.unit.broker.world import World

PROFILES = ("3.10", "3.13", "4.0", "4.2", "4.3")


def declare(
    world: World,
    session: Session,
    name: str = "x",
    type_: str = "direct",
    *,
    durable: bool = True,
    auto_delete: bool = False,
    internal: bool = False,
    arguments: Table = EMPTY,
) -> None:
    answer = exchanges.declare(
        world.broker,
        session,
        name,
        type_,
        durable=durable,
        auto_delete=auto_delete,
        internal=internal,
        arguments=arguments,
    )
    assert answer is None


def test_a_new_exchange_has_what_was_asked_for(world: World) -> None:
    declare(world, world.session(), "x", "topic", durable=False, auto_delete=True, internal=True)
    made = world.vhost.exchanges["x"]
    assert (made.type_name, made.durable, made.auto_delete, made.internal) == ("topic", False, True, True)


def test_line_ends_are_taken_out_of_names(world: World) -> None:
    session = world.session()
    declare(world, session, "a\r\nb")
    assert "ab" in world.vhost.exchanges
    exchanges.declare_passive(world.broker, session, "a\nb")
    exchanges.delete(world.broker, session, "ab\r", if_unused=False)
    assert "ab" not in world.vhost.exchanges


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("nope", "unknown exchange type 'nope'"),
        ("x-delayed-message", "unknown exchange type 'x-delayed-message'"),
        ("quorum", "invalid exchange type 'quorum'"),
        ("", "invalid exchange type ''"),
    ],
)
def test_the_type_is_looked_at_first(profile: str, type_: str, text: str) -> None:
    """Before the name and before permissions; 3.10 closes the connection for it."""
    world = World(profile, strict=True)
    with pytest.raises(AmqpError) as refused:
        declare(world, world.session("u", grant=None), "", type_)
    assert refused.value.text == text
    assert type(refused.value) is (CommandInvalid if profile == "3.10" else PreconditionFailed)


def test_the_default_exchange_comes_before_permissions(world: World) -> None:
    session = world.session("u", grant=None)
    text = "operation not permitted on the default exchange"
    for name in ("", "\r\n"):
        with pytest.raises(AccessRefused) as refused:
            declare(world, session, name)
        assert refused.value.text == text
        with pytest.raises(AccessRefused) as refused:
            exchanges.declare_passive(world.broker, session, name)
        assert refused.value.text == text
        with pytest.raises(AccessRefused) as refused:
            exchanges.delete(world.broker, session, name, if_unused=False)
        assert refused.value.text == text


def test_permission_comes_before_the_reserved_prefix_and_before_existence(world: World) -> None:
    session = world.session("u", grant=("^mine", ".*", ".*"))
    for name in ("amq.new", "amq.direct", "x"):
        with pytest.raises(AccessRefused) as refused:
            declare(world, session, name)
        assert refused.value.text == f"configure access to exchange '{name}' in vhost '/' refused for user 'u'"


def test_the_reserved_prefix_is_refused_for_new_exchanges_only(world: World) -> None:
    session = world.session()
    declare(world, session, "amq.direct", "direct")
    with pytest.raises(AccessRefused) as refused:
        declare(world, session, "amq.new")
    assert refused.value.text == "exchange name 'amq.new' contains reserved prefix 'amq.*'"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"type_": "topic"}, "'type' {}: received 'topic' but current is 'fanout'"),
        ({"durable": False}, "'durable' {}: received 'false' but current is 'true'"),
        ({"auto_delete": True}, "'auto_delete' {}: received 'true' but current is 'false'"),
        ({"internal": True}, "'internal' {}: received 'true' but current is 'false'"),
        (
            {"arguments": EMPTY},
            "'alternate-exchange' {}: received none but current is the value 'ae' of type 'longstr'",
        ),
        (
            {"arguments": from_python({"alternate-exchange": "other"})},
            "'alternate-exchange' {}: received 'other' but current is 'ae'",
        ),
    ],
    ids=["type", "durable", "auto_delete", "internal", "no alternate", "other alternate"],
)
def test_a_redeclare_that_differs_is_refused(world: World, changed: dict[str, object], text: str) -> None:
    session = world.session()
    same: dict[str, object] = {"type_": "fanout", "arguments": from_python({"alternate-exchange": "ae", "x-foo": 1})}
    declare(world, session, "x", **same)  # type: ignore[arg-type]  # the cases are tables of keyword arguments
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, session, "x", **same | changed)  # type: ignore[arg-type]  # the same
    assert refused.value.text == "inequivalent arg " + text.format("for exchange 'x' in vhost '/'")


def test_the_first_difference_is_reported(world: World) -> None:
    session = world.session()
    declare(world, session, "x", "fanout")
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, session, "x", "topic", durable=False, auto_delete=True, internal=True)
    assert "arg 'type'" in refused.value.text
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, session, "x", "fanout", auto_delete=True, internal=True, durable=False)
    assert "arg 'durable'" in refused.value.text


def test_other_arguments_are_not_compared(world: World) -> None:
    session = world.session()
    declare(world, session, arguments=from_python({"x-foo": 1}))
    declare(world, session, arguments=from_python({"x-foo": 2, "x-bar": True}))


def test_an_alternate_exchange_must_be_a_text(world: World) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, world.session(), arguments=Table.of({"alternate-exchange": boolean(True)}))
    assert refused.value.text == "invalid type 'bool' for arg 'alternate-exchange' in exchange 'x' in vhost '/'"


def test_an_alternate_exchange_needs_read_on_the_new_one_and_write_on_the_alternate(world: World) -> None:
    arguments = Table.of({"alternate-exchange": longstr("ae")})
    with pytest.raises(AccessRefused) as refused:
        declare(world, world.session("u", grant=(".*", ".*", "^other$")), arguments=arguments)
    assert refused.value.text == "read access to exchange 'x' in vhost '/' refused for user 'u'"
    with pytest.raises(AccessRefused) as refused:
        declare(world, world.session("v", grant=(".*", "^x$", ".*")), arguments=arguments)
    assert refused.value.text == "write access to exchange 'ae' in vhost '/' refused for user 'v'"
    assert "x" not in world.vhost.exchanges
    declare(world, world.session("w", grant=("^x$", "^ae$", "^x$")), arguments=arguments)


def test_a_delayed_exchange_is_declared_again_with_the_same_type_inside(world: World) -> None:
    """exchange.declare compares what the plugin compares."""
    session = world.session()
    inside = [from_python({"x-delayed-type": each, "x-foo": each}) for each in ("direct", "topic")]
    declare(world, session, "x", "x-delayed-message", arguments=inside[0])
    declare(world, session, "x", "x-delayed-message", arguments=inside[0])
    with pytest.raises(PreconditionFailed) as refused:
        declare(world, session, "x", "x-delayed-message", arguments=inside[1])
    what = "inequivalent arg 'x-delayed-type' for exchange 'x' in vhost '/'"
    assert refused.value.text == f"{what}: received 'topic' but current is 'direct'"


def test_a_redeclare_asks_for_no_permission_on_the_alternate(world: World) -> None:
    arguments = Table.of({"alternate-exchange": longstr("ae")})
    declare(world, world.session(), arguments=arguments)
    declare(world, world.session("u", grant=("^x$", "", "")), arguments=arguments)


@pytest.mark.parametrize("profile", PROFILES)
def test_passive_asks_for_existence_and_lately_for_any_permission(profile: str) -> None:
    world = World(profile)
    stranger = world.session("u", grant=None)
    with pytest.raises(AmqpError) as refused:
        exchanges.declare_passive(world.broker, stranger, "nope")
    if profile in ("4.2", "4.3"):
        assert isinstance(refused.value, AccessRefused)
        assert refused.value.text == "configure access to exchange 'nope' in vhost '/' refused for user 'u'"
    else:
        assert isinstance(refused.value, NotFound)
        assert refused.value.text == "no exchange 'nope' in vhost '/'"
    reader = world.session("v", grant=("", "", "^amq\\.direct$"))
    assert exchanges.declare_passive(world.broker, reader, "amq.direct") is None


def test_delete_is_idempotent(world: World) -> None:
    assert exchanges.delete(world.broker, world.session(), "nope", if_unused=True) is None


def test_system_exchanges_are_not_deleted_whoever_asks_and_whether_they_exist(world: World) -> None:
    for name in ("amq.direct", "amq.nope"):
        with pytest.raises(AccessRefused) as refused:
            exchanges.delete(world.broker, world.session("u", grant=None), name, if_unused=False)
        assert refused.value.text == f"deletion of system exchange '{name}' in vhost '/' not allowed"


def test_delete_needs_configure_even_for_what_does_not_exist(world: World) -> None:
    with pytest.raises(AccessRefused) as refused:
        exchanges.delete(world.broker, world.session("u", grant=("", ".*", ".*")), "nope", if_unused=False)
    assert refused.value.text == "configure access to exchange 'nope' in vhost '/' refused for user 'u'"


def test_if_unused_looks_at_bindings_from_it_only(world: World) -> None:
    session = world.session()
    source, destination = world.exchange("source"), world.exchange("destination")
    world.bind(source, destination)
    with pytest.raises(PreconditionFailed) as refused:
        exchanges.delete(world.broker, session, "source", if_unused=True)
    assert refused.value.text == "exchange 'source' in vhost '/' in use"
    exchanges.delete(world.broker, session, "destination", if_unused=True)
    exchanges.delete(world.broker, session, "source", if_unused=True)
    assert not {"source", "destination"} & set(world.vhost.exchanges)
