"""The end of the log over HTTP: what it shows, to whom, and what it never does."""

from __future__ import annotations

import uuid
from typing import Any

import pika
import pytest

from amqpd.log import get_logger
from tests.management.conftest import Client

log = get_logger("amqpd.test_management_log")


def said(api: Client, query: str = "") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = api.get(f"/log{query}")["entries"]
    return entries


def test_events_are_shown_with_their_values(api: Client) -> None:
    event = f"happened {uuid.uuid4()}"
    log.warning(event, queue="q", count=3, on=None)
    entry = said(api)[-1]
    assert (entry["event"], entry["level"], entry["logger"]) == (event, "warning", "amqpd.test_management_log")
    assert entry["values"] == {"queue": "q", "count": 3, "on": None}
    assert entry["time"] > 1_700_000_000_000


def test_whoever_follows_gets_what_is_new(api: Client) -> None:
    log.warning("one")
    last = api.get("/log")["last"]
    assert said(api, f"?after={last}") == []
    log.warning("two")
    assert [each["event"] for each in said(api, f"?after={last}")] == ["two"]


def test_numbers_from_before_a_restart_are_taken_for_a_new_start(api: Client) -> None:
    log.warning("after the restart")
    assert said(api, "?after=999999999999")[-1]["event"] == "after the restart"


def test_the_level_and_the_count_narrow_what_is_shown(api: Client) -> None:
    log.error("worse")
    log.warning("bad")
    assert said(api, "?level=error")[-1]["event"] == "worse"
    assert [each["event"] for each in said(api, "?count=1")] == ["bad"]
    assert said(api, "?count=0") == []


@pytest.mark.parametrize("query", ["level=loud", "after=-1", "count=x"])
def test_a_wrong_parameter_is_named(api: Client, query: str) -> None:
    answer = api("GET", f"/log?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.json["reason"]


def test_secrets_are_masked_whatever_writes_them(api: Client) -> None:
    log.error("tried amqp://app:hunter2@10.0.0.1/v", password="hunter2", jwt_token="hunter2", url="amqps://a:hunter2@h")
    entry = said(api)[-1]
    assert "hunter2" not in str(entry)
    assert entry["event"] == "tried amqp://app:***@10.0.0.1/v"
    assert entry["values"] == {"password": "***", "jwt_token": "***", "url": "amqps://a:***@h"}


def test_no_password_of_a_user_gets_into_the_log(api: Client) -> None:
    secret = f"secret-{uuid.uuid4()}"
    assert api("PUT", "/users/u", {"password": secret, "tags": ""}).status == 201
    api("GET", "/overview", login=f"u:{secret}")
    parameters = pika.URLParameters(api.broker.url)
    parameters.credentials = pika.PlainCredentials("nobody", secret)
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(parameters)
    assert secret not in str(said(api))


def test_an_exception_is_shown_by_its_kind_and_text(api: Client) -> None:
    log.error("broken", exc_info=ValueError("because"))
    assert said(api)[-1]["values"] == {"exception": "ValueError: because"}


def test_long_texts_are_cut(api: Client) -> None:
    log.error("long", text="x" * 10_000)
    assert len(said(api)[-1]["values"]["text"]) < 2_100
