"""How much disk a folder takes that strangers' code writes to, and what it holds open after deleting it.

By du: it knows hard links and holes, no depth is too much for it, and it leaves the interpreter of the server alone.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_PATIENCE_SECONDS: Final = 10.0  # du looks at some 200,000 files a second, more when it has just done so
_BLOCK_BYTES: Final = 512


class Usage(NamedTuple):
    """Bytes on the disk, and files, folders included."""

    bytes: int
    files: int


def measure(folders: Sequence[Path]) -> dict[Path, Usage | None]:
    """What each of ``folders`` takes; None for one that cannot be measured within ten seconds: it has more files than
    anybody needs. Folders that are gone are left out. Blocks."""
    together = _measure(folders)
    if together is not None:
        return dict(together)
    found: dict[Path, Usage | None] = {}
    for folder in folders:
        alone = _measure([folder])
        found |= {folder: None} if alone is None else alone
    return found


def deleted(processes: Iterable[int], device: int) -> int:
    """Bytes of files on ``device`` (st_dev) that have no name any more and that ``processes`` hold open or mapped. Of a
    file that is only mapped, the mapped part counts. Processes that may not be looked at are passed over."""
    sizes: dict[int, int] = {}
    for process in processes:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{process}/fd"):
                with contextlib.suppress(OSError):
                    status = os.stat(f"/proc/{process}/fd/{number}")
                    if status.st_nlink == 0 and status.st_dev == device and stat.S_ISREG(status.st_mode):
                        sizes[status.st_ino] = status.st_blocks * _BLOCK_BYTES
        with contextlib.suppress(OSError), open(f"/proc/{process}/maps", errors="replace") as maps:
            for line in maps:
                if line.endswith(" (deleted)\n"):
                    addresses, _, _, numbers, inode = line.split()[:5]
                    major, minor = (int(number, 16) for number in numbers.split(":"))
                    start, end = (int(address, 16) for address in addresses.split("-"))
                    if os.makedev(major, minor) == device:
                        sizes[int(inode)] = max(sizes.get(int(inode), 0), end - start)
    return sum(sizes.values())


def _measure(folders: Sequence[Path]) -> dict[Path, Usage] | None:
    try:
        sizes, files = _du(folders, "--block-size=1"), _du(folders, "--inodes")
    except subprocess.TimeoutExpired:
        return None
    return {folder: Usage(sizes[folder], files[folder]) for folder in folders if folder in sizes and folder in files}


def _du(folders: Sequence[Path], unit: str) -> dict[Path, int]:
    command = ["du", "-s", unit, "--", *map(str, folders)]
    for attempt in range(2):
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        if attempt or b"Permission denied" not in done.stderr:
            break
        _open_closed(folders)
    lines = (line.split("\t", 1) for line in os.fsdecode(done.stdout).splitlines())
    return {Path(path): int(number) for number, path in lines}


def _open_closed(folders: Sequence[Path]) -> None:
    """Folders that the code closed to its own user, which is the server's."""
    closed = ["-type", "d", "!", "-perm", "-500", "-execdir", "chmod", "u+rx", "{}", ";"]
    command = ["find", *map(str, folders), *closed]
    subprocess.run(command, capture_output=True, timeout=_PATIENCE_SECONDS, check=False)
