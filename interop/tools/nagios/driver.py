"""nagios-plugins-rabbitmq: a program for each check, whose exit status is the answer."""

from __future__ import annotations

import subprocess
from typing import Final
from urllib.parse import urlsplit

from interop.tools.python.play import main
from interop.tools.python.port import Tool
from interop.tools.python.stage import Stage, eventually

HOST: Final = "localhost"
"""The checks ask for the node rabbit@HOST."""
OK: Final = 0
CRITICAL: Final = 2


def check(stage: Stage, name: str, *arguments: str, password: str = "guest") -> tuple[int, str]:
    """Run a check; return its exit status and its line."""
    at = urlsplit(stage.management_url)
    login = ["--hostname", str(at.hostname), "--port", str(at.port), "--username", "guest", "--password", password]
    command = [f"check_rabbitmq_{name}", *login, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout + done.stderr


def passes(stage: Stage, name: str, *arguments: str) -> bool:
    """Whether a check is OK, and warns of nothing."""
    status, said = check(stage, name, *arguments)
    return status == OK and "OK" in said


def overview(stage: Stage) -> None:
    eventually(lambda: passes(stage, "overview"), "the totals of queues are checked")
    eventually(lambda: passes(stage, "objects"), "objects are counted")
    status, said = check(stage, "overview", password="wrong")
    assert status == CRITICAL, said
    assert "Access Refused" in said, said


def statistics(stage: Stage) -> None:
    queue = ("--queue", stage.name("watched"))
    enough, few = ("--critical", "6,4,3,2"), ("--critical", "4,4,3,2")
    eventually(lambda: "messages=5;" in check(stage, "queue", *queue, *enough)[1], "the queue's length is shown")
    status, said = check(stage, "queue", *queue, *enough)
    assert (status, "messages_unacknowledged=2;" in said, "consumers=1;" in said) == (OK, True, True), said
    status, said = check(stage, "queue", *queue, *few)
    assert status == CRITICAL, said


def connections(stage: Stage) -> None:
    def counted() -> bool:
        status, said = check(stage, "connections")
        return status == OK and "connections=0;" not in said and "receive_rate=" in said

    eventually(counted, "connections and their rates are shown")
    wide = ("--warning", "99,99,99,99", "--critical", "99,99,99,99")
    eventually(lambda: passes(stage, "server", "--node", HOST, *wide), "memory, processes, files and sockets")


def health(stage: Stage) -> None:
    assert passes(stage, "aliveness")
    eventually(lambda: passes(stage, "watermark", "--node", HOST), "no alarm")
    eventually(lambda: passes(stage, "partition", "--node", HOST), "no partition")


main(lambda *_: Tool(), {each.__name__: each for each in (overview, statistics, connections, health)})
