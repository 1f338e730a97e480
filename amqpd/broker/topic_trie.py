"""The trie of a topic exchange: which destinations do the binding keys that match a routing key name?

Decides how words, ``*`` and ``#`` match, and in which order destinations come out. Refuses to know what a destination
is (a queue, an exchange), what a message is, and where bindings are kept: any hashable object is a destination.

Invariants:

* A node other than the root exists only while it leads to a binding: removing the last one prunes the path.
* A node is visited at most once per word of the routing key, whatever the binding keys are, so a match costs at most
  (words + 1) x (nodes reached), and branches that cannot match are never entered.
* A destination's place in the answer is the moment it first entered the trie. A destination that left with its last
  binding and came back goes to the end.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

D = TypeVar("D", bound=Hashable)


class _Node(Generic[D]):
    """The place one sequence of binding-key words leads to.

    The two wildcards have slots of their own, so that a routing key with a word ``*`` or ``#`` finds no wildcard.
    """

    __slots__ = ("any_many", "any_one", "children", "destinations", "out_of_order", "repeats")

    def __init__(self, repeats: bool) -> None:
        self.children: Final[dict[str, _Node[D]]] = {}
        self.any_one: _Node[D] | None = None
        self.any_many: _Node[D] | None = None
        # destination -> how often this very binding was added
        self.destinations: dict[D, int] = {}
        self.out_of_order: bool = False
        # this node was entered through '#': it stays active for every further word
        self.repeats: Final[bool] = repeats

    def leads_nowhere(self) -> bool:
        return not self.children and self.any_one is None and self.any_many is None


class TopicTrie(Generic[D]):
    """Map binding keys to destinations and match routing keys against them, as a topic exchange does.

    Keys are split at dots. The empty key has no words; leading, trailing and double dots give empty words, which are
    words like any other. ``*`` stands for exactly one word and ``#`` for any number of words, zero included, and only
    as whole words: ``a*`` is literal. Source: AMQP 0-9-1, section 3.1.3.3.
    """

    __slots__ = ("_bindings", "_next_place", "_pairs", "_places", "_root")

    def __init__(self) -> None:
        self._root: Final[_Node[D]] = _Node(False)
        self._pairs: int = 0
        # destination -> number of distinct binding keys it is bound with
        self._bindings: Final[dict[D, int]] = {}
        # destination -> its place in the order of answers
        self._places: Final[dict[D, int]] = {}
        self._next_place: int = 0

    def __len__(self) -> int:
        """Return the number of distinct (binding key, destination) pairs."""
        return self._pairs

    def add(self, binding_key: str, destination: D) -> None:
        """Bind the destination with this key. The same pair may be added again; each needs a removal of its own."""
        node = self._root
        for word in _words(binding_key):
            node = _enter(node, word)
        destinations = node.destinations
        count = destinations.get(destination, 0)
        if count == 0:
            place = self._take_place(destination)
            if destinations and self._places[next(reversed(destinations))] > place:
                node.out_of_order = True
            self._pairs += 1
        destinations[destination] = count + 1

    def remove(self, binding_key: str, destination: D) -> None:
        """Take back one `add` of this pair.

        Raises:
            KeyError: the pair is not in the trie.
        """
        words = _words(binding_key)
        path = [self._root]
        for word in words:
            child = _child(path[-1], word)
            if child is None:
                raise KeyError(f"no binding with {binding_key!r}; only an added pair can be removed")
            path.append(child)
        destinations = path[-1].destinations
        count = destinations.get(destination, 0)
        if count == 0:
            raise KeyError(f"no binding of {destination!r} with {binding_key!r}; only an added pair can be removed")
        if count > 1:
            destinations[destination] = count - 1
            return
        del destinations[destination]
        self._pairs -= 1
        self._leave_place(destination)
        for depth in range(len(words), 0, -1):
            node = path[depth]
            if node.destinations or not node.leads_nowhere():
                break
            _cut(path[depth - 1], words[depth - 1])

    def match(self, routing_key: str) -> list[D]:
        """Return the distinct destinations whose binding keys match, in the order they first entered the trie."""
        words = _words(routing_key)
        node = self._root
        position = 0
        # Up to the first wildcard there is one way to go.
        while node.any_many is None and node.any_one is None:
            if position == len(words):
                return self._ordered(node)
            child = node.children.get(words[position])
            if child is None:
                return []
            node = child
            position += 1
        return self._gather(_walk(node, words, position))

    def _gather(self, nodes: list[_Node[D]]) -> list[D]:
        if not nodes:
            return []
        if len(nodes) == 1:
            return self._ordered(nodes[0])
        found: dict[D, None] = {}
        for node in nodes:
            found.update(dict.fromkeys(node.destinations))
        if len(found) == 1:
            return list(found)
        return sorted(found, key=self._places.__getitem__)

    def _ordered(self, node: _Node[D]) -> list[D]:
        if node.out_of_order:
            # Sorted here and not in add(), so that many additions in a bad order cost one sort.
            places = self._places
            node.destinations = dict(sorted(node.destinations.items(), key=lambda item: places[item[0]]))
            node.out_of_order = False
        return list(node.destinations)

    def _take_place(self, destination: D) -> int:
        held = self._bindings.get(destination, 0)
        self._bindings[destination] = held + 1
        if held == 0:
            self._places[destination] = self._next_place
            self._next_place += 1
        return self._places[destination]

    def _leave_place(self, destination: D) -> None:
        held = self._bindings[destination] - 1
        if held:
            self._bindings[destination] = held
        else:
            del self._bindings[destination]
            del self._places[destination]


def _words(key: str) -> list[str]:
    return key.split(".") if key else []


def _child(node: _Node[D], word: str) -> _Node[D] | None:
    if word == "*":
        return node.any_one
    if word == "#":
        return node.any_many
    return node.children.get(word)


def _enter(node: _Node[D], word: str) -> _Node[D]:
    child = _child(node, word)
    if child is None:
        child = _Node(word == "#")
        if word == "*":
            node.any_one = child
        elif word == "#":
            node.any_many = child
        else:
            node.children[word] = child
    return child


def _cut(parent: _Node[D], word: str) -> None:
    if word == "*":
        parent.any_one = None
    elif word == "#":
        parent.any_many = None
    else:
        del parent.children[word]


def _walk(start: _Node[D], words: list[str], position: int) -> list[_Node[D]]:
    """Return the nodes with destinations that the words from `position` on lead to, each once.

    `active` holds the nodes reached after the words read so far. A trailing '#' matches whatever follows: its node
    goes straight to `accepted` instead of being carried from word to word.
    """
    accepted: dict[_Node[D], None] = {}
    active: dict[_Node[D], None] = {}
    _activate(start, active, accepted)
    for index in range(position, len(words)):
        word = words[index]
        following: dict[_Node[D], None] = {}
        for node in active:
            child = node.children.get(word)
            if child is not None:
                _activate(child, following, accepted)
            child = node.any_one
            if child is not None:
                _activate(child, following, accepted)
            if node.repeats:
                _activate(node, following, accepted)
        if not following:
            return list(accepted)
        active = following
    for node in active:
        if node.destinations:
            accepted[node] = None
    return list(accepted)


def _activate(node: _Node[D], active: dict[_Node[D], None], accepted: dict[_Node[D], None]) -> None:
    """Make the node active, and with it the chain of '#' nodes behind it, since '#' also stands for no word."""
    current: _Node[D] | None = node
    while current is not None and current not in active:
        if current.repeats and current.leads_nowhere():
            accepted[current] = None
            return
        active[current] = None
        current = current.any_many
