"""Words in, exit code and texts out: what is taken before and after the verb, and what is said about the rest."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import amqpd
from amqpd.cli.ctl.output import cell, table, typed, visible_rows, visible_text
from amqpd.cli.ctl.run import run
from amqpd.cli.ctl.tools import OPERATING, tool_of
from amqpd.cli.ctl.verb import Rows
from tests.cli.conftest import Ctl

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "line",
    [
        "-p / list_queues name",
        "list_queues -p / name",
        "list_queues name -p /",
        "--vhost=/ list_queues name",
        "-n rabbit@localhost -q list_queues name --longnames -t 5",
        "list_queues -t infinity -- name",
    ],
)
def test_options_come_before_or_after_the_verb(ctl: Ctl, line: str) -> None:
    assert ctl(line).code == 0


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("add_user", 64, "not enough arguments."),
        ("add_user a b c", 64, "too many arguments."),
        ("list_queues --bogus", 64, "Invalid options for this command:\n--bogus : "),
        ("list_users -t abc", 64, "-t : abc"),
        ("list_queues name bogus", 64, "Info key(s) bogus are not supported"),
        ("list_qeues", 64, "Did you mean 'list_queues'?"),
        ("list_users --formatter bogus", 64, "expected one of table, json, json_stream, csv, pretty_table, erlang"),
        ("set_vm_memory_high_watermark 2.0", 65, "a fraction between 0.0 and 1.0"),
        ("export_definitions /nowhere/x.json", 65, "Directory /nowhere does not exist"),
        ("import_definitions /nowhere", 65, "File /nowhere does not exist"),
        ("delete_user nobody", 67, 'User "nobody" does not exist'),
        ("list_permissions -p nowhere", 65, "Virtual host 'nowhere' does not exist"),
        ("purge_queue nothing", 69, "not_found"),
        ("delete_queue nothing", 64, "Queue not found"),
        ("add_user guest x", 70, 'User "guest" already exists'),
        ("join_cluster other", 64, "requires the 'rabbit' app to be stopped"),
        ("forget_cluster_node other", 69, "The node selected is not in the cluster"),
        ("change_cluster_node_type tape", 65, "must be either disc or ram"),
        ("rename_cluster_node a b", 64, "requires the target node to be stopped"),
        ("quorum_status nothing", 69, "not_found"),
    ],
)
def test_what_cannot_be_has_a_code_and_a_text(ctl: Ctl, line: str, code: int, said: str) -> None:
    outcome = ctl(line)
    assert outcome.code == code
    assert said in outcome.err


def test_a_formatter_for_programs_says_nothing_else(ctl: Ctl) -> None:
    assert json.loads(ctl("list_users --formatter json").out) == [{"user": "guest", "tags": ["administrator"]}]
    assert ctl("list_users --formatter csv").out == '"user","tags"\n"guest","[administrator]"\n'
    assert json.loads(ctl("add_vhost v --formatter json").out)["result"] == "ok"


def test_a_password_may_come_on_standard_input(ctl: Ctl) -> None:
    assert ctl("add_user u", "secret\n").code == 0
    assert ctl("authenticate_user u secret").code == 0
    assert ctl("authenticate_user u", "wrong\n").code == 65


def test_names_may_be_anything(ctl: Ctl) -> None:
    name = "a b/ü%2F[]"
    assert ctl(f"add_vhost '{name}'").code == 0
    assert name in ctl.lines("list_vhosts -s")
    assert ctl(f"set_permissions -p '{name}' guest .* .* .*").code == 0
    assert ctl.lines(f"list_permissions -s -p '{name}'") == ["guest\t.*\t.*\t.*"]
    assert ctl(f"delete_vhost '{name}'").code == 0


def test_names_with_control_characters_do_not_reach_a_terminal_as_such(ctl: Ctl) -> None:
    ctl("add_vhost 'a\x1b[2J\tb'")
    assert "a\x1b[2J\tb" in ctl("list_vhosts -s").out  # a script gets what there is
    rows = visible_rows(Rows(("name", "tags"), [{"name": "a\x1b[2J\tb", "tags": ["\x9b2J"]}]))
    assert [*table(rows, headers=False)] == ["a\\x1b[2J\\tb\t[\\x9b2J]"]
    assert visible_text("\x1b[1mQueues\x1b[0m\n\tq\x1b[2J") == "\x1b[1mQueues\x1b[0m\n\tq\\x1b[2J"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", '"plain"'), ('q"\\\t\x1b', r'"q\"\\\t\e"'), ("é", '"é"'), ("a\x7f", "[97,127]"), ("日", "[26085]")],
)
def test_texts_among_arguments_are_written_as_erlang_does(text: str, shown: str) -> None:
    assert cell(typed({"k": text})) == f'[{{"k",{shown}}}]'


def test_definitions_make_the_round_trip_through_a_file(ctl: Ctl, tmp_path: Path) -> None:
    ctl("add_user u p")
    ctl("""set_policy p ^q '{"max-length": 5}'""")
    assert ctl(f"export_definitions {tmp_path}/d.json").code == 0
    assert stat.S_IMODE((tmp_path / "d.json").stat().st_mode) & 0o077 == 0 or sys.platform == "win32"
    ctl("delete_user u")
    ctl("clear_policy p")
    assert ctl(f"import_definitions {tmp_path}/d.json").code == 0
    assert ctl("authenticate_user u p").code == 0
    assert ctl.lines("list_policies -s") == ['/\tp\t^q\tall\t{"max-length":5}\t0']
    assert ctl("import_definitions", ctl("export_definitions -").out).code == 0


def test_every_verb_has_its_help(ctl: Ctl) -> None:
    listed = ctl("help").out
    for name in OPERATING:
        assert f"   {name} " in listed
        assert name in ctl(f"help {name}").out
    assert ctl("help bogus").code == 64
    alone = ctl("help --list-commands").out
    assert alone in listed
    assert "Usage" not in alone


@pytest.mark.parametrize(
    ("program", "tool"),
    [
        ("/usr/bin/amqpctl", "amqpctl"),
        ("/usr/sbin/rabbitmqctl", "rabbitmqctl"),
        ("rabbitmq-diagnostics", "rabbitmq-diagnostics"),
        ("amqpctl.exe", "amqpctl"),
        ("something-else", "amqpctl"),
    ],
)
def test_the_name_of_the_program_is_that_of_the_tool(program: str, tool: str) -> None:
    assert tool_of(program) == tool


def test_without_a_broker_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--socket", str(tmp_path / "none.sock"), "list_queues"]) == 69
    said = capsys.readouterr().err
    assert said.startswith("Error: unable to perform an operation on node")
    assert "none.sock" in said
    assert run(["--socket", str(tmp_path / "none.sock"), "ping"]) == 69


def test_a_url_goes_over_http(capsys: pytest.CaptureFixture[str]) -> None:
    with amqpd.run_in_thread(management_port=0) as broker:
        url = broker.management_url.replace("http://", "http://guest:guest@")
        assert run(["--url", url, "-s", "list_vhosts"]) == 0
        assert capsys.readouterr().out == "/\n"
        assert run(["--url", url, "stop_app"]) == 69
        assert "over the control socket" in capsys.readouterr().err
        assert run(["--url", url.replace("guest:guest", "guest:wrong"), "list_vhosts"]) == 77
    assert run(["--url", "amqp://localhost", "list_vhosts"]) == 65


def test_a_token_file_stands_in_where_there_are_no_unix_sockets(tmp_path: Path) -> None:
    token = tmp_path / "control.json"
    with amqpd.run_in_thread(control_token_file=token):
        assert token.stat().st_mode & 0o777 == 0o600
        assert run(["--socket", str(token), "list_users"]) == 0
        said = json.loads(token.read_text())
        token.write_text(json.dumps({**said, "token": "other"}))
        assert run(["--socket", str(token), "list_users"]) == 77
    assert not token.exists()


def test_the_broker_of_a_data_directory_is_found(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AMQPD_", "RABBITMQ_"))}
    environment = {**kept, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    script = "from amqpd.cli.ctl.run import amqpctl; amqpctl()"
    with amqpd.run_in_thread(control_socket=tmp_path / "amqpd" / "control.sock"):
        for words in (["list_users"], ["-n", "rabbit@elsewhere", "list_users"]):
            command = [sys.executable, "-c", script, "-s", *words]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            assert done.stdout == "guest\t[administrator]\n"
        with amqpd.run_in_thread(control_socket=tmp_path / "amqpd" / "5673.sock"):
            command = [sys.executable, "-c", script, "-n", "rabbit@elsewhere", "ping"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 69


def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with amqpd.run_in_thread(control_socket=path):
        with pytest.raises(OSError, match="another server listens"), amqpd.run_in_thread(control_socket=path):
            pass
        left = tmp_path / "left.sock"
        path.rename(left)
    with amqpd.run_in_thread(control_socket=left):
        assert run(["--socket", str(left), "ping"]) == 0
    assert not left.exists()
