"""Files on their way in and out of an instance, and the folders that instances leave behind.

Whatever is below an instance's box may have been arranged by hostile code: it is opened step by step without
following links, must be a regular file, and is copied out, since the code could go on writing to what was only moved.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from quinta.core.reasons import Reason

LARGE_FILE_BYTES: Final = 1 << 20
RESULTS: Final = ("output", "logs")
"""The folders of a job's box that are kept."""


class ExchangeError(Exception):
    """An instance named a file that it may not hand over; the text says which and why."""

    def __init__(self, message: str, reason: Reason = Reason.RESULT_BAD_FILE) -> None:
        super().__init__(message)
        self.reason = reason


def copy_package(package: Path, work: Path, mounted_at: str) -> None:
    """Makes ``work`` a writable copy of ``package``. Files over 1 MiB become links to ``mounted_at``, the path at which
    the instance sees the read-only original: copying model weights for each start would cost seconds."""
    work.mkdir()
    for folder, names, files in os.walk(package):
        relative = os.path.relpath(folder, package)
        for name in names:
            (work / relative / name).mkdir()
        for name in files:
            source, target = Path(folder, name), work / relative / name
            status = source.stat()
            if status.st_size > LARGE_FILE_BYTES:
                target.symlink_to(os.path.normpath(os.path.join(mounted_at, relative, name)))
            else:
                shutil.copyfile(source, target)
                target.chmod(0o755 if status.st_mode & 0o100 else 0o644)


def give(folder: Path, user: int) -> None:
    """Makes ``folder`` and all it holds ``user``'s. Only for what no strange code can reach yet."""
    os.chown(folder, user, user)
    for parent, names, files in os.walk(folder):
        for name in (*names, *files):
            os.chown(os.path.join(parent, name), user, user, follow_symlinks=False)


def safe_name(file_name: str) -> str:
    """The last part of a file name as a caller gave it, fit to be one name in one folder."""
    name = file_name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    while len(name.encode("utf-8", "replace")) > 255:
        name = name[1:]  # the end has the suffix, which code goes by
    return name if name not in ("", ".", "..") else "file"


def take_file(box: Path, parts: tuple[str, ...], target: Path, maximum_bytes: int) -> None:
    """Copies the regular file ``box/parts...`` to ``target``, which must not exist. Raises ExchangeError."""
    with _opened(box, parts) as descriptor:
        size = os.fstat(descriptor).st_size
        if size > maximum_bytes:
            text = f"the file {parts[-1]!r} has {size} bytes; the limit is {maximum_bytes}"
            raise ExchangeError(text, Reason.RESULT_TOO_LARGE)
        with open(descriptor, "rb", closefd=False) as source, target.open("xb") as copy:
            left = maximum_bytes
            while piece := source.read(min(1 << 20, left + 1)):
                left -= len(piece)
                if left < 0:
                    text = f"the file {parts[-1]!r} grew beyond {maximum_bytes} bytes"
                    raise ExchangeError(text, Reason.RESULT_TOO_LARGE)
                copy.write(piece)


def read_file(box: Path, parts: tuple[str, ...], maximum_bytes: int) -> bytes:
    """The content of the regular file ``box/parts...``. Raises ExchangeError, also when it is too large."""
    with _opened(box, parts) as descriptor, open(descriptor, "rb", closefd=False) as source:
        content = source.read(maximum_bytes + 1)
    if len(content) > maximum_bytes:
        raise ExchangeError(f"the result is larger than {maximum_bytes} bytes", Reason.RESULT_TOO_LARGE)
    return content


def move_in(source: Path, box: Path, name: str) -> None:
    """Moves the folder ``source`` to ``box/exchange/name``, where it is the instance's. Raises OSError, also when the
    code has put something else in the place of the folder ``exchange``."""
    owner = box.stat().st_uid
    if owner != source.stat().st_uid:
        give(source, owner)
    with _exchange(box) as exchange:
        os.rename(source, name, dst_dir_fd=exchange)


def move_results(box: Path, results: Path) -> None:
    """Moves what a job left to ``results``, once no process of it is there any more. Whatever the code has put in the
    place of one of the folders is not followed and stays behind: the job left nothing there. Raises OSError."""
    for name in RESULTS:
        left, kept = box / name, results / name
        try:
            is_folder = stat.S_ISDIR(left.lstat().st_mode)
        except FileNotFoundError:
            is_folder = False
        if not is_folder:
            kept.mkdir()
            continue
        left.chmod(0o700)  # moving it changes its "..", and the code may have closed it
        left.rename(kept)


def remove_from_exchange(box: Path, name: str) -> None:
    """Removes ``box/exchange/name`` as far as the code, which may still be at work in it, lets us. What is left goes
    with the instance."""
    with contextlib.suppress(OSError, RecursionError), _exchange(box) as exchange:
        shutil.rmtree(name, ignore_errors=True, dir_fd=exchange)


@contextlib.contextmanager
def _exchange(box: Path) -> Iterator[int]:
    """The folder itself and nothing that a link in its place leads to; the code cannot replace ``box``."""
    descriptor = os.open(box / "exchange", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened(box: Path, parts: tuple[str, ...]) -> Iterator[int]:
    current = os.open(box, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for index, part in enumerate(parts):
            if part in ("", ".", "..") or "/" in part or "\0" in part:
                raise ExchangeError(f"{part!r} is not a file name")
            # Not blocking: opening a named pipe would wait for a writer for ever.
            kind = os.O_NONBLOCK if index == len(parts) - 1 else os.O_DIRECTORY
            try:
                part.encode()  # a name that is not UTF-8 could be stored nowhere
                following = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=current)
            except (OSError, UnicodeEncodeError) as error:
                raise ExchangeError(f"the file {part!r} cannot be opened: {error}") from error
            os.close(current)
            current = following
        if not stat.S_ISREG(os.fstat(current).st_mode):
            raise ExchangeError(f"{parts[-1]!r} is not a regular file")
        yield current
    finally:
        os.close(current)
