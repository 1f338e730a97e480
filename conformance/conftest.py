"""Options, targets and fixtures of the conformance suite.

pytest conformance                              amqpd, started for the run
pytest conformance --oracle                     RabbitMQ, started for the run
pytest conformance --targets amqpd,rabbitmq     both, every test twice
pytest conformance --broker amqp://host:5672    a broker that runs already; it must know guest and the vhost `/`
                                                (`python -m conformance.accounts` prints the users that some tests need)
pytest conformance -m "not slow"                without the tests that wait for silences
"""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance import accounts, differences
from conformance.catalogue.markers import suite_of
from conformance.catalogue.outcomes import Recorder
from conformance.client import Connection
from conformance.conditions import Condition
from conformance.operator_hands import Operator, operator_of
from conformance.rabbitmq import Unavailable
from conformance.targets import Target, open_target, version_of

if TYPE_CHECKING:
    from conformance.channel import Channel

Connect = Callable[..., Connection]
Names = Callable[[str], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose the broker."""
    group = parser.getgroup("conformance")
    group.addoption("--broker", metavar="URL", help="use the broker at amqp://host:port")
    group.addoption("--oracle", action="store_true", help="start and use RabbitMQ (same as --targets rabbitmq)")
    targets = "amqpd, delayed, rabbitmq, or several separated by commas; default amqpd"
    group.addoption("--targets", metavar="NAMES", help=targets)
    group.addoption(
        "--compat",
        metavar="VERSION",
        help="the RabbitMQ version to expect, e.g. 3.10; default: what the broker says it is",
    )
    group.addoption(
        "--patience",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long a broker may be silent before a test fails (default 10)",
    )
    outcomes = "write the outcome of every test on every target as JSON, for `conformance.catalogue report --results`"
    group.addoption("--outcomes", type=Path, metavar="FILE", help=outcomes)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; warnings are errors."""
    config.addinivalue_line("markers", "slow: waits for silences and timeouts of seconds")
    config.addinivalue_line(
        "markers",
        "versions(since=, before=, otherwise=): the answer of these RabbitMQ versions; `otherwise` quotes the others",
    )
    config.addinivalue_line("markers", "proves(id, ...): the entries of spec/ that the test proves")
    config.addinivalue_line("filterwarnings", "error")
    if path := config.getoption("--outcomes"):
        config.pluginmanager.register(Recorder(path))


SUMMARY = pytest.StashKey[str]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what amqpd is known not to do, or to do otherwise."""
    differences.mark(items)
    if (suite := suite_of(items)).proves:
        config.stash[SUMMARY] = f"differences between the targets: {differences.summary(suite)}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where tests run in several processes, tell the one that began them, which has collected nothing itself."""
    told: dict[str, str] = getattr(session.config, "workeroutput", {})
    told["differences"] = session.config.stash.get(SUMMARY, "")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what such a process collected: all collect the same."""
    if line := getattr(node, "workeroutput", {}).get("differences"):
        node.config.stash[SUMMARY] = line


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how many of the collected tests show a difference, by reason."""
    if line := config.stash.get(SUMMARY, ""):
        terminalreporter.write_line(line)


def _target_names(config: pytest.Config) -> list[str]:
    if config.getoption("--broker"):
        return ["broker"]
    if config.getoption("--targets"):
        return str(config.getoption("--targets")).split(",")
    return ["rabbitmq"] if config.getoption("--oracle") else ["amqpd"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test against every target."""
    if "target" in metafunc.fixturenames:
        metafunc.parametrize("target", _target_names(metafunc.config), indirect=True, scope="session")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Run or find the broker under test; a run that is terminated still stops what it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        options = request.config.getoption
        try:
            opened = stack.enter_context(open_target(request.param, options("--broker"), options("--compat")))
        except Unavailable as reason:
            pytest.skip(str(reason))
        opened.patience = options("--patience")
        yield opened


@pytest.fixture(autouse=True)
def _only_these_versions(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("versions")
    if marker is None:
        return
    target: Target = request.getfixturevalue("target")
    since, before = version_of(marker.kwargs.get("since", "0.0")), version_of(marker.kwargs.get("before", "99.0"))
    if not since <= target.version < before:
        pytest.skip(f"other versions: {marker.kwargs['otherwise']}")


@pytest.fixture
def names(target: Target) -> Iterator[Names]:
    """Give names no other test has; queues and exchanges so named are deleted at the end."""
    prefix = secrets.token_hex(3)
    given: list[str] = []

    def name(label: str) -> str:
        if (full := f"{prefix}-{label}") not in given:
            given.append(full)
        return full

    yield name
    target.sweep(given)


@pytest.fixture
def dial(target: Target) -> Iterator[Connect]:
    """Give TCP connections that have not said anything; at the end they are let go of without a word."""
    opened: list[Connection] = []

    def connection() -> Connection:
        opened.append(target.connect())
        return opened[-1]

    yield connection
    for one in opened:
        one.abort()


@pytest.fixture
def connect(dial: Connect, names: Names) -> Iterator[Connect]:
    """Give open connections (options of `Connection.handshake`), closed in order before the names are swept."""
    opened: list[Connection] = []

    def connection(**options: Any) -> Connection:
        opened.append(dial().handshake(**options))
        return opened[-1]

    yield connection
    for one in opened:
        one.close()


@pytest.fixture
def connect_as(target: Target, connect: Connect) -> Connect:
    """Give open connections of one of the suite's users (`conformance.accounts`), options as of `connect`."""
    if not target.has_accounts:
        pytest.skip("the broker has none of the suite's users; `python -m conformance.accounts` prints them")

    def connection(user: str, **options: Any) -> Connection:
        return connect(response=accounts.response(user), **options)

    return connection


@pytest.fixture
def channel(connect: Connect) -> Channel:
    """Give a channel on a connection of its own."""
    return connect().channel()


@pytest.fixture
def condition(request: pytest.FixtureRequest, target: Target) -> Condition:
    """Give the error condition that the test proves: the first entry that its closest marker names."""
    marker = request.node.get_closest_marker("proves")
    assert marker is not None, "the test names no entry: mark it with pytest.mark.proves(...)"
    return Condition(marker.args[0], target.version)


@pytest.fixture(scope="module")
def operator(target: Target, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """Give a broker of the module's own, which may be disturbed; one with events where the module has EVENTS set."""
    with operator_of(target.name, target.profile, events=getattr(request.module, "EVENTS", False)) as operator:
        if operator is None:
            pytest.skip(f"{target.name} cannot be operated")
        yield operator
