"""Debian's amqp-tools as functions: each starts one tool, which connects, does one thing and disconnects."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from interop.matrix.driver import PATIENCE, same

EMPTY = 2
"""The exit status of amqp-get when there was no message."""


class Answer:
    """What a tool left when it ended."""

    def __init__(self, status: int, output: bytes, errors: str) -> None:
        self.status, self.output, self.errors = status, output, errors

    def expect_failure(self, *parts: str) -> None:
        """Raise AssertionError unless the tool failed and its complaint has these parts."""
        same("exit status", self.status, 1)
        for part in parts:
            if part not in self.errors:
                raise AssertionError(f"expected {part!r} in {self.errors!r}")


def tool(name: str, url: str, *options: str, body: bytes = b"") -> Answer:
    """Run a tool to its end. Raises subprocess.TimeoutExpired when it doesn't end."""
    done = subprocess.run(
        [f"amqp-{name}", "--url", url, *options], input=body, capture_output=True, timeout=PATIENCE, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def succeed(name: str, url: str, *options: str, body: bytes = b"") -> bytes:
    """Run a tool that must succeed; return what it wrote."""
    answer = tool(name, url, *options, body=body)
    same(f"exit status of amqp-{name} ({answer.errors.strip()})", answer.status, 0)
    return answer.output


def declare(url: str, queue: str, *options: str) -> None:
    """Declare a queue and see its name."""
    same("the queue's name", succeed("declare-queue", url, "--queue", queue, *options), f"{queue}\n".encode())


def delete(url: str, queue: str, messages: int) -> None:
    """Delete a queue and see how many messages it had."""
    same("messages of the deleted queue", succeed("delete-queue", url, "--queue", queue), f"{messages}\n".encode())


def publish(url: str, queue: str, body: bytes, *options: str) -> None:
    """Publish through the default exchange."""
    succeed("publish", url, "--routing-key", queue, *options, body=body)


def get(url: str, queue: str, *options: str) -> bytes | None:
    """Get a message; None if there is none."""
    answer = tool("get", url, "--queue", queue, *options)
    if answer.status == EMPTY:
        return None
    same(f"exit status of amqp-get ({answer.errors.strip()})", answer.status, 0)
    return answer.output


@contextmanager
def consuming(url: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have amqp-consume run with these options; it is ended if it doesn't end itself."""
    process = subprocess.Popen(
        ["amqp-consume", "--url", url, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
