"""Every example of docs/retries.md is a test that passes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from amqpd.testing.broker import EmbeddedBroker

PAGE = (Path(__file__).parent.parent / "docs" / "retries.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
NAMES = re.findall(r"^def (test_\w+)\(amqpd\):$", PAGE, re.MULTILINE)


def test_the_page_has_what_these_tests_look_for() -> None:
    assert len(NAMES) == len(EXAMPLES) == 3


@pytest.mark.parametrize(("name", "example"), list(zip(NAMES, EXAMPLES, strict=True)), ids=NAMES)
def test_the_example_passes(name: str, example: str, amqpd: EmbeddedBroker) -> None:
    found: dict[str, Any] = {}
    exec(example, found)  # noqa: S102  # the page's own code
    found[name](amqpd)
