"""The broker's process, seen from outside: which one it is, its resident memory (octets), its processor time (seconds).

Reads Linux's /proc; elsewhere no process is found and what needs it is left out. A broker that kept memory from earlier
work fills that first: growth of memory is only meaningful on a freshly started broker.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from amqpd.cli.bench.failures import BenchError
from amqpd.cli.bench.stopwatch import poll_every
from amqpd.cli.bench.url import BrokerUrl

_PROC = Path("/proc")
_LISTEN = "0A"
_SAMPLE_SECONDS = 0.1
_STEADY_SAMPLES = 5
_MOST_SAMPLES = 40


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; raises BenchError if it cannot be read."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        raise BenchError(f"/proc/{pid}/status cannot be read; is --pid right, and is this Linux?") from None
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"process {pid} has no resident memory; is it a kernel thread or a zombie?")


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process with all its threads; raises BenchError if it cannot be read."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        raise BenchError(f"/proc/{pid}/stat cannot be read; is --pid right, and is this Linux?") from None
    # The name in parentheses may hold anything; utime and stime are the 12th and 13th fields behind it.
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def settled_resident_bytes(pid: int) -> int:
    """Return the resident memory once it has stayed within half a percent for half a second, or after four seconds."""
    samples = [resident_bytes(pid)]
    while len(samples) < _MOST_SAMPLES:
        poll_every(_SAMPLE_SECONDS)
        samples.append(resident_bytes(pid))
        last = samples[-_STEADY_SAMPLES:]
        if len(last) == _STEADY_SAMPLES and max(last) - min(last) <= max(last) // 200:
            break
    return samples[-1]


def broker_pid(url: BrokerUrl) -> int | None:
    """Return the process that listens at a local `url`; None if it is remote, of another user, or this is not Linux."""
    if not _is_local(url.host):
        return None
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(url.port)}
    return next((pid for pid in _pids() if inodes and _holds(pid, inodes)), None)


def _is_local(host: str) -> bool:
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(str(address).startswith("127.") or address == "::1" for address in addresses)


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _pids() -> list[int]:
    try:
        return sorted(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    except OSError:
        return []


def _holds(pid: int, links: set[str]) -> bool:
    folder = _PROC / str(pid) / "fd"
    try:
        return any(_link(entry) in links for entry in folder.iterdir())
    except OSError:
        return False


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""  # closed since it was listed
