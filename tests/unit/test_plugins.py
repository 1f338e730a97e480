"""What comes in by entry points: each test installs a distribution of its own, as a folder on the import path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amqpd import plugins
from amqpd.broker import exchange_types as built_in_exchanges
from amqpd.broker import queue_types as built_in_queues
from amqpd.protocol import sasl

MODULE = '''
from amqpd.broker.exchange import ExchangeType
from amqpd.broker.queue_types.classic import Classic
from amqpd.protocol.sasl import Mechanism

class Nowhere(ExchangeType):
    name = "x-nowhere"
    def add(self, binding): pass
    def remove(self, binding): pass
    def route(self, routing_key, properties): return ()

class OtherFanout(Nowhere):
    name = "fanout"

class Token(Mechanism):
    name = "TOKEN"
    def respond(self, connection, response): return b""

class OtherPlain(Token):
    name = "PLAIN"

class Shelf(Classic):
    name = "x-shelf"

class OtherClassic(Classic):
    pass

class Stranger:
    name = "stranger"

def function(): pass

instance = object()
'''

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Install:
    """Install a distribution with one entry point of the group, for an object of its module."""
    module = f"plugin_{abs(hash(request.node.nodeid))}"

    def installed(group: str, what: str) -> None:
        (tmp_path / f"{module}.py").write_text(MODULE)
        folder = tmp_path / f"{module}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[{group}]\nsome-name = {module}:{what}\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    return installed


def exchange_names() -> list[str]:
    return [each.name for each in plugins.exchange_types()]


def test_the_built_in_parts_are_there() -> None:
    assert exchange_names() == [each.name for each in built_in_exchanges.BUILT_IN]
    assert {"direct", "fanout", "topic", "headers"} <= set(exchange_names())
    assert plugins.queue_types() == list(built_in_queues.BUILT_IN)
    assert [each.name for each in plugins.queue_types()] == ["classic", "quorum", "stream"]
    assert plugins.sasl_mechanisms() == {each.name: each for each in sasl.BUILT_IN}


def test_an_entry_point_adds_an_exchange_type_under_its_own_name(install: Install) -> None:
    install(plugins.EXCHANGE_TYPES, "Nowhere")
    assert exchange_names() == [*(each.name for each in built_in_exchanges.BUILT_IN), "x-nowhere"]


def test_an_exchange_type_of_a_taken_name_replaces_the_built_in_one(install: Install) -> None:
    install(plugins.EXCHANGE_TYPES, "OtherFanout")
    (fanout,) = [each for each in plugins.exchange_types() if each.name == "fanout"]
    assert fanout.__name__ == "OtherFanout"
    assert len(plugins.exchange_types()) == len(built_in_exchanges.BUILT_IN)


def test_an_entry_point_adds_a_queue_type_under_its_own_name(install: Install) -> None:
    install(plugins.QUEUE_TYPES, "Shelf")
    assert [each.name for each in plugins.queue_types()] == ["classic", "quorum", "stream", "x-shelf"]


def test_a_queue_type_of_a_taken_name_replaces_the_built_in_one(install: Install) -> None:
    install(plugins.QUEUE_TYPES, "OtherClassic")
    assert [each.__name__ for each in plugins.queue_types()] == ["OtherClassic", "Quorum", "Stream"]


@pytest.mark.parametrize("what", ["Stranger", "function", "instance", "Nowhere"])
def test_a_queue_type_must_be_one(install: Install, what: str) -> None:
    install(plugins.QUEUE_TYPES, what)
    text = rf"entry point of amqpd\.queue_types gives <.*{what if what != 'instance' else 'object'}.*>: "
    with pytest.raises(TypeError, match=text + "expected a subclass of QueueType"):
        plugins.queue_types()


def test_an_entry_point_adds_a_mechanism_under_its_own_name(install: Install) -> None:
    install(plugins.SASL_MECHANISMS, "Token")
    assert list(plugins.sasl_mechanisms()) == [*(each.name for each in sasl.BUILT_IN), "TOKEN"]


def test_a_mechanism_of_a_taken_name_replaces_the_built_in_one(install: Install) -> None:
    install(plugins.SASL_MECHANISMS, "OtherPlain")
    assert plugins.sasl_mechanisms()["PLAIN"].__name__ == "OtherPlain"


@pytest.mark.parametrize("what", ["Stranger", "function", "instance", "Token"])
def test_an_exchange_type_must_be_one(install: Install, what: str) -> None:
    install(plugins.EXCHANGE_TYPES, what)
    text = rf"entry point of amqpd\.exchange_types gives <.*{what if what != 'instance' else 'object'}.*>: "
    with pytest.raises(TypeError, match=text + "expected a subclass of ExchangeType"):
        plugins.exchange_types()


@pytest.mark.parametrize("what", ["Stranger", "function", "instance", "Nowhere"])
def test_a_mechanism_must_be_one(install: Install, what: str) -> None:
    install(plugins.SASL_MECHANISMS, what)
    text = rf"entry point of amqpd\.sasl_mechanisms gives <.*{what if what != 'instance' else 'object'}.*>: "
    with pytest.raises(TypeError, match=text + "expected a subclass of Mechanism"):
        plugins.sasl_mechanisms()


def test_an_entry_point_of_another_group_is_left_alone(install: Install) -> None:
    install("somebody.else", "missing")
    assert len(plugins.exchange_types()) == len(built_in_exchanges.BUILT_IN)
    assert len(plugins.sasl_mechanisms()) == len(sasl.BUILT_IN)
