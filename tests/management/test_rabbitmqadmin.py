"""RabbitMQ's own command line for the HTTP API, the Python script, drives a broker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LISTED = (
    "vhosts users permissions exchanges bindings policies operator_policies parameters nodes connections channels "
    "consumers vhost_limits"
)
SCRIPT = shutil.which("rabbitmqadmin")

pytestmark = pytest.mark.skipif(SCRIPT is None, reason="rabbitmqadmin is not on this machine")


def admin(api: Any, *arguments: str) -> str:
    assert SCRIPT is not None
    command = [sys.executable, SCRIPT, "--host", api.host, "--port", str(api.port), *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_it_declares_publishes_gets_lists_and_deletes(api: Any, tmp_path: Path) -> None:
    assert "vhost declared" in admin(api, "declare", "vhost", "name=v")
    admin(api, "declare", "user", "name=u", "password=p", "tags=management")
    admin(api, "declare", "permission", "vhost=v", "user=u", "configure=.*", "write=.*", "read=.*")
    admin(api, "-V", "v", "declare", "exchange", "name=x", "type=topic")
    admin(api, "-V", "v", "declare", "queue", "name=q", "durable=true", 'arguments={"x-max-length": 5}')
    admin(api, "-V", "v", "declare", "binding", "source=x", "destination=q", "routing_key=a.#")
    admin(api, "-V", "v", "declare", "policy", "name=p", "pattern=^q", 'definition={"max-length": 3}')
    admin(api, "-V", "v", "declare", "operator_policy", "name=o", "pattern=^q", 'definition={"max-length": 2}')
    admin(api, "declare", "vhost_limit", "vhost=v", "name=max-queues", "value=9")
    assert "published" in admin(api, "-V", "v", "publish", "exchange=x", "routing_key=a.b", "payload=hello")
    assert "hello" in admin(api, "-V", "v", "get", "queue=q", "ackmode=ack_requeue_true")
    assert "| q    | 1        |" in admin(api, "-V", "v", "list", "queues", "name", "messages")
    for kind in LISTED.split():
        admin(api, "list", kind)
    assert "4.2.9" in admin(api, "show", "overview")
    exported = tmp_path / "definitions.json"
    admin(api, "export", str(exported))
    admin(api, "-V", "v", "purge", "queue", "name=q")
    ends = ("source=x", "destination_type=queue", "destination=q")
    admin(api, "-V", "v", "delete", "binding", *ends, "properties_key=a.%23")
    admin(api, "-V", "v", "delete", "queue", "name=q")
    admin(api, "-V", "v", "delete", "exchange", "name=x")
    admin(api, "-V", "v", "delete", "policy", "name=p")
    admin(api, "delete", "permission", "vhost=v", "user=u")
    admin(api, "delete", "user", "name=u")
    admin(api, "delete", "vhost", "name=v")
    admin(api, "import", str(exported))
    assert [each["name"] for each in api.get("/queues/v")] == ["q"]


def test_it_closes_a_connection(api: Any, connected: Any) -> None:
    name = api.get("/connections")[0]["name"]
    admin(api, "close", "connection", f"name={name}")
    with pytest.raises(Exception, match="Closed via management plugin"):
        connected.process_data_events(time_limit=20)
