"""Opening the uploaded zip archive of a package without harm. What is in it as a package is in members.py."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from quinta.core.errors import InvalidInput
from quinta.engine.archives.errors import ArchiveRefused, NotAnArchive
from quinta.engine.archives.members import DEFAULT_LIMITS, ArchiveLimits
from quinta.engine.archives.reading import copy_member, opened
from quinta.engine.builds.errors import PackageRejected
from quinta.engine.builds.members import Plan, plan


def check_is_zip(path: Path) -> None:
    """The quick check at upload: whether the file is a zip archive at all. Reads only its end.

    Raises InvalidInput when it is not (contract ubiops 4.1: status 400); what is in the archive is judged by the
    build. Takes milliseconds, except for archives with a very large directory (some 0.1 s).
    """
    try:
        with opened(path):
            pass
    except NotAnArchive as error:
        raise InvalidInput(error.message, field="file") from error
    except ArchiveRefused:
        return  # it is an archive; the build refuses it with the same message


def unpack(
    archive: Path, destination: Path, limits: ArchiveLimits = DEFAULT_LIMITS, *, model_file: str | None = "model"
) -> str:
    """Unpacks the package in the zip ``archive`` to the new folder ``destination``; blocks.

    ``model_file`` (without ``.py``) decides what the package is when it has no folder ``model_package`` (contract
    ubiops 4.1); None: it is all of the archive. Files get mode 0644, or 0755 when they were executable. Returns the
    archive's folder that became the package, such as ``model_package/``, or "". ``destination`` appears complete or not
    at all: it is made under another name beside its final one.

    Raises PackageRejected with a sentence that names the member and the rule, OSError when the disk refuses.
    """
    try:
        return _unpack(archive, destination, limits, model_file)
    except ArchiveRefused as refusal:
        raise PackageRejected(refusal.reason, refusal.message) from refusal


def _unpack(archive: Path, destination: Path, limits: ArchiveLimits, model_file: str | None) -> str:
    with opened(archive) as package:
        todo = plan(package.infolist(), archive.stat().st_size, model_file, limits)
        partial = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
        try:
            _extract(package, todo, partial)
            partial.chmod(0o755)
            partial.rename(destination)
        except BaseException:
            shutil.rmtree(partial)
            raise
    return todo.root


def _extract(package: zipfile.ZipFile, todo: Plan, target: Path) -> None:
    for folder in sorted(todo.folders):
        target.joinpath(*folder).mkdir(mode=0o755)
    for parts, member in todo.files.items():
        with target.joinpath(*parts).open("xb") as sink:
            copy_member(package, member, sink)
            os.fchmod(sink.fileno(), 0o755 if member.external_attr >> 16 & 0o111 else 0o644)
