"""Logging: events go to the host's logging tree with their values, and only `configure` sets anything up."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from amqpd.log import configure, get_logger

NAME = "amqpd.test_log"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The tree is the host's: here pytest's."""
    tree = logging.getLogger("amqpd")
    handlers, propagate, level = tree.handlers[:], tree.propagate, tree.level
    yield
    tree.handlers[:], tree.propagate = handlers, propagate
    tree.setLevel(level)


def attributes(record: logging.LogRecord) -> dict[str, Any]:
    return vars(record)


def test_an_event_reaches_the_hosts_logging(caplog: pytest.LogCaptureFixture) -> None:
    get_logger(NAME).warning("login refused", user="guest", attempts=3)
    (record,) = caplog.records
    assert (record.name, record.levelname) == (NAME, "WARNING")
    assert record.getMessage() == "login refused user='guest' attempts=3"
    assert attributes(record)["event"] == "login refused"
    assert attributes(record)["values"] == {"user": "guest", "attempts": 3}


@pytest.mark.parametrize("text", ["100 % full", "%s and %(name)s", "{0} {braces}"])
def test_a_text_is_no_format(caplog: pytest.LogCaptureFixture, text: str) -> None:
    get_logger(NAME).error(text)
    assert caplog.messages == [text]


@pytest.mark.parametrize("key", ["name", "msg", "args", "levelname", "message", "exc_text", "extra"])
def test_a_value_may_have_a_name_that_a_log_record_uses(caplog: pytest.LogCaptureFixture, key: str) -> None:
    get_logger(NAME).error("text", **{key: 1})
    assert attributes(caplog.records[0])["values"] == {key: 1}
    assert caplog.records[0].name == NAME


def test_a_bound_value_is_in_every_event(caplog: pytest.LogCaptureFixture) -> None:
    get_logger(NAME).bind(connection="c").error("text", channel=1)
    assert attributes(caplog.records[0])["values"] == {"connection": "c", "channel": 1}


def test_the_hosts_levels_decide(caplog: pytest.LogCaptureFixture) -> None:
    log = get_logger(NAME)
    caplog.set_level(logging.WARNING, NAME)
    log.info("not shown")
    log.warning("shown")
    caplog.set_level(logging.DEBUG, NAME)
    log.debug("shown too")
    assert caplog.messages == ["shown", "shown too"]


def failure() -> ValueError:
    """An exception that was raised."""
    try:
        raise ValueError("what went wrong")
    except ValueError as error:
        return error


def test_an_exception_goes_along(caplog: pytest.LogCaptureFixture) -> None:
    error = failure()
    get_logger(NAME).error("internal error", exc_info=error, channel=1)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert attributes(record)["values"] == {"channel": 1}


def test_the_exception_being_handled_goes_along(caplog: pytest.LogCaptureFixture) -> None:
    error = failure()
    try:
        raise error
    except ValueError:
        get_logger(NAME).exception("internal error")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_importing_amqpd_configures_nothing() -> None:
    program = (
        "import logging, structlog, amqpd, amqpd.app, amqpd.log, amqpd.cli.serve\n"
        "tree = logging.getLogger('amqpd')\n"
        "assert (tree.handlers, tree.level, tree.propagate) == ([], logging.NOTSET, True), vars(tree)\n"
        "assert (logging.root.handlers, logging.root.level) == ([], logging.WARNING)\n"
        "assert not structlog.is_configured()\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    get_logger(NAME).warning("login refused", user="gäst", reason="two\nlines")
    get_logger(NAME).info("next", number=2)
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    timestamp = first.pop("timestamp")
    assert len(timestamp) == len("2024-01-01T00:00:00.000")
    assert first == {"level": "warning", "event": "login refused", "user": "gäst", "reason": "two\nlines"}
    assert (second["level"], second["event"], second["number"]) == ("info", "next", 2)


def test_json_shows_what_it_cannot_hold_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    get_logger(NAME).info("text", value=b"octets", kind=ValueError)
    shown = json.loads(capsys.readouterr().err)
    assert (shown["value"], shown["kind"]) == ("b'octets'", "<class 'ValueError'>")


def test_json_has_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    get_logger(NAME).error("internal error", exc_info=failure())
    shown = json.loads(capsys.readouterr().err)
    assert shown["exception"].startswith("Traceback (most recent call last):")
    assert shown["exception"].endswith("ValueError: what went wrong")


def test_a_value_does_not_pass_itself_off_as_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    get_logger(NAME).error("text", level="low", timestamp="never")
    shown = json.loads(capsys.readouterr().err)
    assert shown["level"] == "error"
    assert shown["timestamp"] != "never"


def test_the_console_shows_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """No colours where it is no terminal."""
    configure("info", "console")
    get_logger(NAME).warning("login refused", user="guest", attempts=3)
    shown = capsys.readouterr().err
    assert "login refused" in shown
    assert "[warning" in shown
    assert shown.rstrip().endswith("user=guest attempts=3")
    assert "\x1b" not in shown


def test_what_strangers_say_does_not_work_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")
    log = get_logger(NAME)
    log.warning("refused\nforged", user="\x1b]0;title\x07", queue="a\nforged", vhost="\x9b2J\u202e")
    try:
        raise ValueError("\x1b[2J")
    except ValueError as error:
        log.error("internal error", exc_info=error)
    shown = capsys.readouterr().err
    assert all(each.isprintable() or each == "\n" for each in shown)
    assert not [line for line in shown.splitlines() if line.startswith("forged")]
    assert "user=\\x1b]0;title\\x07" in shown
    assert "ValueError: \\x1b[2J" in shown


def test_the_console_has_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")
    get_logger(NAME).error("internal error", exc_info=failure())
    shown = capsys.readouterr().err
    assert "Traceback (most recent call last):" in shown
    assert shown.rstrip().endswith("ValueError: what went wrong")


def test_a_record_of_plain_logging_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    logging.getLogger(NAME).info("%d of %d", 1, 2)
    assert json.loads(capsys.readouterr().err)["event"] == "1 of 2"


def test_the_level_is_a_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning", "json")
    get_logger(NAME).info("not shown")
    get_logger(NAME).warning("shown")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["shown"]


def test_configuring_twice_shows_an_event_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")
    configure("info", "json")
    get_logger(NAME).info("text")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_only_amqpds_own_tree_is_configured(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.root.handlers[:], logging.root.level
    configure("info", "json")
    get_logger(NAME).info("text")
    assert (logging.root.handlers, logging.root.level) == before
    assert caplog.records == []
