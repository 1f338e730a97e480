"""What is told of the broker's surroundings, of what happens in it, and of Erlang, of which there is none."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pika
import pytest
import trustme

import amqpd
from amqpd.cli.ctl.client import Client
from amqpd.config import concealment, settings
from amqpd.management.interfaces import interfaces
from tests.cli.conftest import Ctl


def connected(ctl: Ctl) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(ctl.broker.url))


def test_events_are_told_as_they_come(ctl: Ctl) -> None:
    told = Client.of_socket(ctl.socket).follow("control", "events")
    assert next(told) == ""  # from here on nothing is missed
    ctl("add_user u p")
    event = json.loads(next(line for line in told if line))
    assert {**event, "timestamp_in_ms": 0} == {
        "event": "user.created", "user_who_performed_action": "rmq-cli", "name": "u", "timestamp_in_ms": 0,
    }  # fmt: skip
    assert next(iter(event)) == "event"


def test_events_end_after_their_duration(ctl: Ctl) -> None:
    outcome = ctl("consume_event_stream --duration 0")
    assert (outcome.code, outcome.out.strip()) == (0, "")
    assert ctl("consume_event_stream --pattern (").code == 69


def test_a_message_is_looked_at_where_it_is(ctl: Ctl) -> None:
    with connected(ctl) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_declare("c", durable=True)
        channel.confirm_delivery()
        channel.basic_publish("", "q", b"hello", pika.BasicProperties(headers={"k": {"n": 1}}))
        channel.basic_publish("", "q", b"\xff")
    message = {
        "exchange": "", "header.k": [["n", "signedint", 1]], "header.x-delivery-count": 0,
        "payload (max 64 bytes)": "hello", "routing_keys": ["q"],
    }  # fmt: skip
    assert json.loads(ctl("peek q 1 --formatter json").out) == {"message": message, "result": "ok"}
    assert "payload (max 64 bytes)\t<<255>>" in ctl.lines("peek q 2 --formatter table")
    assert "does not have a message at that position" in ctl("peek q 3").err
    assert "Cannot peek into a classic queue" in ctl("peek c 1").err
    assert ctl.lines("list_queues -s name messages") == ["c\t0", "q\t2"]


def test_the_variables_of_the_broker_are_told_without_secrets(
    ctl: Ctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQPD_PORT", "5673")
    monkeypatch.setenv("AMQPD_MISSPELT_PASSWORD", "s3cret")
    lines = ctl.lines("os_env -q")
    assert "AMQPD_PORT=5673" in lines
    assert "AMQPD_MISSPELT_PASSWORD=********" in lines
    assert '"AMQPD_PORT","5673"' in ctl.lines("os_env --formatter csv")


def test_the_command_line_is_told_without_secrets(ctl: Ctl) -> None:
    flag = next(setting.flag for setting in settings() if setting.secret)
    words = ["amqpd", "serve", "--port", "5673", flag, "s3cret", f"{flag}=s3cret", "--transient"]
    assert [*concealment.command_line(words)] == [
        "amqpd", "serve", "--port", "5673", flag, "********", f"{flag}=********", "--transient",
    ]  # fmt: skip
    assert ctl.lines("command_line_arguments -q") == ["[]"]  # it is another program's
    assert ctl("command_line_arguments --formatter json").code == 64


def test_certificates_are_told_without_their_keys(tmp_path: Path) -> None:
    authority, file, ca = trustme.CA(), tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(file))
    authority.cert_pem.write_to_path(str(ca))
    path = tmp_path / "c.sock"
    with amqpd.run_in_thread(control_socket=path, tls_port=0, tls_certificate=str(file), tls_ca=str(ca)):
        (found, *_) = Client.of_socket(path).get("control", "certificates")
    assert found["protocol"] == "amqp/ssl"
    assert found["ca"] == [ca.read_text().strip()]
    assert "PRIVATE" not in json.dumps(found)
    assert "".join(found["certificates"]) in file.read_text()


@pytest.mark.skipif(not hasattr(socket, "if_nameindex"), reason="the platform doesn't tell")
def test_network_interfaces_have_their_addresses(ctl: Ctl) -> None:
    found = interfaces()
    assert {name for _, name in socket.if_nameindex()} >= found.keys() > set()
    assert ("addr", "127.0.0.1") in [fact for facts in found.values() for fact in facts]
    shown = json.loads(ctl("list_network_interfaces --formatter json").out)["interfaces"]
    assert any("127.0.0.1" in facts.get("addr", []) for facts in shown.values())
    assert "addr: 127.0.0.1" in ctl.lines("list_network_interfaces")


def test_logins_are_counted_by_source_once_that_is_switched_on(ctl: Ctl) -> None:
    by_source = "list_node_auth_attempt_stats -s --by-source"
    with connected(ctl):
        assert "reported no authentication attempt stats" in ctl(by_source).out
    ctl("enable_auth_attempt_source_tracking")
    with connected(ctl):
        assert ctl.lines(by_source) == ["127.0.0.1\tguest\tamqp091\t1\t0\t1"]
    ctl("disable_auth_attempt_source_tracking")
    assert "reported no authentication attempt stats" in ctl(by_source).out


def test_where_there_is_no_erlang_scripts_get_what_they_can_read(ctl: Ctl) -> None:
    assert ctl.lines("erlang_cookie_hash -q") == ["(none)"]
    assert json.loads(ctl("erlang_cookie_hash --formatter json").out) == {"result": "ok", "value": None}
    assert json.loads(ctl("erlang_cookie_sources --formatter json").out)["cookie_file_exists"] is False
    assert json.loads(ctl("schema_info --formatter json").out) == []
    assert ctl("maybe_stuck").code == 0
    for line in ("observer", "remote_shell", "runtime_thread_stats"):
        outcome = ctl(line)
        assert outcome.code == 69
        assert "amqpd is no Erlang node" in outcome.err


def test_a_dry_run_says_what_would_be_done_and_does_nothing(ctl: Ctl) -> None:
    assert ctl.lines("add_user u p --dry-run") == ['Adding user "u" ...']
    assert ctl.lines("list_users -s") == ["guest\t[administrator]"]
