"""The operator among the clients: moves, replays and drops messages, and changes what they need to work.

It asks on the control socket, one thing after the other, and logs what it asks before and what it was told after. The
queues whose messages it moves have no other reader until they are audited.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

from amqpd.cli.ctl.client import Client, Refused, Unreachable
from tests.crash.log import Dropped, Dropping, Failed, Found, Log, Setting, WasSet
from tests.crash.sessions import PATIENCE, Gone, Life
from tests.crash.topology import IDLE, MANAGED

VHOST: Final = "/"
OWN: Final = "operators"
"""A virtual host that comes and goes with all that is in it."""
PARTS: Final = {
    "vhosts": [{"name": OWN}],
    "permissions": [{"user": "guest", "vhost": OWN, "configure": ".*", "write": ".*", "read": ".*"}],
    "policies": [{"vhost": OWN, "name": "p", "pattern": "", "apply-to": "all", "definition": {"max-length": 9}}],
    "exchanges": [{"vhost": OWN, "name": "x", "type": "fanout", "durable": True}],
    "queues": [{"vhost": OWN, "name": "q", "durable": True}],
    "bindings": [
        {"vhost": OWN, "source": "x", "destination": "q", "destination_type": "queue", "routing_key": "k"},
    ],
}
NOTHING: Final = "nothing"


class Operator:
    """Asks one broker."""

    def __init__(self, log: Log, life: Life, random: Random) -> None:
        self._log = log
        self._life = life
        self._random = random
        self._client = Client.of_socket(life.socket, PATIENCE)

    # -- messages ----------------------------------------------------------------------------------------------------

    def handle_messages(self) -> None:
        """Do something with what waits in a queue, or where its dead go."""
        random, queue = self._random, self._random.choice(MANAGED)
        target, choice = str(queue.dead_letters), self._random.random()
        limit: dict[str, object] = {} if random.random() < 0.3 else {"limit": random.randint(1, 40)}
        if choice < 0.25:
            self._ask("POST", "queues", VHOST, queue.name, "move", body={"to": target, **limit})
        elif choice < 0.4:
            key = {"exchange": "", "routing_key": queue.name}
            self._ask("POST", "queues", VHOST, target, "move", body={**key, **limit})
        elif choice < 0.6:
            mode = random.choice(("reject_requeue_false", "reject_requeue_true", "ack_requeue_true"))
            get = {"count": random.randint(1, 30), "ackmode": mode, "encoding": "auto", "truncate": 1}
            self._ask("POST", "queues", VHOST, queue.name, "get", body=get)
        elif choice < 0.85:
            self._ask("POST", "queues", VHOST, target, "replay", body=limit)
        else:
            self._drop(random.choice((queue.name, target)))

    def _drop(self, queue: str) -> None:
        shown = self._ask("GET", "queues", VHOST, queue, "peek", count=5, truncate=1)
        if not shown:
            return
        chosen = self._random.choice(shown)
        message = chosen["properties"]["message_id"]
        self._log.add(Dropping(queue, message))
        if self._ask("DELETE", "queues", VHOST, queue, "messages", str(chosen["number"]))["deleted"]:
            self._log.add(Dropped(queue, message))

    # -- definitions -------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """See how everything is that it sets."""
        for thing, value in {
            "user": self._field("tags", "users", "operated"),
            "parameter": self._field("value", "global-parameters", "operated"),
            "limit": self._field("value", "vhost-limits", VHOST),
            "paused": self._field("paused", "queues", VHOST, IDLE.name),
            "vhost": self._own_vhost(),
        }.items():
            self._log.add(Found(thing, value))

    def define(self) -> None:
        """Set something to something else."""
        random, value = self._random, self._random.randint(1, 1_000_000)
        match random.choice(("user", "parameter", "limit", "paused", "vhost")):
            case "user" if random.random() < 0.3:
                self._set("user", NOTHING, "DELETE", "users", "operated")
            case "user":
                body: dict[str, object] = {"password_hash": "", "tags": f"t{value}"}
                self._set("user", json.dumps([f"t{value}"]), "PUT", "users", "operated", body=body)
            case "parameter" if random.random() < 0.3:
                self._set("parameter", NOTHING, "DELETE", "global-parameters", "operated")
            case "parameter":
                said = {"name": "operated", "value": value}
                self._set("parameter", json.dumps(value), "PUT", "global-parameters", "operated", body=said)
            case "limit":
                limits = {"max-queues": 1000 + value}
                path = ("vhost-limits", VHOST, "max-queues")
                self._set("limit", json.dumps(limits), "PUT", *path, body={"value": 1000 + value})
            case "paused":
                pause = random.random() < 0.5
                verb = "pause" if pause else "resume"
                self._set("paused", json.dumps(pause), "POST", "queues", VHOST, IDLE.name, verb, body={})
            case _ if random.random() < 0.5:
                self._set("vhost", NOTHING, "DELETE", "vhosts", OWN)
            case _:
                self._set("vhost", json.dumps([*PARTS]), "POST", "definitions", body=PARTS, whole=False)

    def _set(self, thing: str, value: str, method: str, *path: str, body: object = None, whole: bool = True) -> None:
        self._log.add(Setting(thing, value, whole))
        try:
            self._asked(method, path, body)
        except Refused as error:
            if error.status != 404:  # what is to be deleted may be gone
                self._fail(error)
        self._log.add(WasSet(thing, value))

    def _field(self, name: str, *path: str) -> str:
        try:
            found = self._asked("GET", path, None)
        except Refused as error:
            if error.status != 404:
                self._fail(error)
            return NOTHING
        if isinstance(found, list):
            return json.dumps(found[0][name]) if found else NOTHING
        return json.dumps(found[name])

    def _own_vhost(self) -> str:
        """Which parts of it are there."""
        if self._field("name", "vhosts", OWN) == NOTHING:
            return NOTHING
        granted = self._ask("GET", "vhosts", OWN, "permissions")
        there = {**self._ask("GET", "definitions", OWN), "vhosts": True, "permissions": granted}
        return json.dumps([part for part in PARTS if there[part]])

    # -- asking ------------------------------------------------------------------------------------------------------

    def _ask(self, method: str, *path: str, body: object = None, **query: object) -> Any:
        try:
            return self._asked(method, path, body, **query)
        except Refused as error:
            self._fail(error)

    def _asked(self, method: str, path: tuple[str, ...], body: object, **query: object) -> Any:
        try:
            return self._client.ask(method, path, body, query=query)
        except Unreachable as error:
            raise Gone from error

    def _fail(self, error: Refused) -> None:
        if error.status != 503 or error.error != "stopped":
            self._log.add(Failed(f"operator, life {self._life.number}: {error}"))
        raise Gone from error


def operate(log: Log, life: Life, worker: str, random: Random) -> None:
    """Work for as long as the broker lives."""
    operator = Operator(log, life, random)
    operator.look()
    while True:
        if random.random() < 0.7:
            operator.handle_messages()
        else:
            operator.define()
