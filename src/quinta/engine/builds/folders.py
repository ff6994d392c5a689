"""Folders that appear complete or not at all, whatever moment the server dies at.

Everything is made inside a work folder that its maker holds with a lock, and moved to its final name in one step. The
kernel drops the lock when the maker ends, however it ends, so what is not locked is left over and can go.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)


class WorkFolder:
    """A folder that one maker holds; another maker, in this process or in another, cannot claim it meanwhile."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def claim(cls, path: Path) -> WorkFolder | None:
        """Makes the folder ``path``, or takes over and empties what a dead maker left; None while somebody holds it."""
        while True:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                continue  # removed by its holder just now
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                break
            os.close(descriptor)  # removed between opening and locking
        folder = cls(path, descriptor)
        for left in path.iterdir():
            remove_tree(left)
        return folder

    def release(self) -> None:
        """Removes the folder, then lets go of it."""
        try:
            remove_tree(self.path)
        finally:
            os.close(self._descriptor)


def remove_leftovers(work_root: Path, keep: Collection[str] = ()) -> list[str]:
    """Removes the work folders below ``work_root`` that nobody holds, except those named in ``keep``; returns the
    names of what went. Blocks."""
    removed = []
    for path in sorted(work_root.iterdir()) if work_root.is_dir() else []:
        folder = None if path.name in keep else WorkFolder.claim(path)
        if folder:
            folder.release()
            removed.append(path.name)
    return removed


def publish(source: Path, destination: Path) -> bool:
    """Moves the folder ``source`` to ``destination`` in one step, read-only and safely on the disk.

    False when ``destination`` exists already; ``source`` is left then. Blocks for as long as the disk needs.
    """
    _seal(source)
    _write_through(source)
    # Moving a folder to another parent rewrites its "..", which needs write permission on the folder itself.
    source.chmod(0o755)
    try:
        source.rename(destination)
    except OSError:
        if destination.is_dir():
            return False
        raise
    destination.chmod(0o555)
    _write_through(destination.parent)
    return True


def remove_tree(path: Path) -> None:
    """Removes a file or a folder with all it holds, read-only folders too; nothing when it does not exist. Blocks."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    _each_folder(path, lambda folder: folder.chmod(0o700))
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def _seal(root: Path) -> None:
    """Takes write permission from everything below ``root``.

    In an environment the files share their inodes with uv's cache (hard links); uv only ever adds and unlinks there,
    so a read-only file in the cache is none the worse.
    """
    for path in _walk(root):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~0o222)


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            yield Path(folder, name)


def _each_folder(root: Path, action: Callable[[Path], None]) -> None:
    action(root)
    for folder, names, _ in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                action(path)


def _write_through(folder: Path) -> None:
    """Waits until the file system of ``folder`` has written everything: one call for thousands of files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
