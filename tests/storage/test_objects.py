"""The contract of core.ports.ObjectStore, on each adapter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from quinta.core.errors import NotFound
from quinta.storage.objects import PART_BYTES, PIECE_BYTES, Objects, open_objects

LARGE = 2 * PART_BYTES + PIECE_BYTES + 7


@pytest.fixture(params=["folder", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """The folder that a server uses, and a store without files: what holds on both holds on a bucket."""
    if request.param == "folder":
        return open_objects((tmp_path / "made on demand" / "objects").as_uri())
    return Objects(MemoryStore())


def a_file(tmp_path: Path, content: bytes, name: str = "source") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


async def read(objects: Objects, key: str) -> bytes:
    return b"".join([piece async for piece in objects.stream(key)])


async def keys(objects: Objects, prefix: str) -> list[str]:
    return sorted([key async for key, _ in objects.keys(prefix)])


@pytest.mark.parametrize("content", [b"", b"x", os.urandom(PIECE_BYTES), os.urandom(LARGE)], ids=len)
async def test_what_was_put_comes_back(objects: Objects, tmp_path: Path, content: bytes) -> None:
    source = a_file(tmp_path, content)
    await objects.put_file("blobs/one/data.bin", source)
    assert source.read_bytes() == content
    assert await read(objects, "blobs/one/data.bin") == content
    assert await objects.size("blobs/one/data.bin") == len(content)
    target = a_file(tmp_path, b"what was there before and is longer than nothing", "target")
    await objects.fetch("blobs/one/data.bin", target)
    assert target.read_bytes() == content


async def test_a_stream_of_a_file_comes_in_pieces(tmp_path: Path) -> None:
    objects = open_objects((tmp_path / "objects").as_uri())
    await objects.put_file("large", a_file(tmp_path, b"x" * LARGE))
    sizes = [len(piece) async for piece in objects.stream("large")]
    assert sum(sizes) == LARGE
    assert max(sizes) < 2 * PIECE_BYTES


async def test_an_object_is_replaced_as_a_whole(objects: Objects, tmp_path: Path) -> None:
    """Readers see the old content or the new one, also while large contents replace each other."""
    contents = [letter * LARGE for letter in (b"a", b"b")]
    sources = [a_file(tmp_path, content, str(number)) for number, content in enumerate(contents)]
    await objects.put_file("key", sources[0])
    for round_number in range(4):
        writing = asyncio.create_task(objects.put_file("key", sources[round_number % 2]))
        seen = await read(objects, "key")
        assert seen in contents
        await writing
    assert await read(objects, "key") == contents[1]
    assert await keys(objects, "") == ["key"]


async def test_what_is_not_there(objects: Objects, tmp_path: Path) -> None:
    target = a_file(tmp_path, b"before", "target")
    with pytest.raises(NotFound, match="no stored object missing/key"):
        await objects.fetch("missing/key", target)
    assert target.read_bytes() == b"before"
    with pytest.raises(NotFound):
        await read(objects, "missing/key")
    with pytest.raises(NotFound):
        await objects.size("missing/key")
    await objects.delete("missing/key")
    await objects.put_file("missing/key", target)
    assert await read(objects, "missing/key") == b"before"
    await objects.delete("missing/key")
    await objects.delete("missing/key")
    with pytest.raises(NotFound):
        await read(objects, "missing/key")


async def test_a_missing_source_stores_nothing(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await objects.put_file("key", tmp_path / "none")
    assert await keys(objects, "") == []


async def test_a_stream_that_fails_leaves_no_half_file(objects: Objects, tmp_path: Path) -> None:
    class Torn(Objects):
        """As if the connection broke after the first piece."""

        async def stream(self, key: str) -> AsyncIterator[bytes]:
            yield b"half"
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await Torn(MemoryStore()).fetch("key", tmp_path / "target")
    assert not (tmp_path / "target").exists()


async def test_keys_by_folder(objects: Objects, tmp_path: Path) -> None:
    source = a_file(tmp_path, b"x")
    for key in ("blobs/a/1", "blobs/a/2", "blobs/ab/3", "blobs2/4", "top"):
        await objects.put_file(key, source)
    assert await keys(objects, "blobs") == ["blobs/a/1", "blobs/a/2", "blobs/ab/3"]
    assert await keys(objects, "blobs/a") == ["blobs/a/1", "blobs/a/2"]
    assert await keys(objects, "none") == []
    assert len(await keys(objects, "")) == 5
    now = datetime.now(UTC)
    async for _, stored in objects.keys(""):
        assert timedelta(minutes=-1) < now - stored < timedelta(minutes=1)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/absolute",
        "../up",
        "a/../../up",
        "a/./b",
        "a//b",
        "a/",
        "back\\slash",
        "Upper",
        "nul\x00",
        "sp ace",
        ".hidden",
        "é",
        "a#1",
    ],
)
async def test_keys_of_another_form_are_refused(objects: Objects, tmp_path: Path, key: str) -> None:
    source = a_file(tmp_path, b"x")
    with pytest.raises(ValueError, match="not an object key"):
        await objects.put_file(key, source)
    with pytest.raises(ValueError, match="not an object key"):
        await objects.fetch(key, tmp_path / "target")
    with pytest.raises(ValueError, match="not an object key"):
        await objects.size(key)
    with pytest.raises(ValueError, match="not an object key"):
        await read(objects, key)
    with pytest.raises(ValueError, match="not an object key"):
        await objects.delete(key)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["source"]
    await objects.put_file("a/b-c_d.e", source)


@pytest.mark.parametrize("url", ["s3://bucket", "folder", "file://host/folder", "file:folder", ""])
def test_urls_that_are_no_store(url: str) -> None:
    with pytest.raises(ValueError, match="use file:///folder"):
        open_objects(url)
