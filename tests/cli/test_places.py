"""Where control sockets are looked for, in folders of all kinds."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from amqpd.cli.main import main
from amqpd.cli.places import candidates, forget_dead


def test_a_folder_of_sockets_that_cannot_be_read_is_no_reason_to_fail(tmp_path: Path) -> None:
    # A name that is too long stands for a folder of another user, whose files root may read: `sudo -u`, HOME kept.
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / ("x" * 300))}
    forget_dead(environ)
    assert not [path for path in candidates(environ) if path.is_relative_to(tmp_path)]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "amqpd"
    folder.mkdir()
    dead, other = folder / f"process-{2**22 + 1}.sock", folder / "5672.sock"
    dead.touch()
    other.touch()
    forget_dead({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert list(folder.iterdir()) == [other]


def test_a_data_directory_that_no_broker_uses_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["top", "--once", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert f"no broker runs on {tmp_path}: there is neither control.sock nor control.json in it" in result.output
