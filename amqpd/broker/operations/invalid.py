"""What an operator asked for cannot be: the text says why, and `term` is the reason as RabbitMQ's HTTP API shows it."""

from __future__ import annotations


class Invalid(ValueError):
    """Nothing was changed. `term`: the reason as JSON where RabbitMQ shows more than a text; None: the text is it."""

    def __init__(self, text: str, term: object = None) -> None:
        super().__init__(text)
        self.term = text if term is None else term


class Missing(LookupError):
    """What an operator named isn't there."""


class Protected(ValueError):
    """It is kept from being deleted."""
