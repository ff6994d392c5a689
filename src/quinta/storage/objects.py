"""Bytes behind core.ports.ObjectStore: a folder by ``file://`` URL, through obstore.

Everything but ``open_objects`` and the flush to disk works on any of obstore's stores, so that a bucket is one more
scheme here.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from quinta.core.errors import NotFound, Unavailable
from quinta.storage.errors import UrlRefused, no_space

PIECE_BYTES = 1024 * 1024
PART_BYTES = 5 * 1024 * 1024  # the least that S3 takes for a part of an upload
PARTS_AT_ONCE = 2  # so one upload holds at most 10 MiB of memory, however large the file

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*")


class Objects:
    """Implements core.ports.ObjectStore. A key of another form is ValueError; a store that fails is Unavailable.

    ``folder`` is where a local store keeps its files: what ``put_file`` has stored there is flushed to the disk
    before it returns.
    """

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    async def put_file(self, key: str, path: Path) -> None:
        """Written under a temporary name and renamed. An object of that key is replaced."""
        _check(key)
        path.stat()  # a source that is missing is the caller's mistake, and no missing object
        with _translated(key):
            await obstore.put_async(self._store, key, path, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        if self._folder is not None:
            await asyncio.to_thread(_flush, self._folder / key)

    async def fetch(self, key: str, path: Path) -> None:
        """Replaces ``path``. When it fails half-way, nothing is left there."""
        pieces = self.stream(key)
        first = await anext(pieces, b"")  # before the file is opened: NotFound leaves what was there
        try:
            with path.open("wb") as file:
                file.write(first)
                async for piece in pieces:
                    await asyncio.to_thread(file.write, piece)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in _NO_SPACE:
                raise no_space() from error
            raise

    async def size(self, key: str) -> int:
        _check(key)
        with _translated(key):
            found = await obstore.head_async(self._store, key)
        return found["size"]

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Pieces of about 1 MiB."""
        _check(key)
        with _translated(key):
            found = await obstore.get_async(self._store, key)
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)

    async def delete(self, key: str) -> None:
        _check(key)
        with _translated(key):
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                return

    async def keys(self, prefix: str) -> AsyncIterator[tuple[str, datetime]]:
        """In no particular order; every key when the prefix is empty."""
        if prefix:
            _check(prefix)
        with _translated(prefix):
            async for page in obstore.list(self._store, prefix or None):
                for found in page:
                    yield found["path"], found["last_modified"]


def open_objects(url: str) -> Objects:
    """The store at a URL: ``file:///folder``, made when it is missing. UrlRefused for any other."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise UrlRefused("no object store at this URL: use file:///folder")
    folder = Path(unquote(parts.path))
    folder.mkdir(parents=True, exist_ok=True)
    return Objects(LocalStore(folder, automatic_cleanup=True), folder)


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError(f"not an object key: {key!r}")


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"there is no stored object {key}") from error
    except BaseError as error:
        if any(f"(os error {number})" in str(error) for number in _NO_SPACE):
            raise no_space() from error
        raise Unavailable(f"the object store failed at {key}; try again") from error


def _flush(path: Path) -> None:
    """The file, then the folder that names it."""
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
