"""The answer to one scrape, as pieces of text: which families an endpoint has, and how they are written.

A piece comes after at most a slice of work, counted and not timed, and may be empty: whoever sends them lets others
have their turn in between. https://www.rabbitmq.com/docs/prometheus
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from amqpd.metrics import families, node_families
from amqpd.metrics.machine import Machine
from amqpd.metrics.survey import SAMPLES, SLICE, ExchangeSubject, QueueSubject, Survey, everything
from amqpd.metrics.text import Family, heading, labels, sample

if TYPE_CHECKING:
    from amqpd.metrics.node_families import Reading
    from amqpd.protocol.node import Node

S = TypeVar("S")

PREFIX: Final = "rabbitmq_"
OWN: Final = "amqpd_"
DETAILED: Final = "rabbitmq_detailed_"
CLUSTER: Final = "rabbitmq_cluster_"

AGGREGATED: Final = "aggregated"
PER_OBJECT: Final = "per-object"
SELECTED: Final = "detailed"
MEMORY: Final = "memory-breakdown"
ENDPOINTS: Final = (AGGREGATED, PER_OBJECT, SELECTED, MEMORY)

QUEUE_METRICS: Final = "queue_metrics"


@attrs.frozen
class Table:
    """Families that are read from the same subjects."""

    families: tuple[Family[Any], ...]
    subjects: Callable[[Survey], Sequence[Any]]
    totals: Callable[[Survey], object] | None = None
    """What counters add up to over all subjects, those that have ended included; its attribute `counts`."""
    whole: Callable[[Survey], object] | None = None
    """What stands for all subjects in gauges; None: they are added up one by one."""


@attrs.frozen
class Counted:
    """Stands for all subjects of a table."""

    counts: object


def _queues(survey: Survey) -> Sequence[Any]:
    return survey.queues


def _all_queues(survey: Survey) -> object:
    counts = list(survey.by_type.values())
    return Counted(sum(counts[1:], counts[0]))


def _whole_of_queues(survey: Survey) -> object:
    return survey.all_queues


def _channels(survey: Survey) -> Sequence[Any]:
    return survey.channels


def _all_channels(survey: Survey) -> object:
    return Counted(survey.channel_totals)


def _connections(survey: Survey) -> Sequence[Any]:
    return survey.connections


def _all_connections(survey: Survey) -> object:
    return Counted(survey.connection_totals)


def _exchanges(survey: Survey) -> Sequence[Any]:
    return survey.exchanges


TABLES: Final = {
    "queue_coarse_metrics": Table(families.QUEUE_COARSE, _queues, whole=_whole_of_queues),
    "queue_consumer_count": Table(families.QUEUE_CONSUMERS, _queues),
    QUEUE_METRICS: Table(families.QUEUE, _queues, whole=_whole_of_queues),
    "queue_delivery_metrics": Table(families.QUEUE_DELIVERY, _queues, _all_queues),
    "channel_metrics": Table(families.CHANNEL, _channels),
    "channel_exchange_metrics": Table(families.CHANNEL_EXCHANGE, _channels, _all_channels),
    "channel_queue_metrics": Table(families.CHANNEL_QUEUE, _channels, _all_channels),
    "connection_coarse_metrics": Table(families.CONNECTION_COARSE, _connections, _all_connections),
    "connection_metrics": Table(families.CONNECTION, _connections, _all_connections),
    "exchange_metrics": Table(families.EXCHANGE, _exchanges),
}
"""By RabbitMQ's names for `family`."""

PARTS: Final = {QUEUE_METRICS: ("queue_consumer_count", QUEUE_METRICS)}
"""Families that have others in them."""

SUMMED: Final = tuple(name for name in TABLES if name != "exchange_metrics")
"""What /metrics and /metrics/per-object have."""


@attrs.frozen(kw_only=True)
class Scrape:
    """What was asked for. `families`, `vhosts` and `queue` are for /metrics/detailed alone."""

    endpoint: str
    families: tuple[str, ...] = ()
    vhosts: tuple[str, ...] = ()
    """Empty: all of them."""
    queue: Callable[[str], object] | None = None
    """Whether a queue of this name is wanted."""

    def pieces(self, node: Node, machine: Machine) -> Iterator[str]:
        """The text, in pieces."""
        yield _written(PREFIX, node_families.identity(node, machine, self.endpoint))
        if self.endpoint == SELECTED:
            yield from self._selected(node, machine)
            return
        if self.endpoint == MEMORY:
            yield _written(PREFIX, node_families.node_coarse(node, machine)) + _written(OWN, node_families.own(node))
            return
        survey = Survey(node, summed=self.endpoint == AGGREGATED, weighs=True)
        for _ in survey.collect():
            yield ""
        yield _written(PREFIX, _of_node(survey, machine)) + _written(OWN, node_families.own(node))
        for name in SUMMED:
            yield from (_summed if self.endpoint == AGGREGATED else _each)(PREFIX, TABLES[name], survey)
        if self.endpoint == PER_OBJECT:
            yield from _info(PREFIX, survey)
        for _ in survey.forget():
            yield ""

    def _wanted(self, vhost: str, queue: str) -> bool:
        return (not self.vhosts or vhost in self.vhosts) and (self.queue is None or bool(self.queue(queue)))

    def _selected(self, node: Node, machine: Machine) -> Iterator[str]:
        wanted = dict.fromkeys([part for each in self.families for part in PARTS.get(each, (each,))])
        for name, read in _READINGS.items():
            if name in wanted:
                yield _written(DETAILED, read(node, machine))
        if "vhost_status" in wanted:
            yield _written(CLUSTER, node_families.vhosts(node))
        tables = [each for name, each in TABLES.items() if name in wanted]
        if tables or wanted.keys() & _CLUSTER:
            asked = self._wanted if self.vhosts or self.queue else everything
            survey = Survey(node, asked, weighs=QUEUE_METRICS in wanted)
            for _ in survey.collect():
                yield ""
            for each in tables:
                yield from _each(DETAILED, each, survey)
            for name in _CLUSTER:
                if name in wanted:
                    yield from _of_exchanges(name, survey)
            for _ in survey.forget():
                yield ""


