"""Prometheus' text format: what a family of samples looks like.

https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4). Knows nothing of what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, Literal, TypeVar

import attrs

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Number = int | float
S = TypeVar("S")

_ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@attrs.frozen
class Family(Generic[S]):
    """One metric, and how it is read from a subject: a queue, a channel, the node.

    `name` is without the prefix of the endpoint.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    value: Callable[[S], Number | None]
    """None: this subject has none, and no line."""
    summed: bool = True
    """Whether a sum over all subjects means anything."""


def counter(name: str, help: str, value: Callable[[S], Number]) -> Family[S]:
    """What only rises, until the broker starts anew; its name ends in `_total`."""
    return Family(f"{name}_total", "counter", help, value)


def gauge(name: str, help: str, value: Callable[[S], Number | None], *, summed: bool = True) -> Family[S]:
    """What rises and falls."""
    return Family(name, "gauge", help, value, summed)


def heading(name: str, kind: str, help: str) -> str:
    """The two lines before the samples of a metric."""
    return f"# HELP {name} {help}\n# TYPE {name} {kind}\n"


def labels(*pairs: tuple[str, str]) -> str:
    """Labels as they stand behind a name: `{vhost="/",queue="q"}`; nothing if there are none."""
    if not pairs:
        return ""
    return "{" + ",".join([f'{name}="{value.translate(_ESCAPED)}"' for name, value in pairs]) + "}"


def sample(name: str, labelled: str, value: Number) -> str:
    """One line."""
    return f"{name}{labelled} {value}\n"
