"""What bodies hold, as JSON Schema: for the description of the API. Handlers check what they get themselves.

https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Schema: TypeAlias = dict[str, object]

TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
NUMBER: Final[Schema] = {"type": "integer"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
FLAG: Final[Schema] = {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}
OBJECT: Final[Schema] = {"type": "object"}
TABLE: Final[Schema] = {"type": ["object", "null"]}
ANYTHING: Final[Schema] = {}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
TAGS: Final[Schema] = {"anyOf": [TEXTS, TEXT]}
NUMBERS: Final[Schema] = {"type": "array", "items": COUNT}
OBJECTS: Final[Schema] = {"type": "array", "items": OBJECT}
LISTS: Final = (
    "users vhosts permissions topic_permissions parameters global_parameters policies queues exchanges bindings"
)


def _object(required: str = "", **fields: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": fields}
    return schema | {"required": required.split()} if required else schema


POLICY: Final = _object(
    "pattern definition", **{"pattern": TEXT, "definition": OBJECT, "priority": NUMBER, "apply-to": TEXT}
)
DEFINITIONS: Final[Schema] = {"type": "object", "properties": dict.fromkeys(LISTS.split(), OBJECTS)}
TOPIC_PERMISSION: Final = _object("exchange write read", exchange=TEXT, write=TEXT, read=TEXT)
VALUE: Final = _object("value", value=ANYTHING)
LIMIT: Final = _object("value", value=NUMBER)
NODE: Final = _object("node", node=TEXT)
NOTHING: Final = OBJECT
"""A body that nobody looks at."""

BODIES: Final[Mapping[str, Schema]] = {
    "PUT /cluster-name": _object("name", name=TEXT),
    "PUT /feature-flags/{flag}/enable": NOTHING,
    "POST /login": _object("username password", username=TEXT, password=TEXT),
    "POST /rebalance/queues": NOTHING,
    "POST /definitions": DEFINITIONS,
    "POST /all-configuration": DEFINITIONS,
    "POST /definitions/{vhost}": DEFINITIONS,
    "PUT /parameters/{component}/{vhost}/{name}": VALUE,
    "PUT /global-parameters/{name}": VALUE,
    "PUT /policies/{vhost}/{policy}": POLICY,
    "PUT /operator-policies/{vhost}/{policy}": POLICY,
    "PUT /vhost-limits/{vhost}/{name}": LIMIT,
    "PUT /user-limits/{user}/{name}": LIMIT,
    "PUT /exchanges/{vhost}/{exchange}": _object(
        type=TEXT, durable=FLAG, auto_delete=FLAG, internal=FLAG, arguments=TABLE
    ),
    "POST /exchanges/{vhost}/{exchange}/publish": _object(
        "routing_key properties payload payload_encoding",
        routing_key=TEXT,
        properties=OBJECT,
        payload=TEXT,
        payload_encoding={"enum": ["string", "base64"]},
    ),
    "PUT /queues/{vhost}/{queue}": _object(durable=FLAG, auto_delete=FLAG, arguments=TABLE, node=TEXT),
    "POST /queues/{vhost}/{queue}/get": _object(
        "count ackmode encoding",
        count=COUNT,
        ackmode={
            "enum": ["ack_requeue_true", "ack_requeue_false", "reject_requeue_true", "reject_requeue_false"]
        },
        encoding={"enum": ["auto", "base64"]},
        truncate=COUNT,
    ),
    "POST /queues/{vhost}/{queue}/actions": _object("action", action={"enum": ["sync", "cancel_sync"]}),
    "POST /queues/{vhost}/{queue}/move": _object(
        to=TEXT, exchange=TEXT, routing_key=TEXT, limit=COUNT, numbers=NUMBERS
    ),
    "POST /queues/{vhost}/{queue}/replay": _object(limit=COUNT, numbers=NUMBERS),
    "POST /queues/{vhost}/{queue}/pause": NOTHING,
    "POST /queues/{vhost}/{queue}/resume": NOTHING,
    "POST /queues/quorum/{vhost}/{queue}/replicas/add": NODE,
    "DELETE /queues/quorum/{vhost}/{queue}/replicas/delete": NODE,
    "POST /queues/quorum/replicas/on/{node}/grow": _object(strategy={"enum": ["all", "even"]}),
    "POST /bindings/{vhost}/e/{source}/{kind}/{destination}": _object(routing_key=TEXT, arguments=TABLE),
    "PUT /vhosts/{vhost}": _object(
        description=TEXT, tags=TAGS, default_queue_type=TEXT_OR_NULL, tracing=FLAG, protected_from_deletion=FLAG
    ),
    "POST /vhosts/{vhost}/deletion/protection": NOTHING,
    "POST /vhosts/{vhost}/start/{node}": NOTHING,
    "POST /users/bulk-delete": _object("users", users=TEXTS),
    "PUT /users/{user}": _object(
        "tags", tags=TAGS, password=TEXT, password_hash=TEXT, hashing_algorithm=TEXT, limits=OBJECT, permissions=OBJECT
    ),
    "PUT /permissions/{vhost}/{user}": _object("configure write read", configure=TEXT, write=TEXT, read=TEXT),
    "PUT /topic-permissions/{vhost}/{user}": TOPIC_PERMISSION,
    "PUT /topic-permissions/{vhost}/{user}/{exchange}": TOPIC_PERMISSION,
}
"""By method and path: what a request brings along."""

ERROR: Final = _object("error reason", error=TEXT, reason=ANYTHING)
LIST: Final[Schema] = {
    "anyOf": [
        {"type": "array", "items": OBJECT},
        _object(
            "filtered_count item_count items page page_count page_size total_count",
            items={"type": "array", "items": OBJECT},
            **dict.fromkeys(["filtered_count", "item_count", "page", "page_count", "page_size", "total_count"], COUNT),
        ),
    ]
}
"""All of a list, or the page of it that is asked for."""
CHECK: Final = _object(status={"enum": ["ok", "failed"]}, reason=TEXT)
"""What a health check answers; less, where `columns` asks for less."""
