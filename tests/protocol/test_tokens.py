"""Clients that log in with a token: what it lets them do, when it ends, and how it is renewed."""

from __future__ import annotations

import pytest
from pamqp import commands

from amqpd.broker.authentication.chain import Link
from amqpd.config import OAuth2
from amqpd.oauth2.backend import OAuth2Backend
from tests.protocol.harness import FOREIGN, HEADER, Client, World, publish
from tests.unit.oauth2.authority import URL, Authority

ALL = "mq.configure:*/* mq.read:*/* mq.write:*/*"


class TokenWorld(World):
    """A broker that takes an authority's tokens, and passwords of its own users."""

    def __init__(self) -> None:
        super().__init__()
        self.authority = Authority()
        settings = OAuth2(resource_server_id="mq", jwks_url=URL)
        tokens = OAuth2Backend(settings, self.clock, self.authority.fetch)
        own = self.broker.internal_users
        self.broker.authentication.use([Link(tokens, tokens), Link(own, own)])

    def token(self, scope: str = ALL, user: str = "app", seconds: float | None = None) -> bytes:
        claims: dict[str, object] = {"sub": user, "aud": "mq", "scope": scope}
        if seconds is not None:
            claims["exp"] = self.clock.wall() + seconds
        return self.authority.sign(claims)

    def log_in(self, token: bytes) -> Client:
        client = self.connect(FOREIGN)
        client.send(HEADER)
        client.read()
        client.start_ok(response=b"\0anybody\0" + token)
        return client

    def enter(self, token: bytes) -> Client:
        client = self.log_in(token)
        client.tune_ok(2047, 131_072, 0)
        client.open("/")
        client.read()
        client.open_channel(1)
        return client


@pytest.fixture
def world() -> TokenWorld:
    return TokenWorld()


def test_the_bearer_has_the_name_and_the_rights_of_its_token(world: TokenWorld) -> None:
    client = world.enter(world.token("mq.configure:*/q* mq.write:*/amq.default"))
    assert [each.user.name for each in world.broker.sessions] == ["app"]
    client.declare("q1")
    client.send(publish("q1", b"m"))
    assert client.count("q1") == 1
    close = client.channel_close(client.call(commands.Basic.Get(queue="q1")))
    assert close[:2] == (403, "ACCESS_REFUSED - read access to queue 'q1' in vhost '/' refused for user 'app'")


def test_a_vhost_that_no_scope_covers_is_refused(world: TokenWorld) -> None:
    client = world.log_in(world.token("mq.read:elsewhere/*"))
    client.read()
    client.tune_ok(2047, 131_072, 0)
    client.open("/")
    assert client.connection_close()[1] == "NOT_ALLOWED - access to vhost '/' refused for user 'app'"


def test_routing_keys_are_ruled_by_the_third_part_of_a_scope(world: TokenWorld) -> None:
    client = world.enter(world.token("mq.write:*/amq.topic/eu.* mq.configure:*/* mq.read:*/*"))
    client.send(publish("eu.1", b"m", "amq.topic"))
    assert client.call(commands.Queue.Declare(queue="still-there")) != []
    client.send(publish("us.1", b"m", "amq.topic"))
    assert client.channel_close()[0] == 403


def test_a_token_that_is_refused_says_why_in_the_log_alone(world: TokenWorld, caplog: pytest.LogCaptureFixture) -> None:
    client = world.log_in(world.token(seconds=-1))
    code, text, *_ = client.connection_close()
    assert (code, "expired" in text) == (403, False)
    assert "the token has expired" in caplog.text


def test_users_of_the_broker_log_in_beside_tokens(world: TokenWorld) -> None:
    assert world.open().connection.user == world.broker.access.users["guest"]


def test_a_connection_ends_with_its_token(world: TokenWorld) -> None:
    client = world.enter(world.token(seconds=60))
    world.advance(59)
    client.declare("q")
    world.advance(1)
    assert client.connection_close()[:2] == (320, "CONNECTION_FORCED - credential expired")


def test_a_new_token_in_time_keeps_it_open_with_new_rights(world: TokenWorld) -> None:
    client = world.enter(world.token(seconds=60))
    client.declare("q")
    world.advance(50)
    fresh = world.token("mq.configure:*/*", seconds=60).decode()
    client.ask(commands.Connection.UpdateSecret(fresh, "renewed"), commands.Connection.UpdateSecretOk, 0)
    world.advance(50)
    client.declare("q2")
    assert client.channel_close(client.call(commands.Basic.Get(queue="q")))[0] == 403
    world.advance(10)
    assert client.connection_close()[:2] == (320, "CONNECTION_FORCED - credential expired")


@pytest.mark.parametrize("case", ["of another user", "expired", "of nobody"])
def test_a_new_token_that_is_refused_ends_the_connection(world: TokenWorld, case: str) -> None:
    client = world.enter(world.token(seconds=60))
    tokens = {
        "of another user": world.token(user="other", seconds=60),
        "expired": world.token(seconds=-1),
        "of nobody": b"a.b.c",
    }
    replies = client.call(commands.Connection.UpdateSecret(tokens[case].decode(), "renewed"), 0)
    expected = (530, "NOT_ALLOWED - New secret was refused by one of the backends", 10, 70)
    assert client.connection_close(replies) == expected


def test_nothing_is_left_of_a_connection_that_ends_before_its_token(world: TokenWorld) -> None:
    before = len(world.broker.timers)
    client = world.enter(world.token(seconds=3600))
    client.vanish()
    world.settle()
    assert len(world.broker.timers) == before
