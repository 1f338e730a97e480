"""The broker's process in its operator's hands: stopped and started, reset, limited, asked how it is."""

from __future__ import annotations

import http.client
import json
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pika.exceptions
import pytest

import amqpd
from amqpd.broker.passwords import ARGON2
from amqpd.cli.ctl.client import Client, Refused
from amqpd.config import load
from amqpd.embedded import IN_THREAD
from tests.cli.conftest import Ctl


def connected(ctl: Ctl) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(ctl.broker.url))


def listen_on(connection: pika.BlockingConnection) -> None:
    """Take what comes, until the connection ends."""
    while True:
        connection.process_data_events(5)


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_socket_is_for_its_user_alone(ctl: Ctl) -> None:
    assert stat.S_IMODE(ctl.socket.stat().st_mode) == 0o600


def test_no_password_is_asked_for_and_http_need_not_be_served(ctl: Ctl) -> None:
    with pytest.raises(IndexError):
        _ = ctl.broker.management_url
    assert ctl.lines("list_users -q") == ["user\ttags", "guest\t[administrator]"]


def test_stop_app_closes_listeners_and_tells_clients_320(ctl: Ctl) -> None:
    connection = connected(ctl)
    assert ctl("stop_app").code == 0
    assert refuses(ctl.broker.port)
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        connection.process_data_events(5)
    assert closed.value.reply_code == 320


def test_a_stopped_application_still_answers_its_operator(ctl: Ctl) -> None:
    ctl("stop_app")
    assert ctl("ping").code == 0
    refused = ctl("list_queues")
    assert refused.code == 64
    assert refused.err.startswith("Error: this command requires the 'rabbit' app to be running on the target node.")
    assert ctl("check_running", tool="rabbitmq-diagnostics").code == 69


def test_start_app_serves_at_the_same_port_and_durable_things_are_there(ctl: Ctl) -> None:
    port = ctl.broker.port
    with connected(ctl) as connection:
        channel = connection.channel()
        channel.queue_declare("kept", durable=True)
        channel.queue_declare("lost", durable=False)
        channel.exchange_declare("kept", "topic", durable=True)
        channel.exchange_declare("lost", "topic", durable=False)
        for mode in (1, 2, 1):
            channel.basic_publish("", "kept", b"x", pika.BasicProperties(delivery_mode=mode))
    ctl("stop_app")
    ctl("start_app")
    assert ctl.broker.port == port
    with connected(ctl) as connection:
        assert connection.channel().queue_declare("kept", passive=True).method.message_count == 1
    assert ctl.lines("list_queues -q") == ["name\tmessages", "kept\t1"]
    assert "lost\ttopic" not in ctl.lines("list_exchanges")
    assert "kept\ttopic" in ctl.lines("list_exchanges")


def test_http_is_closed_with_the_rest_and_opened_again(tmp_path: Path) -> None:
    socket_ = tmp_path / "c.sock"
    with amqpd.run_in_thread(control_socket=socket_, management_port=0, unix_socket=tmp_path / "amqp.sock") as broker:
        client, url = Client.of_socket(socket_), urlsplit(broker.management_url)
        assert url.port is not None
        held = http.client.HTTPConnection("127.0.0.1", url.port, timeout=20)
        held.request("GET", "/api/auth")
        assert held.getresponse().read()
        client.post("control", "stop")
        assert refuses(url.port)
        assert refuses(broker.port)
        held.close()
        client.post("control", "start")
        public = Client.of_url(broker.management_url.replace("//", "//guest:guest@"))
        assert public.get("whoami")["name"] == "guest"
        local = socket.socket(socket.AF_UNIX)
        local.settimeout(20)
        local.connect(str(tmp_path / "amqp.sock"))
        local.sendall(b"AMQP\x00\x00\x09\x01")
        assert local.recv(1) == b"\x01"
        local.close()


def test_what_the_operator_may_is_not_to_be_had_over_the_network(tmp_path: Path) -> None:
    with amqpd.run_in_thread(control_socket=tmp_path / "c.sock", management_port=0) as broker:
        public = Client.of_url(broker.management_url.replace("//", "//guest:guest@"))
        for method, path in (("GET", "status"), ("POST", "stop"), ("POST", "reset"), ("GET", "environment")):
            with pytest.raises(Refused) as refused:
                public.ask(method, ("control", path))
            assert refused.value.status == 404


