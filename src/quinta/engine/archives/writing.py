"""Writing archives, with constant memory."""

from __future__ import annotations

import contextlib
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_FASTEST: Final = 1
"""A tenth larger than zlib's usual 6, and three times as fast."""
_WORTH: Final = 0.9
"""What must be left of a file for it to be deflated. PDFs, pictures and xlsx stay above: deflating 200 MB of them took
9 s, storing them 1 s."""
_SAMPLE_BYTES: Final = 64 << 10
_FIRST_SECOND: Final = 315_532_800  # 1980, in zip archives the first year there is
_LAST_SECOND: Final = 4_354_819_198  # 2107


@contextlib.contextmanager
def new_archive(target: Path) -> Iterator[zipfile.ZipFile]:
    """Makes the zip ``target``, which must not exist; when the block fails, nothing is left of it."""
    with target.open("xb") as file:
        try:
            with zipfile.ZipFile(file, "w", compresslevel=_FASTEST) as archive:
                yield archive
        except BaseException:
            target.unlink()
            raise


@contextlib.contextmanager
def new_file(
    archive: zipfile.ZipFile, path: str, size: int, *, deflated: bool, date_time: tuple[int, ...] | None = None
) -> Iterator[IO[bytes]]:
    """A new file of about ``size`` bytes in the archive; the block writes its content."""
    info = _entry(path, date_time or moment_of(time.time()), stat.S_IFREG | 0o644)
    info.compress_type = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    info.file_size = size  # decides between zip64 and not
    with archive.open(info, "w") as sink:
        yield sink


def add_folder(archive: zipfile.ZipFile, path: str) -> None:
    """A folder of its own in the archive: one that has no files."""
    archive.writestr(_entry(f"{path}/", moment_of(time.time()), stat.S_IFDIR | 0o755), b"")


def shrinks(beginning: bytes) -> bool:
    """Whether a file is worth deflating, by its beginning."""
    sample = beginning[:_SAMPLE_BYTES]
    return is_worth(len(sample), len(zlib.compress(sample, _FASTEST)))


def is_worth(size: int, deflated: int) -> bool:
    """Whether a file of ``size`` bytes that deflates to so many should be."""
    return deflated < _WORTH * size


def moment_of(seconds: float) -> tuple[int, ...]:
    """Unix seconds in the form of zip archives (UTC), the nearest that they can hold."""
    return time.gmtime(min(max(seconds, _FIRST_SECOND), _LAST_SECOND))[:6]


def _entry(path: str, date_time: tuple[int, ...], mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path)
    info.date_time = date_time  # type: ignore[assignment]  # not through the constructor, which refuses odd ones
    info.create_system = 3  # Unix: the mode counts
    info.external_attr = mode << 16
    return info
