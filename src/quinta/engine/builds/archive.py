"""Opening an uploaded zip archive without harm. The rules are in members.py; here is where bytes are read."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from quinta.core.errors import InvalidInput
from quinta.core.reasons import Reason
from quinta.engine.builds.errors import NotAnArchive, PackageRejected
from quinta.engine.builds.members import DEFAULT_LIMITS, ArchiveLimits, Plan, plan

_CHUNK_BYTES: Final = 1 << 20
_DIRECTORY_BYTES: Final = 8 << 20
"""Longest central directory: 10,000 members with paths of 700 bytes each. zipfile keeps it in memory as objects."""

_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, OverflowError, ValueError, struct.error)
"""What zipfile raises for archives that are damaged or forged; found by mutating archives (test_builds_archive)."""


def check_is_zip(path: Path) -> None:
    """The quick check at upload: whether the file is a zip archive at all. Reads only its end.

    Raises InvalidInput when it is not (contract ubiops 4.1: status 400); what is in the archive is judged by the
    build. Takes milliseconds, except for archives with a very large directory (some 0.1 s).
    """
    try:
        with _opened(path):
            pass
    except NotAnArchive as error:
        raise InvalidInput(error.message, field="file") from error
    except PackageRejected:
        return  # it is an archive; the build refuses it with the same message


def unpack(
    archive: Path, destination: Path, limits: ArchiveLimits = DEFAULT_LIMITS, *, model_file: str = "model"
) -> str:
    """Unpacks the package in the zip ``archive`` to the new folder ``destination``; blocks.

    ``model_file`` (without ``.py``) decides what the package is when it has no folder ``model_package`` (contract
    ubiops 4.1). Files get mode 0644, or 0755 when they were executable. Returns the archive's folder that became the
    package, such as ``model_package/``, or "". ``destination`` appears complete or not at all: it is made under
    another name beside its final one.

    Raises PackageRejected with a sentence that names the member and the rule, OSError when the disk refuses.
    """
    with _opened(archive) as opened:
        todo = plan(opened.infolist(), archive.stat().st_size, model_file, limits)
        partial = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
        try:
            _extract(opened, todo, partial)
            partial.chmod(0o755)
            partial.rename(destination)
        except BaseException:
            shutil.rmtree(partial)
            raise
    return todo.root


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with path.open("rb") as raw:
        try:
            opened = zipfile.ZipFile(_BoundedReader(raw))
        except UnicodeDecodeError as error:
            raise PackageRejected(
                Reason.ARCHIVE_UNSUPPORTED, "The archive has a member whose name is not valid UTF-8."
            ) from error
        except NotImplementedError as error:
            raise PackageRejected(
                Reason.ARCHIVE_UNSUPPORTED, f"The archive needs a feature that is not supported: {error}."
            ) from error
        except _DAMAGED as error:
            raise NotAnArchive(
                Reason.NOT_AN_ARCHIVE,
                "The file is not a zip archive, or it is incomplete: upload a whole, unencrypted .zip file.",
            ) from error
        with opened:
            yield opened


def _extract(opened: zipfile.ZipFile, todo: Plan, target: Path) -> None:
    for folder in sorted(todo.folders):
        target.joinpath(*folder).mkdir(mode=0o755)
    for parts, member in todo.files.items():
        try:
            with opened.open(member) as source, target.joinpath(*parts).open("xb") as sink:
                _copy(source, sink, member)
                os.fchmod(sink.fileno(), 0o755 if member.external_attr >> 16 & 0o111 else 0o644)
        except (*_DAMAGED, NotImplementedError, RuntimeError) as error:
            raise PackageRejected(
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
        raise PackageRejected(
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
                raise PackageRejected(Reason.ARCHIVE_TOO_LARGE, "The archive's list of members is too long.")
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
