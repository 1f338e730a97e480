"""Take over definitions: a document of RabbitMQ's or amqpd's own becomes users, vhosts, queues and so on.

The document's shape is checked before anything changes; then its items are taken over in RabbitMQ's order, a share of
them each turn. Existing queues, exchanges and bindings stay as they are, everything else is replaced, so that the same
document again changes nothing. Names that belong to the broker are skipped, and what amqpd doesn't know is named in the
log and to whoever imports. https://www.rabbitmq.com/docs/definitions
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs

from amqpd.broker.broker import Broker
from amqpd.broker.operations import access, limits, parameters, policies, vhosts
from amqpd.broker.operations.foreign import EXCHANGE_TYPES, without_foreign_keys
from amqpd.broker.operations.invalid import Invalid, Missing
from amqpd.broker.operations.json_values import Item, arguments_of, flag, is_old, limits_of, tags_of
from amqpd.broker.operations.lookup import once_durable
from amqpd.broker.operations.names import short
from amqpd.broker.passwords import SHA256, is_slow
from amqpd.broker.pending import Pending
from amqpd.broker.policies import ALL
from amqpd.broker.policy_validation import InvalidPolicy
from amqpd.broker.vhost import VHost
from amqpd.broker.work import Work
from amqpd.errors import AmqpError
from amqpd.log import get_logger

log = get_logger(__name__)

AT_ONCE: Final = 64
"""Items that are taken over in the turn in which the import begins."""
MD5: Final = "rabbit_password_hashing_md5"

Take = Callable[[Item], Pending[bool] | None]
"""Gives a Pending where the next item has to wait for this one."""

TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "users": ("name",),
    "vhosts": ("name",),
    "permissions": ("user", "vhost", "configure", "write", "read"),
    "exchanges": ("name", "vhost", "type"),
    "topic_permissions": ("user", "vhost", "exchange", "write", "read"),
    "global_parameters": ("name",),
    "policies": ("name", "vhost", "pattern"),
    "parameters": ("name", "vhost", "component"),
    "queues": ("name", "vhost"),
    "bindings": ("source", "vhost", "destination", "destination_type", "routing_key"),
}
"""Sections in the order in which they are taken over, and the texts that each of their items has to have."""
NAMES: Final = ("name", "vhost", "user", "exchange", "source", "destination", "routing_key")
"""Those of them that clients have to be able to say."""
MOST_SKIPPED: Final = 1000
"""Of what is skipped, so many are told one by one."""
OUTER: Final = re.compile(r"(rabbit|product|original|rabbitmq)_\w+|explanation|metadata|description|default_queue_type")
"""Keys beside the sections, which say where a document comes from."""
OF_A_VHOST: Final = ("exchanges", "policies", "parameters", "queues", "bindings")


@attrs.frozen
class Skipped:
    """What was not taken over."""

    section: str
    name: str
    reason: str


def import_definitions(
    broker: Broker, document: Item, *, vhost: VHost | None = None, by: str
) -> Pending[list[Skipped]] | list[Skipped]:
    """Take a document over, all of it or (`vhost`) what belongs into one vhost, whatever vhost its items name.

    Results in what was not taken over. Raises Invalid before anything has changed; a Pending fails with Invalid for an
    item that cannot be, and what came before it stays.
    """
    work = Import(broker, document, vhost, by)
    if work.step(AT_ONCE):
        broker.work.add(work)
    if not work.done.done:
        return work.done
    return once_durable(broker.journal, work.done.result())


class Import(Work):
    """Takes over items one by one."""

    __slots__ = ("_broker", "_by", "_items", "_queues", "_skipped", "_version", "_vhost", "done")

    def __init__(self, broker: Broker, document: Item, vhost: VHost | None, by: str) -> None:
        self._broker = broker
        self._vhost = vhost
        self._by = by
        self._version = document.get("rabbit_version") or document.get("rabbitmq_version")
        sections = tuple(TEXTS) if vhost is None else OF_A_VHOST
        self._queues: list[Item] = []
        self._items = iter([*self._checked(document, sections)])
        self._skipped: list[Skipped] = []
        for key, value in document.items():
            if value and key not in sections and not OUTER.fullmatch(key):
                self._skip(key, "", "nothing here uses it" if vhost is None else "it is not part of a virtual host")
        self.done: Pending[list[Skipped]] = Pending()

    def step(self, budget: int) -> bool:
        for _ in range(max(1, budget)):
            found = next(self._items, None)
            if found is None:
                self._finish()
                return False
            section, take, item = found
            try:
                waits = take(item)
            except (Invalid, InvalidPolicy, Missing, AmqpError, ValueError) as error:
                refusal = _refusal(section, item, error)
                log.warning("definitions imported in part: what came before this stays", reason=str(refusal))
                self.done.fail(refusal)
                return False
            except Exception as error:  # noqa: BLE001  # for whoever waits for the outcome
                self.done.fail(error)
                return False
            if waits is not None and not waits.done:
                waits.when_done(self._go_on)
                return False
        return True

    def _go_on(self, waited: Pending[bool]) -> None:
        try:
            waited.result()
        except Exception as error:  # noqa: BLE001  # the same
            self.done.fail(error)
        else:
            self._broker.work.add(self)

    def _finish(self) -> None:
        pending = self._broker.journal.definitions_durable()
        if pending is None:
            self.done.settle(self._skipped)
        else:
            pending.then(lambda _: self._skipped).pass_on(self.done)

    # -- what the document says ------------------------------------------------------------------------------------

    def _checked(self, document: Item, sections: tuple[str, ...]) -> Iterator[tuple[str, Take, Item]]:
        """All items with what takes them over. Raises Invalid for one that is none."""
        for section in sections:
            items = document.get(section, [])
            if not isinstance(items, list):
                raise Invalid(f"'{section}' is {items!r:.80}: expected an array")
            if section == ("exchanges" if self._vhost else "permissions"):  # all vhosts are there now
                yield "queues", self._require_room, {}
            take = self._takes()[section]
            for item in items:
                if not isinstance(item, dict):
                    raise Invalid(f"'{section}' holds {item!r:.80}: expected objects")
                placed = item if self._vhost is None else {**item, "vhost": self._vhost.name}
                self._check(section, placed)
                if section == "queues":
                    self._queues.append(placed)
                yield section, take, placed

    def _check(self, section: str, item: Item) -> None:
        for name in TEXTS[section]:
            if name == "vhost" and item.get("vhost", ...) in (..., None):
                raise Invalid(f"an item of '{section}' names no vhost", ["no_such_vhost", "undefined"])
            if not isinstance(item.get(name), str):
                shown = repr(item[name])[:80] if name in item else "missing"
                raise Invalid(f"'{name}' of an item of '{section}' is {shown}: expected a text")
            if name in NAMES:
                short(f"'{name}' of an item of '{section}'", str(item[name]))
        for name in ("arguments", "definition", "metadata"):
            if name in item and not isinstance(item[name], dict | list if name == "arguments" else dict):
                raise Invalid(f"'{name}' of an item of '{section}' is {item[name]!r:.80}: expected an object")

    def _takes(self) -> Mapping[str, Take]:
        return {
            "users": self._user,
            "vhosts": self._take_vhost,
            "permissions": self._permission,
            "exchanges": self._exchange,
            "topic_permissions": self._topic_permission,
            "global_parameters": self._global_parameter,
            "policies": self._policy,
            "parameters": self._parameter,
            "queues": self._queue,
            "bindings": self._binding,
        }

    # -- one function for each section ------------------------------------------------------------------------------

    def _user(self, item: Item) -> Pending[bool] | None:
        algorithm = item.get("hashing_algorithm") or (MD5 if is_old(self._version) else SHA256)
        password, password_hash, given = item.get("password"), item.get("password_hash"), item.get("limits") or {}
        made = access.put_user(
            self._broker,
            str(item["name"]),
            tags=tags_of(item.get("tags", [])),
            password=str(password) if password is not None else None,
            password_hash=str(password_hash) if password_hash is not None else None,
            algorithm=str(algorithm),
            limits=given if isinstance(given, dict) else {},
            by=self._by,
        )
        slow = password is not None and is_slow(self._broker.authentication.hashing)
        return made if slow and isinstance(made, Pending) else None

    def _take_vhost(self, item: Item) -> None:
        metadata = item.get("metadata")
        said = {**item, **metadata} if isinstance(metadata, Mapping) else item
        default, given = said.get("default_queue_type"), item.get("limits") or []
        name, new = str(item["name"]), item["name"] not in self._broker.vhosts
        vhosts.put_vhost(
            self._broker,
            name,
            description=str(said.get("description") or ""),
            tags=tags_of(said.get("tags") or []),
            default_queue_type=None if default in (None, "undefined") else str(default),
            protected=flag(said, "protected_from_deletion", False),
            tracing=flag(item, "tracing", False) if "tracing" in item else None,
            by=self._by,
        )
        if new and self._by in self._broker.access.users:
            self._broker.access.grant(self._by, name, by=self._by)
        if given:
            vhost = self._broker.vhosts[name]
            limits.limit_vhost(self._broker, vhost, limits.vhost_limits(limits_of(given)), by=self._by)

    def _require_room(self, _: Item) -> None:
        """Raises Invalid where a vhost may not have as many queues as it would."""
        asked = Counter[str]()
        for item in self._queues:
            vhost = self._broker.vhosts.get(str(item["vhost"]))
            if vhost is not None and item["name"] not in vhost.queues and not is_reserved(str(item["name"])):
                asked[vhost.name] += 1
        for name, count in asked.items():
            vhost = self._broker.vhosts[name]
            limit, there = vhost.max_queues, len(vhost.queues)
            if limit is not None and 0 <= limit < there + count:
                raise Invalid(
                    f'Adding {count} queue(s) to virtual host "{name}" would exceed the limit of {limit} queue(s).\n\n'
                    f"This virtual host currently has {there} queue(s) defined.\n\nImport aborted!"
                )

    def _permission(self, item: Item) -> None:
        patterns = [str(item[name]) for name in ("configure", "write", "read")]
        self._require_user(item)
        access.grant(self._broker, str(item["user"]), str(item["vhost"]), *patterns, by=self._by)

    def _topic_permission(self, item: Item) -> None:
        user, vhost, exchange = str(item["user"]), str(item["vhost"]), str(item["exchange"])
        write, read = str(item["write"]), str(item["read"])
        self._require_user(item)
        access.grant_topic(self._broker, user, vhost, exchange, write, read, by=self._by)

    def _global_parameter(self, item: Item) -> None:
        if item["name"] != "internal_cluster_id":  # it names RabbitMQ's own cluster
            parameters.set_global(self._broker, str(item["name"]), item.get("value"), by=self._by)

    def _parameter(self, item: Item) -> None:
        component, name, vhost = str(item["component"]), str(item["name"]), self._named_vhost(item)
        known = (parameters.VHOST_LIMITS, parameters.OPERATOR_POLICY, parameters.POLICY)
        if component in known:
            parameters.set_parameter(self._broker, vhost, component, name, item.get("value"), by=self._by)
        else:
            self._skip("parameters", f"{component}/{name}", "nothing here uses it")

    def _policy(self, item: Item) -> None:
        vhost, name, definition = self._named_vhost(item), str(item["name"]), item.get("definition")
        if isinstance(definition, Mapping):
            definition, keys = without_foreign_keys(definition, self._broker.compat)
            if keys:
                self._skip("policies", f"{vhost.name}/{name}", f"nothing here uses {', '.join(keys)}")
                if not definition:
                    return
        policies.set_policy(
            self._broker,
            vhost,
            name,
            str(item["pattern"]),
            definition,  # type: ignore[arg-type]  # the operation checks what it is
            priority=item.get("priority", 0),  # type: ignore[arg-type]  # the same
            apply_to=item.get("apply-to", ALL),  # type: ignore[arg-type]  # the same
            by=self._by,
        )

    def _exchange(self, item: Item) -> None:
        vhost, name = self._named_vhost(item), str(item["name"])
        if name in vhost.exchanges or self._is_reserved("exchange", name):
            return
        if item["type"] in EXCHANGE_TYPES and item["type"] not in vhost.context.types:
            self._skip("exchanges", f"{vhost.name}/{name}", f"there is no type '{item['type']}' here")
            return
        vhost.add_exchange(
            name,
            vhost.context.type_named(str(item["type"])),
            durable=flag(item, "durable", True),
            auto_delete=flag(item, "auto_delete", False),
            internal=flag(item, "internal", False),
            arguments=arguments_of(item),
            by=self._by,
        )

    def _queue(self, item: Item) -> None:
        vhost, name, arguments = self._named_vhost(item), str(item["name"]), arguments_of(item)
        if name in vhost.queues or self._is_reserved("queue", name):
            return
        durable, auto_delete = flag(item, "durable", True), flag(item, "auto_delete", False)
        queue_type = self._broker.queue_arguments.check(name, vhost.name, arguments).queue_type
        what = f"queue '{name}' in vhost '{vhost.name}'"
        queue_type.check_new(what, durable=durable, exclusive=False, auto_delete=auto_delete)
        vhost.add_queue(name, durable, auto_delete, None, arguments, self._by)

    def _binding(self, item: Item) -> None:
        vhost, source, name = self._named_vhost(item), str(item["source"]), str(item["destination"])
        if not source:
            return  # every queue is bound to the default exchange
        exchange, routing_key, arguments = vhost.exchanges.get(source), str(item["routing_key"]), arguments_of(item)
        kind = item["destination_type"]
        if kind not in ("queue", "exchange"):
            raise Invalid(f"destination_type is '{kind}': expected 'queue' or 'exchange'")
        destination = vhost.queues.get(name) if kind == "queue" else vhost.exchanges.get(name) if name else None
        if exchange is None or destination is None:
            gone = f"exchange '{source}'" if exchange is None else f"{kind} '{name}'"
            self._skip("bindings", f"{vhost.name}/{source} -> {name}", f"there is no {gone}")
            return
        exchange.router.check(routing_key, arguments, destination)
        vhost.bind(exchange, destination, routing_key, arguments, self._by)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _named_vhost(self, item: Item) -> VHost:
        vhost = self._broker.vhosts.get(str(item["vhost"]))
        if vhost is None:
            text = f'Please create virtual host "{item["vhost"]}" prior to importing definitions.'
            raise Invalid(text, ["no_such_vhost", item["vhost"]])
        return vhost

    def _require_user(self, item: Item) -> None:
        self._named_vhost(item)
        if item["user"] not in self._broker.access.users:
            raise access.no_such_user(str(item["user"]))

    def _is_reserved(self, kind: str, name: str) -> bool:
        if not is_reserved(name):
            return False
        self._skip(f"{kind}s", name, "names that begin with amq. are the broker's")
        return True

    def _skip(self, section: str, name: str, reason: str) -> None:
        log.warning("definition not imported", section=section, name=name, reason=reason)
        if len(self._skipped) < MOST_SKIPPED:
            self._skipped.append(Skipped(section, name, reason))


def is_reserved(name: str) -> bool:
    """Whether it is a name of the broker's own."""
    return not name or name.startswith("amq.")


def _refusal(section: str, item: Item, error: Exception) -> Invalid:
    text = error.text if isinstance(error, AmqpError) else str(error)
    if isinstance(error, Invalid) and not isinstance(error.term, str):
        return error
    if not item:  # it is about all of them
        return Invalid(text)
    name = item.get("name", item.get("destination", item.get("user", "")))
    where = [str(item.get("vhost", section)), *([str(item["component"])] if section == "parameters" else []), str(name)]
    return Invalid(f"{text} ({'/'.join(where)})")
