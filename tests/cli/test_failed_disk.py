"""What an operator reads where the disk has failed: that it was not recorded, and never that it was done."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

import amqpd
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Journal, JournalFailed
from amqpd.cli.ctl.client import Client, Refused


class FailedJournal(Journal):
    """Makes nothing durable."""

    immediate = False

    def definitions_durable(self) -> Pending[None] | None:
        pending: Pending[None] = Pending()
        pending.fail(JournalFailed("the journal has failed: no space"))
        return pending

    def messages_durable(self) -> Pending[None] | None:
        return self.definitions_durable()


@pytest.fixture
def client(tmp_path: Path) -> Generator[Client]:
    with amqpd.run_in_thread(control_socket=tmp_path / "c.sock", journal=FailedJournal()):
        yield Client.of_socket(tmp_path / "c.sock")


def assert_not_recorded(error: pytest.ExceptionInfo[Refused]) -> None:
    assert error.value.status == 503
    assert str(error.value.reason).startswith("the journal has failed: no space. What was asked for is not recorded")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", ("users", "u"), {"password": "p", "tags": ""}),
        ("PUT", ("vhosts", "v"), {}),
        ("PUT", ("queues", "/", "q"), {"durable": True}),
        ("DELETE", ("users", "guest"), None),
        ("DELETE", ("vhosts", "/"), None),
        ("POST", ("definitions",), {"vhosts": [{"name": "v"}]}),
        ("PUT", ("global-parameters", "g"), {"value": 1}),
        ("PUT", ("policies", "/", "p"), {"pattern": "", "definition": {"max-length": 1}}),
    ],
)
def test_what_is_not_recorded_is_not_said_to_be_done(
    client: Client, method: str, path: tuple[str, ...], body: object
) -> None:
    with pytest.raises(Refused) as refused:
        client.ask(method, path, body)
    assert_not_recorded(refused)


def test_nor_is_what_becomes_of_messages(client: Client) -> None:
    with pytest.raises(Refused):
        client.put("queues", "/", "q", body={"durable": True})
    for method, path in (("DELETE", ("messages", "1")), ("DELETE", ("contents",)), ("POST", ("move",))):
        with pytest.raises(Refused) as refused:
            client.ask(method, ("queues", "/", "q", *path), {"to": "q"} if method == "POST" else None)
        assert_not_recorded(refused)


def test_a_reset_is_not_done_before_it_is_recorded(client: Client) -> None:
    client.post("control", "stop")
    with pytest.raises(Refused) as refused:
        client.post("control", "reset")
    assert_not_recorded(refused)
