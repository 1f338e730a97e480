"""The errors that reach a client: each knows its AMQP reply code.

Handlers raise them and never write; `protocol.closing` alone turns one into channel.close or connection.close. A soft
error closes the channel that it happened on, a hard one the connection (AMQP 0-9-1, section 4.10; constants of the
specification). This module imports nothing, so that every layer can raise.
"""

from __future__ import annotations

from typing import ClassVar

MAX_REPLY_TEXT = 255
"""A reply-text is a short string: at most this many octets of UTF-8."""


class AmqpError(Exception):
    """An AMQP exception with the text that a RabbitMQ client would read.

    `method` is the (class id, method id) that failed: None means the method being handled, (0, 0) that the error is not
    tied to a method.
    """

    code: ClassVar[int]
    name: ClassVar[str]
    hard: ClassVar[bool] = False

    def __init__(self, text: str = "", *, method: tuple[int, int] | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.method = method

    @property
    def reply_text(self) -> str:
        """The complete reply-text, `<NAME> - <text>`; a longer one than a short string holds ends in three dots."""
        whole = f"{self.name} - {self.text}" if self.text else self.name
        octets = whole.encode("utf-8", "surrogateescape")
        if len(octets) <= MAX_REPLY_TEXT:
            return whole
        end = MAX_REPLY_TEXT - 3
        while octets[end] & 0xC0 == 0x80 and end > MAX_REPLY_TEXT - 6:  # not within a character
            end -= 1
        return octets[:end].decode("utf-8", "surrogateescape") + "..."


class HardError(AmqpError):
    """Closes the connection, whichever channel it happened on."""

    hard = True


class AccessRefused(AmqpError):
    """403: the user may not do that."""

    code, name = 403, "ACCESS_REFUSED"


class NotFound(AmqpError):
    """404: it does not exist."""

    code, name = 404, "NOT_FOUND"


class ResourceLocked(AmqpError):
    """405: it is another connection's alone."""

    code, name = 405, "RESOURCE_LOCKED"


class PreconditionFailed(AmqpError):
    """406: it is not as the request presumes."""

    code, name = 406, "PRECONDITION_FAILED"


class ConnectionForced(HardError):
    """320: an operator, or the broker's end, closes the connection."""

    code, name = 320, "CONNECTION_FORCED"


class FrameError(HardError):
    """501: a frame is malformed."""

    code, name = 501, "FRAME_ERROR"


class FatalFrameError(FrameError):
    """The byte stream itself is out of step: nothing after it can be read, not even a close-ok."""


class SyntaxRefused(HardError):
    """502: a field's value is malformed."""

    code, name = 502, "SYNTAX_ERROR"


class CommandInvalid(HardError):
    """503: the method makes no sense here."""

    code, name = 503, "COMMAND_INVALID"


class ChannelMisused(HardError):
    """504: the method doesn't fit the state of its channel."""

    code, name = 504, "CHANNEL_ERROR"


class UnexpectedFrame(HardError):
    """505: another frame is expected."""

    code, name = 505, "UNEXPECTED_FRAME"


class ResourceError(HardError):
    """506: the client asks for more than the broker gives it."""

    code, name = 506, "RESOURCE_ERROR"


class NotAllowed(HardError):
    """530: it is forbidden for everybody in this situation."""

    code, name = 530, "NOT_ALLOWED"


class NotImplementedHere(HardError):
    """540: RabbitMQ doesn't do that."""

    code, name = 540, "NOT_IMPLEMENTED"


class InternalError(HardError):
    """541: the broker failed, or RabbitMQ would have."""

    code, name = 541, "INTERNAL_ERROR"


class LoginRefused(HardError):
    """403 during login, where there is no channel to close yet."""

    code, name = 403, "ACCESS_REFUSED"
