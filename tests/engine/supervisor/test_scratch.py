"""What an instance writes to the server's disk: bounded in bytes and files, with a name or without."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quinta.core.reasons import Reason
from quinta.engine.sandbox.disk import Usage, deleted, measure
from quinta.engine.sandbox.sandbox import Limits, Sandbox
from tests.engine.supervisor.conftest import QUICK, open_world
from tests.engine.supervisor.harness import version_of

LIMITS = Limits(scratch_bytes=32 << 20, scratch_files=400, disk_reserve_bytes=0)


def take(kind: str, count: int) -> dict[str, Any]:
    return {"do": "take_disk", "with": [kind, count]}


@pytest.mark.parametrize(
    ("kind", "count", "text"),
    [
        # With the 4 MB of before; a single file beyond 32 MB is refused by the kernel.
        ("one file", 31 << 20, "had written more than 32 MB"),
        ("a file without a name", 31 << 20, "had written more than 32 MB"),
        ("a mapping without a name", 31 << 20, "had written more than 32 MB"),
        ("many files", 500, "had more than 400 files"),
    ],
)
async def test_an_instance_that_takes_too_much_disk_is_killed(
    tmp_path: Path, environments: Path, sandbox: Sandbox, kind: str, count: int, text: str
) -> None:
    async with open_world(tmp_path, environments, sandbox, replace(QUICK, limits=LIMITS)) as world:
        version = version_of("escapes")
        written = {"do": "write_bytes", "with": ["before", 4 << 20]}
        assert (await world.ask(version, written)).success
        outcome = await world.ask(version, take(kind, count))
        assert outcome.reason is Reason.DISK, outcome
        assert outcome.error_message == f"the instance {text} and was killed during the request"
        assert (await world.ask(version, written)).success
        await world.unharmed()


async def test_while_the_disk_is_nearly_full_a_quarter_is_allowed(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    disk = os.statvfs(tmp_path)
    full = replace(LIMITS, disk_reserve_bytes=2 * disk.f_blocks * disk.f_frsize)
    async with open_world(tmp_path, environments, sandbox, replace(QUICK, limits=full)) as world:
        outcome = await world.ask(version_of("escapes"), take("one file", 16 << 20))
        assert outcome.reason is Reason.DISK
        text = "had written more than 8 MB while the server's disk is nearly full and was killed"
        assert text in (outcome.error_message or "")
    async with open_world(tmp_path, environments, sandbox, replace(QUICK, limits=LIMITS)) as world:
        outcome = await world.ask(version_of("escapes"), take("one file", 16 << 20), within=5)
        assert outcome.reason is not Reason.DISK


def test_a_folder_is_measured_whatever_is_in_it(tmp_path: Path) -> None:
    box, other, gone = tmp_path / "box", tmp_path / "other", tmp_path / "gone"
    box.mkdir()
    other.mkdir()
    (box / "file").write_bytes(b"x" * (1 << 20))
    os.link(box / "file", box / "link")
    with (box / "hole").open("wb") as hole:
        hole.truncate(1 << 40)
    (box / "closed").mkdir()
    (box / "closed" / "file").write_bytes(b"x" * (1 << 20))
    (box / "closed").chmod(0)
    (box / "odd \n name").touch()
    found = measure([box, other, gone])
    assert found.keys() == {box, other}
    usage = found[box]
    assert usage is not None
    assert usage.files == 7 - 1  # the folder itself; a link is no further file
    assert 2 << 20 <= usage.bytes < 3 << 20
    assert found[other] == Usage(other.stat().st_blocks * 512, 1)
    (box / "closed").chmod(0o700)


def test_files_without_a_name_count(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    before = deleted([os.getpid()], device)
    with (tmp_path / "file").open("w+b") as file:
        file.write(b"x" * (1 << 20))
        file.flush()
        os.fsync(file.fileno())
        assert deleted([os.getpid()], device) == before
        (tmp_path / "file").unlink()
        assert deleted([os.getpid()], device) == before + (1 << 20)
        assert deleted([os.getpid()], device + 1) == 0
    assert deleted([os.getpid(), 1 << 22], device) == before
