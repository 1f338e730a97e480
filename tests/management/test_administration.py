"""Virtual hosts, users, permissions, policies, parameters and limits over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MISSING = {"error": "Object Not Found", "reason": "Not Found"}
HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
"""Of `test12`, from RabbitMQ's documentation."""


def refused(answer: Any, reason: object, status: int = 400) -> None:
    assert answer.status == status, answer
    assert answer.json["reason"] == reason


# -- virtual hosts ---------------------------------------------------------------------------------------------------


def test_a_vhost_is_created_described_and_deleted(api: Any) -> None:
    body = {"description": "ours", "tags": "a, b", "default_queue_type": "quorum", "tracing": True}
    assert api("PUT", "/vhosts/v", body).status == 201
    vhost = api.get("/vhosts/v")
    assert (vhost["description"], vhost["tags"], vhost["default_queue_type"]) == ("ours", ["a", "b"], "quorum")
    assert vhost["metadata"] == {"description": "ours", "tags": ["a", "b"], "default_queue_type": "quorum"}
    assert (vhost["tracing"], vhost["messages"], [*vhost["cluster_state"].values()]) == (True, 0, ["running"])
    assert api("PUT", "/vhosts/v", {"tracing": False}).status == 204
    assert api.get("/vhosts/v")["description"] == "ours"
    assert api.get("/permissions/v/guest")["configure"] == ".*"  # its creator may use it
    assert api("DELETE", "/vhosts/v").status == 204
    refused(api("DELETE", "/vhosts/v"), "Not Found", 404)


def test_a_protected_vhost_is_kept(api: Any) -> None:
    api.made("/vhosts/v", {"protected_from_deletion": True})
    answer = api("DELETE", "/vhosts/v")
    assert (answer.status, answer.json["error"]) == (412, "precondition_failed")
    assert api("DELETE", "/vhosts/v/deletion/protection").status == 204
    assert api("POST", "/vhosts/v/deletion/protection").status == 204
    assert api("DELETE", "/vhosts/v").status == 412
    assert api("PUT", "/vhosts/v", {"protected_from_deletion": "false"}).status == 204
    assert api("DELETE", "/vhosts/v").status == 204


@pytest.mark.parametrize(
    "body",
    [{"tags": 5}, {"tags": [5]}, {"description": 5}, {"default_queue_type": "x"}, {"tracing": 5}, {"metadata": 5}],
)
def test_wrong_bodies_of_vhosts(api: Any, body: object) -> None:
    assert api("PUT", "/vhosts/v", body).status == 400
    assert api("GET", "/vhosts/v").status == 404


def test_starting_a_vhost_and_its_permissions(api: Any) -> None:
    node = api.get("/overview")["node"]
    assert api("POST", f"/vhosts/%2F/start/{node}").status == 204
    refused(api("POST", "/vhosts/%2F/start/nope"), "Request to node nope failed with nodedown")
    guest = {"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    assert api.get("/vhosts/%2F/permissions") == [guest]
    assert api.get("/vhosts/%2F/topic-permissions") == []


def test_deleting_a_vhost_closes_its_connections(api: Any, connected: Any) -> None:
    import pika

    assert api("DELETE", "/vhosts/%2F").status == 204
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="vhost '/' is deleted"):
        connected.process_data_events(time_limit=20)


# -- users -----------------------------------------------------------------------------------------------------------


