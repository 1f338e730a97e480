"""Fuzz a broker's management API by its description: `python -m tests.api_fuzz [OPTIONS OF SCHEMATHESIS]`.

Starts a broker in this process with some of everything, and lets `schemathesis run` (https://schemathesis.readthedocs.io)
send what the description allows and what it doesn't. Fails where an answer is a defect, is not described, or says
nothing of what was wrong. `-n 100` tries more; `make fuzz-api` installs what it needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import amqpd
from tests.api_fuzz.hooks import HOOKS, LOGIN, NODE_VARIABLE
from tests.management.conftest import Client

CHECKS = ("no_defect", "status_code_conformance", "content_type_conformance", "response_schema_conformance", "told_why")
USUAL = (
    "--max-examples", "10", "--phases", "coverage,fuzzing", "--continue-on-failure", "--suppress-health-check", "all",
)  # fmt: skip


def build(api: Client) -> None:
    """Some of everything, so that not all that is asked for is missing."""
    name, password = LOGIN.split(":")
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    policy = {"pattern": "^never$", "definition": {"max-length": 9}}
    for path, body in (
        (f"/users/{name}", {"tags": "administrator", "password": password}),
        ("/users/u", {"tags": "management", "password": "x"}),
        ("/vhosts/v", {}),
        (f"/permissions/v/{name}", everything),
        (f"/permissions/%2F/{name}", everything),
        ("/permissions/%2F/u", everything),
        ("/topic-permissions/%2F/u", {"exchange": "amq.topic", "write": "", "read": ""}),
        ("/policies/%2F/p", policy),
        ("/operator-policies/%2F/p", policy),
        ("/exchanges/%2F/x", {"type": "topic", "durable": True}),
        ("/vhost-limits/%2F/max-queues", {"value": 10_000}),
        ("/user-limits/u/max-channels", {"value": 5}),
        ("/global-parameters/g", {"value": {"a": 1}}),
        *[(f"/queues/%2F/{kind[0]}", {"durable": True, "arguments": {"x-queue-type": kind}}) for kind in
          ("classic", "quorum", "stream")],
    ):
        assert api("PUT", path, body).status in (201, 204), path
    for number in range(20):
        message = {"routing_key": "c", "properties": {}, "payload": str(number), "payload_encoding": "string"}
        assert api("POST", "/exchanges/%2F/amq.default/publish", message).json == {"routed": True}
    assert api("POST", "/bindings/%2F/e/x/q/c", {"routing_key": "a"}).status == 201


def main() -> int:
    """Run it; the exit status is schemathesis'."""
    program = Path(sys.executable).with_name("schemathesis")
    with amqpd.run_in_thread(management_port=0) as broker:
        api = Client(broker)
        build(api)
        node = api.get("/overview")["node"]
        command = [
            str(program), "run", f"{broker.management_url}/api/openapi.json", "--auth", LOGIN, "--checks",
            ",".join(CHECKS),            *USUAL, *sys.argv[1:],
        ]  # fmt: skip
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, NODE_VARIABLE: node}
        done = subprocess.run(command, env=environment, check=False)
        alive = api.get("/whoami", login=LOGIN)["name"]
    assert alive == LOGIN.partition(":")[0]
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
