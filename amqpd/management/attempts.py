"""Logins by protocol, since the start or since somebody set them to 0; what metrics count goes on."""

from __future__ import annotations

from typing import Final

from amqpd.broker.statistics import AMQP, HTTP, Statistics

FIELDS: Final = {AMQP: ("logins", "logins_refused"), HTTP: ("http_logins", "http_logins_refused")}


class Attempts:
    """Of one broker."""

    def __init__(self) -> None:
        self._before = dict.fromkeys(FIELDS, (0, 0))

    def reset(self, statistics: Statistics) -> None:
        """Begin again."""
        self._before = _counted(statistics)
        if statistics.login_sources is not None:
            statistics.login_sources.clear()

    def view(self, statistics: Statistics) -> list[dict[str, object]]:
        """As RabbitMQ shows them: a protocol that nobody came by is left out."""
        counted = _counted(statistics)
        shown: list[dict[str, object]] = []
        for protocol, (accepted, refused) in counted.items():
            succeeded, failed = accepted - self._before[protocol][0], refused - self._before[protocol][1]
            if succeeded or failed:
                shown.append({"protocol": protocol, **_attempts(succeeded, failed)})
        return shown


def by_source(statistics: Statistics) -> list[dict[str, object]]:
    """The same by address and name; empty where nobody keeps that."""
    return [
        {
            "remote_address": source.address,
            "username": source.user,
            "protocol": source.protocol,
            **_attempts(succeeded, failed),
        }
        for source, succeeded, failed in statistics.login_sources or ()
    ]


def _attempts(succeeded: int, failed: int) -> dict[str, object]:
    return {
        "auth_attempts": succeeded + failed,
        "auth_attempts_failed": failed,
        "auth_attempts_succeeded": succeeded,
    }


def _counted(statistics: Statistics) -> dict[str, tuple[int, int]]:
    return {
        protocol: (getattr(statistics, accepted), getattr(statistics, refused))
        for protocol, (accepted, refused) in FIELDS.items()
    }
