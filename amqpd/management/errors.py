"""What can go wrong with a request, and the one place where errors of the model become answers.

RabbitMQ's status codes, error words and reasons; it says 401 where others say 403.
"""

from __future__ import annotations

from amqpd import erlang
from amqpd.broker.operations.invalid import Invalid, Missing, Protected
from amqpd.broker.policy_validation import InvalidPolicy
from amqpd.broker.ports import JournalFailed
from amqpd.errors import AccessRefused, AmqpError, NotFound

NOT_RECORDED = "What was asked for is not recorded: it may be undone by the restart that the broker needs"


class ApiError(Exception):
    """An answer that isn't what was asked for: `{"error": ..., "reason": ...}`."""

    def __init__(self, status: int, error: str, reason: object, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{status} {error}: {reason}")
        self.status = status
        self.error = error
        self.reason = reason
        self.headers = headers


def bad_request(reason: object) -> ApiError:
    """400: the request is wrong, and why."""
    return ApiError(400, "bad_request", reason)


def not_authorised(reason: str) -> ApiError:
    """401: this user may not do that."""
    return ApiError(401, "not_authorised", reason)


def not_found() -> ApiError:
    """404: there is nothing at this path."""
    return ApiError(404, "Object Not Found", "Not Found")


def key_missing(*names: str) -> ApiError:
    """400: the body lacks these fields."""
    return bad_request(erlang.items([f"{{key_missing,{name}}}" for name in names]))


def answer_to(error: Exception) -> ApiError | None:
    """The answer that an error of the model stands for; None: it is a defect."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Invalid):
        return bad_request(error.term)
    if isinstance(error, InvalidPolicy):
        return bad_request(str(error))
    if isinstance(error, Missing):
        return not_found()
    if isinstance(error, Protected):
        return ApiError(412, "precondition_failed", str(error))
    if isinstance(error, AccessRefused):
        return not_authorised("Access refused.")
    if isinstance(error, NotFound):
        return ApiError(404, "not_found", error.text)
    if isinstance(error, JournalFailed):
        return ApiError(503, "service_unavailable", f"{error}. {NOT_RECORDED}")
    if isinstance(error, AmqpError):
        return bad_request(error.text or error.name)
    return None


def as_on_a_channel(error: AmqpError) -> ApiError:
    """The answer where RabbitMQ shows the reply of a channel: publish."""
    return bad_request(f"{error.code} {error.reply_text}")
