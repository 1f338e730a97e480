"""Erlang's hash of terms, as an Erlang computes it where one is installed, and as one did."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpd.management.phash2 import Atom, Term, phash2

KNOWN: list[tuple[Term, int]] = [
    (Atom("a"), 97),
    (Atom("signedint"), 239851428),
    (Atom("true"), 506293),
    ([], 3468870702),
    ([[]], 499070068),
    ([Atom("a")], 1634476877),
    ([Atom("a"), Atom("b")], 3632954310),
    ([1, 2, 3], 4186538188),
    ([1000, 2000], 1636374801),
    ((), 221703996),
    ((Atom("a"), 1), 4098956996),
    ([(b"a", Atom("long"), 1)], 37137917),
    (1, 539485162),
    (-5, 517668864),
    (134217727, 4273352567),
    (134217728, 2562491755),
    (-134217728, 874979335),
    (-134217729, 1418916782),
    (1 << 40, 282329375),
    (-(1 << 40), 2464100025),
    (1.5, 2023646235),
    (b"", 147926629),
    (b"abc", 1306188027),
    (b"abcdefghijklmnop", 3491374364),
]

LEAVES = (
    st.integers(-(1 << 130), 1 << 130)
    | st.integers(0, 255)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=40)
    | st.sampled_from([Atom("long"), Atom("longstr"), Atom("a_b"), Atom("\xe4"), Atom("\u65e5\u672c"), Atom("x" * 40)])
)
TERMS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=9) | st.lists(inner, max_size=4).map(tuple))


@pytest.mark.parametrize(("term", "value"), KNOWN, ids=repr)
def test_known_terms_have_their_hashes(term: Term, value: int) -> None:
    assert phash2(term) == value


def source(term: Term) -> str:
    """A term as Erlang reads it."""
    if isinstance(term, bytes):
        return f"<<{','.join(map(str, term))}>>"
    if isinstance(term, Atom):
        return "binary_to_atom(<<" + ",".join(map(str, term.name.encode())) + ">>,utf8)"
    if isinstance(term, float):
        return f"{term:.25e}"
    if isinstance(term, list):
        return f"[{','.join(map(source, term))}]"
    return f"{{{','.join(map(source, term))}}}" if isinstance(term, tuple) else str(term)


ANSWERING = """
    Answer = fun Answer() ->
        case io:get_line("") of
            eof -> halt();
            Line ->
                {ok, Tokens, _} = erl_scan:string(Line),
                {ok, Parsed} = erl_parse:parse_exprs(Tokens),
                {value, Term, _} = erl_eval:exprs(Parsed, []),
                io:format("~w~n", [erlang:phash2(Term, 1 bsl 32)]),
                Answer()
        end
    end,
    Answer().
"""
"""A line in, its term's hash out."""


@pytest.fixture(scope="module")
def erlang() -> Generator[subprocess.Popen[str]]:
    if shutil.which("erl") is None:
        pytest.skip("no Erlang is installed")
    command = ["erl", "-noshell", "-eval", ANSWERING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@settings(max_examples=300, deadline=None)
@given(term=TERMS)
def test_an_erlang_computes_the_same(erlang: subprocess.Popen[str], term: Term) -> None:
    assert erlang.stdin is not None
    assert erlang.stdout is not None
    erlang.stdin.write(f"{source(term)}.\n")
    erlang.stdin.flush()
    assert int(erlang.stdout.readline()) == phash2(term)
