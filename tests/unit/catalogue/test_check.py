"""Every way in which the catalogue can be wrong, provoked; each finding is one line that says where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.catalogue.check import findings
from conformance.catalogue.load import Catalogue, load
from conformance.catalogue.markers import Suite
from tests.unit.catalogue.samples import TEST, catalogue, changed, entry, suite

RULE = "spec/rule.toml: basic.01"


def only(catalogue: Catalogue, suite: Suite) -> str:
    """Return the only finding."""
    (line,) = findings(catalogue, suite)
    assert "\n" not in line
    return line


def test_nothing_is_wrong_with_a_complete_catalogue() -> None:
    assert findings(catalogue(), suite()) == []


def test_the_rules_are_the_139_of_the_specification() -> None:
    rules = load().rules
    assert len(rules) == len(set(rules)) == 139


# -- tests and reasons


def test_an_entry_without_test_and_reason() -> None:
    found = only(catalogue(tests=()), suite(without=["basic.01"]))
    assert found == f"{RULE} has neither a test nor `untested` with a `reason`"


@pytest.mark.parametrize("given", [{"untested": "untestable"}, {"reason": "because"}])
def test_half_a_reason_is_none(given: dict[str, str]) -> None:
    assert "neither a test nor" in only(catalogue(tests=(), **given), suite(without=["basic.01"]))


def test_a_reason_stands_for_a_test() -> None:
    given = catalogue(tests=(), untested="untestable", reason="about clients")
    assert findings(given, suite(without=["basic.01"])) == []


def test_a_reason_beside_a_test() -> None:
    assert "has tests and a reason" in only(catalogue(untested="untestable", reason="about clients"), suite())


def test_an_unknown_kind_of_reason() -> None:
    given = catalogue(tests=(), untested="later", reason="no time")
    assert "has untested = 'later'; it may be deviation, untestable" in only(given, suite(without=["basic.01"]))


def test_a_test_that_does_not_exist() -> None:
    found = only(catalogue(tests=(TEST, "test_a.py::test_gone")), suite())
    assert found == f"{RULE} names the test test_a.py::test_gone, which does not exist"


def test_a_test_in_the_list_whose_markers_do_not_name_the_entry() -> None:
    other = entry("extra", "extension")
    given = catalogue(replace(other, tests=(TEST, "test_b.py::test_other")), tests=(TEST, "test_b.py::test_other"))
    found = only(given, suite("extra", test_other=["extra"]))
    assert found == f"{RULE} names the test test_b.py::test_other, whose markers do not name it"


def test_a_test_whose_markers_name_an_entry_that_does_not_list_it() -> None:
    found = only(catalogue(), suite(test_other=["basic.01"]))
    assert found.startswith(f"{RULE} does not list test_b.py::test_other, which proves it")


def test_a_test_that_names_no_entry() -> None:
    assert only(catalogue(), suite(test_idle=[])).startswith("conformance/test_b.py::test_idle names no entry")


def test_a_test_that_names_an_unknown_entry() -> None:
    found = only(catalogue(), suite("basic.99"))
    assert found == f"conformance/{TEST} proves basic.99, which the catalogue does not have"


# -- ids


def test_an_id_that_is_double() -> None:
    double = entry("tx", "extension")
    found = findings(catalogue(double), suite())
    assert "the id tx is used 2 times: spec/class.toml, spec/extension.toml" in found


def test_a_rule_that_is_missing() -> None:
    found = only(catalogue(without=["basic.01"]), suite(without=["basic.01"]))
    assert found == "the rule basic.01 of the specification has no entry"


def test_a_rule_that_the_specification_does_not_have() -> None:
    more = entry("basic.99", "rule", level="MUST", actor="server")
    assert only(catalogue(more), suite("basic.99")).startswith("the rule basic.99 is none of the specification's")


# -- what an entry consists of


def test_an_unknown_kind() -> None:
    found = only(catalogue(entry("a.b", "wish")), suite("a.b"))
    assert found.startswith("spec/wish.toml: a.b is of kind 'wish'; known are class, method")


@pytest.mark.parametrize("key", ["text", "source"])
def test_an_entry_that_says_nothing(key: str) -> None:
    assert only(catalogue(**{key: ""}), suite()) == f"{RULE} has no {key}"


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"level": "MUST"}, "is a rule without 'actor'"),
        ({"level": "MUST", "actor": "server", "code": 5}, "has the key 'code', which a rule has not"),
        ({"level": "WILL", "actor": "server"}, "has level = 'WILL'; it may be MAY, MUST"),
        ({"level": "MUST", "actor": "broker"}, "has actor = 'broker'; it may be client, peer, server"),
    ],
)
def test_the_keys_of_a_kind(keys: dict[str, Any], wrong: str) -> None:
    assert only(catalogue(keys=keys), suite()).startswith(f"{RULE} {wrong}")


def test_what_an_error_closes() -> None:
    error = entry("error.a", "error", closes="nothing")
    assert "has closes = 'nothing'; it may be channel, connection, socket" in only(catalogue(error), suite("error.a"))


# -- methods, fields, reply codes


@pytest.mark.parametrize(
    ("id", "found"),
    [
        ("tx", "the class tx has no entry"),
        ("tx.select", "the method tx.select has no entry"),
        ("basic.ack.multiple", "the field basic.ack.multiple has no entry"),
        ("basic.properties.app-id", "the field basic.properties.app-id has no entry"),
        ("reply-code.not-found", "the reply code 404 (not-found) has no entry"),
    ],
)
def test_something_that_is_missing(id: str, found: str) -> None:
    assert only(catalogue(without=[id]), suite(without=[id])) == found


@pytest.mark.parametrize(
    ("id", "keys", "found"),
    [
        ("tx", {"class-id": 91}, "the class tx has the id 91 and should have 90"),
        ("tx.select", {"method-id": 11}, "spec/method.toml: tx.select has the ids (90, 11) and should have (90, 10)"),
        ("tx.select", {"class-id": 85}, "spec/method.toml: tx.select has the ids (85, 10) and should have (90, 10)"),
        (
            "basic.ack.multiple",
            {"type": "octet"},
            "the field basic.ack.multiple is of type octet and should be of type bit",
        ),
        ("reply-code.not-found", {"code": 405}, "the reply code not-found is 405 and should be 404"),
    ],
)
def test_something_that_differs_from_what_the_suite_speaks(id: str, keys: dict[str, Any], found: str) -> None:
    assert only(changed(id, **keys), suite()) == found


@pytest.mark.parametrize(
    ("more", "found"),
    [
        (entry("basic.ack.why", "field", type="bit"), "the field basic.ack.why is none of basic.ack's"),
        (entry("tx.why.not", "field", type="bit"), "the field tx.why.not belongs to no method"),
        (
            entry("tx.why", "method", **{"class-id": 90, "method-id": 99, "sender": "client"}),
            "spec/method.toml: tx.why is no method that the suite knows",
        ),
        (entry("reply-code.why", "reply-code", code=999, closes="channel"), "reply-code.why is no reply code"),
    ],
)
def test_something_that_is_too_much(more: Any, found: str) -> None:
    assert only(catalogue(more), suite(more.id)) == found


def test_fields_that_stand_in_another_order() -> None:
    whole = catalogue()
    places = {each.id: place for place, each in enumerate(whole.entries)}
    found = list(whole.entries)
    one, two = places["basic.ack.delivery-tag"], places["basic.ack.multiple"]
    found[one], found[two] = found[two], found[one]
    text = "the fields of basic.ack stand in the order multiple, delivery-tag and should be delivery-tag, multiple"
    assert only(Catalogue(tuple(found), whole.rules), suite()) == text