def _of_node(survey: Survey, machine: Machine) -> Iterator[Reading]:
    node = survey.node
    yield from node_families.totals(survey)
    yield from node_families.churn(node)
    yield from node_families.node_coarse(node, machine)
    yield from node_families.node_metrics(machine)
    yield from node_families.auth(node)
    yield from node_families.alarms(node)
    yield from node_families.global_counters(survey)


_READINGS: Final[dict[str, Callable[[Node, Machine], Iterator[Reading]]]] = {
    "connection_churn_metrics": lambda node, _: node_families.churn(node),
    "node_coarse_metrics": node_families.node_coarse,
    "node_metrics": lambda _, machine: node_families.node_metrics(machine),
    "auth_attempt_metrics": lambda node, _: node_families.auth(node),
    "auth_attempt_detailed_metrics": lambda node, _: node_families.auth_by_source(node),
}

_CLUSTER: Final = ("exchange_bindings", "exchange_names")


def _written(prefix: str, readings: Iterable[Reading]) -> str:
    lines: list[str] = []
    for name, kind, about, values in readings:
        if values:
            lines.append(heading(prefix + name, kind, about))
            lines += [sample(prefix + name, labelled, value) for labelled, value in values]
    return "".join(lines)


def _each(prefix: str, table: Table, survey: Survey) -> Iterator[str]:
    """A sample for each subject."""
    subjects = table.subjects(survey)
    for family in table.families:
        name, value = prefix + family.name, family.value
        text = heading(name, family.kind, family.help)
        for start in range(0, len(subjects), SLICE * SAMPLES):
            part = subjects[start : start + SLICE * SAMPLES]
            found = [(each.labels, of_it) for each in part if (of_it := value(each)) is not None]
            yield text + "".join([f"{name}{labelled} {of_it}\n" for labelled, of_it in found])
            text = ""
        yield text


def _summed(prefix: str, table: Table, survey: Survey) -> Iterator[str]:
    """One sample for all of them."""
    subjects = table.subjects(survey)
    for family in table.families:
        if not family.summed:
            continue
        name, value = prefix + family.name, family.value
        if family.kind == "counter":
            assert table.totals is not None
            total = value(table.totals(survey)) or 0
        elif table.whole is not None:
            total = value(table.whole(survey)) or 0
        else:
            total = 0
            for start in range(0, len(subjects), SLICE * SAMPLES):
                total += sum([value(each) or 0 for each in subjects[start : start + SLICE * SAMPLES]])
                yield ""
        yield heading(name, family.kind, family.help) + sample(name, "", total)


def _info(prefix: str, survey: Survey) -> Iterator[str]:
    """What kind each queue is of."""

    def line(name: str, each: QueueSubject) -> str:
        further = labels(("queue_type", each.queue.type.module), ("membership", "leader"))
        return sample(name, f"{each.labels[:-1]},{further[1:]}", 1)

    yield from _lines(f"{prefix}queue_info", "untyped", "The type of a queue", survey.queues, line)


def _of_exchanges(family: str, survey: Survey) -> Iterator[str]:
    """What kind each exchange is of, or how many bindings start there."""

    def line(name: str, each: ExchangeSubject) -> str:
        kind = labels(("type", each.exchange.type_name))
        value = len(each.exchange.outgoing) if family == "exchange_bindings" else 1
        return sample(name, f"{each.labels[:-1]},{kind[1:]}", value)

    name, about = ("exchange_bindings", "Bindings") if family == "exchange_bindings" else ("exchange_name", "Type")
    yield from _lines(CLUSTER + name, "gauge", f"{about} of an exchange", survey.exchanges, line)


def _lines(name: str, kind: str, about: str, subjects: Sequence[S], line: Callable[[str, S], str]) -> Iterator[str]:
    text = heading(name, kind, about)
    for start in range(0, len(subjects), SLICE):
        yield text + "".join([line(name, each) for each in subjects[start : start + SLICE]])
        text = ""
    yield text
