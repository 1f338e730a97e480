"""rabbitmqadmin, the Python script that RabbitMQ itself hands out: one process for each command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from interop.tools.python.play import main
from interop.tools.python.port import BadRequest, NotAuthorized, NotFound, Shown, Tool

SCRIPT = shutil.which("rabbitmqadmin")


class Script(Tool):
    def __init__(self, url: str, user: str, password: str) -> None:
        at = urlsplit(url)
        login = ["--host", str(at.hostname), "--port", str(at.port), "--username", user, "--password", password]
        self._command = [sys.executable, str(SCRIPT), *login]

    def _run(self, *arguments: str, vhost: str | None = None) -> str:
        chosen = [] if vhost is None else ["--vhost", vhost]
        command = [*self._command, *chosen, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        said = done.stdout + done.stderr
        if done.returncode == 0:
            return done.stdout
        if "*** Access refused" in said:
            raise NotAuthorized(said)
        if "*** Not found" in said:
            raise NotFound(said)
        if said.startswith("*** "):  # the reason of a 400
            raise BadRequest(said)
        raise AssertionError(said)

    def _list(self, kind: str, vhost: str | None = None) -> Any:
        return json.loads(self._run("--format", "raw_json", "--depth", "5", "list", kind, vhost=vhost))

    def overview(self) -> Shown:
        (shown,) = json.loads(self._run("--format", "raw_json", "--depth", "5", "show", "overview"))
        return shown

    def nodes(self) -> Sequence[Shown]:
        return self._list("nodes")

    def vhosts(self) -> Sequence[Shown]:
        return self._list("vhosts")

    def create_vhost(self, name: str) -> None:
        self._run("declare", "vhost", f"name={name}")

    def delete_vhost(self, name: str) -> None:
        self._run("delete", "vhost", f"name={name}")

    def users(self) -> Sequence[Shown]:
        return self._list("users")

    def put_user(self, name: str, password: str, tags: str) -> None:
        self._run("declare", "user", f"name={name}", f"password={password}", f"tags={tags}")

    def delete_user(self, name: str) -> None:
        self._run("delete", "user", f"name={name}")

    def permissions(self, vhost: str) -> Sequence[Shown]:
        return [each for each in self._list("permissions") if each["vhost"] == vhost]

    def grant(self, vhost: str, user: str, configure: str, write: str, read: str) -> None:
        patterns = (f"configure={configure}", f"write={write}", f"read={read}")
        self._run("declare", "permission", f"vhost={vhost}", f"user={user}", *patterns)

    def revoke(self, vhost: str, user: str) -> None:
        self._run("delete", "permission", f"vhost={vhost}", f"user={user}")

    def exchanges(self, vhost: str) -> Sequence[Shown]:
        return self._list("exchanges", vhost)

    def declare_exchange(self, vhost: str, name: str, type: str) -> None:
        self._run("declare", "exchange", f"name={name}", f"type={type}", vhost=vhost)

    def delete_exchange(self, vhost: str, name: str) -> None:
        self._run("delete", "exchange", f"name={name}", vhost=vhost)

    def queues(self, vhost: str) -> Sequence[Shown]:
        return self._list("queues", vhost)

    def declare_queue(self, vhost: str, name: str, arguments: Mapping[str, Any]) -> None:
        self._run("declare", "queue", f"name={name}", "durable=true", f"arguments={json.dumps(arguments)}", vhost=vhost)

    def delete_queue(self, vhost: str, name: str) -> None:
        self._run("delete", "queue", f"name={name}", vhost=vhost)

    def purge(self, vhost: str, name: str) -> None:
        self._run("purge", "queue", f"name={name}", vhost=vhost)

    def bindings(self, vhost: str) -> Sequence[Shown]:
        return self._list("bindings", vhost)

    def bind(self, vhost: str, source: str, queue: str, key: str, arguments: Mapping[str, Any]) -> None:
        ends = (f"source={source}", f"destination={queue}", f"routing_key={key}")
        self._run("declare", "binding", *ends, f"arguments={json.dumps(arguments)}", vhost=vhost)

    def bind_exchange(self, vhost: str, source: str, destination: str, key: str) -> None:
        ends = (f"source={source}", f"destination={destination}", "destination_type=exchange")
        self._run("declare", "binding", *ends, f"routing_key={key}", vhost=vhost)

    def unbind(self, vhost: str, source: str, queue: str, properties_key: str) -> None:
        ends = (f"source={source}", f"destination={queue}", "destination_type=queue")
        self._run("delete", "binding", *ends, f"properties_key={properties_key}", vhost=vhost)

    def publish(self, vhost: str, exchange: str, key: str, payload: str, properties: Mapping[str, Any]) -> bool:
        given = (f"exchange={exchange}", f"routing_key={key}", f"payload={payload}")
        return "NOT routed" not in self._run("publish", *given, f"properties={json.dumps(properties)}", vhost=vhost)

    def get(self, vhost: str, queue: str, count: int, *, requeue: bool) -> Sequence[Shown]:
        mode = f"ackmode=ack_requeue_{str(requeue).lower()}"
        got = self._run("--format", "raw_json", "get", f"queue={queue}", f"count={count}", mode, vhost=vhost)
        return json.loads(got)

    def policies(self, vhost: str) -> Sequence[Shown]:
        return self._list("policies", vhost)

    def set_policy(self, vhost: str, name: str, policy: Mapping[str, Any]) -> None:
        self._set("policy", vhost, name, policy)

    def delete_policy(self, vhost: str, name: str) -> None:
        self._run("delete", "policy", f"name={name}", vhost=vhost)

    def operator_policies(self, vhost: str) -> Sequence[Shown]:
        return self._list("operator_policies", vhost)

    def set_operator_policy(self, vhost: str, name: str, policy: Mapping[str, Any]) -> None:
        self._set("operator_policy", vhost, name, policy)

    def delete_operator_policy(self, vhost: str, name: str) -> None:
        self._run("delete", "operator_policy", f"name={name}", vhost=vhost)

    def _set(self, kind: str, vhost: str, name: str, policy: Mapping[str, Any]) -> None:
        given = [f"{key}={value if key != 'definition' else json.dumps(value)}" for key, value in policy.items()]
        self._run("declare", kind, f"name={name}", *given, vhost=vhost)

    def vhost_limits(self, vhost: str) -> Mapping[str, int]:
        found = [each["value"] for each in self._list("vhost_limits") if each["vhost"] == vhost]
        return dict(found[0]) if found and found[0] else {}  # RabbitMQ shows [] after the last one was lifted

    def limit_vhost(self, vhost: str, limit: str, value: int) -> None:
        self._run("declare", "vhost_limit", f"vhost={vhost}", f"name={limit}", f"value={value}")

    def lift_vhost_limit(self, vhost: str, limit: str) -> None:
        self._run("delete", "vhost_limit", f"vhost={vhost}", f"name={limit}")

    def export_definitions(self) -> Shown:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "definitions.json"
            self._run("export", str(file))
            return json.loads(file.read_text(encoding="utf-8"))

    def import_definitions(self, document: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "definitions.json"
            file.write_text(json.dumps(document), encoding="utf-8")
            self._run("import", str(file))

    def connections(self) -> Sequence[Shown]:
        return self._list("connections")

    def close_connection(self, name: str, reason: str) -> None:
        self._run("close", "connection", f"name={name}")

    def channels(self) -> Sequence[Shown]:
        return self._list("channels")

    def consumers(self) -> Sequence[Shown]:
        return self._list("consumers")


main(Script)
