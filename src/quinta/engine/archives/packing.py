"""Packing a folder that user code may have arranged: opened step by step, so that no link leads anywhere.

No process of the code is left when this runs, but what it left can be anything that a file system holds: links to the
server's files, pipes that block who opens them, trees of any depth, names that are no text.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from quinta.core.files.model import InputFile
from quinta.core.reasons import Reason
from quinta.engine.archives.errors import ArchiveRefused
from quinta.engine.archives.members import ArchiveLimits
from quinta.engine.archives.writing import moment_of, new_archive, new_file, shrinks
from quinta.engine.sandbox.trees import failure_of

_CHUNK_BYTES: Final = 1 << 20
_CAREFULLY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\]")
"""What members.py refuses in names, because those who unpack the archive may take it for something else."""
_DRIVE: Final = re.compile(r"^([A-Za-z]):")


def pack_folder(folder: Path, target: Path, limits: ArchiveLimits) -> tuple[InputFile, ...]:
    """Writes the regular files below ``folder`` to the new zip ``target``; answers them by path; blocks.

    Links, pipes, sockets and devices are left out, and so are folders without files. Names that archives cannot hold
    are changed: bytes that are no UTF-8 are read as Latin-1, ``\\`` and control characters become ``_``.
    ArchiveRefused beyond the limits, all entries counted.
    """
    with new_archive(target) as archive:
        packing = _Packing(archive, limits)
        if folder.is_dir() and not folder.is_symlink():
            _open_up(folder)
            top = os.open(folder, _CAREFULLY | os.O_DIRECTORY)
            try:
                packing.add_folder(top, ())
            finally:
                os.close(top)
    return in_order(packing.files)


def in_order(files: Iterable[InputFile]) -> tuple[InputFile, ...]:
    """Files as they are told: by their paths as texts."""
    return tuple(sorted(files, key=lambda file: file.path))


@dataclass(slots=True)
class _Packing:
    archive: zipfile.ZipFile
    limits: ArchiveLimits
    files: list[InputFile] = field(default_factory=list)
    entries: int = 0
    total: int = 0

    def add_folder(self, folder: int, parts: tuple[str, ...]) -> None:
        """Goes through a folder by its descriptor. One descriptor a level: as many as the limit on depth."""
        if len(parts) >= self.limits.depth:
            raise _too_large(f"a folder lies {self.limits.depth} deep")
        taken: set[str] = set()
        for name, status in self._entries(folder):
            shown = _unused(_readable(name, top=not parts), taken)
            taken.add(shown)
            path = (*parts, shown)
            if stat.S_ISDIR(status.st_mode):
                inner = os.open(name, _CAREFULLY | os.O_DIRECTORY, dir_fd=folder)
                try:
                    self.add_folder(inner, path)
                finally:
                    os.close(inner)
            elif stat.S_ISREG(status.st_mode):
                with open(os.open(name, _CAREFULLY, dir_fd=folder), "rb") as source:
                    self._add_file(source, "/".join(path))

    def _entries(self, folder: int) -> Iterator[tuple[str, os.stat_result]]:
        """What is in a folder, by name."""
        names = []
        with os.scandir(folder) as found:
            for entry in found:
                self.entries += 1
                if self.entries > self.limits.entries:
                    raise _too_large(f"there are more than {self.limits.entries:,} files and folders")
                names.append(entry.name)
        for name in sorted(names):
            yield name, os.stat(name, dir_fd=folder, follow_symlinks=False)

    def _add_file(self, source: IO[bytes], path: str) -> None:
        status = os.fstat(source.fileno())
        if not stat.S_ISREG(status.st_mode):
            return
        if len(path.encode()) > self.limits.path_bytes:
            raise _too_large(f"a file has a path of more than {self.limits.path_bytes:,} bytes")
        self._require_room(status.st_size)  # a hole in a file costs no disk and may be huge: not even begun
        size = 0
        chunk = source.read(_CHUNK_BYTES)
        moment = moment_of(status.st_mtime)
        with new_file(self.archive, path, status.st_size, deflated=shrinks(chunk), date_time=moment) as sink:
            while chunk:
                size += len(chunk)
                self._require_room(size)
                sink.write(chunk)
                chunk = source.read(_CHUNK_BYTES)
        self.total += size
        self.files.append(InputFile(path, size))

    def _require_room(self, size: int) -> None:
        if self.total + size > self.limits.total_bytes:
            raise _too_large(f"the files have more than {self.limits.total_bytes:,} bytes")


def _open_up(folder: Path) -> None:
    """Code may have closed its own files and folders. chmod -R follows no links below where it starts."""
    said = failure_of("chmod", "-R", "u+rwX", "--", str(folder))
    if said:
        raise OSError(f"the permissions in {folder} could not be changed: {said}")


def _readable(name: str, *, top: bool) -> str:
    """A file's name as an archive can hold it, of at most 255 bytes."""
    raw = os.fsencode(name)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    text = _UNSAFE.sub("_", text)
    if top:
        text = _DRIVE.sub(r"\1_", text)
    return text.encode()[:255].decode("utf-8", "ignore")


def _unused(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        mark = f"~{number}"
        free = name.encode()[: 255 - len(mark)].decode("utf-8", "ignore") + mark
        number += 1
    return free


def _too_large(what: str) -> ArchiveRefused:
    return ArchiveRefused(Reason.ARCHIVE_TOO_LARGE, f"The folder cannot be packed: {what}.")
