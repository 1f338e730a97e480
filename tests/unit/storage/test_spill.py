"""The spill: blocks come back as they were, files go when nobody needs them, and damage is found out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from amqpd.broker.ports import Block
from amqpd.storage.spill import SpillFiles

KIB = 1024


def files(folder: Path) -> int:
    return len(list(folder.iterdir()))


@pytest.fixture
def spill(tmp_path: Path) -> Iterator[SpillFiles]:
    spill = SpillFiles(tmp_path / "spill", segment=64 * KIB, slack=64 * KIB)
    yield spill
    spill.close()


def test_blocks_come_back(spill: SpillFiles) -> None:
    contents = [random.Random(number).randbytes(number * 100) for number in range(1, 100)]
    blocks = [spill.keep(each) for each in contents]
    assert [block.read() for block in blocks] == contents


def test_files_go_when_nobody_needs_them(spill: SpillFiles, tmp_path: Path) -> None:
    blocks = [spill.keep(bytes(10 * KIB)) for _ in range(35)]
    assert files(tmp_path / "spill") == 5
    for block in blocks[:14]:
        block.free()
    assert files(tmp_path / "spill") == 3
    for block in blocks[14:]:
        block.free()
    assert (files(tmp_path / "spill"), spill.live) == (1, 0)
    spill.close()
    assert files(tmp_path / "spill") == 0


def test_a_file_whose_blocks_were_freed_while_it_was_written_goes_as_well(spill: SpillFiles, tmp_path: Path) -> None:
    for _ in range(10):
        for block in [spill.keep(b"x" * 16 * KIB) for _ in range(4)]:
            block.free()
    assert spill.live == 0
    assert len(list((tmp_path / "spill").iterdir())) == 1


def test_a_few_blocks_that_stay_do_not_keep_their_files(spill: SpillFiles) -> None:
    generator = random.Random(1)
    kept: dict[Block, bytes] = {}
    for number in range(2000):
        content = b"%d" % number + bytes(generator.randrange(10 * KIB))
        block = spill.keep(content)
        if number % 20:
            block.free()
        else:
            kept[block] = content
    assert spill.live == sum(map(len, kept.values()))
    assert spill.octets <= 2 * spill.live + 2 * 64 * KIB
    assert all(block.read() == content for block, content in kept.items())


def test_what_an_earlier_process_left_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    folder.mkdir()
    (folder / "00000007.spill").write_bytes(b"left")
    (folder / "other").write_bytes(b"not ours")
    SpillFiles(folder)
    assert [each.name for each in folder.iterdir()] == ["other"]


@pytest.mark.parametrize("octets", [b"", b"other", b"som"])
def test_other_octets_than_were_written_are_an_error(spill: SpillFiles, tmp_path: Path, octets: bytes) -> None:
    block = spill.keep(b"some!")
    [file] = (tmp_path / "spill").iterdir()
    file.write_bytes(octets)
    with pytest.raises(OSError, match=r"00000001\.spill: 5 octets at 0 are not what was written"):
        block.read()


def test_a_missing_file_is_an_error(spill: SpillFiles, tmp_path: Path) -> None:
    block = spill.keep(b"some")
    [file] = (tmp_path / "spill").iterdir()
    file.unlink()
    with pytest.raises(FileNotFoundError):
        block.read()
    block.free()
    spill.close()


def test_after_an_error_a_new_file_begins(spill: SpillFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    first = spill.keep(b"first")

    def full(_segment: object, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("amqpd.storage.spill.Segment.append", full)
        with pytest.raises(OSError, match="No space left"):
            spill.keep(b"second")
    third = spill.keep(b"third")
    assert (first.read(), third.read(), spill.live) == (b"first", b"third", 10)
    first.free()
    third.free()
    assert spill.live == 0