def test_a_user_is_created_replaced_and_deleted(api: Any) -> None:
    assert api("PUT", "/users/u", {"tags": "monitoring,x", "password": "secret"}).status == 201
    user = api.get("/users/u")
    assert (user["name"], user["tags"], user["limits"]) == ("u", ["monitoring", "x"], {})
    assert user["hashing_algorithm"] == "rabbit_password_hashing_sha256"
    assert api.get("/whoami", login="u:secret")["tags"] == ["monitoring", "x"]
    assert api("PUT", "/users/u", {"tags": ["management"], "password_hash": HASH}).status == 204
    assert api.get("/whoami", login="u:test12")["tags"] == ["management"]
    assert api("GET", "/whoami", login="u:secret").status == 401
    assert api("DELETE", "/users/u").status == 204
    assert api("DELETE", "/users/u").json == MISSING


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"password": "x"}, "tags_not_present"),
        ({"tags": "", "password": "x", "password_hash": HASH}, "both_password_and_password_hash_are_provided"),
        ({"tags": "", "password_hash": "!!"}, ["not_base64", "!!"]),
        ({"tags": [str(number) for number in range(33)]}, "too_many_tags"),
    ],
)
def test_what_is_wrong_with_a_user_is_said(api: Any, body: object, reason: object) -> None:
    refused(api("PUT", "/users/u", body), reason)


@pytest.mark.parametrize(
    "body",
    [
        {"tags": 5},
        {"tags": "", "password": 5},
        {"tags": "", "hashing_algorithm": "x"},
        {"tags": "", "limits": 5},
        {"tags": "", "limits": {"max-connections": "a"}},
        {"tags": "", "limits": {"x": 1}},
    ],
)
def test_other_wrong_bodies_of_users(api: Any, body: object) -> None:
    assert api("PUT", "/users/u", body).status == 400
    assert api("GET", "/users/u").status == 404


def test_several_users_are_deleted_all_or_none(api: Any) -> None:
    for name in "ab":
        api.made(f"/users/{name}", {"tags": ""})
    refused(api("POST", "/users/bulk-delete", {"users": ["a", "nope"]}), ["no_such_user", "nope"])
    assert [each["name"] for each in api.get("/users/without-permissions")] == ["a", "b"]
    api.made("/vhosts/a", {})
    shown = {each["name"]: (each["vhosts"], each["vhost_count"]) for each in api.get("/users?vhosts=1")}
    assert shown == {"a": ([], 0), "b": ([], 0), "guest": (["/"], 2)}
    assert "vhosts" not in api.get("/users")[0]
    assert api("POST", "/users/bulk-delete", {"users": ["a", "b", "a"]}).status == 204
    assert [each["name"] for each in api.get("/users")] == ["guest"]
    assert api("POST", "/users/bulk-delete", {"users": 5}).status == 400


def test_a_hash_of_a_password_can_be_had(api: Any) -> None:
    found = api.get("/auth/hash_password/a%2Fb")["ok"]
    api.made("/users/u", {"tags": "management", "password_hash": found})
    assert api.get("/whoami", login="u:a/b")["name"] == "u"
    assert api("GET", "/auth/hash_password/%FF").status == 200


# -- permissions -----------------------------------------------------------------------------------------------------


def test_permissions_are_set_shown_and_cleared(api: Any) -> None:
    api.made("/users/u", {"tags": ""})
    body = {"configure": "^a", "write": "", "read": "^$"}
    assert api("PUT", "/permissions/%2F/u", body).status == 201
    assert api("PUT", "/permissions/%2F/u", body).status == 204
    expected = {"user": "u", "vhost": "/", **body}
    assert api.get("/permissions/%2F/u") == expected
    assert api.get("/users/u/permissions") == [expected]
    assert [each["user"] for each in api.get("/permissions")] == ["guest", "u"]
    assert api("DELETE", "/permissions/%2F/u").status == 204
    assert api("DELETE", "/permissions/%2F/u").json == MISSING
    for path in ("/permissions/%2F/u", "/permissions/%2F/nope", "/permissions/nope/u"):
        assert api("GET", path).json == MISSING


def test_what_is_wrong_with_permissions_is_said(api: Any) -> None:
    body = {"configure": "(", "write": "", "read": ""}
    missing = [109, 105, 115, 115, 105, 110, 103, 32, 41]
    refused(api("PUT", "/permissions/%2F/guest", body), ["invalid_regexp", [40], [missing, 1]])
    refused(api("PUT", "/permissions/%2F/guest", {"write": "", "read": ""}), "[{key_missing,configure}]")
    assert api("PUT", "/permissions/%2F/guest", {**body, "configure": 5}).status == 400
    for path in ("/permissions/%2F/nope", "/permissions/nope/guest"):
        refused(api("PUT", path, {**body, "configure": ""}), "vhost_or_user_not_found")


