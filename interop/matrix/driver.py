"""What every driver in Python shares: who it talks to, how it asks the runner, how it ends.

Knows no client library and nothing but the standard library: each client has an environment of its own, which sees
this file by PYTHONPATH.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

PATIENCE: Final = 20.0
"""Seconds after which anything that a driver waits for counts as missing; only a failing scenario waits that long."""


class Run:
    """What the runner tells a driver by the environment."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self.url = environ["AMQP_URL"]
        self.tls_url = environ["AMQPS_URL"]
        self.ca_file = environ["AMQP_CA_FILE"]
        self.prefix = environ["INTEROP_PREFIX"]
        self.variant = environ.get("INTEROP_VARIANT", "")
        self.plain = Address.of(self.url)
        self.tls = Address.of(self.tls_url)

    def name(self, word: str) -> str:
        """Return a name of a queue or an exchange: `P-word`."""
        return f"{self.prefix}-{word}"


class Address:
    """A broker's URL in its parts."""

    def __init__(self, host: str, port: int, user: str, password: str, vhost: str) -> None:
        self.host, self.port, self.user, self.password, self.vhost = host, port, user, password, vhost

    @classmethod
    def of(cls, url: str) -> Address:
        """Take an AMQP URL apart. Raises ValueError for one without a part."""
        parts = urlsplit(url)
        if not (parts.hostname and parts.port and parts.username and parts.password and parts.path):
            raise ValueError(f"{url!r} lacks a part: expected amqp://user:password@host:port/vhost")
        user, password, vhost = map(unquote, (parts.username, parts.password, parts.path[1:]))
        return cls(parts.hostname, parts.port, user, password, vhost)


def ask(request: str) -> None:
    """Ask the runner for `close-connections`, `block` or `unblock` and wait until it is done."""
    sys.stdout.write(f"@ {request}\n")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if answer != "done\n":
        raise RuntimeError(f"the runner answered {request!r} with {answer!r}")


def same(what: str, actual: object, expected: object) -> None:
    """Raise AssertionError with both values unless they are equal and, at the top, of one type."""
    if actual != expected or isinstance(actual, bool) is not isinstance(expected, bool):
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def main(scenarios: Mapping[str, Callable[[Run], object]]) -> NoReturn:
    """Run the scenario that the command line names; end the process with 0, or with 1 and the reason."""
    play({name: partial(_with_run, scenario) for name, scenario in scenarios.items()})


def _with_run(scenario: Callable[[Run], object]) -> None:
    scenario(Run())


def play(scenarios: Mapping[str, Callable[[], object]]) -> NoReturn:
    """The same for scenarios that find out by themselves what the runner tells."""
    status = 1
    try:
        scenarios[sys.argv[1]]()
        status = 0
    except KeyError:
        if sys.argv[1] in scenarios:
            traceback.print_exc()
        else:
            sys.stderr.write(f"no scenario {sys.argv[1]!r} here: expected one of {', '.join(scenarios)}\n")
    except BaseException:  # noqa: BLE001  # whatever it is, it is the reason
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a thread or a loop that the client has left behind is none of the scenario's business
