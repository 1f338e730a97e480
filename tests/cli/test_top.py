"""The live view: rates between two looks, the busiest queues first, and a screen of any size."""

from __future__ import annotations

import io
from collections.abc import Generator
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner
from rich.console import Console

import amqpd
from amqpd.cli.ctl.client import Client
from amqpd.cli.main import main
from amqpd.cli.top.figures import Row, Watch, ordered, rates
from amqpd.cli.top.screen import duration, octets, queue_table, screen
from amqpd.testing.broker import EmbeddedBroker


@pytest.fixture
def broker(tmp_path: Path) -> Generator[EmbeddedBroker]:
    with amqpd.run_in_thread(control_socket=tmp_path / "c.sock") as running:
        yield running


def test_rates_are_what_happened_between_two_looks(broker: EmbeddedBroker, tmp_path: Path) -> None:
    watch = Watch(Client.of_socket(tmp_path / "c.sock"))
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for name in ("quiet", "busy"):
            channel.queue_declare(name)
        assert watch.look(10.0).rates["publish"] == 0
        for _ in range(20):
            channel.basic_publish("", "busy", b"")
        channel.basic_get("busy", auto_ack=True)
        figures = watch.look(14.0)
    busy, quiet = ordered(figures.queues, "rate")
    assert (busy.name, busy.ready, busy.rates["publish"], busy.rates["deliver_get"]) == ("busy", 19, 5.0, 0.25)
    assert (quiet.name, quiet.busy) == ("quiet", 0)
    assert figures.rates["publish"] == 5.0
    assert figures.counts["queues"] == 2
    assert [row.name for row in ordered(figures.queues, "name")] == ["busy", "quiet"]


def test_a_counter_that_began_anew_is_no_negative_rate() -> None:
    assert rates({"ack": 10}, {"ack": 3}, 1.0) == {"ack": 0.0}
    assert rates(None, {"ack": 3}, 1.0) == {"ack": 0.0}


def test_a_screen_shows_what_it_has_room_for(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        for number in range(30):
            connection.channel().queue_declare(f"[red]q{number}[/red]")
        connection.channel().queue_declare("A\x1b[2J")
    figures = Watch(Client.of_socket(tmp_path / "c.sock")).look(1.0)
    console = Console(file=io.StringIO(), width=120, height=20)
    console.print(screen(figures, "name", 20))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert len(shown.splitlines()) <= 20
    assert "[red]q0[/red]" in shown  # a name is a name
    assert "A\\x1b[2J" in shown  # nothing in it is for the terminal
    assert "\x1b" not in shown
    assert "and 17 more" in shown
    assert "no alarms" in shown


def test_on_a_narrow_screen_names_give_way_and_numbers_stay() -> None:
    busy = dict.fromkeys(("publish", "deliver_get", "ack", "redeliver"), 1234.0)
    row = Row("a.name.of.a.queue.that.is.long", "production", "classic", 1_234_567, 0, 3, False, busy)
    console = Console(file=io.StringIO(), width=80)
    console.print(queue_table([row], 5))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "type         ready  unacked   in/s  out/s  ack/s  redel/s  cons." in shown
    assert "classic  1,234,567" in shown
    assert len(shown.splitlines()) == 2
    assert "a.n" in shown


def test_once_writes_it_down_and_ends(broker: EmbeddedBroker, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["top", "--once", "--interval", "0.1", "--socket", str(tmp_path / "c.sock")])
    assert result.exit_code == 0
    assert broker.url
    assert "connections 0" in result.output


def test_no_broker_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["top", "--once", "--socket", str(tmp_path / "none.sock")])
    assert result.exit_code == 1
    assert "none.sock" in result.output


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (5 * 2**30, "5.0 GiB"), (2**41, "2.0 TiB")]
)
def test_sizes_have_the_unit_that_suits_them(count: int, text: str) -> None:
    assert octets(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (65, "1 min 5 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")])
def test_times_have_their_two_largest_units(seconds: int, text: str) -> None:
    assert duration(seconds) == text
