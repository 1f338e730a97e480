"""The files in packaging/ say what the command understands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from amqpd.cli.main import main
from amqpd.config import load, settings
from tests.forms import ROOT, with_sources

pytestmark = with_sources

PACKAGING = ROOT / "packaging"
CONTAINER = (PACKAGING / "Containerfile").read_text(encoding="utf-8") if PACKAGING.exists() else ""


class Unit(ConfigParser):
    """A unit file; a key may come more than once."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, interpolation=None)
        self.read(PACKAGING / name, encoding="utf-8")

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"\b(AMQPD_[A-Z_]+)=(\S+)", text))


def test_the_service_starts_the_broker_with_settings_that_exist() -> None:
    service = Unit("amqpd.service")["Service"]
    words = shlex.split(service["ExecStart"])
    assert words[:3] == ["/usr/bin/env", "amqpd", "serve"]
    assert CliRunner().invoke(main, [*words[2:3], "--help"]).exit_code == 0
    assert words[3] == "--config"
    assert load(None, variables(service["Environment"]), {}).data_dir == Path("%S/amqpd")
    assert service["Type"] == "notify"
    assert "-HUP $MAINPID" in service["ExecReload"]


def test_the_socket_opens_the_port_of_the_settings() -> None:
    socket = Unit("amqpd.socket")["Socket"]
    assert socket["ListenStream"].endswith(f":{load(None, {}, {}).port}")
    assert socket["FileDescriptorName"] == "amqp"


def test_the_container_runs_as_a_user_of_its_own_with_settings_that_exist() -> None:
    before, _, final = CONTAINER.rpartition("\nFROM ")
    assert "USER amqpd" in final
    assert "AS build" in before
    environment = {name: value.rstrip(" \\") for name, value in variables(final.partition("ENV ")[2]).items()}
    config = load(None, environment, {})
    assert config.host == config.management.host == config.metrics.host == ("0.0.0.0",)
    assert config.log.format == "json"
    ports = re.search(r"^EXPOSE (.*)$", final, re.MULTILINE)
    assert ports is not None
    assert ports[1].split() == [str(config.port), "15672", str(config.metrics.port)]
    assert set(variables(CONTAINER)) <= {each.env for each in settings()}


def test_the_health_check_is_a_command_that_says_no_where_nobody_is() -> None:
    found = re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", CONTAINER, re.MULTILINE)
    assert found is not None
    words = json.loads(found[1])
    assert words[0] == "amqpd"
    result = CliRunner().invoke(main, [*words[1:], "--host", "192.0.2.1", "--timeout", "0.01"])
    assert result.exit_code == 1, result.output
    assert "192.0.2.1:5672" in result.output


def test_what_the_container_copies_is_there() -> None:
    for line in re.findall(r"^COPY (?!--from)(.*)$", CONTAINER, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name


# -- what is released -------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_sdist_and_wheel_are_built_and_hold_what_belongs_into_them(tmp_path: Path) -> None:
    """Without isolation, as the tests have the build backend; what is compiled is `make test-compiled`'s."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "AMQPD_PURE": "1"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (source,), (wheel,) = tmp_path.glob("*.tar.gz"), tmp_path.glob("*.whl")
    with tarfile.open(source) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("SECURITY.md", "amqpd/broker/queue.pxd", "hatch_build.py", "packaging/amqpd.service"):
        assert name in files
    assert {name.partition("/")[0] for name in beside_the_wheel()} <= {name.partition("/")[0] for name in files}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert {"amqpd/py.typed", "amqpd/cli/main.py"} <= names
    assert "amqpd = amqpd.cli.main:main" in points
    assert not [name for name in names if name.startswith(("tests/", "spec/"))]


def beside_the_wheel() -> list[str]:
    """What it wants to find beside the package."""
    settings_of_tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    sources: list[str] = settings_of_tools["cibuildwheel"]["test-sources"]
    return sources


RELEASE = ROOT / ".github" / "workflows" / "release.yml"
released = pytest.mark.skipif(not RELEASE.exists(), reason="workflows are in the repository alone")


@released
def test_a_release_has_checksums_and_attestations_and_needs_no_secret() -> None:
    text = RELEASE.read_text(encoding="utf-8")
    for part in ("sha256sum", "attest-build-provenance", "gh-action-pypi-publish", "cibuildwheel", "id-token: write"):
        assert part in text
    assert "secrets." not in text
    assert text.index("permissions:\n  contents: read") < text.index("jobs:")


@released
def test_every_file_that_a_workflow_runs_is_there() -> None:
    for workflow in RELEASE.parent.glob("*.yml"):
        for path in re.findall(r"bash (\S+)", workflow.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), path


def test_every_file_that_the_security_page_names_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    paths = {*re.findall(r"`((?:tests|conformance)/[\w/.]+)`", text), *re.findall(r"\]\(([\w/.-]+)\)", text)}
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
