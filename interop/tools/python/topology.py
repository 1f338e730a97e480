"""Exchanges, queues, bindings, and what is declared for them: policies, limits, definitions."""

from __future__ import annotations

from typing import Any, Final

from interop.tools.python.port import BadRequest, NotFound, Tool, has
from interop.tools.python.stage import Stage, eventually, holds, matching, one, reports

QUORUM: Final = {"x-queue-type": "quorum"}
SECTIONS: Final = ("queues", "exchanges", "bindings", "policies", "permissions")


def topology(stage: Stage) -> None:
    tool = stage.tool()
    topic, fanout, queue, quorum = map(stage.name, ("topic", "fanout", "queue", "quorum"))
    with stage.vhost(tool) as vhost:
        tool.declare_exchange(vhost, topic, "topic")
        tool.declare_exchange(vhost, fanout, "fanout")
        tool.declare_queue(vhost, queue, {"x-max-length": 5})
        tool.declare_queue(vhost, quorum, QUORUM)
        holds(one(tool.exchanges(vhost), name=topic), type="topic", durable=True, auto_delete=False, internal=False)
        holds(tool.exchange(vhost, fanout), type="fanout", arguments={}, vhost=vhost)
        types = {each["name"]: each["type"] for each in tool.queues(vhost)}
        assert types == {queue: "classic", quorum: "quorum"}, types
        holds(tool.queue(vhost, queue), durable=True, auto_delete=False, arguments={"x-max-length": 5})
        _bindings(tool, vhost, (topic, fanout, queue))
        with reports(BadRequest):
            tool.declare_queue(vhost, queue, {"x-max-length": 6})
        tool.delete_queue(vhost, queue)
        with reports(NotFound):
            tool.queue(vhost, queue)
        tool.delete_exchange(vhost, topic)
        with reports(NotFound):
            tool.exchange(vhost, topic)
        assert matching(tool.bindings(vhost), destination=queue) == []


def _bindings(tool: Tool, vhost: str, names: tuple[str, str, str]) -> None:
    topic, fanout, queue = names
    tool.bind(vhost, topic, queue, "a.#", {})
    tool.bind(vhost, topic, queue, "", {"x": 1})
    if has(tool.bind_exchange):
        tool.bind_exchange(vhost, topic, fanout, "k")
        found = one(tool.bindings(vhost), source=topic, destination=fanout)
        holds(found, destination_type="exchange", routing_key="k", properties_key="k")
    bound = one(tool.bindings(vhost), source=topic, destination=queue, routing_key="a.#")
    holds(bound, destination_type="queue", arguments={}, vhost=vhost, properties_key="a.%23")
    holds(one(tool.bindings(vhost), source=topic, routing_key=""), destination=queue, arguments={"x": 1})
    assert one(tool.bindings(vhost), source="", destination=queue)["routing_key"] == queue
    tool.unbind(vhost, topic, queue, str(bound["properties_key"]))
    assert matching(tool.bindings(vhost), source=topic, routing_key="a.#") == []
    assert len(matching(tool.bindings(vhost), source=topic, destination=queue)) == 1


def policies(stage: Stage) -> None:
    tool, queue = stage.tool(), stage.name("queue")
    policy = {"pattern": f"^{stage.prefix}", "definition": {"max-length": 3}, "priority": 7, "apply-to": "queues"}
    with stage.vhost(tool) as vhost:
        tool.declare_queue(vhost, queue, {})
        tool.set_policy(vhost, stage.name("p"), policy)
        holds(one(tool.policies(vhost), name=stage.name("p")), vhost=vhost, **policy)
        eventually(lambda: tool.queue(vhost, queue).get("policy") == stage.name("p"), "the queue shows its policy")
        with reports(BadRequest):
            tool.set_policy(vhost, stage.name("wrong"), {**policy, "definition": {"no-such-key": 1}})
        if has(tool.set_operator_policy):
            tool.set_operator_policy(vhost, stage.name("o"), policy)
            holds(one(tool.operator_policies(vhost), name=stage.name("o")), vhost=vhost, **policy)
            shows = "the queue shows its operator policy"
            eventually(lambda: tool.queue(vhost, queue).get("operator_policy") == stage.name("o"), shows)
            tool.delete_operator_policy(vhost, stage.name("o"))
            eventually(lambda: list(tool.operator_policies(vhost)) == [], "there is no operator policy")
        tool.delete_policy(vhost, stage.name("p"))
        eventually(lambda: list(tool.policies(vhost)) == [], "there is no policy")
        eventually(lambda: not tool.queue(vhost, queue).get("policy"), "the queue has no policy")


def limits(stage: Stage) -> None:
    tool, user = stage.tool(), stage.name("user")
    with stage.vhost(tool) as vhost:
        tool.limit_vhost(vhost, "max-queues", 1)
        assert tool.vhost_limits(vhost) == {"max-queues": 1}
        tool.declare_queue(vhost, stage.name("first"), {})
        with reports(BadRequest):
            tool.declare_queue(vhost, stage.name("second"), {})
        tool.lift_vhost_limit(vhost, "max-queues")
        assert tool.vhost_limits(vhost) == {}
        tool.declare_queue(vhost, stage.name("second"), {})
    if has(tool.limit_user):
        tool.put_user(user, "secret", "")
        tool.limit_user(user, "max-connections", 3)
        tool.limit_user(user, "max-channels", 9)
        assert tool.user_limits(user) == {"max-connections": 3, "max-channels": 9}
        tool.lift_user_limit(user, "max-connections")
        assert tool.user_limits(user) == {"max-channels": 9}
        tool.delete_user(user)
    if has(tool.set_global_parameter):
        value = {"a": [1, {"b": True}]}
        tool.set_global_parameter(stage.name("parameter"), value)
        assert tool.global_parameters()[stage.name("parameter")] == value
        tool.delete_global_parameter(stage.name("parameter"))
        assert stage.name("parameter") not in tool.global_parameters()


def definitions(stage: Stage) -> None:
    tool = stage.tool()
    exchange, queue = stage.name("exchange"), stage.name("queue")
    with stage.vhost(tool) as vhost:
        tool.declare_exchange(vhost, exchange, "topic")
        tool.declare_queue(vhost, queue, {"x-max-length": 5, "x-queue-type": "classic"})
        tool.bind(vhost, exchange, queue, "a.#", {"x": 1})
        if has(tool.set_policy):
            tool.set_policy(vhost, stage.name("p"), {"pattern": "^a", "definition": {"max-length": 3}, "priority": 0})
        before = _part(tool.export_definitions(), vhost)
        assert len(before["queues"]) == len(before["exchanges"]) == len(before["bindings"]) == 1, before
        tool.delete_vhost(vhost)
        assert _part(tool.export_definitions(), vhost) == {name: [] for name in before}
        tool.import_definitions(before)
        assert _part(tool.export_definitions(), vhost) == before
        with reports(BadRequest):
            tool.import_definitions({"queues": [{"name": queue}]})


def _part(document: Any, vhost: str) -> dict[str, list[Any]]:
    """What belongs to one virtual host."""
    part = {name: matching(document[name], vhost=vhost) for name in SECTIONS}
    return {"vhosts": matching(document["vhosts"], name=vhost), **part}
