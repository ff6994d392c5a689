"""A small disk of the test's own, where the machine lets it have one; else a limit on the server's files."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving import RunningServer

MEGABYTES = 96


def can_mount(folder: Path) -> bool:
    """Whether this process may mount a file system."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0 or _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)):
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A mounted file system of ``MEGABYTES``."""
    folder.mkdir()
    assert _mount("-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=700", "tmpfs", str(folder)) == 0
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The mounted ``folder`` cannot be written to in the block."""
    assert _mount("-o", "remount,ro", str(folder)) == 0
    try:
        yield
    finally:
        assert _mount("-o", "remount,rw", str(folder)) == 0


@contextmanager
def full(server: RunningServer, *, mounted: bool) -> Iterator[None]:
    """No space is left for the server in the block."""
    if not mounted:
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
        yield
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
        return
    ballast = server.data / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(bytes(65_536)) == 65_536:
                pass
    except OSError:
        pass
    yield
    ballast.unlink()


def _mount(*words: str) -> int:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode
