"""Who may log in and open what: users, virtual hosts, their limits, and the user that a message names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.accounts import (
    IMPERSONATOR,
    LETTERED,
    LONER,
    NOTHING,
    ODD_USER,
    ODD_VHOST,
    ONE_CONNECTION,
    OUTCAST,
    PASSWORD,
    SECOND,
    SHUT,
    STRANGER,
    THREE_QUEUES,
    TOPICAL,
    TWO_CHANNELS,
    response,
)
from conformance.denials import channel_limit_name, denial
from conformance.fields import table_content

if TYPE_CHECKING:
    from conformance.channel import Channel
    from conformance.conftest import Connect, Names
    from conformance.targets import Target

LOGIN_REFUSED = (
    "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
)


@pytest.mark.parametrize("user", [NOTHING, TOPICAL, ODD_USER, IMPERSONATOR])
@pytest.mark.proves("beyond.accounts.login")
def test_a_user_logs_in_and_opens_a_virtual_host(connect_as: Connect, user: str) -> None:
    connect_as(user).channel().call("basic.qos")


@pytest.mark.parametrize("user", [LETTERED, ODD_USER])
@pytest.mark.proves("beyond.accounts.login")
def test_amqplain_logs_any_user_in(connect_as: Connect, dial: Connect, user: str) -> None:
    connection = dial()
    connection.start()
    login = table_content({"LOGIN": user, "PASSWORD": PASSWORD})
    connection.send_method(0, "connection.start-ok", mechanism="AMQPLAIN", response=login, locale="en_US")
    connection.wait_for(0, "connection.tune")


@pytest.mark.parametrize(
    "login",
    [
        f"\0{LETTERED}\0{PASSWORD} ",
        f"\0{LETTERED} \0{PASSWORD}",
        f"\0{LETTERED.upper()}\0{PASSWORD}",
        f"\0{LETTERED}\0{PASSWORD.upper()}",
        f"\0{LETTERED}\0guest",
        f"\0{LETTERED}\0",
        f"\0guest\0{PASSWORD}",
    ],
)
@pytest.mark.proves("beyond.accounts.wrong-login")
def test_a_login_that_is_nearly_right_is_refused(connect_as: Connect, dial: Connect, login: str) -> None:
    connection = dial()
    with connection.refused(403, LOGIN_REFUSED):
        connection.start()
        connection.start_ok(login.encode())


# -- opening a virtual host


@pytest.mark.parametrize(
    ("user", "vhost"), [(STRANGER, "/"), (LETTERED, SECOND), (LETTERED, THREE_QUEUES), (ODD_USER, ODD_VHOST)]
)
@pytest.mark.proves("beyond.accounts.no-permission-record")
def test_a_virtual_host_without_a_permission_record_is_refused(
    connect_as: Connect, dial: Connect, user: str, vhost: str
) -> None:
    text = f"NOT_ALLOWED - access to vhost '{vhost}' refused for user '{user}'"
    connection = dial()
    with connection.refused(530, text, "connection.open"):
        connection.handshake(response=response(user), virtual_host=vhost)


@pytest.mark.parametrize("vhost", ["nowhere", "", ODD_VHOST + "!", SECOND.upper()])
@pytest.mark.proves("beyond.accounts.missing-vhost")
def test_a_missing_virtual_host_is_told_to_those_without_permissions(
    connect_as: Connect, dial: Connect, vhost: str
) -> None:
    connection = dial()
    with connection.refused(530, f"NOT_ALLOWED - vhost {vhost} not found", "connection.open"):
        connection.handshake(response=response(STRANGER), virtual_host=vhost)


@pytest.mark.proves("beyond.accounts.empty-record")
def test_a_record_of_three_empty_patterns_opens_the_virtual_host(connect_as: Connect) -> None:
    connect_as(STRANGER, virtual_host=SECOND).channel().call("basic.qos")


@pytest.mark.parametrize("vhost", [SECOND, ODD_VHOST])
@pytest.mark.proves("beyond.accounts.separate-vhosts")
def test_virtual_hosts_share_nothing(connect_as: Connect, channel: Channel, names: Names, vhost: str) -> None:
    elsewhere = connect_as("guest", virtual_host=vhost).channel()
    channel.declare_queue(names("q"))
    elsewhere.declare_queue(names("q"), exclusive=True)
    elsewhere.bind(names("q"), "amq.fanout")
    elsewhere.publish("amq.fanout", "", b"there")
    elsewhere.fence(names("q"))
    assert (channel.counts(names("q")), elsewhere.counts(names("q"))) == ((0, 0), (1, 0))


@pytest.mark.parametrize(
    "exchange", ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.rabbitmq.trace"]
)
@pytest.mark.proves("beyond.accounts.predeclared-exchanges")
def test_every_virtual_host_has_the_predeclared_exchanges(connect_as: Connect, exchange: str) -> None:
    connect_as("guest", virtual_host=SECOND).channel().declare_exchange(exchange, passive=True)


# -- limits


@pytest.mark.proves("beyond.accounts.queue-limit")
def test_a_virtual_host_may_limit_its_queues(connect_as: Connect, names: Names) -> None:
    channel = connect_as("guest", virtual_host=THREE_QUEUES).channel()
    for number in range(3):
        channel.declare_queue(names(f"q{number}"), exclusive=True)
    assert channel.declare_queue(names("q0"), exclusive=True)["queue"] == names("q0")
    text = (
        f"PRECONDITION_FAILED - cannot declare queue '{names('q3')}': "
        f"queue limit in vhost '{THREE_QUEUES}' (3) is reached"
    )
    with channel.refused(406, text, "queue.declare"):
        channel.declare_queue(names("q3"), exclusive=True)
    channel.open().delete_queue(names("q0"))
    channel.declare_queue(names("q3"), exclusive=True)


@pytest.mark.proves("beyond.accounts.channel-limit")
def test_a_user_may_be_limited_to_some_channels(target: Target, connect_as: Connect) -> None:
    connection = connect_as(TWO_CHANNELS)
    connection.channel(1)
    connection.channel(7)
    limit = "2" if target.version >= (4, 2) else "(2)"
    name = channel_limit_name(target, TWO_CHANNELS)
    text = (
        f"NOT_ALLOWED - number of channels opened for user '{name}' has reached the maximum allowed user "
        f"limit of {limit}"
    )
    with connection.refused(530, text):
        connection.channel(2)


@pytest.mark.parametrize(
    ("user", "vhost", "text"),
    [
        ("guest", SHUT, f"access to vhost '{SHUT}' refused for user 'guest': connection limit (0) is reached"),
        (OUTCAST, "/", f"connection refused for user '{OUTCAST}': user connection limit (0) is reached"),
        (OUTCAST, SHUT, f"access to vhost '{SHUT}' refused for user '{OUTCAST}': connection limit (0) is reached"),
        (OUTCAST, SECOND, f"connection refused for user '{OUTCAST}': user connection limit (0) is reached"),
    ],
    ids=["virtual host", "user", "virtual host first", "before permissions"],
)
@pytest.mark.proves("beyond.accounts.no-connections")
def test_a_limit_of_0_lets_nobody_in(connect_as: Connect, dial: Connect, user: str, vhost: str, text: str) -> None:
    connection = dial()
    with connection.refused(530, f"NOT_ALLOWED - {text}", "connection.open"):
        connection.handshake(response=response(user), virtual_host=vhost)


@pytest.mark.parametrize(
    ("user", "vhost", "text"),
    [
        (
            "guest",
            ONE_CONNECTION,
            f"access to vhost '{ONE_CONNECTION}' refused for user 'guest': connection limit (1) is reached",
        ),
        (LONER, "/", f"connection refused for user '{LONER}': user connection limit (1) is reached"),
    ],
    ids=["virtual host", "user"],
)
@pytest.mark.proves("beyond.accounts.connection-limit")
def test_a_limit_of_1_lets_one_in(connect_as: Connect, dial: Connect, user: str, vhost: str, text: str) -> None:
    connect_as(user, virtual_host=vhost).channel().fence()
    connection = dial()
    with connection.refused(530, f"NOT_ALLOWED - {text}", "connection.open"):
        connection.handshake(response=response(user), virtual_host=vhost)


# -- the user-id property


@pytest.mark.parametrize("user", [TOPICAL, IMPERSONATOR])
@pytest.mark.proves("beyond.accounts.user-id")
def test_a_user_may_name_itself(connect_as: Connect, names: Names, user: str) -> None:
    channel = connect_as(user).channel()
    channel.declare_queue(names("q"))
    channel.publish("", names("q"), b"x", {"user_id": user})
    channel.fence(names("q"))
    assert channel.must_get(names("q")).message.properties == {"user_id": user}


@pytest.mark.parametrize("other", ["guest", "", "nobody at all", "\udcff"])
@pytest.mark.proves("beyond.accounts.impersonator")
def test_an_impersonator_may_name_anybody(connect_as: Connect, names: Names, other: str) -> None:
    channel = connect_as(IMPERSONATOR).channel()
    channel.declare_queue(names("q"))
    channel.publish("", names("q"), b"x", {"user_id": other})
    channel.fence(names("q"))
    assert channel.must_get(names("q")).message.properties == {"user_id": other}


@pytest.mark.parametrize("other", ["guest", "", TOPICAL.upper(), ODD_USER])
@pytest.mark.proves("beyond.accounts.user-id")
def test_another_user_id_is_refused(connect_as: Connect, other: str) -> None:
    channel = connect_as(TOPICAL).channel()
    text = f"PRECONDITION_FAILED - user_id property set to '{other}' but authenticated user was '{TOPICAL}'"
    with channel.refused(406, text, "basic.publish"):
        channel.publish("amq.direct", "k", b"x", {"user_id": other})


@pytest.mark.proves("beyond.accounts.user-id")
def test_write_permission_is_asked_for_before_the_user_id(target: Target, connect_as: Connect) -> None:
    channel = connect_as(NOTHING).channel()
    with channel.refused(403, denial(target, "w", "exchange 'amq.direct'", NOTHING), "basic.publish"):
        channel.publish("amq.direct", "k", b"x", {"user_id": "other"})


@pytest.mark.proves("beyond.accounts.user-id")
def test_an_administrator_is_no_impersonator(channel: Channel) -> None:
    text = f"PRECONDITION_FAILED - user_id property set to '{NOTHING}' but authenticated user was 'guest'"
    with channel.refused(406, text, "basic.publish"):
        channel.publish("amq.direct", "k", b"x", {"user_id": NOTHING})
