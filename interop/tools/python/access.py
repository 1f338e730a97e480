"""The broker itself, virtual hosts, users and permissions."""

from __future__ import annotations

from interop.tools.python.port import BadRequest, NotAuthorized, NotFound, has
from interop.tools.python.stage import Stage, eventually, holds, matching, one, reports


def overview(stage: Stage) -> None:
    tool = stage.tool()
    if has(tool.whoami):
        me = tool.whoami()
        holds(me, name="guest")
        assert "administrator" in me["tags"], me
    shown = tool.overview()
    for name in ("rabbitmq_version", "management_version", "node", "cluster_name", "erlang_version"):
        assert isinstance(shown[name], str), name
        assert shown[name], name
    assert {"connections", "channels", "exchanges", "queues", "consumers"} <= shown["object_totals"].keys()
    assert matching(shown["listeners"], protocol="amqp", port=stage.amqp_port), shown["listeners"]
    if has(tool.nodes):
        eventually(lambda: "mem_used" in one(tool.nodes(), name=shown["node"]), "the node shows what it uses")
        node = one(tool.nodes(), name=shown["node"])
        holds(node, running=True, type="disc", mem_alarm=False, disk_free_alarm=False)
        for name in ("mem_used", "mem_limit", "disk_free", "disk_free_limit", "fd_used", "fd_total", "uptime"):
            assert isinstance(node[name], int), (name, node[name])
    with reports(NotAuthorized):
        stage.tool("guest", "wrong").overview()


def vhosts(stage: Stage) -> None:
    tool, name = stage.tool(), f"{stage.prefix}/v"
    tool.create_vhost(name)
    assert one(tool.vhosts(), name=name)
    if has(tool.vhost):
        holds(tool.vhost(name), name=name)
    tool.delete_vhost(name)
    assert matching(tool.vhosts(), name=name) == []
    if has(tool.vhost):
        with reports(NotFound):
            tool.vhost(name)
    with reports(NotFound):
        tool.delete_vhost(name)


def users(stage: Stage) -> None:
    tool, user = stage.tool(), stage.name("user")
    with stage.vhost(tool) as vhost:
        tool.put_user(user, "secret", "management,policymaker")
        assert set(_tags(one(tool.users(), name=user)["tags"])) == {"management", "policymaker"}
        tool.grant(vhost, user, f"^{stage.prefix}", ".*", "^$")
        granted = one(tool.permissions(vhost), user=user)
        holds(granted, vhost=vhost, configure=f"^{stage.prefix}", write=".*", read="^$")
        as_user = stage.tool(user, "secret")
        assert [each["name"] for each in as_user.vhosts()] == [vhost]
        if has(tool.grant_topic):
            tool.grant_topic(vhost, user, "amq.topic", "^a", "^b")
            holds(one(tool.topic_permissions(vhost), user=user), exchange="amq.topic", write="^a", read="^b")
            tool.revoke_topics(vhost, user)
            assert matching(tool.topic_permissions(vhost), user=user) == []
        with reports(BadRequest):
            tool.grant(vhost, user, "(", ".*", ".*")
        tool.revoke(vhost, user)
        assert matching(tool.permissions(vhost), user=user) == []
        tool.put_user(user, "secret", "")
        with reports(NotAuthorized):
            stage.tool(user, "secret").vhosts()
        tool.delete_user(user)
        assert matching(tool.users(), name=user) == []
        with reports(NotFound):
            tool.delete_user(user)


def _tags(tags: object) -> list[str]:
    """Tags as a list, whichever way the tool shows them."""
    return tags.split(",") if isinstance(tags, str) else [str(each) for each in tags]  # type: ignore[attr-defined]
