"""Files on their way out."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from quinta.core.models.packages import Download


async def file_response(download: Download) -> StreamingResponse:
    """Streams a file with its length. NotFound while nothing was sent, when the object behind it is gone.

    The name is quoted and nothing follows it; quotes, backslashes and control characters in it become ``_``, and
    other characters go as raw UTF-8 (contract ubiops 0.9, 8.5).
    """
    first = await anext(download.content, b"")
    name = without_controls(download.file_name).replace('"', "_").replace("\\", "_")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"'.encode().decode("latin-1"),
        "Content-Type": download.content_type,
        "Content-Length": str(download.size),
        # The type is what an uploader said: a browser must not guess a more dangerous one.
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_with(first, download.content), headers=headers)


def without_controls(name: str) -> str:
    """``name`` with ``_`` for each control character."""
    return "".join("_" if unicodedata.category(character) == "Cc" else character for character in name)


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
