"""The crash test's planted defects."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.planted import PATCHES, plant
from tests.forms import with_sources


@with_sources
@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda patch: patch.stem)
def test_a_planted_defect_fits_the_code_as_it_is(patch: Path, tmp_path: Path) -> None:
    plant(patch, tmp_path)


def test_there_are_four_planted_defects() -> None:
    assert len(list(PATCHES.glob("*.patch"))) == 4
