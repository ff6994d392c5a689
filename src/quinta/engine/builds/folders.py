"""Folders that appear complete or not at all, whatever moment the server dies at.

Everything is made inside a work folder that its maker holds with a lock, and moved to its final name in one step. The
kernel drops the lock when the maker ends, however it ends, so what is not locked is left over and can go.

Trees that strangers' code has written to are changed by chmod, which follows no links in them, and to which no depth
is too much (as to rm: sandbox/trees.py).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

from quinta.engine.sandbox.trees import failure_of, remove_tree

_libc: Final = ctypes.CDLL(None, use_errno=True)


class WorkFolder:
    """A folder that one maker holds; another maker, in this process or in another, cannot claim it meanwhile."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def claim(cls, path: Path) -> WorkFolder | None:
        """Takes hold of the folder ``path``, making it when it is not there; None while somebody else holds it.

        Quick. What a dead maker left is still in it: ``empty()`` comes next.
        """
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
                return cls(path, descriptor)
            os.close(descriptor)  # removed between opening and locking

    def empty(self) -> None:
        """Removes what a dead maker left; blocks."""
        for left in self.path.iterdir():
            remove_tree(left)

    def release(self) -> None:
        """Removes the folder with what is still in it, then lets go of it; blocks."""
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
    """Moves the folder ``source`` to ``destination`` in one step, read-only and safely on the disk; blocks.

    False when ``destination`` exists already; ``source`` is left then. In an environment the files share their inodes
    with uv's cache (hard links): uv only adds and unlinks there, so read-only files do no harm to it.
    """
    if source.is_symlink():
        raise NotADirectoryError(f"{source} is a link, not a folder")
    _change_modes("a-w,ug-s,o-t", source)
    # Moving a folder to another parent rewrites its "..", which needs write permission on the folder itself.
    source.chmod(0o755)
    _write_through(source)
    try:
        source.rename(destination)
    except OSError:
        if destination.is_dir():
            return False
        raise
    destination.chmod(0o555)
    _write_through(destination.parent)
    return True


def writable_copy(source: Path, target: Path) -> None:
    """Copies the read-only folder ``source`` to the new folder ``target``, writable for its owner; blocks."""
    shutil.copytree(source, target)
    _change_modes("u+rwX", target)


def _change_modes(change: str, folder: Path) -> None:
    said = failure_of("chmod", "-R", change, "--", str(folder))
    if said:
        raise OSError(f"the permissions in {folder} could not be changed: {said}")


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
