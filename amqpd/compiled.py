"""Which form amqpd runs in: its hot modules compiled, or all of it interpreted.

A build that compiles puts `compiled.json` beside this file: what compiled it, and for each compiled module the SHA-256
of the source it was made from, which lies beside it. A build that could not compile says why there. A checkout has no
such file and runs interpreted; so does everything under `AMQPD_PURE=1`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final, NamedTuple

PACKAGE: Final = Path(__file__).parent
RECORD: Final = "compiled.json"
VARIABLE: Final = "AMQPD_PURE"


class Record(NamedTuple):
    """What the build wrote down."""

    compiler: str = ""
    """Name and version; empty: nothing is compiled."""
    reason: str = ""
    """Why nothing is, where it should have been."""
    modules: Mapping[str, str] = MappingProxyType({})
    """Dotted name to SHA-256 of the source, in hexadecimal."""


class Interpreted(MetaPathFinder):
    """Finds the sources of modules that are there in compiled form too."""

    def __init__(self, package: Path, modules: Sequence[str]) -> None:
        self._files = {name: source_of(package, name) for name in modules}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The source of one of them; None: it is somebody else's module."""
        file = self._files.get(fullname)
        if file is None:
            return None
        return spec_from_file_location(fullname, file, loader=SourceFileLoader(fullname, str(file)))


def read(package: Path = PACKAGE) -> Record:
    """The record of a package; an empty one if it has none. Raises ImportError if it can't be read."""
    file = package / RECORD
    try:
        return Record(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, TypeError) as error:
        raise ImportError(f"{file} can't be read: {error}. Install amqpd again, or set {VARIABLE}=1.") from error


def source_of(package: Path, module: str) -> Path:
    """The source file of a module of amqpd."""
    return package.joinpath(*module.split(".")[1:]).with_suffix(".py")


def stale(record: Record, package: Path = PACKAGE) -> list[str]:
    """The compiled modules whose source is another one by now."""
    return [
        module
        for module, digest in record.modules.items()
        if hashlib.sha256(source_of(package, module).read_bytes()).hexdigest() != digest
    ]


def choose() -> None:
    """Called before anything else of amqpd is imported. Raises ImportError where compiled code is not that of the
    source beside it: what runs must be what can be read.
    """
    if is_forced():
        if modules := read().modules:
            sys.meta_path.insert(0, Interpreted(PACKAGE, list(modules)))
    elif changed := stale(read()):
        raise ImportError(
            f"{', '.join(changed)} changed after being compiled. Install amqpd again, or set {VARIABLE}=1 to run the "
            "sources."
        )


def is_forced() -> bool:
    """Whether the environment asks for the interpreted form."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def description() -> str:
    """Which form runs, in a few words."""
    record = read()
    if is_forced():
        return f"interpreted: {VARIABLE} is set"
    if record.compiler:
        return f"compiled by {record.compiler}"
    return f"interpreted: {record.reason}" if record.reason else "interpreted"