def test_topic_permissions(api: Any) -> None:
    body = {"exchange": "amq.topic", "write": "^a", "read": ""}
    assert api("PUT", "/topic-permissions/%2F/guest", body).status == 201
    assert api("PUT", "/topic-permissions/%2F/guest", {**body, "exchange": "other"}).status == 204
    expected = {"user": "guest", "vhost": "/", **body}
    for path in ("/topic-permissions", "/topic-permissions/%2F/guest", "/users/guest/topic-permissions"):
        assert api.get(path)[0] == expected
        assert len(api.get(path)) == 2
    assert api.get("/topic-permissions/%2F/guest/amq.topic") == [expected]
    assert api("DELETE", "/topic-permissions/%2F/guest/amq.topic").status == 204
    assert api("DELETE", "/topic-permissions/%2F/guest/amq.topic").json == MISSING
    assert api("DELETE", "/topic-permissions/%2F/guest").status == 204
    assert api("GET", "/topic-permissions/%2F/guest").json == MISSING
    refused(api("PUT", "/topic-permissions/%2F/guest", {"write": "", "read": ""}), "[{key_missing,exchange}]")
    answer = api("PUT", "/topic-permissions/%2F/guest", {**body, "write": "("})
    assert answer.json["reason"][:2] == ["invalid_regexp", "("]


# -- policies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["policies", "operator-policies"])
def test_policies_take_effect_and_are_cleared(api: Any, kind: str) -> None:
    api.made("/queues/%2F/a", {"durable": True})
    body = {"pattern": "^a", "definition": {"max-length": 10}, "priority": 1, "apply-to": "queues"}
    assert api("PUT", f"/{kind}/%2F/p", body).status == 201
    assert api("PUT", f"/{kind}/%2F/p", body).status == 204
    expected = {"vhost": "/", "name": "p", **body}
    assert api.get(f"/{kind}/%2F/p") == expected
    assert api.get(f"/{kind}") == api.get(f"/{kind}/%2F") == [expected]
    queue = api.get("/queues/%2F/a")
    names = {"policies": ("p", None), "operator-policies": (None, "p")}
    assert (queue["policy"], queue["operator_policy"]) == names[kind]
    assert queue["effective_policy_definition"] == {"max-length": 10}
    assert api("DELETE", f"/{kind}/%2F/p").status == 204
    assert api("DELETE", f"/{kind}/%2F/p").json == MISSING
    assert api.get("/queues/%2F/a")["policy"] is None


def test_what_is_wrong_with_a_policy_is_said(api: Any) -> None:
    reason = (
        'Validation failed\n\n<<"a">> is not a valid maximum length\n'
        'pattern should be regular expression but is invalid: {"missing )",1}\n'
    )
    refused(api("PUT", "/policies/%2F/p", {"pattern": "(", "definition": {"max-length": "a"}}), reason)
    refused(api("PUT", "/policies/%2F/p", {"definition": {}}), "[{key_missing,pattern}]")
    changes: list[dict[str, object]] = [
        {"pattern": 5},
        {"definition": 5},
        {"priority": "x"},
        {"apply-to": ["x"]},
        {"definition": {}},
    ]
    for change in changes:
        body = {"pattern": "a", "definition": {"max-length": 1}, **change}
        assert api("PUT", "/policies/%2F/p", body).status == 400, change


# -- parameters and limits -------------------------------------------------------------------------------------------


