"""What a new password has to be like. https://www.rabbitmq.com/docs/passwords#credential-validation"""

from __future__ import annotations

import attrs

from amqpd import patterns


@attrs.frozen
class PasswordRules:
    """None: there is no such rule. Passwords that are there already are not looked at."""

    min_length: int | None = None
    """In characters."""
    regexp: patterns.Pattern | None = None

    def refusal(self, password: str) -> str | None:
        """Why a password may not be, in RabbitMQ's words; None: it may."""
        if self.min_length is not None and len(password) < self.min_length:
            return f"minimum required password length: {self.min_length}"
        if self.regexp is not None and not self.regexp.search(password):
            return "provided password does not match the validator regular expression"
        return None
