"""topic: words between dots; `*` is one word, `#` any number (also none). The trie does the matching."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Final

from amqpd.broker.bindings import Binding
from amqpd.broker.exchange import Exchange, ExchangeType
from amqpd.broker.exchange_context import ExchangeContext
from amqpd.broker.topic_trie import TopicTrie
from amqpd.errors import PreconditionFailed
from amqpd.fields import Table
from amqpd.properties import Properties

if TYPE_CHECKING:
    from amqpd.broker.queue import Queue


KNOWN: Final = 16_384
"""Routing keys whose destinations are remembered."""


class Topic(ExchangeType):
    """Cost grows with the words of the key and the wildcards on its way, not with the bindings that don't match. What
    was found is remembered until a binding changes.
    """

    name: ClassVar[str] = "topic"

    def __init__(self, exchange: Exchange, context: ExchangeContext) -> None:
        self._trie: TopicTrie[Queue | Exchange] = TopicTrie()
        self._known: dict[str, list[Queue | Exchange]] = {}
        self._wildcards_maximum = context.compat.profile.topic_wildcards_maximum

    def check(self, routing_key: str, arguments: Table, destination: Queue | Exchange) -> None:
        maximum = self._wildcards_maximum
        wildcards = routing_key.split(".").count("#")
        if maximum is not None and wildcards > maximum:
            raise PreconditionFailed(
                f"Topic binding key '{routing_key}' uses {wildcards} '#' wildcards, at most {maximum} are allowed"
            )

    def add(self, binding: Binding) -> None:
        self._known.clear()
        self._trie.add(binding.routing_key, binding.destination)

    def remove(self, binding: Binding) -> None:
        self._known.clear()
        self._trie.remove(binding.routing_key, binding.destination)

    def route(self, routing_key: str, properties: Properties) -> Collection[Queue | Exchange]:
        found = self._known.get(routing_key)
        if found is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            found = self._known[routing_key] = self._trie.match(routing_key)
        return found
