"""Files of the catalogue become entries, or an error that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.catalogue.load import Malformed, files, load


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "ids.txt").write_text("a.01\na.02\n")
    return tmp_path


def test_an_entry_with_all_its_keys(spec: Path) -> None:
    (spec / "rules" / "a.toml").write_text(
        '[[entry]]\nid = "a.01"\nkind = "rule"\ntext = "t"\nsource = "s"\nlevel = "MUST"\ntests = ["x.py::y"]\n'
        'deviates = "d"\n\n[[entry]]\nid = "a.02"\nkind = "rule"\ntext = "t"\nsource = "s"\n'
        'untested = "deviation"\nreason = "r"\n'
    )
    loaded = load(spec)
    one, two = loaded.entries
    assert loaded.rules == ("a.01", "a.02")
    assert (one.id, one.where, one.tests, one.keys, one.deviation) == (
        "a.01",
        "rules/a.toml",
        ("x.py::y",),
        {"level": "MUST"},
        "d",
    )
    assert (two.untested, two.deviation, two.keys) == ("deviation", "r", {})


def test_files_come_part_by_part(spec: Path) -> None:
    names = ["protocol/basic.toml", "rules/basic.toml", "reply-codes.toml", "errors/basic.toml", "beyond.toml"]
    for name in names:
        (spec / name).parent.mkdir(exist_ok=True)
        (spec / name).touch()
    assert [path.relative_to(spec).as_posix() for path in files(spec)] == names


def test_the_differences_are_no_entries(spec: Path) -> None:
    (spec / "differences.toml").write_text("[ceilings]\n")
    assert files(spec) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[[entry]\n", "spec/a.toml: "),
        ('[[entry]]\nkind = "rule"\n', "spec/a.toml: entry number 1 has no id"),
        ('[[entries]]\nid = "a"\n', "spec/a.toml: 'entries' is not expected here"),
    ],
)
def test_a_malformed_file_is_named(spec: Path, text: str, wrong: str) -> None:
    (spec / "a.toml").write_text(text)
    with pytest.raises(Malformed, match=wrong):
        load(spec)
