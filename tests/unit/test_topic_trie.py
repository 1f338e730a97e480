"""The topic trie against examples, a naive matcher and a list model."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpd.broker.topic_trie import TopicTrie

WORDS = st.sampled_from(["", "a", "b", "*", "#", "a*", "##"])
KEYS = st.lists(WORDS, max_size=6).map(".".join)
DESTINATIONS = st.integers(min_value=0, max_value=4)


def naive_words(key: str) -> list[str]:
    return [] if key == "" else key.split(".")


def naive_match(binding: list[str], routing: list[str]) -> bool:
    """Match by plain backtracking, straight from the definition."""
    if not binding:
        return not routing
    first, rest = binding[0], binding[1:]
    if first == "#":
        return any(naive_match(rest, routing[skipped:]) for skipped in range(len(routing) + 1))
    return bool(routing) and first in ("*", routing[0]) and naive_match(rest, routing[1:])


class Model:
    """The additions in their order, as a plain list."""

    def __init__(self) -> None:
        self.added: list[tuple[str, int]] = []
        self.order: list[int] = []

    def add(self, key: str, destination: int) -> None:
        self.added.append((key, destination))
        if destination not in self.order:
            self.order.append(destination)

    def remove(self, key: str, destination: int) -> None:
        self.added.remove((key, destination))
        if not any(other == destination for _, other in self.added):
            self.order.remove(destination)

    def match(self, routing_key: str) -> list[int]:
        words = naive_words(routing_key)
        found = {destination for key, destination in self.added if naive_match(naive_words(key), words)}
        return [destination for destination in self.order if destination in found]


@pytest.mark.parametrize(
    ("binding_key", "routing_key", "matches"),
    [
        ("a.b.c", "a.b.c", True),
        ("a.b.c", "a.b", False),
        ("a.b", "a.b.c", False),
        ("a.B", "a.b", False),
        ("*", "a", True),
        ("*", "", False),
        ("*", "a.b", False),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a..c", True),
        ("a.*.c", "a.c", False),
        ("*.*", ".", True),
        ("*", ".", False),
        ("", "", True),
        ("", "a", False),
        ("", ".", False),
        (".", ".", True),
        (".", "", False),
        ("a.", "a.", True),
        ("a.", "a", False),
        (".a", ".a", True),
        ("a..b", "a..b", True),
        ("a..b", "a.b", False),
        ("a.*", "a.", True),
        ("#", "", True),
        ("#", "a", True),
        ("#", "a.b.c", True),
        ("#", "..", True),
        ("#.#", "", True),
        ("#.#", "a", True),
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("a.#", "b.a", False),
        ("#.a", "a", True),
        ("#.a", "b.c.a", True),
        ("#.a", "b.a.c", False),
        ("#.a.#", "b.a.c", True),
        ("#.a.#", "b.c", False),
        ("a.#.b", "a.b", True),
        ("a.#.b", "a.b.b", True),
        ("a.#.b", "a.b.c", False),
        ("#.*", "", False),
        ("#.*", "a", True),
        ("*.#", "a.b", True),
        ("*.#.*", "a", False),
        ("*.#.*", "a.b", True),
        ("a*", "a*", True),
        ("a*", "ab", False),
        ("a#.b", "a.b", False),
        ("##", "a", False),
        ("##", "##", True),
        ("a", "*", False),
        ("*", "#", True),
        ("a.b", "#", False),
    ],
)
def test_a_binding_key_matches_by_words(binding_key: str, routing_key: str, matches: bool) -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add(binding_key, "q")
    assert trie.match(routing_key) == (["q"] if matches else [])


def test_an_empty_trie_matches_nothing() -> None:
    trie: TopicTrie[str] = TopicTrie()
    assert trie.match("") == []
    assert trie.match("a.b") == []
    assert len(trie) == 0


def test_a_destination_comes_once_even_if_several_keys_match() -> None:
    trie: TopicTrie[str] = TopicTrie()
    for key in ("a.b", "a.*", "a.#", "#", "#.b"):
        trie.add(key, "q")
    assert trie.match("a.b") == ["q"]
    assert len(trie) == 5


def test_destinations_come_in_the_order_they_entered_the_trie() -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add("other", "first")
    for key, destination in (("a.#", "second"), ("a.b", "third"), ("#", "fourth"), ("a.*", "first")):
        trie.add(key, destination)
    assert trie.match("a.b") == ["first", "second", "third", "fourth"]


def test_the_order_holds_within_one_binding_key() -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add("other", "first")
    trie.add("a", "second")
    trie.add("a", "first")
    assert trie.match("a") == ["first", "second"]
    assert trie.match("a") == ["first", "second"]


def test_a_destination_that_left_and_came_back_goes_to_the_end() -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add("a", "one")
    trie.add("a", "two")
    trie.remove("a", "one")
    trie.add("a", "one")
    assert trie.match("a") == ["two", "one"]


def test_a_pair_added_twice_stays_until_it_is_removed_twice() -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add("a.#", "q")
    trie.add("a.#", "q")
    assert len(trie) == 1
    trie.remove("a.#", "q")
    assert (trie.match("a"), len(trie)) == (["q"], 1)
    trie.remove("a.#", "q")
    assert (trie.match("a"), len(trie)) == ([], 0)


@pytest.mark.parametrize(("key", "destination"), [("a.b", "other"), ("a", "q"), ("a.c", "q"), ("#", "q"), ("", "q")])
def test_removing_a_pair_that_is_not_there_is_refused(key: str, destination: str) -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add("a.b", "q")
    with pytest.raises(KeyError, match="can be removed"):
        trie.remove(key, destination)
    assert (trie.match("a.b"), len(trie)) == (["q"], 1)


def test_a_removal_leaves_longer_and_shorter_keys_alone() -> None:
    trie: TopicTrie[str] = TopicTrie()
    for key in ("a", "a.#", "a.#.c", "a.*", "a.*.c"):
        trie.add(key, key)
    trie.remove("a.#", "a.#")
    trie.remove("a.*", "a.*")
    assert trie.match("a.b.c") == ["a.#.c", "a.*.c"]
    assert trie.match("a") == ["a"]


def test_removed_bindings_give_their_memory_back() -> None:
    keys = [f"root.{number}.*.#.leaf" for number in range(2000)]
    trie: TopicTrie[str] = TopicTrie()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for key in keys:
            trie.add(key, "q")
        full, _ = tracemalloc.get_traced_memory()
        for key in keys:
            trie.remove(key, "q")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < (full - before) / 20


@pytest.mark.timeout(10)
def test_many_hash_words_do_not_explode() -> None:
    """Backtracking would try some 10**18 ways to share 60 words among 20 wildcards."""
    trie: TopicTrie[int] = TopicTrie()
    for number in range(40):
        trie.add(".".join(["#"] * 20 + [f"end{number}"]), number)
        trie.add(".".join(["#", "w"] * 10 + [f"end{number}"]), 100 + number)
    words = ["w"] * 60
    assert trie.match(".".join(words)) == []
    assert trie.match(".".join([*words, "end7"])) == [7, 107]


@pytest.mark.timeout(10)
def test_bindings_that_do_not_match_are_not_looked_at() -> None:
    """100,000 look-ups that each looked at 20,000 bindings would run for minutes."""
    trie: TopicTrie[int] = TopicTrie()
    for number in range(20_000):
        trie.add(f"device.{number}.#", number)
    for number in range(100_000):
        assert trie.match(f"device.{number % 20_000}.up") == [number % 20_000]


@given(st.lists(st.tuples(KEYS, DESTINATIONS), max_size=8), KEYS)
def test_the_trie_agrees_with_a_naive_matcher(bindings: list[tuple[str, int]], routing_key: str) -> None:
    trie: TopicTrie[int] = TopicTrie()
    model = Model()
    for key, destination in bindings:
        trie.add(key, destination)
        model.add(key, destination)
    assert trie.match(routing_key) == model.match(routing_key)


class AddAndRemove(RuleBasedStateMachine):
    """Additions and removals in any order, compared with the list after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.trie: TopicTrie[int] = TopicTrie()
        self.model = Model()

    @rule(key=KEYS, destination=DESTINATIONS)
    def add(self, key: str, destination: int) -> None:
        self.trie.add(key, destination)
        self.model.add(key, destination)

    @precondition(lambda self: self.model.added)
    @rule(number=st.integers(min_value=0, max_value=100))
    def remove_one_that_is_there(self, number: int) -> None:
        key, destination = self.model.added[number % len(self.model.added)]
        self.trie.remove(key, destination)
        self.model.remove(key, destination)

    @rule(routing_key=KEYS)
    def match(self, routing_key: str) -> None:
        assert self.trie.match(routing_key) == self.model.match(routing_key)

    @invariant()
    def the_length_counts_distinct_pairs(self) -> None:
        assert len(self.trie) == len(set(self.model.added))


AddAndRemove.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestAddAndRemove = AddAndRemove.TestCase
