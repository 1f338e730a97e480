"""Health checks: 200 and `{"status": "ok"}`, or 503 with what is wrong. https://www.rabbitmq.com/docs/monitoring"""

from __future__ import annotations

import trio

from amqpd.http.message import Response
from amqpd.management.api import Call, Listening
from amqpd.management.certificates import expiries, seconds
from amqpd.management.encoding import JSON, encode
from amqpd.management.errors import bad_request, not_found
from amqpd.management.numbers import is_number

OK = {"status": "ok"}
ALIASES = {"amqp091": "amqp", "amqp0-9-1": "amqp", "amqps": "amqp/ssl", "amqp-ssl": "amqp/ssl"}
DAY = 24 * 3600
UNITS = {"days": DAY, "weeks": 7 * DAY, "months": 30 * DAY, "years": 365 * DAY}
LONGEST = 10_000


async def fine(call: Call) -> object:
    """What a single node that answers always passes."""
    return OK


async def single_node(call: Call) -> object:
    """Whether others depend on this node: there are none."""
    return {"status": "ok", "reason": "single node cluster"}


async def alarms(call: Call) -> object:
    """Fail while a resource alarm is in force."""
    reasons = call.broker.alarms.reasons
    if not reasons:
        return OK
    where = [{"node": call.broker.name, "resource": each} for each in reasons]
    return _failed("There are alarms in effect in the cluster", alarms=where)


async def port_listener(call: Call) -> object:
    """Fail unless something listens on a port."""
    text = call.params["port"]
    if not is_number(text):
        raise bad_request("Invalid port")
    port, ports = int(text), sorted({each.port for each in call.api.listening()})
    return {"status": "ok", "port": port} if port in ports else _failed("No active listener", missing=port, ports=ports)


async def protocol_listener(call: Call) -> object:
    """Fail unless one of these protocols is spoken."""
    asked = call.params["protocol"]
    spoken = sorted({each.protocol for each in call.api.listening()})
    for each in asked.split(","):
        if ALIASES.get(each.lower(), each.lower()) in spoken:
            return {"status": "ok", "protocol": each}
    return _failed("No active listener", missing=asked, protocols=spoken)


async def certificate_expiration(call: Call) -> object:
    """Fail while the certificate of a listener, or one that it came with, ends within a time."""
    amount, unit = call.params["within"], call.params["unit"]
    if unit not in UNITS:
        raise bad_request(f"Time unit not recognised. Supported units: {', '.join(UNITS)}.")
    if not is_number(amount) or int(amount) > LONGEST:
        raise bad_request("Invalid expiration value.")
    until = call.broker.clock.wall() + int(amount) * UNITS[unit]
    expired = [found for each in call.api.listening() if (found := await _expiring(call, each, until)) is not None]
    return _failed("Certificates expiring", expired=expired) if expired else OK


async def _expiring(call: Call, listening: Listening, until: float) -> dict[str, object] | None:
    """What is to be said of a listener whose certificates end before an instant."""
    path = listening.certificate
    if path is None:
        return None
    where = {
        "node": call.broker.name,
        "protocol": listening.protocol,
        "interface": listening.host,
        "port": listening.port,
        "certfile": str(path),
    }
    try:
        found = await trio.to_thread.run_sync(expiries, path)
    except (OSError, ValueError) as error:
        return {**where, "reason": str(error)}
    soonest = min(found, default=None)
    if soonest is None or seconds(soonest) > until:
        return None
    year, month, day, hour, minute, second = soonest
    ends = f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    return {**where, "certfile_expires_on": ends}


async def connections_below_limit(call: Call) -> object:
    """Fail where the node takes no further connection."""
    limit, count = call.api.node.settings.max_connections, len(call.api.node.connections)
    if limit is None or count < limit:
        return {**OK, "limit": "infinity" if limit is None else limit, "connections": count}
    return _failed("node connection limit is reached", limit=limit, connections=count)


async def node_health(call: Call) -> object:
    """Whether the node is well, as older tools ask."""
    if call.params.get("node", call.broker.name) != call.broker.name:
        raise not_found()
    if call.broker.alarms.reasons:
        return Response(200, (encode({"status": "failed", "reason": "resource alarms are in effect"}),), (JSON,))
    return OK


def _failed(reason: str, **details: object) -> Response:
    return Response(503, (encode({"status": "failed", "reason": reason, **details}),), (JSON,))
