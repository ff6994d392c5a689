"""core.ports.Snapshots: what is in the archive of a project."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from quinta.core.commits.entry_points import text_of
from quinta.core.errors import InvalidInput, TooLarge
from quinta.core.ports import Apart, Snapshot
from quinta.engine.archives.reading import copy_member, opened
from quinta.engine.projects.mlproject import FILE, MOST_BYTES, read_mlproject
from quinta.engine.threads import in_thread


class ProjectSnapshots:
    """Implements core.ports.Snapshots. MLproject is read apart: ruamel takes 12 ms a KiB."""

    def __init__(self, apart: Apart) -> None:
        self._apart = apart

    async def describe(self, archive: Path) -> Snapshot:
        """As core.ports.Snapshots.describe."""
        digest, mlproject = await in_thread(_look, archive)
        points = () if mlproject is None else await self._apart.call(read_mlproject, mlproject)
        return Snapshot(digest, text_of(points))

    async def member(self, archive: Path, path: str, most: int) -> bytes:
        """As core.ports.Snapshots.member. The caller has seen that the file is there."""
        return await in_thread(_member, archive, path, most)


def _look(archive: Path) -> tuple[str, bytes | None]:
    """The digest does not depend on order, compression or times. Lengths first, so that no two trees give the same
    bytes."""
    total, mlproject = hashlib.sha256(), None
    with opened(archive) as packed:
        for member in sorted(packed.infolist(), key=lambda each: each.filename):
            if member.is_dir():
                continue
            if member.filename == FILE:
                if member.file_size > MOST_BYTES:
                    raise InvalidInput(f"MLproject: it has more than {MOST_BYTES:,} bytes", field=FILE)
                sink = io.BytesIO()
                copy_member(packed, member, sink)
                mlproject = sink.getvalue()
            with packed.open(member) as source:
                content = hashlib.sha256()
                while piece := source.read(1 << 20):
                    content.update(piece)
            name = member.filename.encode()
            total.update(b"%d:%s:%s;" % (len(name), name, content.hexdigest().encode()))
    return total.hexdigest(), mlproject


def _member(archive: Path, path: str, most: int) -> bytes:
    with opened(archive) as packed:
        member = packed.getinfo(path)
        if member.file_size > most:
            raise TooLarge(f"the file has {member.file_size:,} bytes; {most:,} are shown at the most", field="path")
        sink = io.BytesIO()
        copy_member(packed, member, sink)
    return sink.getvalue()
