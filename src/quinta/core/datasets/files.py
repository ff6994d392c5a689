"""Which files may be registered as datasets (contract dq0, its decisions on top; docs/dialects/dq0.md)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from quinta.core.errors import InvalidInput

_NEVER: Final = (Path("/proc"), Path("/sys"), Path("/dev"))
"""What looks like files there is the state of the machine: the server's own environment is one of them."""


@dataclass(frozen=True, slots=True)
class FileRules:
    """``folders`` are those whose files may be registered, none: any that the server can read; ``private`` are folders
    and files of the server's own, which never may."""

    folders: tuple[Path, ...] = ()
    private: tuple[Path, ...] = ()

    def place(self, uri: str) -> Path:
        """The file, free of links, that a path or file:// URL names; a relative path is looked for in the folders.

        It blocks: call it off the event loop, when a dataset is registered and again when it is read, since links may
        have changed. InvalidInput, field ``meta``: a file that may not be registered, is not there, or cannot be read.
        What is outside of the folders is refused in the same words whether it is there or not.
        """
        private = [folder.resolve() for folder in (*self.private, *_NEVER)]
        folders = [folder.resolve() for folder in self.folders]
        for path in self._candidates(_path_of(uri)):
            found = _resolved(path)
            if _below(found, private) or (folders and not _below(found, folders)):
                raise _refused(
                    "is not in a folder whose files may be registered: ask the operator of the server"
                    if folders
                    else "is kept from datasets: it belongs to the server or the machine"
                )
            if _readable(found):
                return found
        raise _refused("is no file that the server can read")

    def _candidates(self, path: Path) -> Iterator[Path]:
        if path.is_absolute():
            yield path
        elif not self.folders:
            raise _refused("must be an absolute path")
        else:
            yield from (folder / path for folder in self.folders)


def local_files(*urls: str) -> tuple[Path, ...]:
    """The folders and files behind file:// and SQLite URLs, with a database's journals; nothing for other URLs."""
    found: list[Path] = []
    for parts in map(urlsplit, urls):
        if parts.scheme == "file":
            found.append(Path(unquote(parts.path)))
        elif parts.scheme.startswith("sqlite") and parts.path[1:]:  # three slashes begin a relative path, four another
            database = Path(unquote(parts.path[1:]))
            found += [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal"))]
    return tuple(found)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, a NUL
        raise _refused("is no path that can be followed") from None


def _readable(path: Path) -> bool:
    try:
        return path.is_file() and os.access(path, os.R_OK)
    except OSError:  # a name that is too long, a folder that is not the server's
        return False


def _path_of(uri: str) -> Path:
    if "://" not in uri:
        return Path(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise _refused("is no URL") from None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise _refused("must be a path or a file:// URL")
    return Path(unquote(parts.path))


def _below(path: Path, folders: list[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _refused(what: str) -> InvalidInput:
    return InvalidInput(f"metadata: the uri of the connector {what}", field="meta")