def test_a_stop_takes_messages_that_are_not_persistent_however_many(ctl: Ctl) -> None:
    with connected(ctl) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True)
        channel.queue_declare("quorum", durable=True, arguments={"x-queue-type": "quorum"})
        for number in range(3000):
            channel.basic_publish("", "q", b"", pika.BasicProperties(delivery_mode=2 if number % 100 == 0 else 1))
        channel.basic_publish("", "quorum", b"")  # whose messages are all kept
        channel.queue_declare("q", passive=True)
    ctl("stop_app")
    ctl("start_app")
    assert ctl.lines("list_queues -s name messages") == ["q\t30", "quorum\t1"]


def test_what_clients_had_not_acknowledged_is_no_exception(ctl: Ctl) -> None:
    connection = connected(ctl)
    channel = connection.channel()
    channel.queue_declare("q", durable=True)
    for number in range(3000):
        channel.basic_publish("", "q", b"", pika.BasicProperties(delivery_mode=2 if number % 100 == 0 else 1))
    channel.basic_consume("q", lambda *_: None)
    channel.queue_declare("q", passive=True)
    assert ctl.lines("list_queues -s messages_ready messages_unacknowledged") == ["0\t3000"]
    ctl("stop_app")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker):
        listen_on(connection)
    ctl("start_app")
    assert ctl.lines("list_queues -s messages_ready messages_unacknowledged") == ["30\t0"]


def test_both_may_be_said_twice(ctl: Ctl) -> None:
    for verb in ("stop_app", "stop_app", "start_app", "start_app"):
        assert ctl(verb).code == 0


def test_reset_wants_a_stopped_application(ctl: Ctl) -> None:
    refused = ctl("reset")
    assert refused.code == 64
    assert "requires the 'rabbit' app to be stopped" in refused.err


@pytest.mark.parametrize("verb", ["reset", "force_reset"])
def test_reset_leaves_a_new_broker(ctl: Ctl, verb: str) -> None:
    ctl("add_user u p")
    ctl("add_vhost v")
    ctl("set_global_parameter g 1")
    with connected(ctl) as connection:
        connection.channel().queue_declare("q", durable=True)
    for line in ("stop_app", verb, "start_app"):
        assert ctl(line).code == 0
    assert ctl.lines("list_users -s") == ["guest\t[administrator]"]
    assert ctl.lines("list_vhosts -s") == ["/"]
    assert ctl("list_queues -s").out == ""
    connected(ctl).close()


DEFINITIONS = {
    "users": [{"name": name, "password": "p", "tags": ""} for name in ("a", "b", "c")],
    "permissions": [{"user": "c", "vhost": "/", "configure": "", "write": "", "read": ""}],
}


def test_a_reset_is_answered_once_the_definitions_that_a_new_broker_begins_with_are_there(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(DEFINITIONS))
    with amqpd.run_in_thread(
        control_socket=tmp_path / "c.sock",
        definitions=tmp_path / "d.json",
        data_dir=tmp_path / "data",
        auth_password_hashing=ARGON2,
    ):
        client = Client.of_socket(tmp_path / "c.sock")
        client.delete("users", "c")
        client.post("control", "stop")
        client.post("control", "reset")
        client.post("control", "start")
        assert [each["name"] for each in client.get("users")] == ["a", "b", "c", "guest"]
        assert len(client.get("users", "c", "permissions")) == 1


@pytest.mark.parametrize("file", ["access_file", "definitions"])
def test_a_reset_forgets_nothing_where_a_file_that_a_new_broker_needs_is_gone(tmp_path: Path, file: str) -> None:
    path = tmp_path / "file"
    path.write_text("" if file == "access_file" else "{}")
    with amqpd.run_in_thread(load(None, {}, {**IN_THREAD, "control_socket": tmp_path / "c.sock", file: path})):
        client = Client.of_socket(tmp_path / "c.sock")
        client.put("vhosts", "v")
        client.post("control", "stop")
        path.unlink()
        with pytest.raises(Refused) as refused:
            client.post("control", "reset")
        assert refused.value.status == 409
        assert str(refused.value.reason).startswith("nothing was reset: ")
        client.post("control", "start")
        assert [each["name"] for each in client.get("vhosts")] == ["/", "v"]


def test_suspended_listeners_leave_clients_alone(ctl: Ctl) -> None:
    with connected(ctl) as connection:
        assert ctl("suspend_listeners").code == 0
        assert refuses(ctl.broker.port)
        connection.channel()
        assert ctl("resume_listeners").code == 0
        connected(ctl).close()


