"""The errors that reach a client: reply codes, and texts that fit into a short string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpd import errors
from amqpd.errors import MAX_REPLY_TEXT, AccessRefused, AmqpError, FatalFrameError, HardError, InternalError, NotFound

NAMED = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, AmqpError) and each not in (AmqpError, HardError)
]
HARD = {320, 501, 502, 503, 504, 505, 506, 530, 540, 541}
"""AMQP 0-9-1: the constants of class hard-error; RabbitMQ closes a connection with 403 at login as well."""


def octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("error", NAMED)
def test_every_error_knows_its_code_and_reach(error: type[AmqpError]) -> None:
    assert error("x").reply_text == f"{error.name} - x"
    assert error.name == error.name.upper()
    if error is not errors.LoginRefused:
        assert error.hard is (error.code in HARD)
    else:
        assert (error.code, error.hard) == (403, True)


def test_a_reply_text_names_the_error_before_the_reason() -> None:
    assert NotFound("no queue 'q' in vhost '/'").reply_text == "NOT_FOUND - no queue 'q' in vhost '/'"


def test_an_error_without_a_reason_is_its_name() -> None:
    assert InternalError().reply_text == "INTERNAL_ERROR"


def test_an_error_may_be_tied_to_a_method() -> None:
    assert AccessRefused("x").method is None
    assert AccessRefused("x", method=(50, 10)).method == (50, 10)


def test_an_error_is_an_exception_with_its_text() -> None:
    with pytest.raises(AmqpError, match=r"^out of step$") as caught:
        raise FatalFrameError("out of step")
    assert (caught.value.text, caught.value.code) == ("out of step", 501)


ROOM = MAX_REPLY_TEXT - len("NOT_FOUND - ")


@pytest.mark.parametrize("text", ["x" * ROOM, "ä" * (ROOM // 2), "€" * (ROOM // 3), "x" * (ROOM - 1) + "\udcff"])
def test_a_text_that_just_fits_is_whole(text: str) -> None:
    assert NotFound(text).reply_text == f"NOT_FOUND - {text}"


def test_one_octet_too_many_ends_in_three_dots() -> None:
    shown = NotFound("x" * (ROOM + 1)).reply_text
    assert shown == "NOT_FOUND - " + "x" * (ROOM - 3) + "..."
    assert len(shown) == MAX_REPLY_TEXT


@pytest.mark.parametrize("character", ["ä", "€", "🐇"])
@pytest.mark.parametrize("shift", range(4))
def test_no_character_is_cut_in_two(character: str, shift: int) -> None:
    shown = NotFound("x" * shift + character * 300).reply_text
    assert shown.endswith(character + "...")
    width = len(octets(character))
    assert MAX_REPLY_TEXT - width < len(octets(shown)) <= MAX_REPLY_TEXT


@given(st.text(st.characters(codec="utf-8"), max_size=400))
def test_a_reply_text_always_fits_and_begins_as_the_reason_does(text: str) -> None:
    error = NotFound(text)
    shown = error.reply_text
    assert len(octets(shown)) <= MAX_REPLY_TEXT
    whole = f"NOT_FOUND - {text}" if text else "NOT_FOUND"
    assert shown == whole or (shown.endswith("...") and whole.startswith(shown[:-3]))


def test_octets_that_are_no_text_stay_in_a_cut_one() -> None:
    """A name that is not UTF-8 is quoted as it came."""
    shown = NotFound("\udcff" * 300).reply_text
    assert octets(shown) == b"NOT_FOUND - " + b"\xff" * (ROOM - 3) + b"..."
