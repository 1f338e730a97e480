"""What amqpd doesn't do yet, or does otherwise on purpose: tests that it is expected to fail, each with its reason.

An entry that starts to pass fails the run, so that the list can only become shorter.
"""

from __future__ import annotations

from typing import Final

import pytest

TARGETS: Final = ("amqpd", "delayed")
NO_QUORUM: Final = "not there yet: quorum queues"
NO_STREAM: Final = "not there yet: streams"
NO_0_8: Final = "on purpose: AMQP 0-8 is not spoken; its header is answered with `AMQP 0 0 9 1` like any other"
NO_JOURNAL: Final = "not there yet: a journal, without which no commit is ever pending"

EXPECTED: Final[tuple[tuple[str, str], ...]] = (
    ("test_quorum.py", NO_QUORUM),
    ("test_stream.py", NO_STREAM),
    ("test_handshake.py::test_0_8_is_spoken", NO_0_8),
    ("test_tx.py::test_nothing_may_be_sent_while_a_commit_is_pending", NO_JOURNAL),
    ("test_queue_arguments.py::test_an_argument_of_another_queue_type_is_refused[amqpd-quorum", NO_QUORUM),
    ("test_queue_arguments.py::test_an_argument_of_another_queue_type_is_refused[amqpd-stream", NO_STREAM),
    ("test_queue_arguments.py::test_an_age_that_starts_without_a_digit", NO_STREAM),
    ("test_queue_arguments.py::test_properties_a_replicated_queue_cannot_have", NO_QUORUM),
    ("test_queue_arguments.py::test_only_classic_queues_are_server_named", NO_QUORUM),
    ("test_queue_arguments.py::test_wrong_values_for_replicated_queues", NO_QUORUM),
    ("test_queue_arguments.py::test_a_segment_size_that_is_too_large", NO_STREAM),
)

ON_A_SLOW_JOURNAL: Final[tuple[tuple[str, str], ...]] = (
    (
        "test_limits.py::test_reject_publish_dlx_dead_letters_what_it_refuses",
        "a refusal is known at once, so its nack overtakes the ack that waits for the journal",
    ),
)


def mark(items: list[pytest.Item]) -> None:
    """Mark the tests that amqpd is expected to fail."""
    for item in items:
        target = next((each for each in TARGETS if f"[{each}" in item.nodeid), None)
        if target is None:
            continue
        for part, reason in (*EXPECTED, *(ON_A_SLOW_JOURNAL if target == "delayed" else ())):
            if f"/{part}" in item.nodeid.replace(f"[{target}", "[amqpd"):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
