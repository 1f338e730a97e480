"""The direction of imports: who may know whom, checked on the source without running any of it.

A module's layer is the first part of its path in the package. `TYPE_CHECKING` imports count: types are knowledge too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.forms import with_sources

pytestmark = with_sources

PACKAGE = Path(__file__).resolve().parents[1] / "amqpd"
MODULES = sorted(PACKAGE.rglob("*.py"))

GROUND = frozenset(
    {"clock", "compiled", "config", "erlang", "errors", "field_checks", "fields", "log", "log_tail"}
    | {"patterns", "properties", "version", "visible"}
)
"""What everybody may know; none of it knows more than its own kind."""

MAY_KNOW = {
    "wire": GROUND,
    "broker": GROUND,
    "access_file": GROUND,
    "definitions_file": GROUND | {"broker"},
    "protocol": GROUND | {"wire", "broker"},
    "storage": GROUND | {"broker"},
    "plugins": GROUND | {"broker", "protocol"},
    "server": GROUND | {"protocol", "broker"},
    "http": GROUND | {"protocol"},
    "metrics": GROUND | {"broker", "http", "protocol", "storage"},
    "management": GROUND | {"broker", "http", "protocol", "storage"},
    "oauth2": GROUND | {"broker"},
    "auth_http": GROUND | {"broker"},
    "logins": GROUND | {"auth_http", "broker", "oauth2", "plugins"},
    "populating": GROUND | {"access_file", "broker", "storage"},
    "app": GROUND
    | {"broker", "definitions_file", "http", "logins", "management", "metrics", "plugins", "populating", "protocol"}
    | {"server", "storage"},
    "application": GROUND
    | {"app", "broker", "definitions_file", "http", "management", "populating", "server", "storage"},
    "testing": GROUND | {"app", "broker", "embedded", "protocol", "server"},
    "embedded": GROUND | {"app", "application", "broker", "server", "storage", "testing"},
    "cli": GROUND | {"app", "application", "broker", "server", "storage"},
    "__init__": GROUND | {"embedded"},
    "__main__": GROUND | {"cli"},
    **dict.fromkeys(GROUND, GROUND),
}

THIRD_PARTY = {
    "argon2": {"broker"},
    "attrs": None,
    "cattrs": {"config", "access_file"},
    "click": {"cli"},
    "cryptography": {"cli"},
    "h11": {"http"},
    "urllib3": {"auth_http"},
    "jwt": {"oauth2"},
    "pamqp": {"wire"},
    "platformdirs": {"cli"},
    "pytest": {"testing"},
    "rich": {"cli"},
    "structlog": {"log"},
    "trio": {"app", "application", "cli", "embedded", "http", "management", "metrics", "server", "testing"},
}
"""What is imported beside the standard library, and by which layers; None is anybody."""

EXTRAS = {
    "rich": {"cli/top/command.py", "cli/top/screen.py"},
    "argon2": {"broker/argon2_hashes.py"},
    "cryptography": {"cli/ctl/verbs/encrypted.py"},
    "h11": {"http/conversation.py"},
    "jwt": {"oauth2/tokens.py"},
    "urllib3": {"auth_http/service.py"},
}
"""What comes with an extra alone, and the modules that import it; who imports these looks first if it is there."""

CLOCKS = {"time", "datetime"}
MAY_READ_CLOCKS = {"clock.py", "cli/bench/stopwatch.py"}


def layer(path: Path) -> str:
    first, *_ = path.relative_to(PACKAGE).parts
    return first.removesuffix(".py")


@cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    """Every module that a file imports, with its line; `from amqpd import y` counts as `amqpd.y`."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield each.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            assert node.module is not None
            for each in node.names:
                yield (f"amqpd.{each.name}" if node.module == "amqpd" else node.module), node.lineno


def offenders(allowed: dict[str, frozenset[str]]) -> list[str]:
    found = []
    for path in MODULES:
        own = layer(path)
        for name, line in imports(path):
            parts = name.split(".")
            if parts[0] == "amqpd" and len(parts) > 1 and parts[1] != own and parts[1] not in allowed[own]:
                found.append(f"{path.relative_to(PACKAGE)}:{line} imports {name}")
    return found


def test_every_module_has_its_place_in_the_layers() -> None:
    assert {layer(path) for path in MODULES} <= MAY_KNOW.keys()


def test_imports_go_downwards_alone() -> None:
    assert offenders(MAY_KNOW) == []


def test_what_comes_with_an_extra_is_imported_by_its_modules_alone() -> None:
    users: dict[str, set[str]] = {name: set() for name in EXTRAS}
    for path in MODULES:
        for name, _ in imports(path):
            if (top := name.partition(".")[0]) in EXTRAS:
                users[top].add(path.relative_to(PACKAGE).as_posix())
    assert users == EXTRAS


def test_third_party_imports_are_the_seven_of_the_core_and_those_of_extras_each_in_its_place() -> None:
    """pytest is no dependency: the plugin is imported by pytest itself."""
    found = []
    for path in MODULES:
        for name, line in imports(path):
            top = name.partition(".")[0]
            if top == "amqpd" or top in sys.stdlib_module_names:
                continue
            places = THIRD_PARTY.get(top, set())
            if places is not None and layer(path) not in places:
                found.append(f"{path.relative_to(PACKAGE)}:{line} imports {name}")
    assert found == []


def test_pytest_is_imported_by_the_plugin_alone() -> None:
    users = {path.relative_to(PACKAGE).as_posix() for path in MODULES for name, _ in imports(path) if name == "pytest"}
    assert users <= {"testing/plugin.py"}


def test_the_command_knows_trio_in_serve_alone() -> None:
    users = {path.name for path in MODULES if layer(path) == "cli" for name, _ in imports(path) if name == "trio"}
    assert users <= {"serve.py"}


def test_the_load_tool_knows_nothing_of_the_broker() -> None:
    found = [
        f"{path.name}:{line} imports {name}"
        for path in (PACKAGE / "cli" / "bench").glob("*.py")
        for name, line in imports(path)
        if name.startswith("amqpd.") and not name.startswith("amqpd.cli.bench")
    ]
    assert found == []


def test_clocks_are_read_in_one_place() -> None:
    """Arithmetic on dates would be no reading of a clock; nothing needs it so far."""
    found = []
    for path in MODULES:
        name = path.relative_to(PACKAGE).as_posix()
        if name not in MAY_READ_CLOCKS:
            found += [f"{name}:{line} imports {each}" for each, line in imports(path) if each in CLOCKS]
    assert found == []


def test_logging_is_known_to_one_module() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in MODULES
        if path != PACKAGE / "log.py"
        for name, line in imports(path)
        if name.partition(".")[0] == "logging"
    ]
    assert found == []


def test_nothing_is_configured_where_a_module_is_imported() -> None:
    """No call of `configure`, `basicConfig` or the like outside of a function."""
    found = []
    for path in MODULES:
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                    if name in {"configure", "basicConfig", "dictConfig", "addHandler", "setLevel"}:
                        found.append(f"{path.relative_to(PACKAGE)}:{node.lineno} calls {name}")
    assert found == []


@pytest.mark.parametrize("folder", ["broker", "protocol", "wire"])
def test_nothing_awaits_where_no_bytes_move(folder: str) -> None:
    """The model, the protocol and the codec run to completion."""
    asynchronous = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in (PACKAGE / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, asynchronous)
    ]
    assert found == []


def test_every_file_stays_small_enough_to_read() -> None:
    lengths = {
        path.relative_to(PACKAGE).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES
    }
    assert {name: length for name, length in lengths.items() if length > 600} == {}
