"""Installing and running: drivers of a few lines of Python against a broker that only notes what it is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.matrix import drive, headers, install
from interop.matrix.clients import Client, Row
from interop.matrix.drive import Outcome
from interop.matrix.scenarios import Scenario
from interop.matrix.targets import Obliging, Target

GET, BLOCKED = Scenario("get", "get"), Scenario("blocked", "blocked", alone=True)


class Noting(Obliging):
    """A broker that carries out nothing."""

    def __init__(self) -> None:
        super().__init__("noting", 5672, 5671, Path("ca.pem"))
        self.done: list[str] = []

    def _block(self) -> None:
        self.done.append("block")

    def _unblock(self) -> None:
        self.done.append("unblock")

    def _close_connections(self) -> None:
        self.done.append("close")


@pytest.fixture
def target() -> Noting:
    return Noting()


@pytest.fixture
def key(tmp_path: Path) -> Iterator[str]:
    """A client's key whose build folder is nobody's and gone afterwards."""
    name = f"test-{tmp_path.name}"
    yield name
    built = install.BUILD / name
    for file in built.glob("*"):
        file.unlink()
    if built.exists():
        built.rmdir()


def run(folder: Path, code: str, scenario: Scenario, target: Target, limit: float = 30.0) -> Outcome:
    (folder / "driver.py").write_text(code, encoding="utf-8")
    client = Client("key", folder, "client", "Python", "1.0", (sys.executable, "driver.py"))
    return drive.run(Row(client, "some"), scenario, target, limit)


def test_a_driver_is_told_everything_by_the_environment(tmp_path: Path, target: Noting) -> None:
    code = """
import os, sys
assert os.environ["AMQP_URL"] == "amqp://guest:guest@127.0.0.1:5672/%2F"
assert os.environ["AMQPS_URL"] == "amqps://guest:guest@localhost:5671/%2F"
assert os.environ["AMQP_CA_FILE"] == "ca.pem"
assert os.environ["INTEROP_PREFIX"].startswith("interop-key-some-")
assert os.environ["INTEROP_VARIANT"] == "some"
assert sys.argv[1:] == ["get"]
"""
    outcome = run(tmp_path, code, GET, target)
    assert (outcome.ok, outcome.reason) == (True, "")


def test_what_a_failing_driver_says_is_the_reason(tmp_path: Path, target: Noting) -> None:
    outcome = run(tmp_path, "import sys; print('seen', flush=True); sys.exit('but not this')", GET, target)
    assert not outcome.ok
    assert outcome.reason == "exit status 1\nseen\nbut not this"


def test_a_driver_that_does_not_end_is_killed(tmp_path: Path, target: Noting) -> None:
    outcome = run(tmp_path, "import threading; threading.Event().wait()", GET, target, limit=0.5)
    assert outcome.reason == "no end after 0 s"


def test_requests_are_carried_out_and_answered(tmp_path: Path, target: Noting) -> None:
    code = """
from interop.matrix.driver import ask
for request in ("block", "unblock", "close-connections"):
    ask(request)
"""
    assert run(tmp_path, code, BLOCKED, target).reason == ""
    assert target.done == ["block", "unblock", "close"]


def test_an_alarm_that_a_driver_leaves_behind_is_cleared(tmp_path: Path, target: Noting) -> None:
    outcome = run(tmp_path, "from interop.matrix.driver import ask; ask('block'); raise SystemExit(1)", BLOCKED, target)
    assert not outcome.ok
    assert target.done == ["block", "unblock"]


def test_requests_are_refused_where_others_use_the_broker(tmp_path: Path, target: Noting) -> None:
    outcome = run(tmp_path, "from interop.matrix.driver import ask; ask('block')", GET, target)
    assert "@ block: refused" in outcome.reason
    assert target.done == []


def test_an_unknown_request_fails_the_scenario(tmp_path: Path, target: Noting) -> None:
    outcome = run(tmp_path, "from interop.matrix.driver import ask; ask('dance')", BLOCKED, target)
    assert "expected one of close-connections, block, unblock" in outcome.reason


def test_a_broker_for_tools_takes_no_requests(tmp_path: Path) -> None:
    asked = "from interop.matrix.driver import ask; ask('block')"
    outcome = run(tmp_path, asked, BLOCKED, Target("tools", 5672))
    assert "this broker takes no requests" in outcome.reason


def test_a_client_is_installed_again_only_when_its_inputs_change(tmp_path: Path, key: str) -> None:
    code = "import sys; open(sys.argv[1], 'a').write('installed ')"
    command = (sys.executable, "-c", code, "{build}/count")
    client = Client(key, tmp_path, "client", "Python", "1.0", ("run",), install=(command,), inputs=("*.lock",))
    count = install.BUILD / key / "count"
    for _ in range(2):
        install.install(client)
        assert count.read_text() == "installed "
    (tmp_path / "driver").write_text("no input")
    install.install(client)
    before = count.stat().st_mtime_ns
    (tmp_path / "some.lock").write_text("an input")
    install.install(client)
    assert count.stat().st_mtime_ns > before


def test_a_failing_installation_says_why(tmp_path: Path, key: str) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no such package')")
    client = Client(key, tmp_path, "client", "Python", "1.0", ("run",), install=(command,))
    with pytest.raises(install.NotInstallable, match=r"failed \(1\): no such package"):
        install.install(client)


def test_a_missing_program_makes_a_client_not_installable(tmp_path: Path, key: str) -> None:
    client = Client(key, tmp_path, "client", "Python", "1.0", ("run",), needs=("no-such-program",))
    with pytest.raises(install.NotInstallable, match="no no-such-program on PATH"):
        install.install(client)


def test_the_headers_have_every_type_that_rabbitmq_speaks() -> None:
    tags = {getattr(value, "tag", None) for value in headers.table().values()}
    assert tags == set("tbBsuIilfdDTSxVAF")
