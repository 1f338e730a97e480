"""Finds out who somebody is: asks the backends in their order, until one knows.

The first that accepts wins, as in RabbitMQ; a pair of two has the first one check and the second one say what the user
may do. https://www.rabbitmq.com/docs/access-control#backends
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

import attrs

from amqpd.broker.authentication.failures import FailedLogins, place
from amqpd.broker.authentication.port import AuthBackend, Login
from amqpd.broker.authentication.rules import PasswordRules
from amqpd.broker.passwords import SHA256, hash_password, is_slow
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Inline, Offload
from amqpd.broker.taking_turns import TakingTurns, TooManyWait
from amqpd.broker.timers import Timers
from amqpd.broker.undecided import Undecided, once_decided
from amqpd.broker.users import User
from amqpd.clock import Clock
from amqpd.errors import LoginRefused
from amqpd.log import get_logger

log = get_logger(__name__)

LONGEST_NAME: Final = 255
"""Characters: what is longer is no user's name, and is not kept anywhere."""
PASSWORDS: Final = 1_000_000
"""New ones that may wait for their hash: administrators alone bring them, many at a time with definitions."""


@attrs.frozen
class Link:
    """One step of the chain: who checks, and who says what the user may do."""

    backend: AuthBackend
    authoriser: AuthBackend

    def with_rights(self, user: User, origin: str) -> User | None:
        """The user with the rights that it has here; None: it has none. Tags of both count, as in RabbitMQ, and a login
        that ends still does. May raise Undecided.
        """
        if self.authoriser is self.backend:
            return user
        known = self.authorised(user.name, origin)
        if known is None:
            return None
        tags = tuple(dict.fromkeys((*user.tags, *known.tags)))
        expires = user.expires if known.expires is None else known.expires
        if (tags, expires) == (known.tags, known.expires):
            return known
        return attrs.evolve(known, tags=tags, expires=expires)

    def authorised(self, name: str, origin: str) -> User | None:
        """The user of this name, who came from there, with its rights; None: it has none. May raise Undecided."""
        known = self.authoriser.authorise(name)
        return None if known is None else self.authoriser.at(known, origin)


class Authentication:
    """The backends of one broker. A Pending of a login gives None, or fails with LoginRefused where there is a reason
    that an operator wants to know, or with the error of a backend that broke.
    """

    def __init__(self, links: Iterable[Link], offload: Offload, timers: Timers, clock: Clock) -> None:
        self.hashing = SHA256
        """The algorithm for new passwords."""
        self.rules = PasswordRules()
        """What they have to be like."""
        self._offload = offload
        self._timers = timers
        self.failures = FailedLogins(clock)
        self.use(links)

    def use(self, links: Iterable[Link]) -> None:
        """Ask these from now on."""
        self._links = tuple(links)
        self._queues = {
            link.backend: TakingTurns[User | None](self._offload, link.backend.at_once) for link in self._links
        }
        self._hashing = TakingTurns[str](self._offload, AuthBackend.at_once, of_one=PASSWORDS, of_all=PASSWORDS)

    def close(self) -> None:
        """Nobody logs in any more."""
        for link in self._links:
            link.backend.close()
            link.authoriser.close()

    # -- logins ----------------------------------------------------------------------------------------------------

    def check(self, login: Login) -> Pending[User | None]:
        """Find out whose login this is."""
        for link in self._links:
            known = link.backend.remembered(login)
            try:
                user = None if known is None else link.with_rights(known, login.origin)
            except Undecided:
                continue  # it is asked once more below, after the check
            if user is not None:
                return _settled(user)
        pending: Pending[User | None] = Pending()
        if login.name is not None and len(login.name) > LONGEST_NAME:
            pending.fail(LoginRefused(f"a name of {len(login.name)} characters"))
            return pending
        delay = self.failures.delay(place(login.origin), login.name or "")
        if delay:
            self._timers.after(delay, lambda: self._ask(0, login, pending, None))
        else:
            self._ask(0, login, pending, None)
        return pending

    def known(self, name: str, origin: str = "") -> Pending[User | None]:
        """The user of this name, where something else than a secret has shown that it is this one."""

        def found() -> User | None:
            users = (link.authorised(name, origin) for link in self._links)
            return next((user for user in users if user is not None), None)

        user = once_decided(found)
        return user if isinstance(user, Pending) else _settled(user)

    def renew(self, user: User, secret: bytes, origin: str = "") -> Pending[User | None]:
        """A user's new secret. One whose login doesn't end has none, and stays as it is; None: refused."""
        if user.expires is None:
            return _settled(user)
        renewed = self.check(Login(None, secret, origin))
        return renewed.then(lambda found: found if found is not None and found.name == user.name else None)

    # -- passwords -------------------------------------------------------------------------------------------------

    def hash(self, password: str) -> Pending[str]:
        """The stored form of a new password, made off the broker's thread if that takes long."""
        make = partial(hash_password, password, algorithm=self.hashing)
        return self._hashing.run("", make) if is_slow(self.hashing) else Inline().run(make)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _ask(self, at: int, login: Login, pending: Pending[User | None], reason: Exception | None) -> None:
        if at == len(self._links):
            if reason is None or isinstance(reason, LoginRefused):
                self.failures.failed(place(login.origin), login.name or "")
            if reason is None:
                pending.settle(None)
            else:
                pending.fail(reason)
            return
        backend = self._links[at].backend
        try:
            check = backend.check(login)
            if backend.is_heavy(login):
                checked = self._queues[backend].run(place(login.origin), check)
            else:
                checked = Inline().run(check)
        except LoginRefused as refused:
            self._ask(at + 1, login, pending, refused)
        except TooManyWait:
            self._ask(at + 1, login, pending, LoginRefused("too many logins wait for their check"))
        else:
            checked.when_done(lambda done: self._answered(at, login, pending, reason, done))

    def _answered(
        self,
        at: int,
        login: Login,
        pending: Pending[User | None],
        reason: Exception | None,
        done: Pending[User | None],
    ) -> None:
        link, user = self._links[at], None
        try:
            found = done.result()
            if found is not None:
                link.backend.accepted(login, found)
                user = link.with_rights(found, login.origin)
                if user is None:
                    reason = LoginRefused(f"'{link.authoriser.name}' does not know the user '{found.name}'")
        except LoginRefused as refused:
            reason = refused
        except Undecided as undecided:
            undecided.answer.when_done(lambda _: self._answered(at, login, pending, reason, done))
            return
        except Exception as error:  # noqa: BLE001  # a defect of one backend does not keep the next one from its answer
            log.error("a backend of logins failed", backend=link.backend.name, reason=repr(error))
            reason = error
        if user is None:
            self._ask(at + 1, login, pending, reason)
        else:
            self.failures.succeeded(place(login.origin), login.name or "")
            pending.settle(user)


def _settled(user: User | None) -> Pending[User | None]:
    pending: Pending[User | None] = Pending()
    pending.settle(user)
    return pending
