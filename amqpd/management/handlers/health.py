"""Health checks: 200 and `{"status": "ok"}`, or 503 with what is wrong. https://www.rabbitmq.com/docs/monitoring"""

from __future__ import annotations

from amqpd.http.message import Response
from amqpd.management.api import Call
from amqpd.management.encoding import JSON, encode
from amqpd.management.errors import bad_request, not_found
from amqpd.management.numbers import is_number

OK = {"status": "ok"}
ALIASES = {"amqp091": "amqp", "amqp0-9-1": "amqp", "amqps": "amqp/ssl", "amqp-ssl": "amqp/ssl"}
UNITS = ("days", "weeks", "months", "years")


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
    """Pass where there is no certificate; where there is one, say that nobody looks at it yet."""
    amount, unit = call.params["within"], call.params["unit"]
    if not is_number(amount) or unit not in UNITS:
        raise bad_request(f"'{amount} {unit}' is no time: expected a number and one of {', '.join(UNITS)}")
    if any(each.protocol.endswith("ssl") for each in call.api.listening()):
        raise bad_request("this broker does not look at the dates of its certificates")
    return OK


async def aliveness(call: Call) -> object:
    """Whether a virtual host is there."""
    call.vhost()
    return OK


async def node_health(call: Call) -> object:
    """Whether the node is well, as older tools ask."""
    if call.params.get("node", call.broker.name) != call.broker.name:
        raise not_found()
    if call.broker.alarms.reasons:
        return Response(200, (encode({"status": "failed", "reason": "resource alarms are in effect"}),), (JSON,))
    return OK


def _failed(reason: str, **details: object) -> Response:
    return Response(503, (encode({"status": "failed", "reason": reason, **details}),), (JSON,))
