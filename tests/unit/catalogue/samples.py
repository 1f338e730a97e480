"""A catalogue that has everything and a suite that proves it, for tests to break one thing at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from conformance.catalogue import expected
from conformance.catalogue.load import Catalogue, Entry
from conformance.catalogue.markers import Suite

TEST = "test_a.py::test_one"
RULES = ("basic.01", "tx.commit.transacted")


def entry(id: str, kind: str, **keys: Any) -> Entry:
    """Return an entry that nothing is wrong with, proven by TEST."""
    return Entry(id, kind, "A promise.", "AMQP 0-9-1", f"{kind}.toml", (TEST,), keys=keys)


def entries() -> list[Entry]:
    """Return what every catalogue must have, and two rules."""
    found = [entry(name, "class", **{"class-id": number}) for name, number in expected.CLASSES.items()]
    for name, method in expected.methods().items():
        keys = {"class-id": method.class_id, "method-id": method.method_id, "sender": "client"}
        found.append(entry(name, "method", **keys))
        found += [entry(f"{name}.{field}", "field", type=kind) for field, kind in method.fields]
    found += [entry(f"basic.properties.{name}", "field", type=kind) for name, kind in expected.properties()]
    found += [
        entry(f"reply-code.{name}", "reply-code", code=code, closes="channel")
        for name, code in expected.REPLY_CODES.items()
    ]
    return found + [entry(rule, "rule", level="MUST", actor="server") for rule in RULES]


def catalogue(*more: Entry, without: Iterable[str] = (), **changes: Any) -> Catalogue:
    """Return the complete catalogue with more entries, without some ids, and with the rule basic.01 changed."""
    found = [replace(each, **changes) if each.id == "basic.01" else each for each in entries()]
    return Catalogue((*(each for each in found if each.id not in set(without)), *more), RULES)


def changed(id: str, **keys: Any) -> Catalogue:
    """Return the complete catalogue with other keys in one entry."""
    found = [replace(each, keys={**each.keys, **keys}) if each.id == id else each for each in entries()]
    return Catalogue(tuple(found), RULES)


def suite(*more: str, without: Iterable[str] = (), **tests: Iterable[str]) -> Suite:
    """Return a suite whose TEST proves the complete catalogue, with more ids or without some, and further tests."""
    proved = ({each.id for each in entries()} | set(more)) - set(without)
    return Suite({TEST: frozenset(proved), **{f"test_b.py::{name}": frozenset(ids) for name, ids in tests.items()}})
