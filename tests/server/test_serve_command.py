"""`amqpd serve` from outside: what it prints, how it says no, and what it takes from files and the environment."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from threading import Event
from urllib.request import Request, urlopen

import pika
import pytest

from amqpd.server.listeners import listen

from .conftest import DEADLINE, READY, ROOT, StartServe

ACCESS = """
[[vhosts]]
name = "shop"

[[users]]
name = "reader"
password = "secret"

[[permissions]]
user = "reader"
vhost = "shop"
configure = "^$"
write = ""
read = ".*"
"""


def refused(*options: str, environment: dict[str, str] | None = None) -> str:
    """The one line with which `amqpd serve` says no."""
    ended = subprocess.run(
        [sys.executable, "-m", "amqpd", "serve", "--transient", *options],
        env={"PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def parameters(port: int, *login: str, vhost: str = "/") -> pika.ConnectionParameters:
    """Where and as whom to connect; `login` is user and password, if it isn't the default user."""
    return pika.ConnectionParameters("127.0.0.1", port, vhost, pika.PlainCredentials(*(login or ("guest", "guest"))))


def test_it_says_what_is_not_kept_then_where_it_listens_then_that_it_is_ready(serve: StartServe) -> None:
    process = serve()
    port = process.port
    memory, listening, control, ready = process.lines[:4]
    assert "everything is kept in memory" in memory
    assert f"listening on 127.0.0.1:{port}" in listening
    assert "control socket at" in control
    assert READY in ready


def test_the_management_api_is_served_beside_it_and_told(serve: StartServe) -> None:
    process = serve("--management-port", "0")
    assert process.port
    (line,) = [line for line in process.lines if "management API on 127.0.0.1:" in line]
    assert "listening" not in line


