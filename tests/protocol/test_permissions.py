"""Who may do what: the permission that each method needs, checked before existence, and the texts of each profile."""

from __future__ import annotations

import pytest
from pamqp import base, commands
from pamqp.common import FieldTable

from tests.protocol.harness import MakeWorld, World, publish

Q, X = "queue 'other' in vhost '/'", "exchange 'other' in vhost '/'"
DLX: FieldTable = {"x-dead-letter-exchange": "elsewhere"}
AE: FieldTable = {"alternate-exchange": "elsewhere"}

NEEDED: dict[str, tuple[base.Frame, str, str]] = {
    "exchange.declare": (commands.Exchange.Declare(exchange="other"), "configure", X),
    "exchange.delete": (commands.Exchange.Delete(exchange="other"), "configure", X),
    "exchange.bind writes": (commands.Exchange.Bind(destination="other", source="mine"), "write", X),
    "exchange.bind reads": (commands.Exchange.Bind(destination="mine", source="other"), "read", X),
    "exchange.unbind writes": (commands.Exchange.Unbind(destination="other", source="mine"), "write", X),
    "exchange.unbind reads": (commands.Exchange.Unbind(destination="mine", source="other"), "read", X),
    "queue.declare": (commands.Queue.Declare(queue="other"), "configure", Q),
    "queue.delete": (commands.Queue.Delete(queue="other"), "configure", Q),
    "queue.purge": (commands.Queue.Purge(queue="other"), "read", Q),
    "queue.bind writes": (commands.Queue.Bind(queue="other", exchange="mine"), "write", Q),
    "queue.bind reads": (commands.Queue.Bind(queue="mine", exchange="other"), "read", X),
    "queue.unbind writes": (commands.Queue.Unbind(queue="other", exchange="mine"), "write", Q),
    "queue.unbind reads": (commands.Queue.Unbind(queue="mine", exchange="other"), "read", X),
    "basic.get": (commands.Basic.Get(queue="other"), "read", Q),
    "basic.consume": (commands.Basic.Consume(queue="other"), "read", Q),
}


def refusal(permission: str, what: str, profile: str) -> str:
    word = "" if profile == "3.10" else f"{permission} "
    return f"ACCESS_REFUSED - {word}access to {what} refused for user 'alice'"


@pytest.mark.parametrize("profile", ["3.10", "3.13", "4.2"])
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("case", NEEDED)
def test_a_method_without_its_permission_is_403_whether_or_not_the_thing_exists(
    make_world: MakeWorld, case: str, exists: bool, profile: str
) -> None:
    method, permission, what = NEEDED[case]
    world = make_world(profile=profile)
    world.add_user("alice", "^mine$", "^mine$", "^mine$")
    if exists:
        guest = world.open()
        guest.declare("other")
        guest.call(commands.Exchange.Declare(exchange="other"))
    client = world.open("alice")
    expected = (403, refusal(permission, what, profile), method.index >> 16, method.index & 0xFFFF)
    assert client.channel_close(client.call(method)) == expected


@pytest.mark.parametrize("profile", ["3.10", "4.2"])
def test_publishing_needs_write_and_the_default_exchange_has_a_name_there(
    make_world: MakeWorld, profile: str
) -> None:
    world = make_world(profile=profile)
    world.add_user("alice", "^mine$", "^mine$", "^mine$")
    client = world.open("alice")
    for exchange, shown in (("", "amq.default"), ("other", "other")):
        client.send(publish("mine", b"x", exchange))
        what = f"exchange '{shown}' in vhost '/'"
        assert client.channel_close() == (403, refusal("write", what, profile), 60, 40)
        client.reopen()


def test_a_name_of_the_servers_needs_configure_on_that_name(world: World) -> None:
    world.add_user("alice", "^mine$")
    client = world.open("alice")
    text = client.channel_close(client.call(commands.Queue.Declare(queue="")))[1]
    assert text.startswith("ACCESS_REFUSED - configure access to queue 'amq.gen-")


@pytest.mark.parametrize(
    ("configure", "write", "read", "missing"),
    [
        (".*", "^$", ".*", "write access to exchange 'elsewhere'"),
        (".*", ".*", "^$", "read access to queue 'mine'"),
    ],
)
def test_a_dead_letter_exchange_needs_read_here_and_write_there(
    world: World, configure: str, write: str, read: str, missing: str
) -> None:
    world.add_user("alice", configure, write, read)
    client = world.open("alice")
    replies = client.call(commands.Queue.Declare(queue="mine", arguments=DLX))
    assert client.channel_close(replies)[1].startswith(f"ACCESS_REFUSED - {missing} in vhost '/'")


@pytest.mark.parametrize(
    ("write", "read", "missing"),
    [("^$", ".*", "write access to exchange 'elsewhere'"), (".*", "^$", "read access to exchange 'mine'")],
)
def test_an_alternate_exchange_needs_read_here_and_write_there(
    world: World, write: str, read: str, missing: str
) -> None:
    world.add_user("alice", ".*", write, read)
    client = world.open("alice")
    replies = client.call(commands.Exchange.Declare(exchange="mine", arguments=AE))
    assert client.channel_close(replies)[1].startswith(f"ACCESS_REFUSED - {missing} in vhost '/'")


@pytest.mark.parametrize("profile", ["3.10", "4.0"])
def test_passive_declares_needed_nothing_once(make_world: MakeWorld, profile: str) -> None:
    world = make_world(profile=profile)
    world.add_user("alice", "^$", "^$", "^$")
    world.open().declare("other")
    client = world.open("alice")
    assert client.count("other") == 0
    client.ask(commands.Exchange.Declare(exchange="amq.fanout", passive=True), commands.Exchange.DeclareOk)


@pytest.mark.parametrize("granted", [("other", "^$", "^$"), ("^$", "other", "^$"), ("^$", "^$", "other"), None])
def test_passive_declares_need_any_one_permission(world: World, granted: tuple[str, str, str] | None) -> None:
    world.add_user("alice", *(granted or ("^$", "^$", "^$")))
    world.open().declare("other")
    client = world.open("alice")
    replies = client.call(commands.Queue.Declare(queue="other", passive=True))
    if granted:
        client.only(commands.Queue.DeclareOk, replies)
    else:
        assert client.channel_close(replies)[1] == refusal("configure", Q, "4.2")


def test_the_rest_needs_no_permission(world: World) -> None:
    world.open().declare("q")
    world.add_user("alice", "^$", "^$", "^$")
    client = world.open("alice")
    for method in (
        commands.Basic.Qos(prefetch_count=1),
        commands.Basic.Cancel("c"),
        commands.Basic.Recover(requeue=True),
        commands.Tx.Select(),
        commands.Tx.Commit(),
        commands.Tx.Rollback(),
    ):
        assert [each.name for each in client.call(method)] == [f"{method.name}Ok"]


def test_a_revoked_permission_holds_for_the_next_method(world: World) -> None:
    world.add_user("alice")
    client = world.open("alice")
    client.declare("q")
    client.call(commands.Basic.Get(queue="q"))
    world.broker.access.grant("alice", "/", ".*", ".*", "^$")
    assert client.channel_close(client.call(commands.Basic.Get(queue="q")))[0] == 403