def test_parameters_are_another_view_of_policies_and_limits(api: Any) -> None:
    value = {"pattern": "^a", "definition": {"max-length": 10}, "priority": 0, "apply-to": "all"}
    assert api("PUT", "/parameters/operator_policy/%2F/o", {"value": value}).status == 201
    assert api("PUT", "/policies/%2F/p", value).status == 201
    assert api("PUT", "/parameters/vhost-limits/%2F/limits", {"value": {"max-queues": 5}}).status == 201
    limits = {"value": {"max-queues": 5}, "vhost": "/", "component": "vhost-limits", "name": "limits"}
    operator = {"value": value, "vhost": "/", "component": "operator_policy", "name": "o"}
    assert api.get("/parameters") == [operator, limits]
    assert api.get("/parameters/policy") == [{**operator, "component": "policy", "name": "p"}]
    assert api.get("/parameters/vhost-limits/%2F") == [limits]
    assert api.get("/parameters/vhost-limits/%2F/limits") == limits
    assert api("DELETE", "/policies/%2F/p").status == 204
    for path in ("vhost-limits/%2F/limits", "operator_policy/%2F/o"):
        assert api("DELETE", f"/parameters/{path}").status == 204
        assert api("DELETE", f"/parameters/{path}").json == MISSING
    assert api.get("/parameters") == api.get("/policies") == api.get("/parameters/nope") == []


def test_what_is_wrong_with_a_parameter_is_said(api: Any) -> None:
    refused(api("PUT", "/parameters/nope/%2F/x", {"value": {}}), "Validation failed\n\ncomponent nope not found\n")
    refused(api("PUT", "/parameters/nope/%2F/x", {}), "[{key_missing,value}]")
    refused(api("PUT", "/parameters/policy/%2F/x", {"value": {}}), "policies may not be set using this method")
    assert api("DELETE", "/parameters/policy/%2F/x").status == 404
    api.made("/policies/%2F/x", {"pattern": "", "definition": {"max-length": 5}})
    refused(api("DELETE", "/parameters/policy/%2F/x"), "policies may not be cleared using this method")
    for value, lines in (
        ({}, 'Key "definition" not found in x\nKey "pattern" not found in x\nKey "priority" not found in x'),
        ({"pattern": "a", "definition": {"max-length": 5}}, 'Key "priority" not found in x'),
        ({"pattern": "a", "definition": {}, "priority": 0, "foo": 1}, 'Unrecognised terms [{<<"foo">>,1}] in x'),
        (5, "x not a list 5"),
    ):
        refused(api("PUT", "/parameters/operator_policy/%2F/x", {"value": value}), f"Validation failed\n\n{lines}\n")
    answer = api("PUT", "/parameters/vhost-limits/%2F/limits", {"value": 5})
    refused(answer, "Validation failed\n\nlimits not a list 5\n")
    answer = api("PUT", "/parameters/vhost-limits/%2F/x", {"value": {"max-queues": 5}})
    refused(answer, "Validation failed\n\nvhost-limits has no parameter x: the only one is limits\n")


def test_global_parameters_hold_any_json(api: Any) -> None:
    assert api("PUT", "/global-parameters/mqtt", {"value": {"a": [1, None]}}).status == 201
    assert api("PUT", "/global-parameters/mqtt", {"value": "x"}).status == 204
    assert api.get("/global-parameters/mqtt") == {"value": "x", "name": "mqtt"}
    assert api.get("/global-parameters") == [{"name": "mqtt", "value": "x"}]
    assert api("DELETE", "/global-parameters/mqtt").status == 204
    assert api("DELETE", "/global-parameters/mqtt").json == MISSING
    assert api("GET", "/global-parameters/mqtt").json == MISSING


