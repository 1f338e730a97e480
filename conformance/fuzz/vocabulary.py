"""What a field of a method may hold: classes of values with their weights, wrong and borderline ones included.

A class has a name, `field:class`, by which coverage counts it. Few names are used, so that steps meet each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.fields import Typed
from conformance.fuzz.steps import Delivered, ServerNamed, ServerTag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

QUEUES = ("q0", "q1", "q2", "q3")
EXCHANGES = ("e0", "e1", "e2", "e3")
TYPES = ("direct", "fanout", "topic", "headers")
CONSUMERS = ("c0", "c1", "c2")
KEYS = ("k0", "k1", "a.b", "a.b.c", "a.*", "#", "*.b.#", "", *QUEUES)
LONG = "x" * 255
ODD_NAMES = ("naïve ☃", "[brackets]", "{curly} ~p ~s", "white space\n", "\udcff\udcfe", LONG, "a'b\"c\\d")
HOUR = 3_600_000


class Choice(NamedTuple):
    """A class of values: how often it is chosen, its name, and the values it has."""

    weight: int
    name: str
    values: Sequence[Any]


Choices = tuple[Choice, ...]


def _wrong_number(key: str, *good: Any) -> dict[str, Choices]:
    """Return the classes of an argument that wants a number that is not negative."""
    return {
        key: (
            Choice(8, "valid", good),
            Choice(1, "negative", (-1, Typed("b", -5))),
            Choice(1, "text", ("x", "", "10")),
            Choice(1, "huge", (2**32, 2**62, Typed("l", 2**63 - 1))),
            Choice(1, "other-type", (True, 1.5, None, [1], {"a": 1}, Typed("T", 5), Typed("D", [1, 5]))),
        )
    }


def _wrong_text(key: str, good: Sequence[Any], bad: Sequence[Any]) -> dict[str, Choices]:
    """Return the classes of an argument that wants one of some words."""
    return {
        key: (
            Choice(8, "valid", good),
            Choice(1, "unknown", bad),
            Choice(1, "other-type", (1, True, 1.5, None, [1], {"a": 1}, Typed("x", b"x"))),
        )
    }


QUEUE_ARGUMENTS: Mapping[str, Choices] = {
    **_wrong_number("x-message-ttl", 0, HOUR, Typed("s", 30000), Typed("l", HOUR)),
    **_wrong_number("x-expires", HOUR, Typed("l", HOUR)),
    **_wrong_number("x-max-length", 0, 1, 2, 3, Typed("b", 2)),
    **_wrong_number("x-max-length-bytes", 0, 1, 10, 30),
    **_wrong_number("x-max-priority", 0, 1, 5, Typed("s", 255)),
    **_wrong_number("x-queue-version", 1, 2),
    **_wrong_text("x-overflow", ("drop-head", "reject-publish", "reject-publish-dlx"), ("drop-tail", "")),
    **_wrong_text("x-dead-letter-exchange", ("", *EXCHANGES, "amq.topic"), ("nowhere",)),
    **_wrong_text("x-dead-letter-routing-key", (*QUEUES, "k0", ""), (LONG,)),
    **_wrong_text("x-queue-mode", ("lazy", "default"), ("eager",)),
    **_wrong_text("x-queue-type", ("classic",), ("unheard-of", "")),
    # No decimals and floats: for some of those RabbitMQ 3.10.8 never answers.
    "x-queue-master-locator": (
        Choice(8, "valid", ("min-masters", "client-local", "random")),
        Choice(1, "unknown", ("nowhere",)),
        Choice(1, "other-type", (1, True, None, [1], {"a": 1})),
    ),
    "x-single-active-consumer": (Choice(4, "valid", (True, False)), Choice(1, "other-type", (1, "true", None))),
    "x-unheard-of": (Choice(1, "any", (1, "x", None, [1, "a"], {"a": {"b": []}})),),
}
USUAL_QUEUES: Sequence[Mapping[str, Any]] = (
    {"x-max-length": 1, "x-overflow": "reject-publish"},
    {"x-max-length": 2, "x-overflow": "reject-publish-dlx", "x-dead-letter-exchange": "",
     "x-dead-letter-routing-key": "q1"},
    {"x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q2"},
    {"x-max-length-bytes": 10, "x-overflow": "reject-publish"},
    {"x-dead-letter-exchange": "amq.topic"},
    {"x-dead-letter-exchange": ""},
    {"x-dead-letter-exchange": ""},
    {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q3"},
    {"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q0"},
    {"x-max-priority": 1},
    {"x-max-priority": 5},
    {"x-single-active-consumer": True},
    {},
    {},
)
"""Arguments that are of use together."""
EXCHANGE_ARGUMENTS: Mapping[str, Choices] = {
    **_wrong_text("alternate-exchange", (*EXCHANGES, "amq.fanout"), ("nowhere", "")),
    "x-unheard-of": QUEUE_ARGUMENTS["x-unheard-of"],
}
CONSUMER_ARGUMENTS: Mapping[str, Choices] = {
    "x-priority": (
        Choice(6, "valid", (0, 1, -1, 10, Typed("b", 3))),
        Choice(1, "other-type", ("x", 1.5, True, None, [1])),
    ),
    "x-cancel-on-ha-failover": (Choice(3, "valid", (True, False)), Choice(1, "other-type", ("x", 1))),
    "x-unheard-of": QUEUE_ARGUMENTS["x-unheard-of"],
}
HEADER_VALUES: Choices = (
    Choice(6, "text", ("red", "blue", "")),
    Choice(4, "number", (0, 1, 2, -1, 2**40)),
    Choice(2, "bool", (True, False)),
    Choice(2, "float", (1.0, 0.5, Typed("f", 0.5))),
    Choice(1, "nothing", (None,)),
    Choice(2, "typed", (Typed("b", 1), Typed("B", 200), Typed("s", 1), Typed("u", 1), Typed("i", 2), Typed("l", 1),
                        Typed("L", 1), Typed("T", 1), Typed("D", [2, 150]), Typed("x", b"red"), Typed("f", 1.0))),
    Choice(2, "nested", ([], {}, [1, "red"], {"a": 1}, [[], {"b": [None]}])),
)  # fmt: skip
BINDING_ARGUMENTS: Mapping[str, Choices] = {
    "x-match": (
        Choice(6, "valid", ("all", "any", "all-with-x", "any-with-x")),
        Choice(1, "unknown", ("some", "")),
        Choice(1, "other-type", (1, True, None, [])),
    ),
    "colour": HEADER_VALUES,
    "size": HEADER_VALUES,
    "x-colour": HEADER_VALUES,
}
MESSAGE_HEADERS: Mapping[str, Choices] = {
    "colour": HEADER_VALUES,
    "size": HEADER_VALUES,
    "x-colour": HEADER_VALUES,
    "CC": (
        Choice(4, "valid", (["q1"], ["q1", "q1", "k0"], [], [""])),
        Choice(1, "other-type", ("q1", 1, [1], [None], {}, True)),
    ),
    "BCC": (Choice(4, "valid", (["q2"], ["a.b", "q3"])), Choice(1, "other-type", ("q2", 1, [1.5], None))),
}
PROPERTIES: Mapping[str, Choices] = {
    "content_type": (Choice(1, "any", ("text/plain", "", LONG)),),
    "content_encoding": (Choice(1, "any", ("utf-8", "gzip", "")),),
    "delivery_mode": (Choice(6, "valid", (1, 2)), Choice(1, "unknown", (0, 3, 255))),
    "priority": (Choice(4, "low", (0, 1, 2, 5)), Choice(1, "high", (9, 10, 255))),
    "correlation_id": (Choice(1, "any", ("1", "", "ü", "\udcff")),),
    "reply_to": (
        Choice(3, "name", ("q0", "", "nowhere")),
        Choice(1, "direct", ("amq.rabbitmq.reply-to",)),
        Choice(1, "forged", ("amq.rabbitmq.reply-to.x", "amq.rabbitmq.reply-to.g1h2.c2VjcmV0")),
    ),
    "expiration": (
        Choice(4, "valid", (str(HOUR), "0", "1000000")),
        Choice(1, "negative", ("-1",)),
        Choice(1, "text", ("", "x", "10s", " 10", "1.5", "\udcff", "0x10", "1_0", "+3600000")),
        Choice(1, "huge", ("4294967295", "4294967296", "99999999999999999999")),
    ),
    "message_id": (Choice(1, "any", ("m", "", LONG)),),
    "timestamp": (Choice(1, "any", (0, 1, 1_700_000_000, 2**63, 2**64 - 1)),),
    "type": (Choice(1, "any", ("t", "")),),
    "user_id": (Choice(3, "own", ("guest",)), Choice(1, "other", ("somebody", "", "Guest"))),
    "app_id": (Choice(1, "any", ("a", "")),),
    "cluster_id": (Choice(1, "any", ("c", "")),),
}
_QUEUE = (
    Choice(70, "pool", QUEUES),
    Choice(8, "empty", ("",)),
    Choice(6, "server-named", (ServerNamed,)),
    Choice(3, "unknown", ("nowhere",)),
    Choice(2, "reserved", ("amq.q", "amq.gen-x", "amq.")),
    Choice(2, "reply-to", ("amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.x")),
    Choice(3, "odd", ODD_NAMES),
)
_EXCHANGE = (
    Choice(70, "pool", EXCHANGES),
    Choice(12, "built-in", ("amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match")),
    Choice(12, "default", ("",)),
    Choice(2, "log", ("amq.rabbitmq.trace",)),
    Choice(2, "unknown", ("nowhere",)),
    Choice(2, "reserved", ("amq.e", "amq.")),
    Choice(2, "odd", ODD_NAMES),
)
_TEXT = (Choice(4, "plain", ("", "text")), Choice(1, "odd", ODD_NAMES))
_NUMBER = (Choice(4, "small", (0, 1, 2, 200)), Choice(1, "large", (255, 65535)))
FIELDS: Mapping[str, Choices] = {
    "queue": _QUEUE,
    "exchange": _EXCHANGE,
    "destination": _EXCHANGE,
    "source": _EXCHANGE,
    "routing_key": (Choice(12, "pool", KEYS), Choice(1, "odd", ODD_NAMES), Choice(1, "server-named", (ServerNamed,))),
    "type": (
        Choice(20, "known", TYPES),
        Choice(1, "unknown", ("x-unheard-of", "Direct", "")),
        Choice(1, "odd", ODD_NAMES),
    ),
    "consumer_tag": (
        Choice(14, "pool", CONSUMERS),
        Choice(4, "empty", ("",)),
        Choice(2, "server-chosen", (ServerTag,)),
        Choice(1, "unknown", ("nobody",)),
        Choice(1, "odd", ODD_NAMES),
    ),
    "delivery_tag": (
        Choice(20, "unsettled", (Delivered,)),
        Choice(1, "zero", (0,)),
        Choice(1, "unknown", (77, 9999)),
        Choice(1, "huge", (2**63, 2**64 - 1)),
    ),
    "prefetch_size": (Choice(30, "zero", (0,)), Choice(1, "more", (1, 2**32 - 1))),
    "prefetch_count": (Choice(9, "small", (0, 1, 2, 3)), Choice(1, "large", (65535,))),
    "reply_code": (Choice(3, "known", (200, 320, 404, 541)), Choice(1, "unknown", (0, 999, 65535))),
    "ticket": (Choice(9, "zero", (0,)), Choice(1, "more", (1, 101, 65535))),
    "virtual_host": (Choice(4, "root", ("/",)), Choice(1, "unknown", ("nowhere",)), Choice(1, "odd", ODD_NAMES)),
    "mechanism": (
        Choice(9, "plain", ("PLAIN",)),
        Choice(2, "amqplain", ("AMQPLAIN",)),
        Choice(1, "rabbit-cr-demo", ("RABBIT-CR-DEMO",)),
        Choice(2, "unknown", ("plain", "", "NOPE", "☃")),
    ),
    "response": (
        Choice(9, "guest", (b"\0guest\0guest",)),
        Choice(2, "amqplain", (b"\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x05guest",)),
        Choice(1, "wrong", (b"\0guest\0wrong", b"\0nobody\0guest")),
        Choice(1, "malformed", (b"", b"\0", b"guest", b"\0guest", b"\0\0\0\0", b"\xff" * 9)),
    ),
    "channel_max": (Choice(6, "small", (10,)), Choice(3, "limit", (2047, 0)), Choice(1, "large", (2048, 65535))),
    "frame_max": (
        Choice(6, "usual", (131072, 4096)),
        Choice(1, "zero", (0,)),
        Choice(1, "small", (1, 4095)),
        Choice(1, "large", (131073, 2**32 - 1)),
    ),
    "heartbeat": (Choice(5, "off", (0,)), Choice(1, "on", (60, 65535))),
}  # fmt: skip
BITS: Mapping[str, int] = {
    "nowait": 10, "passive": 12, "immediate": 50, "internal": 8, "no_local": 6, "exclusive": 7, "durable": 35,
    "auto_delete": 20, "if_unused": 25, "if_empty": 25, "mandatory": 30, "no_ack": 20, "multiple": 25, "requeue": 65,
    "global": 10,
}  # fmt: skip
"""How many times in a hundred a bit is set; half of the time for the others."""

ARGUMENTS: Mapping[str, tuple[Mapping[str, Choices], int]] = {
    "queue.declare": (QUEUE_ARGUMENTS, 45),
    "exchange.declare": (EXCHANGE_ARGUMENTS, 20),
    "basic.consume": (CONSUMER_ARGUMENTS, 25),
    "queue.bind": (BINDING_ARGUMENTS, 40),
    "queue.unbind": (BINDING_ARGUMENTS, 40),
    "exchange.bind": (BINDING_ARGUMENTS, 40),
    "exchange.unbind": (BINDING_ARGUMENTS, 40),
}
"""For methods with arguments that mean something: which, and how many times in a hundred there are any."""


FRAMES = (
    "end", "type", "truncated", "trailing", "ids", "header", "header-class", "header-weight", "body", "empty-body",
    "channel-0-content", "channel-too-high", "oversized", "heartbeat", "heartbeat-on-channel", "heartbeat-payload",
)  # fmt: skip
"""Frames that are wrong in one way, or unusual."""
_TABLES: Mapping[str, Mapping[str, Choices]] = {
    **{method: arguments for method, (arguments, _) in ARGUMENTS.items()},
    "header": MESSAGE_HEADERS,
    "property": PROPERTIES,
}


def choose(random: Random, choices: Choices) -> tuple[str, Any]:
    """Return a class and one of its values."""
    chosen = random.choices(choices, [choice.weight for choice in choices])[0]
    return chosen.name, random.choice(chosen.values)


def table(
    random: Random, arguments: Mapping[str, Choices], owner: str, most: int, sane: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return a table of up to `most` of these arguments, at least one, and the classes chosen.

    A sane table has only values of the first class of each argument; to be compared, any value is as good as another.
    """
    chosen: dict[str, Any] = {}
    classes: list[str] = []
    for key in random.sample(list(arguments), random.randint(1, min(most, len(arguments)))):
        if {key, *chosen} >= {"x-message-ttl", "x-max-priority"}:
            continue  # as for messages with both, see `Composer.message`
        usual = arguments[key] if arguments[key] is HEADER_VALUES else arguments[key][:1]
        name, chosen[key] = choose(random, usual if sane else arguments[key])
        classes.append(f"{owner}.{key}:{name}")
    return chosen, classes


def all_classes() -> set[str]:
    """Return the names of all classes that can be chosen."""
    every = {f"{field}:{choice.name}" for field, choices in FIELDS.items() for choice in choices}
    for owner, keys in _TABLES.items():
        every |= {f"{owner}.{key}:{choice.name}" for key, choices in keys.items() for choice in choices}
    every |= {f"frame:{kind}" for kind in FRAMES}
    return every | {f"{bit}:{state}" for bit in BITS for state in ("set", "unset")}


def of_class(random: Random, name: str) -> Any:
    """Return a value of a class of a field, or of an argument, property or header: `owner.key:class`."""
    head, _, label = name.rpartition(":")
    owner, _, key = head.rpartition(".")
    choices = _TABLES[owner][key] if owner else FIELDS[head]
    return random.choice(next(each.values for each in choices if each.name == label))
