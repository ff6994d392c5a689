"""Zips in the object store: made of uploads, handed out, removed."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from quinta.core.errors import QuintaError, Unavailable
from quinta.core.files.model import InputFile
from quinta.core.models.packages import Download
from quinta.core.ports import Archives, ObjectStore
from quinta.kit.ids import new_id

_TYPE = "application/zip"
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
"""A zip without files: the end of its list and no more (APPNOTE 4.3.16)."""


class StoredArchives:
    """The zips of repositories and jobs. ``staging`` is a folder for files on their way."""

    def __init__(self, objects: ObjectStore, archives: Archives, staging: Path) -> None:
        self._objects = objects
        self._archives = archives
        self._staging = staging

    @asynccontextmanager
    async def kept(self, upload: Path | None, file_name: str, key: str) -> AsyncIterator[tuple[InputFile, ...]]:
        """Stores the files in an upload under ``key`` while the block makes the row that names it; answers the files.

        Without files nothing is stored. What core.ports.Archives refuses is raised before the block. When the block
        refuses, the object goes again; after Unavailable nobody knows whether there is a row: housekeeping looks later.
        """
        files = () if upload is None else await self._take_in(upload, file_name, key)
        try:
            yield files
        except Unavailable:
            raise
        except QuintaError:
            if files:
                await self._objects.delete(key)
            raise

    async def _take_in(self, upload: Path, file_name: str, key: str) -> tuple[InputFile, ...]:
        target = self._staging / f"{new_id()}.zip"
        try:
            files = await self._archives.take_in(upload, file_name, target)
            if files:
                await self._objects.put_file(key, target)
        finally:
            target.unlink(missing_ok=True)
        return files

    async def download(self, key: str | None, file_name: str) -> Download:
        """The stored zip; an empty one where there is none."""
        if key is None:
            return _in_memory(EMPTY_ZIP, file_name)
        return Download(file_name, _TYPE, await self._objects.size(key), self._objects.stream(key))

    async def download_text(self, text: str, name: str, file_name: str) -> Download:
        """A zip with the one file ``name``."""
        return _in_memory(await asyncio.to_thread(_zip_of, text, name), file_name)

    async def remove(self, keys: Iterable[str]) -> None:
        """Unavailable when one cannot be removed; some are gone then."""
        for key in keys:
            await self._objects.delete(key)


def _in_memory(content: bytes, file_name: str) -> Download:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    return Download(file_name, _TYPE, len(content), pieces())


def _zip_of(text: str, name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return target.getvalue()
