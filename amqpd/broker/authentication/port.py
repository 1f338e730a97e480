"""What a backend of logins implements. Plug-ins subclass it: entry-point group `amqpd.auth_backends`."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import attrs

from amqpd.broker.users import User


@attrs.frozen
class Login:
    """What a client brings along."""

    name: str | None
    """None: it has a token, which says who it is."""
    secret: bytes = attrs.field(repr=False)
    """The password or the token."""
    origin: str = ""
    """The address that it comes from."""


class AuthBackend(ABC):
    """Knows users, or asks somebody who does."""

    name: ClassVar[str]
    at_once: ClassVar[int] = max(1, (os.cpu_count() or 1) // 2)
    """Heavy checks that may run at the same time, each in a thread: half of the processors, where they compute."""

    def remembered(self, login: Login) -> User | None:
        """The user, where that takes no waiting: the same login was accepted a moment ago."""
        return None

    @abstractmethod
    def check(self, login: Login) -> Callable[[], User | None]:
        """How to find out, on the broker's thread; what is returned is called in another one, and may block.

        None means: not mine, or wrong. It may raise LoginRefused with a reason for the log. Of functions that are
        equal, one is called for all logins that wait for it.
        """

    def is_heavy(self, login: Login) -> bool:
        """Whether a check takes long: else it is made on the broker's thread, as this is asked there."""
        return True

    def accepted(self, login: Login, user: User) -> None:
        """A check has found this user: on the broker's thread again."""

    def close(self) -> None:
        """Nobody is asked any more: let go of connections and the like. Harmless the second time."""

    def authorise(self, name: str) -> User | None:
        """A user that somebody else has found out, with the tags and permissions that this backend gives it; None: it
        knows nobody of this name. On the broker's thread; where somebody has to be asked, it raises Undecided, and is
        called again.
        """
        return None

    def at(self, user: User, origin: str) -> User:
        """A user that `authorise` gave, as one who came from this address, where that matters to what it may do."""
        return user
