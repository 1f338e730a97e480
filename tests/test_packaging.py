"""The files in packaging/ say what the command understands."""

from __future__ import annotations

import json
import re
import shlex
from configparser import ConfigParser
from pathlib import Path

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
    assert (config.host, config.metrics.host, config.log.format) == (("0.0.0.0",), ("0.0.0.0",), "json")
    ports = re.search(r"^EXPOSE (.*)$", final, re.MULTILINE)
    assert ports is not None
    assert ports[1].split() == [str(config.port), str(config.metrics.port)]
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
