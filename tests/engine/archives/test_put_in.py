"""Putting archives in, one over the other."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from quinta.core.errors import InvalidInput
from quinta.engine.archives.archives import ZipArchives
from tests.engine.builds.archives import Member, archive, tree

ARCHIVES = ZipArchives()


async def put_in(folder: Path, *members: Member) -> dict[str, bytes | None]:
    """Takes these members in and puts them over what is in ``folder/inputs``; what is there then."""
    (folder / "inputs").mkdir(exist_ok=True)
    await ARCHIVES.take_in(archive(folder / "a.zip", *members), "a.zip", folder / "taken.zip")
    await ARCHIVES.put_in(folder / "taken.zip", folder / "inputs")
    (folder / "taken.zip").unlink()
    return tree(folder / "inputs")


async def test_a_later_archive_goes_over_an_earlier_one(tmp_path: Path) -> None:
    await put_in(tmp_path, ("a", "1"), ("b/c", "1"), ("b/d", "1"), ("e", "1"), ("f/g/h", "1"), ("i/", ""))

    found = await put_in(tmp_path, ("a", "22"), ("b/c", "2"), ("e/deep/er", "2"), ("f", "2"), ("i", "2"))

    assert found == {
        "a": b"22",
        "b": None,
        "b/c": b"2",
        "b/d": b"1",
        "e": None,
        "e/deep": None,
        "e/deep/er": b"2",
        "f": b"2",
        "i": b"2",
    }


async def test_what_is_put_in_can_be_read_by_all(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        await put_in(tmp_path, ("a/b", "1"), ("c/", ""))
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / "inputs" / name).stat().st_mode) for name in ("a", "a/b", "c")}
    assert modes == {"a": 0o755, "a/b": 0o644, "c": 0o755}


async def test_a_stored_archive_that_was_damaged_is_refused(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a.zip", ("a", os.urandom(1_000)))
    (tmp_path / "inputs").mkdir()
    await ARCHIVES.put_in(packed, tmp_path / "inputs")
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(InvalidInput, match="not a zip archive"):
        await ARCHIVES.put_in(packed, tmp_path / "inputs")


async def test_what_repeats_itself_is_no_bomb_once_it_was_packed(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "zeros").write_bytes(b"0" * (80 << 20))
    await ARCHIVES.pack(tmp_path / "output", tmp_path / "packed.zip")
    assert (tmp_path / "packed.zip").stat().st_size < 1 << 20
    (tmp_path / "inputs").mkdir()
    await ARCHIVES.put_in(tmp_path / "packed.zip", tmp_path / "inputs")
    assert (tmp_path / "inputs" / "zeros").stat().st_size == 80 << 20
    with pytest.raises(Exception, match="for an archive of this size"):
        await ARCHIVES.take_in(tmp_path / "packed.zip", "a.zip", tmp_path / "taken.zip")
