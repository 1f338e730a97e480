"""Every tag at every endpoint: who gets in, and in which words the others are refused.

The expectations are written down here once more, by hand and by path, so that the table of routes is checked and not
repeated.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import pika
import pytest

import amqpd
from amqpd.management.routes import ROUTES
from amqpd.management.routing import Route
from amqpd.testing.broker import EmbeddedBroker
from tests.management.conftest import Client

TAGS = ("administrator", "monitoring", "policymaker", "management", "")
FILLED = {"vhost": "{}", "kind": "q", "port": "1", "within": "1", "unit": "days", "component": "policy"}
"""Values of the parts of paths; all others are `x`, which is nothing."""

OPEN = {"/auth", "/version", "/openapi.json", "/login"}
ADMINISTRATORS = (
    r"/cluster-name PUT|/(feature-flags|deprecated-features|reset|rebalance|definitions|all-configuration|users|"
    r"permissions|topic-permissions|user-limits)\b.*|/auth/hash_password.*|/queues/.*/actions .*|"
    r"/vhost-limits/.* (PUT|DELETE)|/operator-policies/.* (PUT|DELETE)|/vhosts/{vhost} (PUT|DELETE)|"
    r"/vhosts/{vhost}/(deletion|start|permissions|topic-permissions).*|/queues/quorum/.*|/config/.*"
)
MONITORING = r"/(nodes|log|auth/attempts)\b.*"
POLICYMAKERS = r"/(policies|operator-policies|parameters|global-parameters)\b.*"
CHANGES_IN_A_VHOST = r".*/peek GET|.* (PUT|POST|DELETE)"


@pytest.fixture(scope="module")
def matrix() -> Generator[Client]:
    with amqpd.run_in_thread(management_port=0) as broker:
        yield peopled(broker)


def peopled(broker: EmbeddedBroker) -> Client:
    """Each tag has a user of its name, who works in the vhost `own` and not in `other`."""
    for vhost in ("own", "other"):
        broker.add_vhost(vhost)
    for tag in TAGS:
        broker.add_user(tag or "none", "secret", (tag,) if tag else ("wizard",))
        broker.grant(tag or "none", "own", "^$", "^$", "^$")
    return Client(broker)


def expected(method: str, path: str, tag: str, vhost: str) -> str | None:
    """The reason of the refusal; None: the caller gets in, whatever it finds there."""
    if path in OPEN:
        return "Not_Authorized" if (method, path) == ("POST", "/login") else None  # its login is in the body
    if not tag:
        return "Not management user"
    line, in_vhost = f"{path} {method}", "{vhost}" in path
    if tag == "administrator":
        return None
    if re.fullmatch(ADMINISTRATORS, line):
        return "Not administrator user"
    if re.fullmatch(MONITORING, line):
        return None if tag == "monitoring" else "Not monitor user"
    if re.fullmatch(POLICYMAKERS, line):
        allowed = tag == "policymaker" and (vhost == "own" or not in_vhost)
        return None if allowed else "User not authorised to access object"
    if in_vhost and vhost == "other" and (re.fullmatch(CHANGES_IN_A_VHOST, line) or tag != "monitoring"):
        return "User not authorised to access virtual host"
    return None


def filled(path: str, vhost: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: FILLED.get(found[1], "x").format(vhost), path)


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_each_tag_gets_in_where_it_may(matrix: Client, route: Any) -> None:
    for tag in TAGS:
        for vhost in ("own", "other") if "{vhost}" in route.path else ("own",):
            if tag == "administrator" and route.method != "GET":
                continue  # it may change everything, and would
            reason = expected(route.method, route.path, tag, vhost)
            body: object = {} if route.method in {"PUT", "POST"} else None
            answer = matrix(route.method, filled(route.path, vhost), body, login=f"{tag or 'none'}:secret")
            refused = answer.json["reason"] if answer.status == 401 else None
            if reason is None and refused == "Access refused.":
                continue  # past the tags, its permissions decided
            may_look = tag == "monitoring" and route.method == "GET"
            if "/username/" in route.path and tag not in ("administrator", "") and not may_look:
                reason = "User not authorised to access object"  # `x` is somebody else
            assert refused == reason, (tag, vhost, answer)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.method != "GET"], ids=named)
def test_an_administrator_may_change_everything(expendable: Client, route: Any) -> None:
    for vhost in ("own", "other") if "{vhost}" in route.path else ("own",):
        for each in ("own", "other"):
            expendable("PUT", f"/vhosts/{each}", {})
            expendable("PUT", f"/permissions/{each}/root", dict.fromkeys(("configure", "write", "read"), ".*"))
        body: object = {} if route.method in {"PUT", "POST"} else None
        answer = expendable(route.method, filled(route.path, vhost), body, login="root:secret")
        assert answer.status != 401 or route.path == "/login", (vhost, answer)


@pytest.fixture(scope="module")
def expendable() -> Generator[Client]:
    with amqpd.run_in_thread(management_port=0) as broker:
        broker.add_user("root", "secret", ("administrator",))
        yield Client(broker)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.path not in OPEN], ids=named)
def test_nobody_gets_in_without_a_login(matrix: Client, route: Any) -> None:
    for login in (None, "monitoring:wrong", "nobody:secret", "guest:"):
        answer = matrix(route.method, filled(route.path, "own"), login=login)
        assert (answer.status, answer.json) == (401, {"error": "not_authorized", "reason": "Not_Authorized"}), login
        assert answer.headers["www-authenticate"] == 'Basic realm="RabbitMQ Management"'


def test_every_endpoint_says_what_it_is_for() -> None:
    assert [route.path for route in ROUTES if not route.summary.endswith((".", "is."))] == []


def test_the_description_has_every_endpoint(matrix: Client) -> None:
    described = matrix.get("/openapi.json", login=None)
    found = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert found == {(each.method, f"/api{each.path}") for each in ROUTES if each.path != "/openapi.json"}
    identifiers = [each["operationId"] for methods in described["paths"].values() for each in methods.values()]
    assert len(identifiers) == len({*identifiers})


def test_the_description_names_the_body_of_every_change(matrix: Client) -> None:
    described = matrix.get("/openapi.json", login=None)
    lacking = [
        (method, path)
        for path, methods in described["paths"].items()
        for method, each in methods.items()
        if method in ("put", "post") and "requestBody" not in each
    ]
    assert lacking == []
    lists = [each for each in described["paths"].values() if "List" in str(each.get("get", {}).get("responses", ""))]
    assert len(lists) > 30


OLD_CONTENTS = "/queues/{0} /exchanges/{0} /bindings/{0} /exchanges/{0}/x /vhosts/{0}/connections /vhosts/{0}/channels"
OLD_LISTS = (
    "/policies /policies/own /operator-policies /operator-policies/own /user-limits /vhost-limits/own /consumers/other"
)


def test_in_3_10_permissions_show_what_is_in_a_vhost_and_fewer_lists_are_for_some_alone() -> None:
    """Seen on 3.10.8."""
    with amqpd.run_in_thread(management_port=0, compat="3.10") as broker:
        api = peopled(broker)

        def refusal(path: str, tag: str) -> str | None:
            answer = api("GET", path, login=f"{tag}:secret")
            return answer.json["reason"] if answer.status == 401 else None

        for tag in ("monitoring", "policymaker", "management"):
            for path in OLD_CONTENTS.format("other").split():
                assert refusal(path, tag) == "User not authorised to access virtual host", (tag, path)
            for path in (OLD_CONTENTS.format("own") + " " + OLD_LISTS).split():
                assert refusal(path, tag) is None, (tag, path)
            for path in ("/operator-policies/own/x", "/vhosts/own"):
                assert refusal(path, tag) == "Not administrator user", (tag, path)
            assert {each["vhost"] for each in api.get("/exchanges", login=f"{tag}:secret")} == {"own"}
        assert len(api.get("/vhosts", login="monitoring:secret")) == 3
        assert refusal("/policies/other", "monitoring") == "User not authorised to access virtual host"


def test_before_4_1_the_aliveness_test_needs_a_queue() -> None:
    with amqpd.run_in_thread(management_port=0, compat="4.0") as broker:
        api = peopled(broker)
        answer = api("GET", "/aliveness-test/own", login="management:secret")
        where = "queue 'aliveness-test' in vhost 'own' refused for user 'management'"
        assert (answer.status, answer.json["error"]) == (401, "not_authorised")
        assert answer.json["reason"] == f"ACCESS_REFUSED - configure access to {where}"
        assert api.get("/aliveness-test/%2F") == api.get("/aliveness-test/%2F") == {"status": "ok"}
        queue = api.get("/queues/%2F/aliveness-test")
        assert (queue["durable"], queue["messages"]) == (False, 0)


def test_consumers_in_3_10_are_shown_to_their_own_user_and_to_monitors() -> None:
    with amqpd.run_in_thread(management_port=0, compat="3.10") as broker:
        api = peopled(broker)
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            channel = connection.channel()
            channel.queue_declare("q")
            channel.basic_consume("q", lambda *_: None)
            seen = {tag: len(api.get("/consumers", login=f"{tag}:secret")) for tag in TAGS if tag}
    assert seen == {"administrator": 1, "monitoring": 1, "policymaker": 0, "management": 0}


def test_users_see_what_is_theirs(matrix: Client) -> None:
    def vhosts(tag: str) -> list[str]:
        return [each["name"] for each in matrix.get("/vhosts", login=f"{tag}:secret")]

    assert vhosts("management") == vhosts("policymaker") == ["own"]
    assert vhosts("monitoring") == vhosts("administrator") == ["/", "other", "own"]
    assert {each["vhost"] for each in matrix.get("/exchanges", login="management:secret")} == {"own"}
    assert {each["vhost"] for each in matrix.get("/exchanges", login="monitoring:secret")} == {"/", "other", "own"}


def test_permissions_decide_on_changes(matrix: Client) -> None:
    refused = {"error": "not_authorised", "reason": "Access refused."}
    login = "management:secret"
    for method, path in (
        ("PUT", "/queues/own/q"),
        ("PUT", "/exchanges/own/x"),
        ("POST", "/bindings/own/e/amq.topic/q/q"),
    ):
        answer = matrix(method, path, {}, login=login)
        assert (answer.status, answer.json) == (401, refused)


def test_a_policymaker_sets_policies_and_neither_limits_nor_operators_ones(matrix: Client) -> None:
    login, policy = "policymaker:secret", {"pattern": "^a", "definition": {"max-length": 1}}
    assert matrix("PUT", "/policies/own/p", policy, login=login).status == 201
    answer = matrix("PUT", "/parameters/policy/own/p", {"value": policy}, login=login)
    assert (answer.status, answer.json["reason"]) == (400, "policies may not be set using this method")
    for component in ("operator_policy", "vhost-limits"):
        answer = matrix("PUT", f"/parameters/{component}/own/limits", {"value": {}}, login=login)
        assert answer.json["reason"] == "Not administrator user"
    assert matrix("DELETE", "/policies/own/p", login=login).status == 204
