"""What the platform tells of the process, as numbers of the node."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import attrs
import trio

from amqpd.management.rates.counted import Sample
from amqpd.protocol.node import Node


@attrs.frozen
class Machine:
    """How to ask."""

    resident: Callable[[], int | None]
    """Octets of this process in memory."""
    memory_limit: Callable[[], int]
    """Octets at which the alarm is raised."""
    disk_free_limit: Callable[[], int]
    data_dir: str


def node_numbers(node: Node, machine: Machine) -> Sample:
    """What `counted.NODE` names."""
    opened, _ = open_files()
    return memory(node, machine), opened, len(node.connections), tasks(), disk_free(machine.data_dir)


def tasks() -> int:
    """Tasks of the broker's loop, which are to it what processes are to Erlang: never 0."""
    try:
        return trio.lowlevel.current_statistics().tasks_living
    except RuntimeError:  # nobody's loop
        return 1


def memory(node: Node, machine: Machine) -> int:
    """Octets of the process; where the platform doesn't tell, what messages and definitions are estimated at."""
    return machine.resident() or node.broker.account.octets + node.broker.account.definitions


def open_files() -> tuple[int, int]:
    """How many file descriptors are open, and how many may be; 0 where the platform doesn't tell."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return len(os.listdir("/proc/self/fd")), limit  # noqa: PTH208  # it is counted, not looked at
    except (ImportError, OSError):
        return 0, 0


def disk_free(folder: str) -> int:
    """Octets that the disk of a folder has room for; 0 where the platform doesn't tell."""
    try:
        return shutil.disk_usage(folder or ".").free
    except OSError:
        return 0
