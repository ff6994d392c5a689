"""core.ports.Archives: zips of inputs and of what jobs leave."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from quinta.core.errors import InvalidInput, TooLarge, Unavailable
from quinta.core.files.model import InputFile
from quinta.core.reasons import Reason
from quinta.engine.archives.errors import ArchiveRefused
from quinta.engine.archives.members import DEFAULT_LIMITS, ArchiveLimits, Tree, is_junk, parts_of, tree_of
from quinta.engine.archives.packing import in_order, pack_folder
from quinta.engine.archives.reading import copy_member, opened
from quinta.engine.archives.writing import add_folder, is_worth, new_archive, new_file, shrinks
from quinta.engine.threads import in_thread

_SINGLE: Final = frozenset({"csv", "json", "xlsx"})
"""Extensions of files that are taken as they are (contract vbrain 4.1)."""
_INPUT: Final = "input"
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CHUNK_BYTES: Final = 1 << 20


class ZipArchives:
    """Implements core.ports.Archives. A call that is cancelled waits for the thread that works for it."""

    def __init__(self, limits: ArchiveLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits

    async def take_in(self, upload: Path, file_name: str, target: Path) -> tuple[InputFile, ...]:
        """The caller removes ``target``; there is none when this raises."""
        with _refusals():
            return await in_thread(_take_in, upload, file_name, target, self._limits)

    async def put_in(self, archive: Path, folder: Path) -> None:
        """A file takes the place of a folder of its name, and a folder that of a file. Everything is readable for all
        users of the machine who can reach ``folder``."""
        with _refusals():
            await in_thread(_put_in, archive, folder, self._limits)

    async def pack(self, folder: Path, target: Path) -> tuple[InputFile, ...]:
        """The caller removes ``target``; there is none when this raises."""
        with _refusals():
            return await in_thread(pack_folder, folder, target, self._limits)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ArchiveRefused as refusal:
        kind = TooLarge if refusal.reason is Reason.ARCHIVE_TOO_LARGE else InvalidInput
        raise kind(refusal.message, field="file", reason=refusal.reason) from refusal
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise Unavailable("the server's disk is full: try again when the operator has made space") from error


def _take_in(upload: Path, file_name: str, target: Path, limits: ArchiveLimits) -> tuple[InputFile, ...]:
    name = re.split(r"[/\\]", file_name)[-1]
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension == "zip":
        return _take_archive(upload, target, limits)
    if extension not in _SINGLE:
        raise ArchiveRefused(
            Reason.ARCHIVE_UNSUPPORTED, f"{name[:120]!r} is no .zip, .csv, .xlsx or .json file: upload one of these."
        )
    parts_of(name, limits)
    return _take_file(upload, name, target, limits)


def _take_file(upload: Path, name: str, target: Path, limits: ArchiveLimits) -> tuple[InputFile, ...]:
    size = upload.stat().st_size
    if size > limits.total_bytes:
        raise ArchiveRefused(Reason.ARCHIVE_TOO_LARGE, f"The file has more than {limits.total_bytes:,} bytes.")
    with new_archive(target) as archive, upload.open("rb") as source:
        beginning = source.read(_CHUNK_BYTES)
        with new_file(archive, name, size, deflated=shrinks(beginning)) as sink:
            sink.write(beginning)
            shutil.copyfileobj(source, sink, _CHUNK_BYTES)
    return (InputFile(name, size),)


def _take_archive(upload: Path, target: Path, limits: ArchiveLimits) -> tuple[InputFile, ...]:
    with opened(upload) as given:
        tree = _inputs(tree_of(given.infolist(), upload.stat().st_size, limits), limits)
        with new_archive(target) as archive:
            for parts, member in sorted(tree.files.items()):
                deflated = is_worth(member.file_size, member.compress_size)
                path = "/".join(parts)
                with new_file(archive, path, member.file_size, deflated=deflated, date_time=member.date_time) as sink:
                    copy_member(given, member, sink)
            full = {parts[:length] for parts in (*tree.files, *tree.folders) for length in range(1, len(parts))}
            for parts in sorted(tree.folders - full):
                add_folder(archive, "/".join(parts))
    return in_order(InputFile("/".join(parts), member.file_size) for parts, member in tree.files.items())


def _inputs(tree: Tree, limits: ArchiveLimits) -> Tree:
    """What is input: without a lone top folder INPUT (contract vbrain 4.1), and without what macOS adds."""
    files = {parts: member for parts, member in tree.files.items() if not is_junk(parts)}
    folders = {parts for parts in tree.folders if not is_junk(parts)}
    tops = {parts[0] for parts in (*files, *folders)}
    if len(tops) == 1 and (top := tops.pop()).lower() == _INPUT and (top,) in folders:
        for parts in (*files, *folders):
            parts_of("/".join(parts[1:]), limits)  # C: within a folder is a name, and at the top a drive
        return Tree({parts[1:]: member for parts, member in files.items()}, {parts[1:] for parts in folders} - {()})
    return Tree(files, folders)


def _put_in(archive: Path, folder: Path, limits: ArchiveLimits) -> None:
    """Nobody else writes to ``folder``: what is there was put in by this function."""
    limits = replace(limits, expansion_free_bytes=limits.total_bytes)  # what jobs leave may repeat itself at will
    with opened(archive) as packed:
        tree = tree_of(packed.infolist(), archive.stat().st_size, limits)
        for parts in sorted(tree.folders):
            path = folder.joinpath(*parts)
            if not path.is_dir():
                path.unlink(missing_ok=True)
                path.mkdir()
                path.chmod(0o755)
        for parts, member in tree.files.items():
            path = folder.joinpath(*parts)
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            with path.open("xb") as sink:
                copy_member(packed, member, sink)
                os.fchmod(sink.fileno(), 0o644)
