"""The backend `http`: a service says who users are, with their tags, and what they may do.

Paths, parameters and answers are those of RabbitMQ's rabbitmq_auth_backend_http; answers are remembered for a while, as
by rabbitmq_auth_backend_cache. https://www.rabbitmq.com/docs/auth-http
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import ClassVar, Final

import attrs

from amqpd.auth_http.answers import Answers
from amqpd.auth_http.service import ALLOW, AT_ONCE, DENY, Question, Service, Unanswered, allows
from amqpd.broker.authentication.port import AuthBackend, Login
from amqpd.broker.permissions import Access
from amqpd.broker.ports import Offload
from amqpd.broker.timers import Timers
from amqpd.broker.users import User
from amqpd.clock import Clock
from amqpd.config import AuthHttp
from amqpd.errors import LoginRefused

REMEMBERED: Final = 4096
"""Logins that were accepted a moment ago."""


class HttpBackend(AuthBackend):
    """Asks one service. Raises ConfigError for TLS files that can't be loaded."""

    name: ClassVar[str] = "http"
    at_once: ClassVar[int] = AT_ONCE

    def __init__(self, settings: AuthHttp, offload: Offload, timers: Timers, clock: Clock, access: Access) -> None:
        self.settings = settings
        self.service = Service(settings)
        self.answers = Answers(self.service, settings.cache_ttl, offload, timers, access)
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._accepted: dict[bytes, tuple[User, float]] = {}

    def remembered(self, login: Login) -> User | None:
        user, until = self._accepted.get(self._digest(login), (None, 0.0))
        return user if until > self._clock.monotonic() else None

    def check(self, login: Login) -> Callable[[], User | None]:
        if login.name is None:
            return lambda: None  # a token, for another backend
        parameters = (("username", login.name), ("password", login.secret))
        return _Check(Question(self.settings.user_path, parameters), login.name, login.origin, self)

    def accepted(self, login: Login, user: User) -> None:
        if len(self._accepted) >= REMEMBERED:
            del self._accepted[next(iter(self._accepted))]
        self._accepted[self._digest(login)] = user, self._clock.monotonic() + self.settings.cache_ttl

    def authorise(self, name: str) -> User | None:
        """Raises Undecided while the service has not answered."""
        answer = self.answers.of(Question(self.settings.user_path, (("username", name),)), name)
        return None if answer == DENY else self.user(name, answer)

    def at(self, user: User, origin: str) -> User:
        """The service is told the address when it is asked about a virtual host."""
        authority = user.authority
        if not isinstance(authority, HttpAuthority):
            return user
        return attrs.evolve(user, authority=attrs.evolve(authority, origin=origin))

    def close(self) -> None:
        self.service.close()

    def user(self, name: str, answer: str, origin: str = "") -> User:
        """Who it is where the service has allowed it, in its words: `allow`, and tags."""
        tags = tuple(dict.fromkeys(answer.removeprefix(ALLOW).split()))
        return User(name, tags=tags, authority=HttpAuthority(self.settings, self.answers, " ".join(tags), origin))

    def _digest(self, login: Login) -> bytes:
        """The address is part of it: the service is told it, and may say something else about another one."""
        said = repr((login.origin, login.name, login.secret))
        return hashlib.blake2b(said.encode(), key=self._key).digest()


@attrs.frozen
class _Check:
    """One login. Equal ones, from the same place, are asked once where several wait."""

    question: Question
    name: str
    origin: str
    backend: HttpBackend = attrs.field(eq=False, repr=False)

    def __call__(self) -> User | None:
        try:
            answer = self.backend.service.ask(self.question)
        except Unanswered as error:
            raise LoginRefused(f"the HTTP service gave no answer: {error}") from None
        if answer == DENY:
            return None
        if not allows(answer):
            raise LoginRefused(f"the HTTP service said {answer[:80]!r}: expected allow or deny")
        return self.backend.user(self.name, answer, self.origin)


@attrs.frozen
class HttpAuthority:
    """What a user may do, as the service says. Each answer that is not there yet is Undecided."""

    settings: AuthHttp
    answers: Answers
    tags: str
    origin: str
    """The address that the user came from."""

    def enters(self, user: str, vhost: str) -> bool:
        asked = (("username", user), ("vhost", vhost), ("ip", self.origin), ("tags", self.tags))
        return self._allowed(user, self.settings.vhost_path, asked)

    def allows(self, user: str, vhost: str, permission: str, kind: str, name: str) -> bool:
        resource = (("resource", kind), ("name", name), ("permission", permission), ("tags", self.tags))
        return self._allowed(user, self.settings.resource_path, (("username", user), ("vhost", vhost), *resource))

    def rules_topics(self, user: str, vhost: str, exchange: str) -> bool:
        return True

    def allows_topic(self, user: str, vhost: str, exchange: str, permission: str, routing_key: str) -> bool:
        topic = (("resource", "topic"), ("name", exchange), ("permission", permission), ("tags", self.tags))
        key = (("routing_key", routing_key), ("variable_map.username", user), ("variable_map.vhost", vhost))
        return self._allowed(user, self.settings.topic_path, (("username", user), ("vhost", vhost), *topic, *key))

    def _allowed(self, user: str, url: str, parameters: tuple[tuple[str, str], ...]) -> bool:
        return self.answers.of(Question(url, parameters), user) != DENY