def test_limits_of_vhosts(api: Any) -> None:
    assert api("PUT", "/vhost-limits/%2F/max-queues", {"value": 0}).status == 204
    assert api.get("/vhost-limits") == api.get("/vhost-limits/%2F") == [{"vhost": "/", "value": {"max-queues": 0}}]
    assert "queue limit in vhost '/' (0) is reached" in api("PUT", "/queues/%2F/q").json["reason"]
    for _ in range(2):
        assert api("DELETE", "/vhost-limits/%2F/max-queues").status == 204
    assert api.get("/vhost-limits/%2F") == []
    start = "Validation failed\n\n"
    refused(
        api("PUT", "/vhost-limits/%2F/max-queues", {"value": "a"}),
        f'{start}max-queues should be a number, actually was <<"a">>\n',
    )
    refused(
        api("PUT", "/vhost-limits/%2F/foo", {"value": 5}), f'{start}Unrecognised terms [{{<<"foo">>,5}}] in limits\n'
    )
    assert api("PUT", "/vhost-limits/%2F/max-queues", {"value": None}).status == 400


def test_limits_of_users(api: Any) -> None:
    assert api("PUT", "/user-limits/guest/max-connections", {"value": 5}).status == 204
    assert api.get("/user-limits") == [{"user": "guest", "value": {"max-connections": 5}}]
    assert api.get("/users/guest")["limits"] == {"max-connections": 5}
    assert api("PUT", "/users/guest", {"tags": "administrator", "password": "guest"}).status == 204
    assert api.get("/user-limits/guest") == [{"user": "guest", "value": {"max-connections": 5}}]
    assert api("DELETE", "/user-limits/guest/max-connections").status == 204
    assert api.get("/user-limits/guest") == []
    refused(api("PUT", "/user-limits/guest/foo", {"value": 5}), 'Unrecognised terms [{<<"foo">>,5}] in user-limits')
    refused(api("PUT", "/user-limits/nope/max-channels", {"value": 5}), ["no_such_user", "nope"])
    refused(api("PUT", "/user-limits/guest/max-channels", {}), "[{key_missing,value}]")
    assert api("GET", "/user-limits/nope").json == MISSING


# -- what is there from the start --------------------------------------------------------------------------------------

DECLARED = """
[[vhosts]]
name = "orders"
description = "What the shop sends"
tags = ["production"]

[[vhosts]]
name = "tenant-own"
limits = { max_queues = 9 }

[[default_limits]]
pattern = "^tenant-"
max_connections = 5

[[default_limits]]
pattern = "."
max_queues = 7
"""


def test_what_the_access_file_says_of_virtual_hosts_counts(started: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "access.toml"
    file.write_text(DECLARED, encoding="utf-8")
    with started(access_file=file) as api:
        orders = api.get("/vhosts/orders")
        assert (orders["description"], orders["tags"]) == ("What the shop sends", ["production"])
        api.made("/vhosts/tenant-new")
        limits = {each["vhost"]: each["value"] for each in api.get("/vhost-limits")}
    assert limits == {
        "/": {"max-queues": 7},
        "orders": {"max-queues": 7},
        "tenant-own": {"max-queues": 9},
        "tenant-new": {"max-connections": 5},
    }


def test_what_the_access_file_leaves_open_stays_over_a_restart(started: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "access.toml"
    file.write_text('[[vhosts]]\nname = "orders"\ntags = ["a"]\n', encoding="utf-8")
    settings = {"access_file": file, "data_dir": str(tmp_path / "data")}
    with started(**settings) as api:
        assert api("PUT", "/vhosts/orders", {"description": "ours", "tags": "b"}).status == 204
        assert api("PUT", "/vhost-limits/orders/max-queues", {"value": 5}).status == 204
    with started(**settings) as api:
        found = api.get("/vhosts/orders")
        assert (found["description"], found["tags"]) == ("ours", ["a"])
        assert api.get("/vhost-limits/orders") == [{"vhost": "orders", "value": {"max-queues": 5}}]


def test_the_default_user_may_do_what_the_settings_say(started: Callable[..., Any]) -> None:
    with started(default_configure="^own", default_write="", default_read="^(own|public)") as api:
        found = api.get("/permissions/%2F/guest")
    assert (found["configure"], found["write"], found["read"]) == ("^own", "", "^(own|public)")
