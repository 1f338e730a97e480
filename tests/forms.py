"""Marks of tests that are about one form of amqpd: the same tests run on it interpreted and compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from amqpd import compiled

ROOT = Path(__file__).resolve().parents[1]
IS_COMPILED = bool(compiled.read().modules) and not compiled.is_forced()

interpreted = pytest.mark.skipif(
    IS_COMPILED, reason="counts what compiled code does without a call"
)
once = pytest.mark.skipif(IS_COMPILED, reason="takes long, and nothing that it is about is compiled")
with_sources = pytest.mark.skipif(not (ROOT / "amqpd").exists(), reason="amqpd is tested as it is installed")
