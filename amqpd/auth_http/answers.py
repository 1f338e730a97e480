"""Answers of the service that are remembered for a while, and questions that wait for theirs.

Refusals and failures are kept for a moment alone: whoever waits for the answer finds it, and what a user is given
counts soon. When answers are forgotten, verdicts that sessions remember are too.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from amqpd.auth_http.service import AT_ONCE, DENY, Question, Service, Unanswered, allows
from amqpd.broker.permissions import Access
from amqpd.broker.ports import Offload
from amqpd.broker.taking_turns import TakingTurns, TooManyWait
from amqpd.broker.timers import Timer, Timers
from amqpd.broker.undecided import Undecided
from amqpd.log import get_logger

log = get_logger(__name__)

REFUSED: Final = 1.0
"""Seconds for which a refusal is kept."""
MOST: Final = 65_536
"""Answers that are kept; beyond them, all are forgotten."""
OF_ONE: Final = 2048
"""Questions about one user that may wait: a channel has one at a time."""
OF_ALL: Final = 65_536


class Answers:
    """Those of one service. On the broker's thread."""

    def __init__(self, service: Service, ttl: float, offload: Offload, timers: Timers, access: Access) -> None:
        self._service = service
        self._ttl = ttl
        self._timers = timers
        self._access = access
        self._asking = TakingTurns[str](offload, AT_ONCE, OF_ONE, OF_ALL)
        self._known: dict[Question, str] = {}
        self._refused: dict[Question, str] = {}
        self._expiry: Timer | None = None
        self._refused_expiry: Timer | None = None

    def of(self, question: Question, user: str) -> str:
        """The answer to a question about a user. Raises Undecided while there is none."""
        known = self._known.get(question) or self._refused.get(question)
        if known is not None:
            return known
        try:
            asked = self._asking.run(user, partial(_asked, self._service, question))
        except TooManyWait as error:
            log.error("a permission is refused: too many questions wait for the HTTP service", reason=str(error))
            return DENY
        raise Undecided(asked.then(partial(self._keep, question)))

    def _keep(self, question: Question, answer: str) -> None:
        if allows(answer):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[question] = answer
            if self._expiry is None:
                self._expiry = self._timers.after(self._ttl, self._forget)
            return
        if len(self._refused) >= MOST:
            self._refused.clear()
        self._refused[question] = answer
        if self._refused_expiry is None:
            self._refused_expiry = self._timers.after(REFUSED, self._forget_refusals)

    def _forget(self) -> None:
        self._expiry = None
        self._known.clear()
        self._access.changed()

    def _forget_refusals(self) -> None:
        self._refused_expiry = None
        self._refused.clear()
        self._access.changed()


def _asked(service: Service, question: Question) -> str:
    """In a thread; what can't be learnt is a refusal."""
    try:
        answer = service.ask(question)
    except Unanswered as error:
        log.error("a permission is refused: the HTTP service gave no answer", url=question.url, reason=str(error))
        return DENY
    if answer != DENY and not allows(answer):
        log.error("a permission is refused: expected allow or deny", url=question.url, answer=answer[:80])
        return DENY
    return answer
