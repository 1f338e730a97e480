"""Erlang's hash of terms, as an Erlang computes it where one is installed, and as one did."""

from __future__ import annotations

import shutil
import subprocess

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


@pytest.mark.skipif(shutil.which("erl") is None, reason="no Erlang is installed")
@settings(max_examples=20, deadline=None)
@given(st.lists(TERMS, min_size=1, max_size=20))
def test_an_erlang_computes_the_same(terms: list[Term]) -> None:
    program = f"io:format('~w',[[erlang:phash2(X,1 bsl 32)||X<-[{','.join(map(source, terms))}]]]),halt()."
    done = subprocess.run(["erl", "-noshell", "-eval", program], capture_output=True, check=True, timeout=50)
    found = done.stdout.decode().strip("[]").split(",")
    assert found == [str(phash2(each)) for each in terms]
