"""A project's folder as the zip that is deployed (contract dq0 9.8)."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from quinta.gateway import metafile
from quinta.gateway.calls import GatewayFailure
from quinta.gateway.ignoring import Ignored

LARGEST_FILE_BYTES = 10 * 2**20
"""A larger one stays behind: data belongs in a dataset."""
LARGEST_PROJECT_BYTES = 32 * 2**20
MOST_FILES = 2_000
_CACHES = frozenset(
    {".git", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".venv", "mlruns"}
)
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The zip's first: the same content is the same zip, whenever it is packed."""


@dataclass(frozen=True, slots=True)
class Packed:
    """``files`` are the paths in the zip ``data``, with their sizes in bytes; ``left_out`` those that are too large."""

    data: bytes
    files: tuple[tuple[str, int], ...]
    left_out: tuple[str, ...]


def pack(folder: Path) -> Packed:
    """Everything in ``folder`` but ``.meta``, caches, what .gitignore names and files above 10 MiB.

    GatewayFailure: 400 for a link that leads out of the folder or to another folder, and for what is no file; 413 for
    too much; 409 where it cannot be read.
    """
    data, total = io.BytesIO(), 0
    files: list[tuple[str, int]] = []
    left_out: list[str] = []
    try:
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for place, file in _files(folder.resolve(), folder.resolve(), PurePosixPath(), Ignored()):
                if file.stat().st_size > LARGEST_FILE_BYTES:
                    left_out.append(str(place))
                    continue
                content = file.read_bytes()
                total += len(content)
                if total > LARGEST_PROJECT_BYTES or len(files) >= MOST_FILES:
                    limit = f"{MOST_FILES} files or {LARGEST_PROJECT_BYTES // 2**20} MiB"
                    raise GatewayFailure(413, f"{folder} has more than {limit}: name what stays here in .gitignore")
                archive.writestr(zipfile.ZipInfo(str(place), _NO_TIME), content, zipfile.ZIP_DEFLATED)
                files.append((str(place), len(content)))
    except OSError as error:
        raise GatewayFailure(409, f"{error.filename or folder} cannot be read: {error.strerror or error}") from None
    if not files:
        raise GatewayFailure(400, f"{folder} has no file that could be deployed")
    return Packed(data.getvalue(), tuple(files), tuple(left_out))


def _files(root: Path, folder: Path, place: PurePosixPath, ignored: Ignored) -> Iterator[tuple[PurePosixPath, Path]]:
    """What is packed, in the order of names: (path in the zip, file)."""
    ignored = ignored.inside(folder, place)
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        here = place / entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in _CACHES or (entry.name == metafile.NAME and folder == root):
            continue
        if ignored.matches(here, is_folder=is_folder):
            continue
        if is_folder:
            yield from _files(root, Path(entry.path), here, ignored)
        else:
            yield here, _file(root, Path(entry.path), here)


def _file(root: Path, path: Path, place: PurePosixPath) -> Path:
    try:
        target = path.resolve(strict=True)
    except (FileNotFoundError, RuntimeError):  # RuntimeError: links that lead to each other
        raise GatewayFailure(
            400, f"{place} is a link that leads nowhere: remove it, or name it in .gitignore"
        ) from None
    if not target.is_relative_to(root):
        raise GatewayFailure(
            400, f"{place} is a link out of the project: copy what it leads to, or name it in .gitignore"
        )
    if not stat.S_ISREG(target.stat().st_mode):
        raise GatewayFailure(400, f"{place} is no file (a link to a folder, a pipe, a device): name it in .gitignore")
    return target
