"""The C types beside compiled modules: they name what the modules have, and know whom these may know."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.forms import ROOT, with_sources
from tests.test_architecture import MAY_KNOW, PACKAGE, layer

TYPES = sorted(PACKAGE.rglob("*.pxd"))
ATTRIBUTE = re.compile(r"^    cdef (?:public|readonly) [^(=]*?(\w+)$", re.MULTILINE)
IMPORTED = re.compile(r"^from amqpd\.(\w+)[\w.]* cimport |^cimport amqpd\.(\w+)", re.MULTILINE)
ALLOWED = {("wire/hot.pxd", "broker")}
"""An encoder reads a message's attributes as C does; in Python it knows nothing but their names (0022)."""

pytestmark = with_sources


def of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def attributes(path: Path) -> dict[str, set[str]]:
    """The attributes of each class of a .pxd."""
    blocks = re.split(r"^cdef class ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {re.split(r"\W", block, maxsplit=1)[0]: set(ATTRIBUTE.findall(block)) for block in blocks}


def slots(path: Path) -> dict[str, set[str]]:
    """The __slots__ of each class of a module."""
    found: dict[str, set[str]] = {}
    for each in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(each, ast.ClassDef):
            values = [node.value for node in each.body if isinstance(node, ast.Assign) and names_slots(node)]
            found[each.name] = set(ast.literal_eval(values[0])) if values else set()
    return found


def names_slots(node: ast.Assign) -> bool:
    return isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__slots__"


@pytest.mark.parametrize("path", TYPES, ids=of)
def test_the_attributes_of_a_class_are_its_slots(path: Path) -> None:
    expected = slots(path.with_suffix(".py"))
    for name, found in attributes(path).items():
        if expected[name]:  # a class without them, of which there are few, may have any attributes
            assert found == expected[name], name


@pytest.mark.parametrize("path", TYPES, ids=of)
def test_types_are_knowledge_too(path: Path) -> None:
    own = layer(path.with_suffix(".py"))
    known = {first or second for first, second in IMPORTED.findall(path.read_text(encoding="utf-8"))}
    known -= {own, *MAY_KNOW[own]}
    assert {each for each in known if (of(path), each) not in ALLOWED} == set()


def test_everything_with_types_is_compiled() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    compiled = set(hook["modules"])
    assert compiled == {each for each in compiled if (ROOT / each).exists()}
    inline = {"wire/octets.pxd"}  # it is compiled into those that use it
    assert {of(each) for each in TYPES if f"amqpd/{of(each)}"[:-3] + "py" not in compiled} == inline
