"""consistent_hash_exchange_ring_state: the shares of a consistent hash exchange's destinations."""

from __future__ import annotations

from typing import Final

from amqpd.cli.ctl.client import Refused
from amqpd.cli.ctl.verb import DATA, Answer, Report, Request, Verb
from amqpd.cli.ctl.verbs.errors import refusal

TYPE: Final = "x-consistent-hash"


def ring_state(request: Request) -> Answer:
    """There is no ring: what is shown as its buckets is every destination as often as it weighs."""
    (name,) = request.arguments
    try:
        kind = request.client.get("exchanges", request.vhost, name)["type"]
    except Refused as error:
        if error.status != 404:
            raise
        kind = ""
    if kind != TYPE:
        raise refusal(request, DATA, "Exchange does not exist or is of a different type")
    bindings = request.client.get("exchanges", request.vhost, name, "bindings", "source")
    buckets = [each["destination"] for each in bindings for _ in range(int(each["routing_key"]))]
    data = {
        "buckets": {str(place): each for place, each in enumerate(buckets)},
        "exchange": name,
        "message": f"Consistent hashing ring state for exchange '{name}' in vhost '{request.vhost}'",
        "node": request.node,
        "result": "ok",
    }
    return Report("".join(f"Ring index: {place}, queue: '{each}'\n" for place, each in enumerate(buckets)), data)


VERBS: Final = (
    Verb("consistent_hash_exchange_ring_state", "<exchange>", "Show the shares of a consistent hash exchange's queues",
         "Monitoring, observability and health checks", ring_state,
         lambda request: (
             f"Inspecting consistent hashing ring state for exchange {request.arguments[0]} "
             f"in virtual host '{request.vhost}'..."
         ), 1, 1),
)  # fmt: skip
