"""rabbitmqadmin, second generation: one process for each command, which shows a table and tells by its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from interop.tools.python.play import main
from interop.tools.python.port import Shown, Tool
from interop.tools.python.stage import Stage, eventually, holds, matching, one

DATA_ERROR = 65
UNAVAILABLE = 69


class Program:
    """The program, logged in."""

    def __init__(self, stage: Stage, login: str = "guest:guest") -> None:
        user, password = login.split(":")
        at = ["--base-uri", f"{stage.management_url}/", "--username", user, "--password", password]
        self._command = [os.environ["RABBITMQADMIN"], *at, "--table-style", "markdown"]

    def __call__(self, *arguments: str, vhost: str = "/") -> str:
        """Run a command that has to work; return what it shows."""
        status, said = self.tried(*arguments, vhost=vhost)
        assert status == 0, f"{' '.join(arguments)}: exit status {status}: {said}"
        return said

    def tried(self, *arguments: str, vhost: str = "/") -> tuple[int, str]:
        """Run a command; return its exit status and what it shows."""
        command = [*self._command, *arguments, "--vhost", vhost]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def refused(self, why: str, *arguments: str, vhost: str = "/") -> None:
        """Run a command that has to fail."""
        status, said = self.tried(*arguments, vhost=vhost)
        assert status == DATA_ERROR, (status, said)
        assert why in said, said

    def table(self, *arguments: str, vhost: str = "/") -> list[dict[str, str]]:
        """Run a command; return the rows of its table, by the names of its columns."""
        return rows(self(*arguments, vhost=vhost))


def rows(said: str) -> list[dict[str, str]]:
    """The rows of a table, by the names of its columns."""
    lines = [line.strip("|").split("|") for line in said.splitlines() if "|" in line]
    cells = [[cell.strip() for cell in line] for line in lines if not set("".join(line)) <= {"-", " "}]
    if len(cells[0]) == 1:  # a title
        del cells[0]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


class Holder(Tool):
    """What `Stage.vhost` asks for."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def create_vhost(self, name: str) -> None:
        self._program("vhosts", "declare", "--name", name)

    def delete_vhost(self, name: str) -> None:
        self._program("vhosts", "delete", "--name", name)

    def grant(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        patterns = ("--configure", configure, "--write", write, "--read", read)
        self._program("permissions", "declare", "--username", user, *patterns, vhost=vhost)


def overview(stage: Stage) -> None:
    run = Program(stage)
    shown = {each["key"]: each["value"] for each in run.table("show", "overview")}
    holds(shown, **{"Product name": "RabbitMQ", "Product version": "3.10.8"})
    run("show", "churn")
    Program(stage, "guest:wrong").refused("Login failed", "show", "overview")


def vhosts(stage: Stage) -> None:
    run, name = Program(stage), f"{stage.prefix}/v"
    run("declare", "vhost", "--name", name)
    assert one(run.table("list", "vhosts"), name=name)
    run("delete", "vhost", "--name", name)
    assert matching(run.table("list", "vhosts"), name=name) == []
    run.refused("404", "delete", "vhost", "--name", name)


def users(stage: Stage) -> None:
    run, user = Program(stage), stage.name("user")
    with stage.vhost(Holder(run)) as vhost:
        run("declare", "user", "--name", user, "--password", "secret", "--tags", "management,policymaker")
        holds(one(run.table("list", "users"), name=user), tags="management, policymaker")
        Holder(run).grant(vhost, user, f"^{stage.prefix}", ".*", "^$")
        granted = one(run.table("list", "permissions"), user=user)
        holds(granted, vhost=vhost, configure=f"^{stage.prefix}", write=".*", read="^$")
        assert [each["name"] for each in Program(stage, f"{user}:secret").table("list", "vhosts")] == [vhost]
        wrong = ("--configure", "(", "--write", ".*", "--read", ".*")
        run.refused("400", "permissions", "declare", "--username", user, *wrong, vhost=vhost)
        run("permissions", "delete", "--username", user, vhost=vhost)
        assert matching(run.table("list", "permissions"), user=user) == []
        run("users", "delete", "--name", user)
        run.refused("404", "users", "delete", "--name", user)


def topology(stage: Stage) -> None:
    run, (topic, fanout, queue) = Program(stage), map(stage.name, ("topic", "fanout", "queue"))
    with stage.vhost(Holder(run)) as vhost:
        run("exchanges", "declare", "--name", topic, "--type", "topic", vhost=vhost)
        run("exchanges", "declare", "--name", fanout, "--type", "fanout", vhost=vhost)
        run("queues", "declare", "--name", queue, "--arguments", '{"x-max-length": 5}', vhost=vhost)
        run("queues", "declare", "--name", stage.name("quorum"), "--type", "quorum", vhost=vhost)
        run("streams", "declare", "--name", stage.name("stream"), "--expiration", "1h", vhost=vhost)
        holds(one(run.table("exchanges", "list", vhost=vhost), name=topic), exchange_type="topic", durable="true")
        shown = run.table("queues", "list", vhost=vhost)
        types = {each["name"]: each["queue_type"] for each in shown if each["name"]}
        assert types == {queue: "classic", stage.name("quorum"): "quorum", stage.name("stream"): "stream"}, types
        assert "x-max-length: 5" in one(shown, name=queue)["arguments"]
        ends = ("--source", topic, "--destination", queue, "--destination-type", "queue")
        between = ("--source", topic, "--destination", fanout, "--destination-type", "exchange", "--routing-key", "k")
        for each in ((*ends, "--routing-key", "a.#"), (*ends, "--routing-key", "", "--arguments", '{"x": 1}'), between):
            run("bindings", "declare", *each, vhost=vhost)
        bound = one(run.table("bindings", "list"), source=topic, routing_key="a.#")
        holds(bound, vhost=vhost, destination=queue, destination_type="queue", properties_key="a.%23")
        holds(one(run.table("bindings", "list"), source=topic, destination=fanout), destination_type="exchange")
        run("bindings", "delete", *ends, "--routing-key", "a.#", vhost=vhost)
        run("bindings", "delete", *ends, "--routing-key", "", "--arguments", '{"x": 1}', vhost=vhost)
        assert matching(run.table("bindings", "list"), source=topic, destination=queue) == []
        other = ("--name", queue, "--arguments", '{"x-max-length": 6}')
        run.refused("inequivalent arg", "queues", "declare", *other, vhost=vhost)
        run("queues", "delete", "--name", queue, vhost=vhost)
        run.refused("404", "queues", "delete", "--name", queue, vhost=vhost)
        run("exchanges", "delete", "--name", topic, vhost=vhost)
        run.refused("404", "exchanges", "delete", "--name", topic, vhost=vhost)


def messages(stage: Stage) -> None:
    run, queue = Program(stage), stage.name("queue")
    with stage.vhost(Holder(run)) as vhost:
        run("queues", "declare", "--name", queue, vhost=vhost)
        properties = ("--properties", '{"content_type": "text/plain"}')
        said = run("publish", "message", "--routing-key", queue, "--payload", "one", *properties, vhost=vhost)
        assert "NOT routed" not in said
        run("publish", "message", "--routing-key", queue, "--payload", "two", vhost=vhost)
        nowhere = ("--routing-key", stage.name("nowhere"))
        assert "NOT routed" in run("publish", "message", *nowhere, vhost=vhost)
        first = run.table("get", "messages", "--queue", queue, "--ack-mode", "ack_requeue_true", vhost=vhost)[0]
        holds(first, payload="one", routing_key=queue, redelivered="false", message_count="1", payload_bytes="3")
        assert "text/plain" in first["properties"]
        again = run.table("get", "messages", "--queue", queue, vhost=vhost)[0]
        holds(again, payload="one", redelivered="true")
        run("queues", "purge", "--name", queue, vhost=vhost)
        assert run.table("get", "messages", "--queue", queue, vhost=vhost) == []


def policies(stage: Stage) -> None:
    run, queue, name = Program(stage), stage.name("queue"), stage.name("p")
    given = ("--name", name, "--pattern", f"^{stage.prefix}", "--apply-to", "queues", "--priority", "7")
    with stage.vhost(Holder(run)) as vhost:
        run("queues", "declare", "--name", queue, vhost=vhost)
        for kind in ("policies", "operator_policies"):
            run(kind, "declare", *given, "--definition", '{"max-length": 3}', vhost=vhost)
            shown = one(run.table(kind, "list"), name=name)
            holds(shown, vhost=vhost, pattern=f"^{stage.prefix}", apply_to="queues", priority="7")
        eventually(lambda: _queue(run, queue, vhost)["policy"] == name, "the queue shows its policy")
        eventually(lambda: _queue(run, queue, vhost)["operator_policy"] == name, "and its operator policy")
        update = ("--name", name, "--definition-key", "max-length", "--new-value", "4")
        run("policies", "update_definition", *update, vhost=vhost)
        assert "max-length: 4" in one(run.table("policies", "list"), name=name)["definition"]
        found = run.table("policies", "list_matching_object", "--name", queue, "--type", "queues", vhost=vhost)
        assert one(found, name=name)
        unknown = ("--definition", '{"no-such-key": 1}')
        run.refused("not recognised policy settings", "policies", "declare", *given, *unknown, vhost=vhost)
        for kind in ("policies", "operator_policies"):
            run(kind, "delete", "--name", name, vhost=vhost)
            assert matching(run.table(kind, "list"), name=name) == []


def _queue(run: Program, name: str, vhost: str) -> Shown:
    return one(run.table("queues", "list", vhost=vhost), name=name)


def limits(stage: Stage) -> None:
    run, user = Program(stage), stage.name("user")
    with stage.vhost(Holder(run)) as vhost:
        run("vhost_limits", "declare", "--name", "max-queues", "--value", "1", vhost=vhost)
        assert one(run.table("vhost_limits", "list", vhost=vhost), vhost=vhost)["limits"] == "max-queues: 1"
        run("queues", "declare", "--name", stage.name("first"), vhost=vhost)
        run.refused("queue limit in vhost", "queues", "declare", "--name", stage.name("second"), vhost=vhost)
        run("vhost_limits", "delete", "--name", "max-queues", vhost=vhost)
        run("queues", "declare", "--name", stage.name("second"), vhost=vhost)
    run("users", "declare", "--name", user, "--password", "secret")
    run("user_limits", "declare", "--username", user, "--name", "max-channels", "--value", "9")
    assert one(run.table("list", "user_limits"), username=user)["limits"] == "max-channels: 9"
    run("user_limits", "delete", "--username", user, "--name", "max-channels")
    run("users", "delete", "--name", user)
    run("global_parameters", "set", "--name", stage.name("parameter"), "--value", '{"a": 1}')
    assert one(run.table("global_parameters", "list"), name=stage.name("parameter"))["value"] == '{"a":1}'
    run("global_parameters", "clear", "--name", stage.name("parameter"))


def definitions(stage: Stage) -> None:
    run, queue = Program(stage), stage.name("queue")
    with stage.vhost(Holder(run)) as vhost, tempfile.TemporaryDirectory() as folder:
        run("queues", "declare", "--name", queue, "--arguments", '{"x-max-length": 5}', vhost=vhost)
        for command, place in (("export", "/"), ("export_from_vhost", vhost)):
            run("definitions", command, "--file", f"{folder}/{command}", vhost=place)
        document = json.loads(Path(folder, "export").read_text(encoding="utf-8"))
        (shown,) = matching(document["queues"], vhost=vhost)
        assert shown["arguments"]["x-max-length"] == 5, shown
        run("queues", "delete", "--name", queue, vhost=vhost)
        own = {"vhosts": matching(document["vhosts"], name=vhost), "queues": [shown]}
        Path(folder, "own").write_text(json.dumps(own), encoding="utf-8")
        run("definitions", "import", "--file", f"{folder}/own")
        assert "x-max-length: 5" in _queue(run, queue, vhost)["arguments"]
        run("queues", "delete", "--name", queue, vhost=vhost)
        run("definitions", "import_into_vhost", "--file", f"{folder}/export_from_vhost", vhost=vhost)
        assert "x-max-length: 5" in _queue(run, queue, vhost)["arguments"]
        Path(folder, "wrong").write_text('{"queues": [{"name": "q"}]}', encoding="utf-8")
        run.refused("400", "definitions", "import", "--file", f"{folder}/wrong")


def connections(stage: Stage) -> None:
    run, tag = Program(stage), stage.name("consumer")
    if stage.broker != "rabbitmq":  # the consumers of RabbitMQ 3.10 have no timeout, without which it can't read them
        holds(one(run.table("list", "consumers"), consumer_tag=tag), queue=stage.name("watched"), prefetch_count="2")
    name = _connection(run)
    holds(one(run.table("list", "connections"), name=name), username="guest", protocol="AMQP 0-9-1", channel_count="1")
    assert one(run.table("list", "user_connections", "--username", "guest"), name=name)
    run("close", "connection", "--name", name)
    eventually(lambda: not matching(run.table("list", "connections"), name=name), "the connection is gone")
    run.refused("404", "close", "connection", "--name", name)


def _connection(run: Program) -> str:
    """The name of a connection with the channel that was prepared, which tells no more of itself."""
    wanted = {"messages_unacknowledged": "2", "prefetch_count": "2", "has_publisher_confirms_enabled": "true"}
    found: list[Shown] = []

    def listed() -> bool:
        status, said = run.tried("list", "channels")
        if status == 0:  # it can't read a channel of which RabbitMQ doesn't show everything yet
            found[:] = matching(rows(said), **wanted)
        return bool(found)

    eventually(listed, "the channel is in the list")
    return str(found[0]["name"]).removesuffix(" (1)")


def statistics(stage: Stage) -> None:
    run, queue = Program(stage), stage.name("watched")
    wanted = {"message_count": "5", "unacknowledged_message_count": "2", "consumer_count": "1"}

    def shown() -> bool:
        return wanted.items() <= _queue(run, queue, "/").items()

    eventually(shown, f"the queue has {wanted}")


def health(stage: Stage) -> None:
    run = Program(stage)
    for check in ("local_alarms", "cluster_wide_alarms", "node_is_quorum_critical"):
        run("health_check", check)
    run("health_check", "protocol_listener", "--protocol", "amqp")
    run("health_check", "port_listener", "--port", str(stage.amqp_port))
    status, said = run.tried("health_check", "port_listener", "--port", "1")
    assert status == UNAVAILABLE, said
    assert "No active listener" in said, said


OWN = (overview, vhosts, users, topology, messages, policies, limits, definitions, connections, statistics, health)

main(lambda *_: Tool(), {each.__name__: each for each in OWN})