def test_the_management_api_lies_ten_thousand_above_the_port_and_gives_way(serve: StartServe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as above:
        port = above.getsockname()[1] - 10_000
        process = serve("--port", str(port))
        assert process.port  # it has started
    warning = f"cannot listen on 127.0.0.1:{port + 10_000}"
    assert any("no management API" in each and warning in each for each in process.lines)
    assert any(f"listening on 127.0.0.1:{port}" in each for each in process.lines)


def test_the_management_api_can_be_off(serve: StartServe) -> None:
    process = serve("--management-port", "0", "--no-management-enabled")
    assert process.port
    assert not any("management" in line for line in process.lines)


def test_the_management_api_is_not_served_on_the_port_none(serve: StartServe) -> None:
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    process = serve("--port", str(port), "--management-port", "none")
    assert process.port
    assert not any("management" in line for line in process.lines)


def test_a_certificate_without_a_port_is_told(serve: StartServe) -> None:
    process = serve("--tls-certificate", "server.pem")
    assert process.port
    assert any("nothing listens for TLS" in line and "set tls.port" in line for line in process.lines)


def test_variables_of_rabbitmq_that_are_not_read_are_named(serve: StartServe) -> None:
    environment = {"RABBITMQ_DEFAULT_PASS_FILE": "/run/x", "RABBITMQ_DEFAULT_USER": "app", "RABBITMQ_PORT": "tcp://x"}
    process = serve(environment=environment)
    assert process.port
    (line,) = [line for line in process.lines if "variables of RabbitMQ that are not read" in line]
    assert "names=RABBITMQ_DEFAULT_PASS_FILE " in line


def test_the_log_can_be_one_json_object_a_line(serve: StartServe) -> None:
    process = serve("--log-format", "json")
    assert process.port
    assert process.stop() == 0
    events = [json.loads(line) for line in process.lines]
    assert {"timestamp", "level", "event"} <= set(events[0])
    assert any(READY in event["event"] for event in events)


def test_a_log_level_hides_what_is_below_it(serve: StartServe) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
    process = serve("--log-level", "error", "--port", str(port))
    connection, pause = None, Event()
    while connection is None:
        try:
            connection = pika.BlockingConnection(parameters(port))
        except pika.exceptions.AMQPConnectionError:
            pause.wait(0.1)  # no line says that it is ready; without a pause the attempts would use up all ports
    connection.close()
    assert process.stop() == 0
    assert process.log == ""


def test_a_taken_port_is_one_line_with_host_and_port() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        line = refused("--port", str(port))
    assert f"Error: cannot listen on 127.0.0.1:{port}: " in line
    assert line.endswith("maybe a broker: stop it, or choose another (--port, --tls-port)")


@pytest.mark.parametrize(
    ("options", "environment", "line"),
    [
        (("--port", "seventy"), {}, r"bad value for 'port': 'seventy' \(from the flag --port\); allowed: .*65535"),
        ((), {"AMQPD_LIMITS_HEARTBEAT": "-1"}, r"'limits.heartbeat': .*AMQPD_LIMITS_HEARTBEAT.*; allowed: "),
        ((), {"AMQPD_PROT": "1"}, r"unknown key 'AMQPD_PROT'.*did you mean 'AMQPD_PORT'\?"),
        (("--tls-port", "0"), {}, r"'tls.certificate'.*because 'tls.port' is set"),
        (("--config", "/nowhere/amqpd.toml"), {}, r"cannot read /nowhere/amqpd.toml: No such file"),
        (
            ("--access-file", "/nowhere/access.toml", "--port", "0"),
            {},
            r"cannot read /nowhere/access.toml: No such file",
        ),
        (
            ("--tls-port", "0", "--port", "0", "--tls-certificate", "/nowhere/c.pem"),
            {},
            r"cannot load certificate /nowhere/c\.pem .*No such file",
        ),
        (("--host", "no host", "--port", "0"), {}, r"cannot listen on no host:0: "),
        (("--host", "192.0.2.1", "--port", "0"), {}, r"cannot listen on 192\.0\.2\.1:0: .*This machine has no such"),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_1(
    options: tuple[str, ...], environment: dict[str, str], line: str
) -> None:
    assert re.search(line, refused(*options, environment=environment))


def test_the_access_file_decides_who_may_do_what(serve: StartServe, tmp_path: Path) -> None:
    (tmp_path / "access.toml").write_text(ACCESS)
    process = serve("--access-file", str(tmp_path / "access.toml"))
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(parameters(process.port, "reader", "wrong", vhost="shop"))
    refusal = re.escape("(530) \"NOT_ALLOWED - access to vhost '/' refused for user 'reader'\"")
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError, match=refusal):
        pika.BlockingConnection(parameters(process.port, "reader", "secret"))
    with pika.BlockingConnection(parameters(process.port, "reader", "secret", vhost="shop")) as connection:
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as configure:
            connection.channel().queue_declare("orders")
        assert (configure.value.reply_code, configure.value.reply_text) == (
            403,
            "ACCESS_REFUSED - configure access to queue 'orders' in vhost 'shop' refused for user 'reader'",
        )
        channel = connection.channel()
        channel.basic_publish("amq.fanout", "", b"")
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as write:
            channel.basic_qos(prefetch_count=1)  # waits for an answer, and this is it
        assert (write.value.reply_code, write.value.reply_text) == (
            403,
            "ACCESS_REFUSED - write access to exchange 'amq.fanout' in vhost 'shop' refused for user 'reader'",
        )


def test_the_default_user_and_vhost_come_from_rabbitmqs_variables(serve: StartServe) -> None:
    process = serve(
        environment={"RABBITMQ_DEFAULT_USER": "app", "RABBITMQ_DEFAULT_PASS": "pass", "RABBITMQ_DEFAULT_VHOST": "own"}
    )
    with pika.BlockingConnection(parameters(process.port, "app", "pass", vhost="own")) as connection:
        connection.channel().queue_declare("configured", exclusive=True)
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(parameters(process.port))


def test_a_file_the_environment_and_flags_come_in_this_order(serve: StartServe, tmp_path: Path) -> None:
    file = tmp_path / "amqpd.toml"
    file.write_text(
        'compat = "4.0"\n[server]\nproduct = "from file"\nversion = "from file"\ncluster_name = "from file"\n'
    )
    process = serve(
        "--config",
        str(file),
        "--server-cluster-name",
        "from flag",
        environment={"AMQPD_SERVER_CLUSTER_NAME": "from environment", "AMQPD_SERVER_VERSION": "from environment"},
    )
    assert process.port
    said: dict[str, object] = {}
    with pika.BlockingConnection(parameters(process.port)) as connection:
        said.update(connection._impl.server_properties)  # pika shows them nowhere else
    assert (said["product"], said["version"], said["cluster_name"]) == ("from file", "from environment", "from flag")
    assert "compat 4.0" in process.log


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such modes there")
def test_what_it_keeps_is_for_its_user_alone_whatever_folder_it_is_in(serve: StartServe, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    assert serve("--data-dir", str(folder)).port
    assert {each.name for each in folder.iterdir() if each.stat().st_mode & 0o077} == set()


def test_passwords_are_stored_with_argon2_unless_rabbitmqs_form_is_wanted(serve: StartServe) -> None:
    for options, algorithm in ((), "argon2id"), (("--strict",), "rabbit_password_hashing_sha256"):
        process = serve("--management-port", "0", *options)
        with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", process.port)) as connection:
            assert connection.is_open
        line = next(each for each in process.lines if "management API on" in each)
        request = Request(f"http://127.0.0.1:{line.partition('127.0.0.1:')[2].partition(',')[0]}/api/users/guest")
        request.add_header("authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
        with urlopen(request) as answer:
            assert json.load(answer)["hashing_algorithm"] == algorithm
