"""Values encrypted for RabbitMQ's configuration; what RabbitMQ itself encrypted is read in test_beside_rabbitmqctl."""

from __future__ import annotations

import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd.cli.ctl.output import Atom
from amqpd.cli.ctl.run import run
from amqpd.cli.ctl.terms import packed, read, unpacked, written


@pytest.mark.parametrize("value", ['"geheim"', '<<"käse">>', "an_atom", "'An atom'", "-70000", '"日本"', '"a\\"b"'])
@pytest.mark.parametrize("options", ["", "--cipher aes_256_ctr --hash sha3_512 --iterations 3"])
def test_what_is_encrypted_can_be_read_again(value: str, options: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-q", "encode", value, "pass", *options.split()]) == 0
    encrypted = capsys.readouterr().out.strip()
    assert run(["-q", "decode", encrypted, "pass", *options.split()]) == 0
    said = capsys.readouterr().out.strip()
    assert said == (value if value != '"日本"' else "[26085,26412]"), "Erlang's strings are lists"


def test_values_are_not_encrypted_alike_twice(capsys: pytest.CaptureFixture[str]) -> None:
    said = set()
    for _ in range(2):
        run(["-q", "encode", "x", "pass"])
        said.add(capsys.readouterr().out)
    assert len(said) == 2


@pytest.mark.parametrize("line", ["encode {a} pass", "encode 10000000000 pass"])
def test_a_value_that_cannot_be_encrypted_is_named(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shlex.split(line)) == 65
    assert shlex.split(line)[1] in capsys.readouterr().err


@given(st.text(st.characters(codec="latin-1"), min_size=1) | st.binary() | st.integers(-(2**31), 2**31 - 1))
def test_terms_come_back_from_octets_and_from_text(term: object) -> None:
    assert unpacked(packed(term)) == term
    if not isinstance(term, bytes):
        assert read(written(term)) == term


@given(st.binary())
def test_octets_that_are_no_term_are_refused(octets: bytes) -> None:
    with suppress(ValueError):
        assert packed(unpacked(octets))


def test_nested_terms_are_shown() -> None:
    octets = bytes([131, 104, 2, 100, 0, 1, 97, 108, 0, 0, 0, 1, 109, 0, 0, 0, 1, 98, 106])
    term = unpacked(octets)
    assert term == (Atom("a"), [b"b"])
    assert written(term) == '{a,[<<"b">>]}'
