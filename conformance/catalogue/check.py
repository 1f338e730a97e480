"""What is wrong with the catalogue: each finding is one line that names the entry or the test.

Pure functions from catalogue and suite to lines; nothing is read or collected here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conformance.catalogue import expected

if TYPE_CHECKING:
    from conformance.catalogue.load import Catalogue, Entry
    from conformance.catalogue.markers import Suite


def findings(catalogue: Catalogue, suite: Suite) -> list[str]:
    """Return everything that is wrong, in the order of the files."""
    return [
        *_shape(catalogue),
        *_doubles(catalogue),
        *_proofs(catalogue, suite),
        *_markers(catalogue, suite),
        *_rules(catalogue),
        *_classes(catalogue),
        *_methods(catalogue),
        *_reply_codes(catalogue),
    ]


def _named(entry: Entry) -> str:
    return f"spec/{entry.where}: {entry.id}"


def _shape(catalogue: Catalogue) -> Iterator[str]:
    for entry in catalogue.entries:
        if entry.kind not in expected.KEYS:
            yield f"{_named(entry)} is of kind {entry.kind!r}; known are {', '.join(expected.KEYS)}"
            continue
        for key in ("text", "source"):
            if not getattr(entry, key):
                yield f"{_named(entry)} has no {key}"
        yield from _keys(entry)


def _keys(entry: Entry) -> Iterator[str]:
    required, optional = expected.KEYS[entry.kind], expected.OPTIONAL.get(entry.kind, frozenset())
    for key in sorted(required - entry.keys.keys()):
        yield f"{_named(entry)} is a {entry.kind} without {key!r}"
    for key in sorted(entry.keys.keys() - required - optional):
        yield f"{_named(entry)} has the key {key!r}, which a {entry.kind} has not"
    allowed = {**expected.VALUES, "closes": expected.CLOSES.get(entry.kind, frozenset())}
    for key, value in {**entry.keys, **({"untested": entry.untested} if entry.untested else {})}.items():
        if key in allowed and value not in allowed[key]:
            yield f"{_named(entry)} has {key} = {value!r}; it may be {', '.join(sorted(allowed[key]))}"


def _doubles(catalogue: Catalogue) -> Iterator[str]:
    counts = Counter(entry.id for entry in catalogue.entries)
    for name in (name for name, count in counts.items() if count > 1):
        places = ", ".join(f"spec/{entry.where}" for entry in catalogue.entries if entry.id == name)
        yield f"the id {name} is used {counts[name]} times: {places}"


def _proofs(catalogue: Catalogue, suite: Suite) -> Iterator[str]:
    """Compare each entry's list with the markers."""
    proving = suite.by_entry()
    for entry in catalogue.entries:
        tests = proving.get(entry.id, [])
        for test in entry.tests:
            if test not in suite.proves:
                yield f"{_named(entry)} names the test {test}, which does not exist"
        known = [test for test in entry.tests if test in suite.proves]
        for test in sorted(set(known) - set(tests)):
            yield f"{_named(entry)} names the test {test}, whose markers do not name it"
        for test in sorted(set(tests) - set(known)):
            yield f"{_named(entry)} does not list {test}, which proves it: `python -m conformance.catalogue write`"
        yield from _reasons(entry, proven=bool(tests or entry.tests))


def _reasons(entry: Entry, *, proven: bool) -> Iterator[str]:
    if proven and (entry.untested or entry.reason):
        yield f"{_named(entry)} has tests and a reason why it has none; drop `untested` and `reason`"
    elif not proven and not (entry.untested and entry.reason):
        yield f"{_named(entry)} has neither a test nor `untested` with a `reason`"


def _markers(catalogue: Catalogue, suite: Suite) -> Iterator[str]:
    known = {entry.id for entry in catalogue.entries}
    for test, proved in sorted(suite.proves.items()):
        if not proved:
            yield f"conformance/{test} names no entry: mark it with pytest.mark.proves(...)"
        for name in sorted(proved - known):
            yield f"conformance/{test} proves {name}, which the catalogue does not have"


def _rules(catalogue: Catalogue) -> Iterator[str]:
    present = {entry.id for entry in catalogue.of_kind("rule")}
    for name in catalogue.rules:
        if name not in present:
            yield f"the rule {name} of the specification has no entry"
    for name in sorted(present - set(catalogue.rules)):
        yield f"the rule {name} is none of the specification's (spec/rules/ids.txt)"


def _classes(catalogue: Catalogue) -> Iterator[str]:
    present = {entry.id: entry.keys.get("class-id") for entry in catalogue.of_kind("class")}
    for name, number in expected.CLASSES.items():
        if name not in present:
            yield f"the class {name} has no entry"
        elif present[name] != number:
            yield f"the class {name} has the id {present[name]} and should have {number}"


def _methods(catalogue: Catalogue) -> Iterator[str]:
    methods = {entry.id: entry for entry in catalogue.of_kind("method")}
    fields: dict[str, list[tuple[str, str]]] = {}
    for entry in catalogue.of_kind("field"):
        owner, _, name = entry.id.rpartition(".")
        fields.setdefault(owner, []).append((name, str(entry.keys.get("type"))))
    for name, method in expected.methods().items():
        if name not in methods:
            yield f"the method {name} has no entry"
            continue
        given = (methods[name].keys.get("class-id"), methods[name].keys.get("method-id"))
        if given != method[:2]:
            yield f"{_named(methods[name])} has the ids {given} and should have {tuple(method[:2])}"
        yield from _fields(name, fields.pop(name, []), method.fields)
    yield from _fields("basic.properties", fields.pop("basic.properties", []), expected.properties())
    for name in sorted(methods.keys() - expected.methods().keys()):
        yield f"{_named(methods[name])} is no method that the suite knows"
    for owner, extra in sorted(fields.items()):
        yield f"the field {owner}.{extra[0][0]} belongs to no method"


def _fields(owner: str, given: list[tuple[str, str]], wanted: tuple[tuple[str, str], ...]) -> Iterator[str]:
    types, names = dict(given), [name for name, _ in wanted]
    for name, kind in wanted:
        if name not in types:
            yield f"the field {owner}.{name} has no entry"
        elif types[name] != kind:
            yield f"the field {owner}.{name} is of type {types[name]} and should be of type {kind}"
    for name in sorted(types.keys() - set(names)):
        yield f"the field {owner}.{name} is none of {owner}'s"
    order = [name for name, _ in given if name in names]
    if sorted(order) == sorted(names) and order != names:
        yield f"the fields of {owner} stand in the order {', '.join(order)} and should be {', '.join(names)}"


def _reply_codes(catalogue: Catalogue) -> Iterator[str]:
    present = {entry.id: entry.keys.get("code") for entry in catalogue.of_kind("reply-code")}
    for name, code in expected.REPLY_CODES.items():
        given = present.pop(f"reply-code.{name}", None)
        if given is None:
            yield f"the reply code {code} ({name}) has no entry"
        elif given != code:
            yield f"the reply code {name} is {given} and should be {code}"
    for name in sorted(present):
        yield f"{name} is no reply code"
