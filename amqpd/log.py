"""Logging: one line per event that an operator acts on, with values as keys.

Libraries and tests that embed amqpd keep their own logging: events go to the standard `logging` tree under `amqpd`,
with their values as `extra`, and nothing is configured on import. `configure` is for the server process alone.
Whatever passes the level is also kept for a while in `log_tail`.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, Literal, cast

import structlog

from amqpd.log_tail import TAIL
from amqpd.visible import visible

DEBUG: Final = logging.DEBUG
"""For `isEnabledFor`: events of every connection aren't even put together where nobody reads them."""


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events carry key-value pairs: `log.info("connection opened", user="guest")`."""
    logger = logging.getLogger(name)
    return cast(
        structlog.stdlib.BoundLogger,
        # Bound once: the proxy that `wrap_logger` returns would build a new logger for every event.
        structlog.wrap_logger(
            logger,
            processors=[structlog.stdlib.filter_by_level, _for_logging],
            wrapper_class=structlog.stdlib.BoundLogger,
            context_class=dict,
        ).bind(),
    )


def _for_logging(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    text = str(event.pop("event"))
    values = dict(event)
    exception = values.pop("exc_info", None)
    TAIL.add(method, logger.name, text, values, exception)
    line = " ".join([text, *(f"{key}={value!r}" for key, value in values.items())])
    return {"msg": line, "extra": {"event": text, "values": values}, "exc_info": exception}


class _Render(logging.Formatter):
    def __init__(self, renderer: structlog.typing.Processor, *, for_terminal: bool = False) -> None:
        super().__init__()
        self._renderer = renderer
        self._for_terminal = for_terminal

    def format(self, record: logging.LogRecord) -> str:
        known: dict[str, Any] = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "event": getattr(record, "event", None) or record.getMessage(),
        }
        event = {**known, **getattr(record, "values", {}), **known}  # a value never passes itself off as one of them
        if self._for_terminal:
            event = {key: visible(value) if isinstance(value, str) else value for key, value in event.items()}
        if record.exc_info:
            text = self.formatException(record.exc_info)
            event["exception"] = visible(text, "\n\t") if self._for_terminal else text
        return cast(str, self._renderer(None, record.levelname.lower(), event))


def configure(level: str, format: Literal["console", "json"]) -> None:
    """Send amqpd's events to standard error, as lines for people or as one JSON object a line."""
    renderer: structlog.typing.Processor
    if format == "json":
        renderer = structlog.processors.JSONRenderer(default=str)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Render(renderer, for_terminal=format == "console"))
    root = logging.getLogger("amqpd")
    root.handlers[:] = [handler]
    root.propagate = False
    set_level(level)


def set_level(level: str) -> None:
    """Write events from this level on."""
    logging.getLogger("amqpd").setLevel(level.upper())
