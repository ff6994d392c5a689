"""One file out of a multipart form, to disk with constant memory."""

from __future__ import annotations

import asyncio
import errno
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Receive

from quinta.core.errors import InvalidInput, TooLarge, Unavailable
from quinta.dialects.base.bodies import Headers, media_type, stream_body, unsupported
from quinta.dialects.base.downloads import without_controls

if TYPE_CHECKING:  # the packages declare these for type checkers only
    from tempfile import _TemporaryFileWrapper

    from python_multipart.multipart import MultipartCallbacks

_FORM_OVERHEAD_BYTES = 65_536
"""Room for a form's boundaries, part headers and small other fields beside the file."""
_WRITE_BYTES = 1_048_576
"""The file is written in pieces of this size, each in a thread: a slow disk must not stop other requests."""
_LONGEST_FILE_NAME_BYTES = 255
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_ANY_CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that waits at ``path``; ``file_name`` is the last part of the name it had with the caller."""

    path: Path
    file_name: str
    content_type: str


@asynccontextmanager
async def uploaded_file(
    receive: Receive, headers: Headers, *, field: str, folder: Path, limit: int
) -> AsyncIterator[UploadedFile]:
    """Receives the file in form field ``field`` into ``folder``; it is gone when the block ends, however that happens.

    ``limit`` is in bytes. Raises TooLarge, InvalidInput for a form that is broken or lacks the file, Unavailable when
    the disk has no space for it, and an HTTPException with 415 for anything that is no multipart form.
    """
    _, options = parse_options_header(headers.get(b"content-type", b""))
    boundary = options.get(b"boundary")
    if media_type(headers) != "multipart/form-data" or not boundary:
        raise unsupported(headers, "multipart/form-data with a boundary")
    with _space_needed(), _temporary_file(folder) as target:
        form = _FileForm(field.encode(), limit)
        try:
            parser = MultipartParser(boundary, form.callbacks())
            async for piece in stream_body(receive, headers, limit + _FORM_OVERHEAD_BYTES):
                parser.write(piece)
                if len(form.waiting) >= _WRITE_BYTES:
                    await asyncio.to_thread(target.write, form.take())
        except FormParserError as error:
            raise InvalidInput(f"the multipart form cannot be read: {error}") from None
        file_name, content_type = form.checked()
        await asyncio.to_thread(target.write, form.take())
        target.flush()
        yield UploadedFile(Path(target.name), file_name, content_type)


@contextmanager
def _temporary_file(folder: Path) -> Iterator[_TemporaryFileWrapper[bytes]]:
    """Gone at the end also when the disk is full: NamedTemporaryFile's own end keeps the file if closing it fails."""
    target = tempfile.NamedTemporaryFile(dir=folder, prefix="upload-", delete=False)  # noqa: SIM115 - closed below
    try:
        yield target
    finally:
        Path(target.name).unlink(missing_ok=True)
        with suppress(OSError):  # what is still buffered
            target.close()


@contextmanager
def _space_needed() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise Unavailable(
            "the server's disk has no space for this upload: try again when the operator has made some"
        ) from error


class _FileForm:
    """Takes the parser's calls; ``waiting`` has the bytes of the file that are not on disk yet."""

    def __init__(self, field: bytes, limit: int) -> None:
        self.waiting = bytearray()
        self._field = field
        self._limit = limit
        self._size = 0
        self._headers: dict[bytes, bytes] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._inside = False
        self._ended = False
        self._found: tuple[str, str] | None = None

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_end": self._on_end,
        }

    def take(self) -> bytes:
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken

    def checked(self) -> tuple[str, str]:
        """File name and content type, once the whole body was read."""
        field = self._field.decode()
        if not self._ended:
            raise InvalidInput("the multipart form is cut short: its closing boundary is missing")
        if self._found is None:
            raise InvalidInput(f"the form lacks the file: a part named '{field}' with a filename", field=field)
        return self._found

    def _on_header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._inside = options.get(b"name") == self._field and b"filename" in options
        if not self._inside:
            return
        if self._found is not None:
            raise InvalidInput(f"the form has more than one file named '{self._field.decode()}'")
        content_type = media_type(self._headers)
        known = _CONTENT_TYPE.fullmatch(content_type)
        self._found = _file_name(options[b"filename"]), content_type if known else _ANY_CONTENT_TYPE

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._inside:
            return
        self._size += end - start
        if self._size > self._limit:
            raise TooLarge(f"the file is larger than the limit of {self._limit} bytes")
        self.waiting += data[start:end]

    def _on_end(self) -> None:
        self._ended = True


def _file_name(raw: bytes) -> str:
    """The last part of the name: raw UTF-8 on the wire (contract ubiops 1.4), control characters made ``_``."""
    name = raw.decode("utf-8", "replace").rpartition("/")[2]
    name = without_controls(name)
    if name in ("", ".", "..") or len(name.encode()) > _LONGEST_FILE_NAME_BYTES:
        raise InvalidInput(f"the file's name must have 1 to {_LONGEST_FILE_NAME_BYTES} bytes and not be a folder's")
    return name
