"""Octets as Erlang prints them in RabbitMQ's reply-texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd import erlang


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"", "<<>>"),
        (b"\x00\x0a\x00\x28", "<<0,10,0,40>>"),
        (b"GET", '<<"GET">>'),
        (b"a\xff", "<<97,255>>"),
        (b'say "hi"', '<<"say \\"hi\\"">>'),
        (b"a\\b", '<<"a\\\\b">>'),
        (b"line\n\ttab\r", '<<"line\\n\\ttab\\r">>'),
        (b"\x7f", "<<127>>"),
        (b" ~", '<<" ~">>'),
        (b"\x1b\x0b\x0c\x08", '<<"\\e\\v\\f\\b">>'),
        (b"\x07", "<<7>>"),
    ],
)
def test_a_binary_is_quoted_where_all_of_it_is_printable(octets: bytes, shown: str) -> None:
    assert erlang.binary(octets) == shown


@given(st.binary(max_size=40))
def test_a_binary_is_always_one_printable_line(octets: bytes) -> None:
    shown = erlang.binary(octets)
    assert shown.isascii()
    assert shown.isprintable()
    assert (shown[:2], shown[-2:]) == ("<<", ">>")


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"", "all octets = <<>>"),
        (b"x" * 16, 'all octets = <<"xxxxxxxxxxxxxxxx">>'),
        (b"x" * 17, 'first 16 octets = <<"xxxxxxxxxxxxxxxx">>'),
        (b"x" * 16 + b"\x00", 'first 16 octets = <<"xxxxxxxxxxxxxxxx">>'),
    ],
)
def test_a_payload_is_shown_up_to_16_octets(payload: bytes, shown: str) -> None:
    assert erlang.frame(1, payload) == f"type 1, {shown}"


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"\x9b" * 12 + b"7" + b"\x05" * 3, "155," * 12 + "55,5,5,5"),
        (b"\x9b" * 13 + b"\x05" * 3, "155," * 13 + "5,5,\n" + " " * 23 + "5"),
        (b"\x057" + b"\x9b" * 14, "5,55," + "155," * 12 + "\n" + " " * 23 + "155,155"),
    ],
)
def test_octets_are_broken_where_a_3_10_8_breaks_them(payload: bytes, shown: str) -> None:
    assert erlang.frame(1, payload) == f"type 1, all octets = <<{shown}>>"


def test_a_pair_stays_on_its_line_up_to_78_columns() -> None:
    assert erlang.pair("tag", "5", 0) == "{tag,5}"
    assert erlang.pair("tag", "5", 71) == "{tag,5}"


def test_a_pair_is_broken_after_its_comma_from_79_columns_on() -> None:
    assert erlang.pair("tag", "5", 72) == "{tag,\n" + " " * 73 + "5}"


def test_rabbitmqs_own_broken_line_is_met() -> None:
    """From a 3.10.8: the value stands one column right of the tuple's brace."""
    start = "invalid expiration '99999999999999999999': "
    assert start + erlang.pair("value_too_large", "99999999999999999999", len(start)) == (
        start + "{value_too_large,\n" + " " * 44 + "99999999999999999999}"
    )