@pytest.mark.parametrize("limit", ["0", "0.00001", "absolute 1MB"])
def test_a_memory_limit_that_cannot_be_kept_blocks_publishers_at_once(ctl: Ctl, limit: str) -> None:
    ctl(f"set_vm_memory_high_watermark {limit}")
    refused = ctl("check_local_alarms", tool="rabbitmq-diagnostics")
    assert refused.code == 69
    assert "Memory alarm on node" in refused.err
    ctl("set_vm_memory_high_watermark absolute 100GB")
    assert ctl("check_local_alarms", tool="rabbitmq-diagnostics").code == 0


def test_eval_knows_how_test_suites_raise_alarms(ctl: Ctl) -> None:
    assert ctl("eval 'rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).'").out == "ok\n"
    assert ctl("check_alarms", tool="rabbitmq-diagnostics").code == 69
    assert ctl("eval 'rabbit_alarm:clear_alarm({resource_limit, memory, node()}).'").out == "ok\n"
    assert ctl("check_alarms", tool="rabbitmq-diagnostics").code == 0


def test_eval_names_what_does_it_instead(ctl: Ctl) -> None:
    refused = ctl("eval 'rabbit_policy:list().'")
    assert refused.code == 69
    assert "set_policy, list_policies" in refused.err


def test_environment_shows_the_settings_without_secrets(ctl: Ctl) -> None:
    found = json.loads(ctl("environment --formatter json").out)
    assert found["default.user"] == "guest"
    assert found["default.password"] != "guest"


def test_a_node_that_is_drained_serves_nobody_until_it_is_revived(ctl: Ctl) -> None:
    """The words and fields that Ansible's modules look for."""
    assert "maintenance_mode_status\tenabled" in ctl.lines("list_feature_flags -q")
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", ctl.broker.port)) as connection:
        ctl.lines("drain")
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="maintenance"):
            connection.process_data_events(time_limit=10)
    assert json.loads(ctl("status --formatter json").out)["is_under_maintenance"] is True
    assert any(line.endswith("status: marked for maintenance") for line in ctl.lines("cluster_status"))
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", ctl.broker.port))
    ctl.lines("revive")
    assert json.loads(ctl("status --formatter json").out)["is_under_maintenance"] is False
    pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", ctl.broker.port)).close()


def test_a_broker_inside_a_program_is_not_ended_from_outside(ctl: Ctl) -> None:
    refused = ctl("stop")
    assert refused.code == 69
    assert "ends with the program" in refused.err
    assert ctl("ping").code == 0


def test_status_in_one_object_has_what_monitoring_looks_for(ctl: Ctl) -> None:
    found = json.loads(ctl("status --formatter json").out)
    assert found["rabbitmq_version"] == "3.10.8"
    assert found["totals"] == {"virtual_host_count": 1, "connection_count": 0, "queue_count": 0}
    (listener,) = [each for each in found["listeners"] if each["interface"] == "127.0.0.1"]
    assert (listener["protocol"], listener["port"]) == ("amqp", ctl.broker.port)


@pytest.mark.parametrize(
    "line",
    [
        "ping",
        "check_running",
        "is_running",
        "is_booting",
        "check_alarms",
        "check_local_alarms",
        "alarms",
        "check_port_connectivity",
        "check_virtual_hosts",
        "listeners",
        "server_version",
        "erlang_version",
        "memory_breakdown --unit MB",
        "status",
        "cluster_status",
        "check_protocol_listener amqp",
        "check_certificate_expiration --within 1 --unit weeks",
        "node_health_check",
        "check_if_node_is_quorum_critical",
        "log_location",
        "log_tail -N 5",
        "resolve_hostname localhost",
        "report",
    ],
)
def test_a_healthy_broker_passes_every_check(ctl: Ctl, line: str) -> None:
    outcome = ctl(line, tool="rabbitmq-diagnostics")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out


def test_plugins_are_built_in(ctl: Ctl) -> None:
    assert "rabbitmq_management" in ctl("list -m", tool="rabbitmq-plugins").out.splitlines()
    assert ctl("enable rabbitmq_management", tool="rabbitmq-plugins").code == 0
    assert ctl("enable rabbitmq_shovel", tool="rabbitmq-plugins").code == 70
    assert ctl("is_enabled rabbitmq_prometheus", tool="rabbitmq-plugins").code == 0
