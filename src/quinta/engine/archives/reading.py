"""Reading an archive that may be forged: its list of members, and the bytes of one. The rules are in members.py."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from quinta.core.reasons import Reason
from quinta.engine.archives.errors import ArchiveRefused, NotAnArchive

_CHUNK_BYTES: Final = 1 << 20
_DIRECTORY_BYTES: Final = 8 << 20
"""Longest central directory: 10,000 members with paths of 700 bytes each. zipfile keeps it in memory as objects."""

_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, OverflowError, ValueError, struct.error)
"""What zipfile raises for archives that are damaged or forged; found by mutating archives (test_builds_archive)."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at ``path``, to look at its members; blocks. Reads only its end: milliseconds, except for archives
    with a very large directory (some 0.1 s). ArchiveRefused for what is none, or none that can be read."""
    with path.open("rb") as raw:
        try:
            archive = zipfile.ZipFile(_BoundedReader(raw))
        except UnicodeDecodeError as error:
            raise ArchiveRefused(
                Reason.ARCHIVE_UNSUPPORTED, "The archive has a member whose name is not valid UTF-8."
            ) from error
        except NotImplementedError as error:
            raise ArchiveRefused(
                Reason.ARCHIVE_UNSUPPORTED, f"The archive needs a feature that is not supported: {error}."
            ) from error
        except _DAMAGED as error:
            raise NotAnArchive(
                Reason.NOT_AN_ARCHIVE,
                "The file is not a zip archive, or it is incomplete: upload a whole, unencrypted .zip file.",
            ) from error
        with archive:
            yield archive


def copy_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, sink: IO[bytes]) -> None:
    """Writes the content of a member of a tree (members.tree_of) to ``sink``; blocks. ArchiveRefused when it cannot
    be read, or has another size than announced."""
    try:
        with archive.open(member) as source:
            _copy(source, sink, member)
    except (*_DAMAGED, NotImplementedError, RuntimeError) as error:
        raise ArchiveRefused(
            Reason.ARCHIVE_DAMAGED, f"{member.filename!r} cannot be read from the archive: {error}."
        ) from error


def _copy(source: IO[bytes], sink: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Counts what really comes out; the header's size was added up before and may be a lie."""
    written = 0
    while chunk := source.read(_CHUNK_BYTES):
        written += len(chunk)
        if written > member.file_size:
            break
        sink.write(chunk)
    if written != member.file_size:
        raise ArchiveRefused(
            Reason.ARCHIVE_DAMAGED,
            f"{member.filename!r} is announced with {member.file_size:,} bytes but has another size: "
            "the archive is damaged or forged.",
        )


class _BoundedReader(io.BufferedIOBase):
    """The archive's file as zipfile sees it, except that no single read is larger than the longest central directory.

    zipfile reads the central directory in one go, of whatever size the archive claims, before anyone can look.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = _DIRECTORY_BYTES + 1
        if size > _DIRECTORY_BYTES:
            data = self._raw.read(_DIRECTORY_BYTES + 1)
            if len(data) > _DIRECTORY_BYTES:
                raise ArchiveRefused(Reason.ARCHIVE_TOO_LARGE, "The archive's list of members is too long.")
            return data
        return self._raw.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("a member begins before the archive")
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
