"""The parts of the differential fuzzer that need no broker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from conformance.fields import Typed
from conformance.fuzz import races, steps, vocabulary
from conformance.fuzz.coverage import STATES, Coverage
from conformance.fuzz.line import Line
from conformance.fuzz.normal import Names, name_the_tag
from conformance.fuzz.planted import PATCHES
from conformance.fuzz.probes import WAYS
from conformance.fuzz.sense import Known
from conformance.fuzz.sessions import Composer
from conformance.fuzz.shrink import shrink
from conformance.fuzz.steps import Binding, Delivered, Dial, Message, Raw, Reset, Send, ServerNamed, ServerTag
from conformance.methods import METHODS
from conformance.received import Received
from tests.forms import with_sources

ROOT = Path(__file__).resolve().parents[3]
TAG = "amq.ctag-" + "a" * 22


def test_a_program_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    program: steps.Program = [
        Dial(0),
        Send(0, 1, "basic.publish", {"routing_key": ServerNamed(1)}, Message({"timestamp": 1}, b"\xff", (1,))),
        Send(0, 1, "queue.declare", {"arguments": {"a": Typed("L", 1)}}),
        Send(0, 1, "basic.ack", {"delivery_tag": Delivered(ServerTag(0), 2)}),
        Raw(0, 1, b"\xce"),
        Reset(0),
    ]
    steps.write(program, tmp_path / "program", "why\nit was kept")
    assert steps.read(tmp_path / "program") == program


def test_the_shortest_program_that_differs_is_left() -> None:
    program: steps.Program = [Dial(number) for number in range(40)]
    needed = {Dial(3), Dial(17), Dial(18)}
    assert set(shrink(program, lambda rest: needed <= set(rest))) == needed


def test_connections_and_channels_that_do_not_matter_are_left_out_at_once() -> None:
    program: steps.Program = [Send(at % 2, at % 3, "basic.get", {"queue": str(at)}) for at in range(60)]
    tried: list[steps.Program] = []

    def differs(rest: steps.Program) -> bool:
        tried.append(rest)
        return program[10] in rest

    assert shrink(program, differs) == [program[10]]
    assert len(tried[1]) == 30
    assert len(tried) < 15


def test_a_window_of_the_channel_is_a_race_for_its_consumers() -> None:
    line = Line()
    line.begin("open")
    line.sent(Send(0, 1, "basic.qos", {"prefetch_count": 2, "global": True}))
    assert not races.has_a_window([line])
    line.sent(Send(0, 1, "basic.consume", {"consumer_tag": "c0", "nowait": True}))
    assert races.has_a_window([line])
    line.sent(Send(0, 1, "channel.close-ok"))
    line.begin("open")
    line.sent(Send(0, 1, "basic.qos", {"prefetch_count": 2, "global": False}))
    line.sent(Send(0, 1, "basic.consume", {"consumer_tag": "c0", "nowait": True}))
    assert not races.has_a_window([line])


def test_acks_and_publishes_of_one_commit_are_a_race() -> None:
    line = Line()
    line.begin("tx")
    commit = Send(0, 1, "tx.commit")
    for method in ("basic.ack", "basic.ack"):
        line.sent(Send(0, 1, method, {"delivery_tag": 1}))
        assert not races.commits_a_mixture(line, commit)
    line.sent(Send(0, 1, "basic.publish", {}, Message()))
    assert races.commits_a_mixture(line, commit)
    line.sent(commit)
    assert not races.commits_a_mixture(line, commit)


def test_returns_of_a_consumer_that_the_broker_named_are_a_race_beside_others() -> None:
    line = Line()
    line.begin("open")
    nack = Send(0, 1, "basic.nack", {"delivery_tag": 0, "multiple": True, "requeue": True})
    line.unsettled = [Delivered("c0", 0), Delivered("c1", 0)]
    assert not races.returns_by_made_up_names(line, nack)
    line.unsettled.append(Delivered(ServerTag(0), 0))
    assert races.returns_by_made_up_names(line, nack)
    assert not races.returns_by_made_up_names(line, Send(0, 1, "basic.reject", {"delivery_tag": 1, "requeue": True}))


def test_the_refusal_of_a_tag_names_the_delivery() -> None:
    line = Line()
    line.tags = {Delivered("c0", 0): 3}
    close = Received(1, "channel.close", {"reply_text": "unknown delivery tag 3"}, b"", None)
    assert name_the_tag(close, line)["reply_text"] == "unknown delivery tag of Delivered(consumer='c0', number=0)"


def test_a_connection_with_one_consumer_ends_without_a_race() -> None:
    alone, other = Line(), Line()
    alone.consumers, alone.tags = ["c0"], {Delivered("c0", 0): 1}
    assert not races.ends_consuming([alone, other])
    other.tags = {Delivered(None, 0): 1}
    assert races.ends_consuming([alone, other])
    alone.consumers.append("c1")
    assert races.ends_consuming([alone])


def test_a_session_leans_to_some_arguments_and_bits() -> None:
    compose = Composer(Random(1), Coverage())
    compose.lean()
    known = Known()
    declared = [compose.send(0, 1, "queue.declare", Line(), "open", known).fields["arguments"] for _ in range(100)]
    assert declared.count(compose.favourite) > 15
    assert all(0 < percent <= 90 for percent in compose.bits.values())


def test_only_who_gets_a_message_is_left_to_chance() -> None:
    seen = {"connection 0 channel 1 deliveries to c0": ["a"], "connection 0 channel 1 replies": ["b"], "depths": {}}
    assert races.is_left_to_chance(seen, seen | {"connection 0 channel 1 deliveries to c0": [], "depths": {"q": 1}})
    assert not races.is_left_to_chance(seen, seen | {"connection 0 channel 1 replies": []})


def test_a_close_ok_that_nobody_asked_for_ends_the_channel_at_once() -> None:
    line = Line()
    line.begin("open")
    line.sent(Send(0, 1, "channel.close-ok"))
    assert not line.fencible


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("queue.bind", {"exchange": "e0", "queue": ServerNamed(0)}),
        ("exchange.bind", {"source": "e0", "destination": "e1"}),
    ],
)
def test_a_binding_is_named_as_it_was_made(method: str, fields: dict[str, object]) -> None:
    named = {**fields, "routing_key": "k", "arguments": {"size": 1}}
    assert Binding.made_by(Send(0, 1, method, {"nowait": False, "ticket": 0, **named})).fields() == named


def test_messages_and_unbinds_follow_bindings() -> None:
    binding = Binding("queue", "e0", "q0", "a.*", {"size": 1})
    compose = Composer(Random(1), Coverage())
    known = Known(("q0", "q1"), ("e0",), bindings=(binding,))
    sent = [compose.send(0, 1, method, Line(), "open", known) for method in ("basic.publish", "queue.unbind") * 20]
    assert any(step.fields["routing_key"] == "a.x" for step in sent if step.method == "basic.publish")
    assert any(step.message and step.message.properties.get("headers", {}).get("size") == 1 for step in sent)
    assert any(step.fields["queue"] == "q0" and step.fields["arguments"] == {"size": 1} for step in sent[1::2])


def test_made_up_names_become_their_place() -> None:
    names = Names()
    names.learn_tag(TAG)
    assert names.neutral({"x": [f"to {TAG}", Typed("T", 1_790_000_000)]}) == {"x": ["to <tag 0>", Typed("T", "<time>")]}
    assert names.neutral("amq.gen-" + "b" * 22) == "<made up>"
    assert names.neutral("amq.general") == "amq.general"


def test_every_method_can_be_composed_in_every_state() -> None:
    coverage = Coverage()
    compose = Composer(Random(1), coverage)
    for method in METHODS:
        for state in STATES:
            compose.send(0, 1, method, Line(), state)
    assert coverage.rarest_pairs()[0][0] == 1
    assert set(coverage.classes) <= vocabulary.all_classes()


@pytest.mark.parametrize("state", WAYS)
def test_the_way_into_a_state_begins_with_a_connection(state: str) -> None:
    assert WAYS[state][0] == Dial(0)


@with_sources
@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the patches")
@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda patch: patch.stem)
def test_a_planted_defect_fits_the_code_as_it_is(patch: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "amqpd", tmp_path / "amqpd", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, check=True)


def test_there_are_twenty_planted_defects() -> None:
    assert len(list(PATCHES.glob("*.patch"))) == 20


def test_every_class_of_argument_can_be_asked_for() -> None:
    coverage = Coverage()
    compose = Composer(Random(1), coverage)
    for name in vocabulary.all_classes() - {f"{bit}:{state}" for bit in vocabulary.BITS for state in ("set", "unset")}:
        before = coverage.classes[name]
        compose.of_class(0, 1, name)
        assert coverage.classes[name] > before


def test_a_queue_that_cancels_its_consumers_and_stays_has_crashed() -> None:
    crashed = {"connection 0 channel 1 cancels": [["basic.cancel", {}]], "depths": {"q": (0, 0)}}
    whole = {"depths": {"q": (0, 2)}}
    settles, deletes = Send(0, 1, "basic.reject", {}), Send(0, 1, "queue.delete", {})
    assert races.has_crashed(deletes, crashed, whole)
    assert not races.has_crashed(settles, whole, crashed)
    assert races.has_crashed(settles, {**crashed, "depths": {}}, whole)
    assert not races.has_crashed(deletes, {**crashed, "depths": {}}, whole)


def dead_letter(queue: str, body: bytes) -> list[object]:
    death = Typed("F", {"queue": Typed("S", queue)})
    return ["basic.deliver", {}, {"headers": {"x-death": Typed("A", [death])}}, body]


def test_dead_letters_of_several_queues_meet_in_any_order() -> None:
    key = "connection 0 channel 1 deliveries to c"
    published: list[object] = ["basic.deliver", {}, {}, b"0"]
    a1, a2, b1 = dead_letter("a", b"1"), dead_letter("a", b"2"), dead_letter("b", b"3")
    seen = {key: [published, a1, a2, b1], "depths": {"q": (0, 1)}}
    assert races.only_meet_otherwise(seen, {**seen, key: [published, b1, a1, a2]})
    assert races.only_meet_otherwise(seen, {**seen, key: [published, a1, b1, a2]})
    assert not races.only_meet_otherwise(seen, {**seen, key: [published, a2, a1, b1]})
    assert not races.only_meet_otherwise(seen, {**seen, key: [a1, published, a2, b1]})
    assert not races.only_meet_otherwise(seen, {**seen, key: [published, a1, b1]})
    assert not races.only_meet_otherwise(seen, {**seen, key: [published, b1, a1, a2], "depths": {}})
    assert not races.only_meet_otherwise({key: [a1, a2]}, {key: [a2, a1]})
