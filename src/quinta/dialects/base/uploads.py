"""Files on their way in: to disk with constant memory; of multipart forms, small fields beside them into memory."""

from __future__ import annotations

import asyncio
import errno
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
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
class Limits:
    """What a face takes: sizes in bytes, and the folder where uploads wait."""

    staging: Path
    maximum_upload_bytes: int
    maximum_body_bytes: int


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that waits at ``path``; ``file_name`` is the last part of the name it had with the caller."""

    path: Path
    file_name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class UploadedForm:
    """What was sent: the asked-for fields that it had, and its file, if any."""

    fields: Mapping[str, bytes]
    file: UploadedFile | None


@asynccontextmanager
async def uploaded_file(
    receive: Receive, headers: Headers, *, field: str, folder: Path, limit: int
) -> AsyncIterator[UploadedFile]:
    """Receives the file in form field ``field`` into ``folder``; it is gone when the block ends, however that happens.

    ``limit`` is in bytes. Raises TooLarge, InvalidInput for a form that is broken or lacks the file, Unavailable when
    the disk has no space for it, and an HTTPException with 415 for anything that is no multipart form.
    """
    async with uploaded_form(receive, headers, file=field, folder=folder, limit=limit) as form:
        if form.file is None:
            raise InvalidInput(f"the form lacks the file: a part named '{field}' with a filename", field=field)
        yield form.file


@asynccontextmanager
async def uploaded_form(
    receive: Receive,
    headers: Headers,
    *,
    file: str,
    folder: Path,
    limit: int,
    fields: Sequence[str] = (),
    field_limit: int = 0,
) -> AsyncIterator[UploadedForm]:
    """Receives a form whose part ``file``, if it has one, goes into ``folder``, and whose parts ``fields``, before or
    after it, with a filename or without, go into memory. Other parts are passed over.

    ``limit`` is in bytes for the file, ``field_limit`` for all the fields together. The file is gone when the block
    ends. Raises what ``uploaded_file`` raises; a file that is missing is no error.
    """
    _, options = parse_options_header(headers.get(b"content-type", b""))
    boundary = options.get(b"boundary")
    if media_type(headers) != "multipart/form-data" or not boundary:
        raise unsupported(headers, "multipart/form-data with a boundary")
    with _space_needed(), _temporary_file(folder) as target:
        form = _Form(file, limit, fields, field_limit)
        try:
            parser = MultipartParser(boundary, form.callbacks())
            async for piece in stream_body(receive, headers, limit + field_limit + _FORM_OVERHEAD_BYTES):
                parser.write(piece)
                if len(form.waiting) >= _WRITE_BYTES:
                    await asyncio.to_thread(target.write, form.take())
        except FormParserError as error:
            raise InvalidInput(f"the multipart form cannot be read: {error}") from None
        form.check_ended()
        await asyncio.to_thread(target.write, form.take())
        target.flush()
        found = None if form.found is None else UploadedFile(Path(target.name), *form.found)
        yield UploadedForm({name: bytes(value) for name, value in form.fields.items()}, found)


@asynccontextmanager
async def uploaded_body(receive: Receive, headers: Headers, *, folder: Path, limit: int) -> AsyncIterator[Path]:
    """Receives a body that is the file itself into ``folder``; it is gone when the block ends, however that happens.

    ``limit`` is in bytes. Raises TooLarge, and Unavailable when the disk has no space for it.
    """
    with _space_needed(), _temporary_file(folder) as target:
        waiting = bytearray()
        async for piece in stream_body(receive, headers, limit):
            waiting += piece
            if len(waiting) >= _WRITE_BYTES:
                await asyncio.to_thread(target.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(target.write, bytes(waiting))
        target.flush()
        yield Path(target.name)


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


class _Form:
    """Takes the parser's calls; ``waiting`` has the bytes of the file that are not on disk yet, ``found`` its name and
    content type."""

    def __init__(self, file: str, limit: int, fields: Sequence[str], field_limit: int) -> None:
        self.waiting = bytearray()
        self.fields: dict[str, bytearray] = {}
        self.found: tuple[str, str] | None = None
        self._file = file
        self._limit = limit
        self._size = 0
        self._wanted = {name.encode(): name for name in fields}
        self._field_limit = field_limit
        self._field_size = 0
        self._headers: dict[bytes, bytes] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._into: bytearray | None = None
        self._ended = False

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

    def check_ended(self) -> None:
        """InvalidInput unless the closing boundary was seen, once the whole body was read."""
        if not self._ended:
            raise InvalidInput("the multipart form is cut short: its closing boundary is missing")

    def _on_header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"")
        self._into = None
        if name in self._wanted:
            field = self._wanted[name]
            if field in self.fields:
                raise InvalidInput(f"the form has more than one field named '{field}'", field=field)
            self._into = self.fields[field] = bytearray()
        elif name == self._file.encode():
            self.found = self._file_of(options.get(b"filename"))
            self._into = self.waiting

    def _file_of(self, raw_name: bytes | None) -> tuple[str, str]:
        """Name and content type of the part that has begun."""
        field = self._file
        if raw_name is None:
            raise InvalidInput(f"the form lacks the file: its part '{field}' has no filename", field=field)
        if self.found is not None:
            raise InvalidInput(f"the form has more than one file named '{field}'", field=field)
        content_type = media_type(self._headers)
        known = _CONTENT_TYPE.fullmatch(content_type)
        return _file_name(raw_name, field), content_type if known else _ANY_CONTENT_TYPE

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._into is None:
            return
        if self._into is self.waiting:
            self._size += end - start
            if self._size > self._limit:
                raise TooLarge(f"the file is larger than the limit of {self._limit} bytes")
        else:
            self._field_size += end - start
            if self._field_size > self._field_limit:
                raise TooLarge(f"the fields beside the file are larger than the limit of {self._field_limit} bytes")
        self._into += data[start:end]

    def _on_end(self) -> None:
        self._ended = True


def _file_name(raw: bytes, field: str) -> str:
    """The last part of the name: raw UTF-8 on the wire (contract ubiops 1.4), control characters made ``_``."""
    name = raw.decode("utf-8", "replace").rpartition("/")[2]
    name = without_controls(name)
    if name in ("", ".", "..") or len(name.encode()) > _LONGEST_FILE_NAME_BYTES:
        raise InvalidInput(
            f"the file's name must have 1 to {_LONGEST_FILE_NAME_BYTES} bytes and not be a folder's", field=field
        )
    return name
