"""The network interfaces of this machine, from the C library's getifaddrs(3)."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from ctypes.util import find_library
from typing import Final

INTERNET: Final = {int(socket.AF_INET): (4, 4), int(socket.AF_INET6): (8, 16)}
"""Where in a socket address the octets of the host are, and how many, by family."""
LINUX: Final = sys.platform == "linux"
LINK: Final = 17 if LINUX else 18
"""The family of hardware addresses."""
BROADCAST: Final = 0x2
FLAGS: Final = {
    0x1: "up",
    BROADCAST: "broadcast",
    0x8: "loopback",
    0x10: "pointtopoint",
    0x40: "running",
    0x1000 if LINUX else 0x8000: "multicast",
}

Fact = tuple[str, str]
"""What it is (flags, addr, netmask, broadaddr, hwaddr), and the value."""


class _Interface(ctypes.Structure):
    """struct ifaddrs, as far as it is read; its first fields are the same on Linux, the BSDs and macOS."""


_Interface._fields_ = [
    ("next", ctypes.POINTER(_Interface)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
    ("netmask", ctypes.c_void_p),
    ("broadcast", ctypes.c_void_p),
]


def interfaces() -> dict[str, list[Fact]]:
    """What there is to say of each interface, by its name; nothing where it can't be asked (Windows)."""
    found: dict[str, list[Fact]] = {}
    hardware: dict[str, list[Fact]] = {}
    for each in _each() if os.name == "posix" else ():
        name = os.fsdecode(each.name)
        facts = found.setdefault(name, [("flags", ", ".join(_flags(each.flags)))])
        if _family(each.address) == LINK:
            hardware[name] = [("hwaddr", _hardware(each.address))]
        else:
            facts += _addresses(each)
    return {name: [*found[name], *hardware.get(name, [])] for name in sorted(found)}


def _each() -> Iterator[_Interface]:
    """An entry for each address. They go when the iteration ends."""
    library = ctypes.CDLL(find_library("c"))
    first = ctypes.POINTER(_Interface)()
    if library.getifaddrs(ctypes.byref(first)):
        return
    try:
        at = first
        while ctypes.cast(at, ctypes.c_void_p).value is not None:
            yield at.contents
            at = at.contents.next
    finally:
        library.freeifaddrs(first)


def _flags(flags: int) -> list[str]:
    return [name for bit, name in FLAGS.items() if flags & bit]


def _addresses(entry: _Interface) -> Iterator[Fact]:
    pointers = {"addr": entry.address, "netmask": entry.netmask}
    if entry.flags & BROADCAST:
        pointers["broadaddr"] = entry.broadcast
    for name, pointer in pointers.items():
        family = _family(pointer)
        if family in INTERNET:
            offset, size = INTERNET[family]
            yield name, socket.inet_ntop(family, ctypes.string_at(pointer + offset, size))


def _family(pointer: int | None) -> int:
    """That of a socket address; 0 where there is none."""
    if not pointer:
        return 0
    start = ctypes.string_at(pointer, 2)  # the BSDs have a length before the family, which is an octet there
    return int.from_bytes(start, sys.byteorder) if LINUX else start[1]


def _hardware(pointer: int) -> str:
    if LINUX:
        octets = ctypes.string_at(pointer + 12, ctypes.string_at(pointer + 11, 1)[0])
    else:
        name, size = ctypes.string_at(pointer + 5, 2)
        octets = ctypes.string_at(pointer + 8 + name, size)
    return ":".join(f"{each:X}" for each in octets)
