"""The packages root: one read-only folder for each package content, named by its digest."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from quinta.core.reasons import Reason
from quinta.engine.archives.members import DEFAULT_LIMITS, ArchiveLimits
from quinta.engine.builds.archive import unpack
from quinta.engine.builds.errors import PackageRejected
from quinta.engine.builds.folders import WorkFolder, publish, remove_leftovers
from quinta.engine.builds.members import APPLICATION_FILE
from quinta.kit.ids import new_id


def package_digest(folder: Path) -> str:
    """SHA-256, in hexadecimal, over the paths, kinds and contents of everything below ``folder``; blocks.

    It does not depend on the archive that the content came in: order, compression, times and permissions beyond
    "executable" play no part.
    """
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda each: os.fsencode(each.relative_to(folder))):
        mode = path.lstat().st_mode
        kind = "folder" if stat.S_ISDIR(mode) else "program" if mode & 0o111 else "file"
        content = "" if kind == "folder" else _file_digest(path)
        name = os.fsencode(path.relative_to(folder))
        # Lengths first, so that no two trees can give the same bytes.
        total.update(b"%d:%s:%s:%s;" % (len(name), name, kind.encode(), content.encode()))
    return total.hexdigest()


@dataclass(frozen=True, slots=True)
class StoredPackage:
    """A package in the store. ``root`` is the folder in the archive that it came from, ``is_new`` whether this
    upload was the first with this content, ``files`` and ``size`` (bytes) what it holds."""

    digest: str
    path: Path
    root: str
    is_new: bool
    files: int
    size: int


class PackageStore:
    """Unpacks archives to ``<root>/<digest>/``. Safe for several servers on one folder, and at any crash."""

    def __init__(self, root: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> None:
        self._root = root
        self._work = root / ".work"
        self._limits = limits

    def path(self, digest: str) -> Path:
        """Where the package with this digest is, or would be."""
        return self._root / digest

    def add(self, archive: Path, model_file: str | None) -> StoredPackage:
        """Unpacks ``archive`` and keeps the package, unless one with the same content is there already; blocks.

        ``model_file`` is the module with the class ``Model``, without ``.py``; None: the archive is a project, taken as
        it is. Raises PackageRejected, also when the package has neither such a file nor an application in its root;
        nothing is kept then.
        """
        folder = WorkFolder.claim(self._work / new_id())
        assert folder is not None, "a new id is nobody else's"
        try:
            unpacked = folder.path / "package"
            root = unpack(archive, unpacked, self._limits, model_file=model_file)
            if model_file is not None:
                _check_model_file(unpacked, f"{model_file}.py", root)
            digest = package_digest(unpacked)
            files = [path for path in unpacked.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
            final = self.path(digest)
            is_new = not final.is_dir() and publish(unpacked, final)
        finally:
            folder.release()
        return StoredPackage(digest, final, root, is_new, len(files), size)

    def remove_leftovers(self) -> list[str]:
        """Removes what a server that died was unpacking; returns the names of the folders. Blocks."""
        return remove_leftovers(self._work)


def _check_model_file(package: Path, name: str, root: str) -> None:
    if (package / name).is_file() or (package / APPLICATION_FILE).is_file():
        return
    found = sorted(f"{path.name}/" if path.is_dir() else path.name for path in package.iterdir())
    shown = ", ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")
    where = f"root ({root})" if root else "root"
    raise PackageRejected(
        Reason.NO_MODEL_FILE,
        f"The package has neither {name} nor {APPLICATION_FILE} in its {where}; found: {shown or 'nothing'}.",
    )


def _file_digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
