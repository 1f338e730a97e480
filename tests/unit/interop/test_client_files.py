"""client.toml: what is accepted, and that every mistake is told with its value."""

from __future__ import annotations

from pathlib import Path

import pytest

from interop.matrix import scenarios
from interop.matrix.clients import ClientError, Row, filled, load, load_all
from interop.matrix.preparing import PREPARATIONS
from interop.matrix.scenarios import Scenario
from interop.matrix.suites import SUITES, Suite

SCENARIOS = ("get", "tls")
COMPLETE = """
name = "client"
language = "Python"
version = "1.0"
run = ["{build}/run", "{folder}/driver"]
install = [["{python}", "-m", "venv", "{build}/venv"]]
variants = ["blocking", "select"]

[unsupported]
get = "it cannot"

[unsupported.select]
tls = "not with this loop"
"""


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "client.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_client_is_called_by_its_folder_and_shown_by_its_name(tmp_path: Path) -> None:
    client = load(written(tmp_path / "key", COMPLETE), SCENARIOS)
    assert (client.key, client.name, client.run) == ("key", "client", ("{build}/run", "{folder}/driver"))
    assert [row.label for row in client.rows()] == ["client blocking", "client select"]


def test_a_reason_holds_for_all_variants_or_for_the_one_that_it_names(tmp_path: Path) -> None:
    client = load(written(tmp_path, COMPLETE), SCENARIOS)
    blocking, select = client.rows()
    assert (blocking.why_not("get"), select.why_not("get")) == ("it cannot", "it cannot")
    assert (blocking.why_not("tls"), select.why_not("tls")) == (None, "not with this loop")


def test_a_client_without_variants_has_one_row(tmp_path: Path) -> None:
    client = load(written(tmp_path, COMPLETE.partition("variants")[0]), SCENARIOS)
    assert client.rows() == [Row(client)]
    assert client.rows()[0].label == "client"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("name =", "nom ="), ["'name' is missing", "unknown key 'nom'"]),
        (('version = "1.0"', "version = 1.0"), ["'version' is 1.0: expected a text"]),
        (('language = "Python"', 'language = ""'), ["'language' is '': expected a text"]),
        (('install = [["{python}"', 'install = ["{python}"'), ["not TOML"]),
        (('["{python}", "-m", "venv", "{build}/venv"]', '"make"'), ["'install' is ['make']: expected a list of"]),
        (("{build}/run", "{home}/run"), ["'run' has '{home}/run'"]),
        (("{build}/run", "{/run"), ["'run' has '{/run'"]),
        (('get = "it', 'gett = "it'), ["'unsupported' names 'gett', which is no scenario"]),
        (('get = "it cannot"', 'get = ""'), ["'unsupported' gives '' for 'get': expected the reason"]),
        (("[unsupported.select]", "[unsupported.other]"), ["'unsupported' names 'other', which is no variant"]),
    ],
)
def test_a_mistake_is_told_with_its_value(tmp_path: Path, change: tuple[str, str], told: list[str]) -> None:
    file = written(tmp_path, COMPLETE.replace(*change))
    with pytest.raises(ClientError) as error:
        load(file, SCENARIOS)
    for each in told:
        assert each in str(error.value)
    assert str(file) in str(error.value)


def test_all_mistakes_of_all_clients_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path / "one", "")
    written(tmp_path / "two", COMPLETE.replace("version", "wersion"))
    with pytest.raises(ClientError) as error:
        load_all(tmp_path, SCENARIOS)
    assert str(error.value).count("is missing") == 5


def test_clients_that_are_not_asked_for_are_not_read(tmp_path: Path) -> None:
    written(tmp_path / "right", COMPLETE)
    written(tmp_path / "wrong", "")
    assert [each.key for each in load_all(tmp_path, SCENARIOS, ["right"])] == ["right"]


def test_an_unknown_client_is_told_with_the_known_ones(tmp_path: Path) -> None:
    written(tmp_path / "known", COMPLETE)
    with pytest.raises(ClientError, match="no client 'other': expected some of known"):
        load_all(tmp_path, SCENARIOS, ["other"])


def test_a_scenario_may_be_for_some_clients_alone(tmp_path: Path) -> None:
    (row, _) = load(written(tmp_path / "key", COMPLETE), SCENARIOS).rows()
    scenarios = [Scenario("tls", "tls"), Scenario("tls", "tls", only=("key",)), Scenario("tls", "tls", only=("other",))]
    assert [row.is_asked(each) for each in scenarios] == [True, True, False]
    assert not row.is_asked(Scenario("get", "which it cannot", only=("key",)))


def test_placeholders_are_filled_anywhere_in_a_word() -> None:
    assert filled("{build}/a/{folder}", {"build": "/b", "folder": "f"}) == "/b/a/f"


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_every_client_of_the_repository_loads(suite: Suite) -> None:
    names = [each.name for each in scenarios.load(suite.contract)]
    assert load_all(suite.folder, names)


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_what_scenarios_want_prepared_can_be(suite: Suite) -> None:
    wanted = {each.prepared for each in scenarios.load(suite.contract)} - {""}
    assert wanted
    assert wanted <= PREPARATIONS.keys()


def test_the_scenarios_that_ask_the_runner_have_the_broker_alone() -> None:
    alone = {each.name for suite in SUITES.values() for each in scenarios.load(suite.contract) if each.alone}
    assert alone == {"reconnect", "blocked"}
