"""What a scenario works with: the tool, where the broker is, names of the run's own, waiting for what a tool shows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any, Final
from urllib.parse import urlsplit

from interop.matrix.driver import PATIENCE
from interop.tools.python.port import Shown, Tool

PAUSE: Final = 0.1
"""Seconds between two looks: RabbitMQ shows statistics when it has collected them."""

Login = Callable[[str, str, str], Tool]
"""From the API's URL (without a slash at its end), a user and a password to a tool."""


class Stage:
    """What the runner tells a tool's driver by the environment, and the tool itself."""

    def __init__(self, login: Login | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self.management_url = environ["MANAGEMENT_URL"]
        self.metrics_url = environ["METRICS_URL"]
        self.broker = environ["INTEROP_BROKER"]
        self.url = environ["AMQP_URL"]
        self.amqp_port = urlsplit(self.url).port
        self.prefix = environ["INTEROP_PREFIX"]
        self._login = login

    def name(self, word: str) -> str:
        """Return a name of the run's own: `P-word`."""
        return f"{self.prefix}-{word}"

    def tool(self, user: str = "guest", password: str = "guest") -> Tool:
        """Return the tool, logged in; nothing may have been asked yet."""
        assert self._login is not None
        return self._login(self.management_url, user, password)

    @contextmanager
    def vhost(self, tool: Tool) -> Iterator[str]:
        """Have a virtual host in which guest may do everything."""
        name = self.name("vhost")
        tool.create_vhost(name)
        try:
            tool.grant(name, "guest", ".*", ".*", ".*")
            yield name
        finally:
            tool.delete_vhost(name)


def one(items: Sequence[Shown], **wanted: Any) -> Shown:
    """Return the one item with these values. Raises AssertionError unless there is exactly one."""
    found = matching(items, **wanted)
    assert len(found) == 1, f"{len(found)} items have {wanted}: {items!r:.2000}"
    return found[0]


def matching(items: Sequence[Shown], **wanted: Any) -> list[Shown]:
    """Return the items with these values."""
    return [each for each in items if all(each.get(name) == value for name, value in wanted.items())]


def holds(item: Shown, **wanted: Any) -> None:
    """Raise AssertionError unless an item has these values."""
    shown = {name: item.get(name) for name in wanted}
    assert shown == wanted, f"expected {wanted}, got {shown}"


def eventually(look: Callable[[], bool], what: str) -> None:
    """Return when it is so. Raises AssertionError when it takes too long."""
    pause, give_up = Event(), time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < give_up, f"not so after {PATIENCE:.0f} s: {what}"
        pause.wait(PAUSE)


@contextmanager
def reports(error: type[Exception]) -> Iterator[None]:
    """Expect the tool to report this."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"the tool did not report {error.__name__}")
