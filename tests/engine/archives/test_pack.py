"""Packing folders that user code has arranged against us."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.core.errors import TooLarge
from quinta.core.files.model import InputFile
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.archives.members import ArchiveLimits
from quinta.engine.sandbox.trees import remove_tree
from tests.engine.builds.archives import tree

ARCHIVES = ZipArchives()
SECRET = b"secret of the server"


async def pack(folder: Path, target: Path, limits: ArchiveLimits | None = None) -> dict[str, bytes]:
    archives = ARCHIVES if limits is None else ZipArchives(limits)
    files = await archives.pack(folder, target)
    with zipfile.ZipFile(target) as opened:
        assert opened.testzip() is None
        content = {name: opened.read(name) for name in opened.namelist()}
    target.unlink()
    assert files == tuple(InputFile(name, len(content[name])) for name in sorted(content))
    return content


def link_to_file(folder: Path, secret: Path) -> None:
    (folder / "link").symlink_to(secret / "key")


def link_to_folder(folder: Path, secret: Path) -> None:
    (folder / "link").symlink_to(secret, target_is_directory=True)


def link_upwards(folder: Path, secret: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "link").symlink_to("..", target_is_directory=True)


def link_to_nothing(folder: Path, secret: Path) -> None:
    (folder / "link").symlink_to("/nowhere/at/all")


def link_to_process(folder: Path, secret: Path) -> None:
    (folder / "link").symlink_to("/proc/self/environ")


def pipe(folder: Path, secret: Path) -> None:
    os.mkfifo(folder / "pipe")


def unix_socket(folder: Path, secret: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(folder)  # a socket's path may have 107 bytes
        try:
            server.bind("socket")
        finally:
            os.chdir(before)


@pytest.mark.parametrize(
    "trap", [link_to_file, link_to_folder, link_upwards, link_to_nothing, link_to_process, pipe, unix_socket]
)
async def test_what_is_no_regular_file_is_left_out(trap: Callable[[Path, Path], None], tmp_path: Path) -> None:
    output, secret = tmp_path / "output", tmp_path / "secret"
    for folder in (output, secret):
        folder.mkdir()
    (secret / "key").write_bytes(SECRET)
    (secret / "key").chmod(0o400)
    (output / "result.csv").write_bytes(b"1")
    trap(output, secret)

    assert await pack(output, tmp_path / "target.zip") == {"result.csv": b"1"}
    assert (secret / "key").stat().st_mode & 0o777 == 0o400


async def test_a_device_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "a").write_bytes(b"1")
    try:
        os.mknod(tmp_path / "output" / "zero", 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")
    assert await pack(tmp_path / "output", tmp_path / "target.zip") == {"a": b"1"}


async def test_a_folder_that_is_a_link_or_gone_is_empty(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir(mode=0o700)
    (tmp_path / "secret" / "key").write_bytes(SECRET)
    (tmp_path / "output").symlink_to("secret", target_is_directory=True)
    assert await pack(tmp_path / "output", tmp_path / "target.zip") == {}
    assert await pack(tmp_path / "none", tmp_path / "target.zip") == {}
    assert await pack(tmp_path / "secret", tmp_path / "target.zip") == {"key": SECRET}


async def test_files_and_folders_that_code_has_closed_are_packed(tmp_path: Path) -> None:
    inner = tmp_path / "output" / "closed"
    inner.mkdir(parents=True)
    (inner / "a").write_bytes(b"1")
    (inner / "a").chmod(0)
    inner.chmod(0)
    assert await pack(tmp_path / "output", tmp_path / "target.zip") == {"closed/a": b"1"}


async def test_a_tree_of_any_depth_ends_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    top = os.open(tmp_path / "output", os.O_RDONLY)
    for depth in range(3_000):
        os.mkdir("d", dir_fd=top)
        inner = os.open("d", os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = inner
        if depth == 97:
            os.close(os.open("a", os.O_CREAT | os.O_WRONLY, dir_fd=top))
    os.close(top)
    try:
        with pytest.raises(TooLarge, match="lies 100 deep") as refusal:
            await pack(tmp_path / "output", tmp_path / "target.zip")
        assert refusal.value.field == "file"
        assert not (tmp_path / "target.zip").exists()
    finally:
        remove_tree(tmp_path / "output")


async def test_files_at_the_deepest_place_allowed(tmp_path: Path) -> None:
    deepest = tmp_path.joinpath("output", *["d"] * 99)
    deepest.mkdir(parents=True)
    (deepest / "a").write_bytes(b"1")
    assert list(await pack(tmp_path / "output", tmp_path / "target.zip")) == ["d/" * 99 + "a"]


async def test_limits_on_count_and_size(tmp_path: Path) -> None:
    """Everything counts that has to be looked at, links too; a hole in a file is not read to find out."""
    output = tmp_path / "output"
    output.mkdir()
    for number in range(3):
        (output / f"{number}").write_bytes(b"1" * 10)
    (output / "link").symlink_to("0")
    assert len(await pack(output, tmp_path / "t.zip", ArchiveLimits(entries=4, total_bytes=30))) == 3
    with pytest.raises(TooLarge, match="more than 3 files"):
        await pack(output, tmp_path / "t.zip", ArchiveLimits(entries=3))
    with pytest.raises(TooLarge, match="more than 29 bytes"):
        await pack(output, tmp_path / "t.zip", ArchiveLimits(total_bytes=29))
    os.truncate(output / "0", 1 << 40)
    with pytest.raises(TooLarge, match="more than 4,294,967,296 bytes"):
        await pack(output, tmp_path / "t.zip")
    assert not (tmp_path / "t.zip").exists()


async def test_a_path_longer_than_an_archive_may_have(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    top = os.open(tmp_path / "output", os.O_RDONLY)
    for _ in range(13):
        os.mkdir("d" * 250, dir_fd=top)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = inner
    assert await pack(tmp_path / "output", tmp_path / "target.zip") == {}
    os.close(os.open("a", os.O_CREAT | os.O_WRONLY, dir_fd=top))
    os.close(top)
    with pytest.raises(TooLarge, match="more than 3,072 bytes"):
        await pack(tmp_path / "output", tmp_path / "target.zip")
    remove_tree(tmp_path / "output")


@pytest.mark.parametrize(
    ("raw", "packed"),
    [
        (b"relat\xf3rio.csv", "relatório.csv"),
        ("relatório.csv".encode(), "relatório.csv"),
        (b"..\\..\\evil.exe", ".._.._evil.exe"),
        (b"a\nb", "a_b"),
        (b"C:evil", "C_evil"),
        (b"12:30.csv", "12:30.csv"),
        (b"\xff" * 255, "ÿ" * 127),
    ],
)
async def test_names_that_archives_cannot_hold(raw: bytes, packed: str, tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "output") + b"/" + raw)).write_bytes(b"1")
    assert await pack(tmp_path / "output", tmp_path / "target.zip") == {packed: b"1"}


async def test_names_that_become_the_same_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    for raw in ("é".encode(), b"\xe9", b"a\nb", b"a\tb", b"a_b"):
        Path(os.fsdecode(os.fsencode(tmp_path / "output") + b"/" + raw)).write_bytes(raw)
    content = await pack(tmp_path / "output", tmp_path / "target.zip")
    assert sorted(content) == ["a_b", "a_b~2", "a_b~3", "é", "é~2"]
    assert sorted(content.values()) == sorted(("é".encode(), b"\xe9", b"a\nb", b"a\tb", b"a_b"))


async def test_odd_times_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    for number, seconds in enumerate((0, -1, 1 << 33, 1 << 34)):
        path = tmp_path / "output" / f"{number}"
        path.write_bytes(b"1")
        os.utime(path, (seconds, seconds))
    assert len(await pack(tmp_path / "output", tmp_path / "target.zip")) == 4


raw_names = st.binary(min_size=1, max_size=40).filter(lambda raw: not set(raw) & {0, 47} and raw not in (b".", b".."))
raw_trees = st.recursive(
    st.binary(max_size=100), lambda inner: st.dictionaries(raw_names, inner, max_size=4), max_leaves=10
).filter(lambda value: isinstance(value, dict))
RawTree = dict[bytes, "bytes | RawTree"]


def lay(folder: bytes, nested: RawTree) -> list[bytes]:
    """Writes the tree; the contents of its files."""
    contents: list[bytes] = []
    for name, value in nested.items():
        path = os.path.join(folder, name)
        if isinstance(value, bytes):
            with open(path, "wb") as file:
                file.write(value)
            contents.append(value)
        else:
            os.mkdir(path)
            contents += lay(path, value)
    return contents


@settings(max_examples=40)
@given(nested=raw_trees)
def test_whatever_is_packed_can_be_put_in_again(nested: RawTree) -> None:
    async def round_trip(folder: Path) -> None:
        (folder / "output").mkdir()
        contents = lay(os.fsencode(folder / "output"), nested)
        files = await ARCHIVES.pack(folder / "output", folder / "packed.zip")
        (folder / "inputs").mkdir()
        await ARCHIVES.put_in(folder / "packed.zip", folder / "inputs")
        found = {name: content for name, content in tree(folder / "inputs").items() if content is not None}
        assert sorted(found) == [file.path for file in files]
        assert sorted(found.values()) == sorted(contents)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(round_trip(Path(folder)))
