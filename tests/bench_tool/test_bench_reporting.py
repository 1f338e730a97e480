"""What the tool says while it measures, and about who limited the figures."""

from __future__ import annotations

import io

import pytest

from amqpd.cli.bench.board import Board
from amqpd.cli.bench.bottleneck import shares
from amqpd.cli.bench.latency import Latency
from amqpd.cli.bench.progress import StatusLine
from amqpd.cli.bench.stopwatch import Measurement


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def measured(role: str, cpu_seconds: float) -> Measurement:
    return Measurement(start=0.0, end=1.0, cpu_seconds=cpu_seconds, role=role)


def notes(*clients: Measurement, broker: float | None, cores: int = 8) -> list[str]:
    return shares(clients, broker).notes(cores)


def test_a_busy_client_beside_a_broker_with_time_left_is_named() -> None:
    found = notes(measured("publisher", 0.5), measured("publisher", 0.97), measured("consumer", 0.2), broker=0.6)

    assert found == ["the client was the bottleneck: publisher at 97 % of a core, the broker at 60 %; it can do more"]


def test_a_client_as_busy_as_the_broker_is_not_hidden() -> None:
    (note,) = notes(measured("consumer", 0.95), broker=0.99)

    assert note == "the client was as busy as the broker: consumer at 95 % of a core, the broker at 99 %"


def test_a_busy_client_of_a_broker_that_cannot_be_seen_is_told_with_the_way_to_see_it() -> None:
    (note,) = notes(measured("publisher", 0.95), broker=None)

    assert note.startswith("the client was the bottleneck, or as busy as the broker: publisher at 95 % of a core")
    assert "--pid" in note


def test_a_full_machine_is_told() -> None:
    (note,) = notes(measured("publisher", 0.5), measured("consumer", 0.5), broker=0.95, cores=2)

    assert note == "broker and client filled the 2 cores of this machine (broker 95 %, client 100 % of a core)"


def test_others_on_the_machine_are_told() -> None:
    clients = [measured("publisher", 0.5), measured("consumer", 0.5)]

    assert shares(clients, broker=0.9, machine=2.7).notes(cores=2) == [
        "other processes of this machine took 80 % of a core meanwhile"
    ]
    assert shares(clients, broker=0.9, machine=2.0).notes(cores=8) == []


def test_time_that_a_client_spent_waiting_is_nobody_elses() -> None:
    waiting = Measurement(start=0.0, end=1.0, cpu_seconds=0.1, role="scheduler", spun_seconds=0.9)

    assert shares([waiting], broker=0.5, machine=1.5).others == pytest.approx(0.0)


def test_a_broker_that_limits_alone_needs_no_note() -> None:
    assert notes(measured("publisher", 0.3), broker=1.0) == []


@pytest.mark.parametrize(("broker", "client_limited"), [(0.5, True), (0.95, False), (None, True)])
def test_programs_are_told_too(broker: float | None, client_limited: bool) -> None:
    assert shares([measured("publisher", 0.95)], broker).client_was_bottleneck == client_limited


def test_the_status_line_tells_the_rates_since_the_last_one() -> None:
    terminal, board = Terminal(), Board({"published": 2, "consumed": 1})
    status = StatusLine(terminal)
    board.tally("published", 0).set(600)
    board.tally("published", 1).set(400)
    status.show(board, 1.0)
    board.tally("published", 1).set(1400)
    board.tally("consumed").set(10)
    status.show(board, 3.0)

    _, first, second = terminal.getvalue().split("\r")
    assert first.strip().split("   ") == ["1 s", "published 1,000/s (1,000)", "consumed 0/s (0)"]
    assert second.strip().split("   ") == ["3 s", "published 500/s (2,000)", "consumed 5/s (10)"]


def test_the_status_line_leaves_nothing_behind() -> None:
    terminal = Terminal()
    status = StatusLine(terminal)
    status.show(Board({"opened": 1}), 1.0)
    line = terminal.getvalue()[1:]
    status.clear()

    assert terminal.getvalue() == f"\r{line}\r{' ' * len(line)}\r"


def test_where_nobody_looks_there_is_no_status_line() -> None:
    stream = io.StringIO()
    status = StatusLine(stream)
    status.show(Board({"opened": 1}), 1.0)
    status.clear()

    assert stream.getvalue() == ""


def test_a_time_and_a_rate_say_how_many_messages_are_timed() -> None:
    options = Latency(messages=None, time=2.0, rate=1000.0)

    assert (options.timed, options.warm_up) == (2000, 100)
