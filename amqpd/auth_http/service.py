"""One question to the service: a GET or a POST with parameters, and a word for an answer. It blocks: for threads."""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urlencode

import attrs
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from amqpd.config import AuthHttp
from amqpd.config.errors import ConfigError
from amqpd.log import get_logger

log = get_logger(__name__)

AT_ONCE: Final = 8
"""Questions, of logins and of permissions each, that are under way at the same time."""
LONGEST: Final = 64 * 1024
"""Octets of an answer."""
DENY: Final = "deny"
ALLOW: Final = "allow"


@attrs.frozen
class Question:
    """Whom, and what. Equal ones have the same answer."""

    url: str
    parameters: tuple[tuple[str, str | bytes], ...] = attrs.field(repr=False)
    """There may be a password among them."""


def allows(answer: str) -> bool:
    """Whether it is the word that allows, alone or with tags behind it."""
    return answer.split(maxsplit=1)[:1] == [ALLOW]


class Unanswered(Exception):
    """The service said nothing that can be understood; the text says why, without what was asked."""


class Service:
    """The service of the settings. Raises ConfigError for TLS files that can't be loaded."""

    def __init__(self, settings: AuthHttp) -> None:
        self._posts = settings.http_method == "post"
        timeout = urllib3.Timeout(connect=settings.connection_timeout, read=settings.request_timeout)
        self._pool = urllib3.PoolManager(
            maxsize=2 * AT_ONCE, timeout=timeout, retries=False, ssl_context=_context(settings)
        )

    def close(self) -> None:
        """Close the connections that are kept for the next questions."""
        self._pool.clear()

    def ask(self, question: Question) -> str:
        """The answer, in lower case. Raises Unanswered."""
        said = urlencode(question.parameters, errors="surrogateescape")
        try:
            return self._ask(question.url, said)
        except (HTTPError, OSError) as error:
            # A request of GET is its own URL, and there is a password in it.
            text = f"{type(error).__name__}: {error}"
            raise Unanswered(type(error).__name__ if said in text else text) from None

    def _ask(self, url: str, said: str) -> str:
        try:
            status, body = self._answer(url, said)
        except ProtocolError:  # it has closed a connection that was kept for the next question
            status, body = self._answer(url, said)
        if status not in (200, 201):
            raise Unanswered(f"the answer has the status {status}: expected 200 or 201")
        return body.decode("utf-8", "replace").strip().lower()

    def _answer(self, url: str, said: str) -> tuple[int, bytes]:
        if self._posts:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            response = self._pool.request("POST", url, said, headers=headers, redirect=False, preload_content=False)
        else:
            response = self._pool.request("GET", f"{url}?{said}", redirect=False, preload_content=False)
        try:
            body = response.read(LONGEST + 1)
            if len(body) > LONGEST:
                response.close()
                raise Unanswered(f"the answer has more than {LONGEST} octets")
            return response.status, body
        finally:
            response.release_conn()


def _context(settings: AuthHttp) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except OSError as error:
        problem = f"cannot load authorities {settings.ca}: {error.strerror or error}"
        raise ConfigError(problem, key="auth_http.ca", allowed="a readable PEM file") from error
    if settings.certificate is not None:
        try:
            context.load_cert_chain(settings.certificate, settings.key, password="")
        except OSError as error:
            problem = f"cannot load certificate {settings.certificate}: {error.strerror or error}"
            raise ConfigError(problem, key="auth_http.certificate", allowed="readable PEM files") from error
    return context
