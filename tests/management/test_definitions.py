"""Definitions out and in, and what survives a restart."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FROM_RABBITMQ: dict[str, Any] = {
    "rabbit_version": "3.10.8",
    "rabbitmq_version": "3.10.8",
    "product_name": "RabbitMQ",
    "product_version": "3.10.8",
    "users": [
        {
            "name": "app",
            "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["management"],
            "limits": {"max-channels": 9},
        }
    ],
    "vhosts": [
        {"name": "/"},
        {"name": "shop", "description": "d", "tags": ["t"], "metadata": {"description": "d", "tags": ["t"]}},
    ],
    "permissions": [{"user": "app", "vhost": "shop", "configure": ".*", "write": "", "read": "^$"}],
    "topic_permissions": [{"user": "app", "vhost": "shop", "exchange": "amq.topic", "write": "a", "read": "b"}],
    "parameters": [
        {"value": {"max-queues": 7}, "vhost": "shop", "component": "vhost-limits", "name": "limits"},
        {
            "value": {"pattern": "^q", "definition": {"max-length": 9}, "priority": 0, "apply-to": "queues"},
            "vhost": "shop",
            "component": "operator_policy",
            "name": "op",
        },
        {"value": {"src-uri": "amqp://"}, "vhost": "shop", "component": "shovel", "name": "s"},
    ],
    "global_parameters": [
        {"name": "cluster_name", "value": "rabbit@host"},
        {"name": "internal_cluster_id", "value": "rabbitmq-cluster-id-x"},
    ],
    "policies": [
        {
            "vhost": "shop",
            "name": "dlx",
            "pattern": "^q",
            "apply-to": "queues",
            "definition": {"dead-letter-exchange": "dlx"},
            "priority": 0,
        }
    ],
    "queues": [
        {
            "name": "q",
            "vhost": "shop",
            "durable": True,
            "auto_delete": False,
            "arguments": {"x-queue-type": "quorum", "x-delivery-limit": 5},
        }
    ],
    "exchanges": [
        {
            "name": "dlx",
            "vhost": "shop",
            "type": "fanout",
            "durable": True,
            "auto_delete": False,
            "internal": True,
            "arguments": {},
        }
    ],
    "bindings": [
        {
            "source": "dlx",
            "vhost": "shop",
            "destination": "q",
            "destination_type": "queue",
            "routing_key": "k",
            "arguments": {"a": 1},
        }
    ],
}


INVALID = "pattern should be regular expression but is invalid"


def exported(api: Any, path: str = "/definitions") -> Any:
    return api.get(path)


def test_definitions_of_rabbitmq_are_taken_over_and_given_back(api: Any) -> None:
    out: Any = {}
    for _ in range(2):  # the same again changes nothing
        assert api("POST", "/definitions", FROM_RABBITMQ).status == 204
        out = exported(api)
        for section in ("permissions", "topic_permissions", "policies", "queues", "exchanges", "bindings", "users"):
            ours = [each for each in out[section] if "guest" not in (each.get("user"), each.get("name"))]
            assert ours == FROM_RABBITMQ[section], section
    assert out["global_parameters"] == [{"name": "cluster_name", "value": "rabbit@host"}]
    assert {(each["component"], each["name"]) for each in out["parameters"]} == {
        ("vhost-limits", "limits"),
        ("operator_policy", "op"),
    }
    assert api.get("/whoami", login="app:test12")["tags"] == ["management"]
    assert api.get("/queues/shop/q")["policy"] == "dlx"


def test_what_is_exported_makes_the_same_broker_again(api: Any, started: Callable[..., Any]) -> None:
    api("POST", "/definitions", FROM_RABBITMQ)
    document = exported(api)
    with started() as other:
        assert other("POST", "/definitions?report=true", document).json == {"skipped": []}
        again = exported(other)
    for section, items in document.items():
        if isinstance(items, list):
            assert again[section] == items


def test_one_vhost_goes_into_another(api: Any) -> None:
    api("POST", "/definitions", FROM_RABBITMQ)
    document = exported(api, "/definitions/shop")
    assert document["rabbitmq_definition_format"] == "single_virtual_host"
    assert "vhost" not in document["queues"][0]
    api.made("/vhosts/copy")
    assert api("POST", "/definitions/copy", document).status == 204
    again = exported(api, "/definitions/copy")
    for section in ("queues", "exchanges", "bindings", "policies", "parameters"):
        assert again[section] == document[section]
    answer = api("POST", "/definitions/nope", document)
    assert (answer.status, answer.json["reason"]) == (404, "vhost_not_found")


def test_what_clients_own_is_not_exported(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("mine", exclusive=True)
    channel.queue_bind("mine", "amq.fanout")
    out = exported(api)
    assert out["queues"] == out["exchanges"] == out["bindings"] == []


def test_a_file_can_be_downloaded_and_uploaded(api: Any) -> None:
    answer = api("GET", '/definitions?download=a"b.json')
    assert answer.headers["content-disposition"] == 'attachment; filename="a_b.json"'
    form = b'--X\r\nContent-Disposition: form-data; name="file"; filename="d"\r\n\r\n'
    body = form + json.dumps(FROM_RABBITMQ).encode() + b"\r\n--X--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=X"}
    assert api("POST", "/definitions", body, headers=kind).status == 204
    assert api.get("/queues/shop/q")["type"] == "quorum"
    assert api("POST", "/definitions", b"--X--", headers=kind).status == 400
    assert api("POST", "/definitions", b"--Y--", headers={"content-type": "multipart/form-data"}).status == 400


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "failed_to_parse_json"),
        ({"queues": [{"name": "a"}]}, ["no_such_vhost", "undefined"]),
        ({"queues": [{"name": "a", "vhost": "zip"}]}, ["no_such_vhost", "zip"]),
        (
            {"policies": [{"vhost": "/", "name": "a", "pattern": "(", "definition": {}}]},
            f'Validation failed\n\nno policy provided\n{INVALID}: {{"missing )",1}}\n (//a)',
        ),
    ],
)
def test_what_is_wrong_with_definitions_is_said(api: Any, document: object, reason: object) -> None:
    answer = api("POST", "/definitions", document)
    assert (answer.status, answer.json) == (400, {"error": "bad_request", "reason": reason})


WRONG: list[object] = [
    {"users": 5},
    {"users": [5]},
    {"users": [{"name": 5}]},
    {"users": [{"name": "a", "tags": 5}]},
    {"users": [{"name": "a", "hashing_algorithm": "x"}]},
    {"users": [{"name": "a", "limits": {"x": 1}}]},
    {"vhosts": [{"name": "a", "limits": 5}]},
    {"vhosts": [{"name": "a", "limits": [{"x": 1}]}]},
    {"vhosts": [{"name": "a", "metadata": 5}]},
    {"vhosts": [{"name": "a", "default_queue_type": "x"}]},
    {"vhosts": [{"name": "v" * 256}]},
    {"permissions": [{"user": "guest", "vhost": "/", "configure": "(", "write": "", "read": ""}]},
    {"permissions": [{"user": "nope", "vhost": "/", "configure": "", "write": "", "read": ""}]},
    {"policies": [{"vhost": "/", "name": "a", "pattern": "a", "definition": {"x": 1}}]},
    {"parameters": [{"vhost": "/", "name": "a", "component": "policy", "value": 5}]},
    {"queues": [{"vhost": "/"}]},
    {"queues": [{"name": "q" * 256, "vhost": "/"}]},
    {"queues": [{"name": "q", "vhost": "/", "durable": "x"}]},
    {"queues": [{"name": "q", "vhost": "/", "arguments": {"x-max-length": "a"}}]},
    {"queues": [{"name": "q", "vhost": "/", "arguments": {"x-queue-type": "x"}}]},
    {"queues": [{"name": "q", "vhost": "/", "arguments": [1]}]},
    {"exchanges": [{"name": "x", "vhost": "/", "type": "nope"}]},
    {"exchanges": [{"name": "x", "vhost": "/"}]},
    {
        "bindings": [
            {"source": "amq.topic", "vhost": "/", "destination": "q", "destination_type": "x", "routing_key": ""}
        ]
    },
]


@pytest.mark.parametrize("document", WRONG, ids=str)
def test_other_wrong_definitions_are_400_with_a_reason(api: Any, document: object) -> None:
    answer = api("POST", "/definitions", document)
    assert answer.status == 400, answer
    assert answer.json["reason"]


def test_a_password_where_its_hash_belongs_stays_out_of_the_log(api: Any, caplog: pytest.LogCaptureFixture) -> None:
    document = {"rabbit_version": "3.10.8", "users": [{"name": "u", "password_hash": "my secret!", "tags": ""}]}
    assert api("POST", "/definitions", document).status == 400
    assert "definitions imported in part" in caplog.text
    assert "secret" not in caplog.text


def test_the_broker_s_own_names_are_skipped(api: Any) -> None:
    document = {
        "queues": [{"name": "amq.gen-x", "vhost": "/"}],
        "exchanges": [{"name": "amq.mine", "vhost": "/", "type": "direct"}],
        "bindings": [
            {"source": "", "vhost": "/", "destination": "x", "destination_type": "queue", "routing_key": "x"},
        ],
    }
    assert api("POST", "/definitions", document).status == 204
    assert exported(api)["queues"] == exported(api)["exchanges"] == []


def test_what_has_no_counterpart_here_is_skipped_and_named(api: Any) -> None:
    policies: list[dict[str, object]] = [
        {"vhost": "/", "name": "fed", "pattern": "^x", "definition": {"federation-upstream-set": "all"}},
        {"vhost": "/", "name": "ha", "pattern": "^q", "definition": {"ha-mode": "all", "max-length": 9}},
    ]
    binding = {"vhost": "/", "destination": "q", "destination_type": "queue", "routing_key": ""}
    document = {
        "policies": policies,
        "exchanges": [{"name": "jms", "vhost": "/", "type": "x-jms-topic"}],
        "queues": [{"name": "q", "vhost": "/"}, {"name": "amq.gen-x", "vhost": "/"}],
        "bindings": [binding | {"source": "jms"}, binding | {"source": "amq.fanout"}],
        "trace_files": [{"name": "a"}],
        "topics": [],
    }
    skipped = api("POST", "/definitions?report=true", document).json["skipped"]
    assert [(each["section"], each["name"], each["reason"]) for each in skipped] == [
        ("trace_files", "", "nothing here uses it"),
        ("exchanges", "//jms", "there is no type 'x-jms-topic' here"),
        ("policies", "//fed", "nothing here uses federation-upstream-set"),
        ("policies", "//ha", "nothing here uses ha-mode"),
        ("queues", "amq.gen-x", "names that begin with amq. are the broker's"),
        ("bindings", "//jms -> q", "there is no exchange 'jms'"),
    ]
    out = exported(api)
    assert [(each["name"], each["definition"]) for each in out["policies"]] == [("ha", {"max-length": 9})]
    assert [each["source"] for each in out["bindings"]] == ["amq.fanout"]
    assert out["exchanges"] == []


def test_transient_queues_are_exported_as_rabbitmq_does(api: Any, connected: Any) -> None:
    channel = connected.channel()
    channel.queue_declare("gone-with-the-broker")
    channel.queue_bind("gone-with-the-broker", "amq.fanout")
    out = exported(api)
    assert [(each["name"], each["durable"]) for each in out["queues"]] == [("gone-with-the-broker", False)]
    assert [each["destination"] for each in out["bindings"]] == ["gone-with-the-broker"]


def test_a_limit_of_queues_holds_for_imports(api: Any) -> None:
    api("PUT", "/vhost-limits/%2F/max-queues", {"value": 1})
    names = ("a", "b", "amq.gen-1")
    document = {"queues": [{"name": name, "vhost": "/"} for name in names], "users": [{"name": "u", "tags": ""}]}
    for path in ("/definitions", "/definitions/%2F"):
        assert api("POST", path, document).json["reason"] == (
            'Adding 2 queue(s) to virtual host "/" would exceed the limit of 1 queue(s).\n\n'
            "This virtual host currently has 0 queue(s) defined.\n\nImport aborted!"
        )
    assert api.get("/queues") == []
    api("PUT", "/vhost-limits/%2F/max-queues", {"value": 2})
    assert [api("POST", "/definitions", document).status for _ in range(2)] == [204, 204]


def test_a_binding_without_its_queue_or_exchange_is_named_and_the_rest_taken_over(api: Any) -> None:
    api.made("/queues/%2F/q")
    binding = {"source": "amq.topic", "vhost": "/", "destination": "q", "destination_type": "queue", "routing_key": "k"}
    lost = [{**binding, "source": "nope"}, {**binding, "destination": "amq.gen-1"}]
    assert api("POST", "/definitions", {"bindings": [*lost, binding]}).status == 204
    assert len(api.get("/bindings/%2F/e/amq.topic/q/q")) == 1


def test_who_imports_a_new_vhost_may_work_in_it(api: Any) -> None:
    vhost = {"name": "v", "tracing": True}
    assert api("POST", "/definitions", {"vhosts": [vhost]}).status == 204
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    assert api.get("/vhosts/v/permissions") == [{"user": "guest", "vhost": "v", **everything}]
    assert api("DELETE", "/permissions/v/guest").status == 204
    assert api("POST", "/definitions", {"vhosts": [{"name": "v", "description": "later"}]}).status == 204
    assert api.get("/vhosts/v/permissions") == []
    assert (api.get("/vhosts/v")["tracing"], api.get("/vhosts/v")["description"]) == (True, "later")


def test_permissions_of_nobody_or_nowhere_are_refused_in_rabbitmqs_words(api: Any) -> None:
    permission = {"user": "nobody", "vhost": "/", "configure": "", "write": "", "read": ""}
    for change, reason in (({}, ["no_such_user", "nobody"]), ({"vhost": "nope"}, ["no_such_vhost", "nope"])):
        answer = api("POST", "/definitions", {"permissions": [{**permission, **change}]})
        assert (answer.status, answer.json["reason"]) == (400, reason)


def test_many_definitions_are_taken_over_while_others_have_their_turn(api: Any) -> None:
    document = {"queues": [{"name": f"q{number}", "vhost": "/"} for number in range(2000)]}
    assert api("POST", "/definitions", document).status == 204
    assert len(exported(api)["queues"]) == 2000


def test_what_is_changed_over_http_survives_a_restart(started: Callable[..., Any], tmp_path: Path) -> None:
    with started(data_dir=str(tmp_path / "data")) as api:
        assert api("POST", "/definitions", FROM_RABBITMQ).status == 204
        api("POST", "/vhosts/shop/deletion/protection")
        before = exported(api)
    with started(data_dir=str(tmp_path / "data")) as api:
        assert exported(api) == before
        assert api("DELETE", "/vhosts/shop").status == 412
        assert api.get("/global-parameters/cluster_name")["value"] == "rabbit@host"
        assert api("DELETE", "/global-parameters/cluster_name").status == 204


def test_half_a_document_is_told_and_changes_nothing(api: Any) -> None:
    connection = http.client.HTTPConnection(api.host, api.port, timeout=20)
    connection.putrequest("POST", "/api/definitions")
    connection.putheader("authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
    connection.putheader("content-length", "100")
    connection.endheaders(b"{")
    assert connection.sock is not None
    connection.sock.shutdown(1)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["reason"]) == (400, "the body ended too early")
    connection.close()


def test_a_report_names_what_was_not_taken_over(api: Any) -> None:
    document = FROM_RABBITMQ | {
        "exchanges": [{"name": "amq.mine", "vhost": "/", "type": "fanout"}],
        "bindings": [],
        "federation": [{"name": "up"}],
    }
    answer = api("POST", "/definitions?report=true", document)
    assert answer.status == 200
    assert answer.json["skipped"] == [
        {"section": "federation", "name": "", "reason": "nothing here uses it"},
        {"section": "exchanges", "name": "amq.mine", "reason": "names that begin with amq. are the broker's"},
        {"section": "parameters", "name": "shovel/s", "reason": "nothing here uses it"},
    ]


def test_a_report_of_a_virtual_host_names_what_belongs_to_none(api: Any) -> None:
    answer = api("POST", "/definitions/%2F?report=true", {"users": [{"name": "app"}], "vhosts": [], "queues": []})
    reason = "it is not part of a virtual host"
    assert answer.json == {"skipped": [{"section": "users", "name": "", "reason": reason}]}
