"""Bodies that make a repository or a job: a file, params and metadata, each optional, in every encoding of
contract vbrain 4.1."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.types import Receive

from quinta.core.errors import InvalidInput, TooLarge
from quinta.core.requests.reading import Reader
from quinta.dialects.base.bodies import Headers, media_type, read_body, unsupported
from quinta.dialects.base.uploads import Limits, UploadedFile, uploaded_form

FILE = "file"
_OBJECTS = ("params", "metadata")
_MOST_URLENCODED_BYTES = 1 << 20
"""Of a body that is decoded on the spot: 0.1 s in the worst case. JSON and multipart bodies may be larger."""
_MOST_URLENCODED_FIELDS = 1_000


@dataclass(frozen=True, slots=True)
class Submission:
    """What was sent: texts of JSON objects, and the file that waits at ``upload`` under its name with the caller."""

    params: str | None = None
    metadata: str = "{}"
    upload: Path | None = None
    file_name: str = ""


@asynccontextmanager
async def submission(receive: Receive, headers: Headers, reader: Reader, limits: Limits) -> AsyncIterator[Submission]:
    """Receives a body; the file is gone when the block ends.

    InvalidInput names by its field what cannot be used: ``file``, ``params`` or ``metadata``. TooLarge when a limit is
    passed; an HTTPException with 415 for a body of another type.
    """
    if not _has_body(headers):
        yield Submission()
    elif media_type(headers) == "multipart/form-data":
        async with uploaded_form(
            receive,
            headers,
            file=FILE,
            folder=limits.staging,
            limit=limits.maximum_upload_bytes,
            fields=_OBJECTS,
            field_limit=limits.maximum_body_bytes,
        ) as form:
            yield _submission(await _checked(reader, form.fields), form.file)
    else:
        body = await read_body(receive, headers, limits.maximum_body_bytes)
        yield _submission(await _without_file(reader, media_type(headers), body))


def _has_body(headers: Headers) -> bool:
    """Whether a body follows, as HTTP/1.1 says (RFC 9112, 6.3)."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip() != b"0"


async def _without_file(reader: Reader, kind: str, body: bytes) -> dict[str, str]:
    """The objects in a body that holds no file.

    A body labelled as a form that begins like a JSON object is one: a form writes that sign as ``%7B``, and curl labels
    all that it sends so.
    """
    start = body.lstrip()
    if not start:
        return {}
    if kind == "application/x-www-form-urlencoded" and not start.startswith(b"{"):
        return await _checked(reader, _urlencoded(body))
    if kind not in ("application/json", "application/x-www-form-urlencoded", "text/plain", ""):
        raise unsupported({b"content-type": kind.encode()}, "multipart/form-data or application/json")
    return await _json(reader, body)


async def _json(reader: Reader, body: bytes) -> dict[str, str]:
    if body.strip() == b"null":
        return {}
    try:
        members = await reader.members(body, (*_OBJECTS, FILE))
    except InvalidInput as error:
        raise InvalidInput(error.message, field="params") from None
    given = {name: text for name, text in members.items() if text != "null"}
    for name, text in given.items():
        if name == FILE or not text.startswith("{"):
            raise InvalidInput(f"'{name}' must be {'a part of a form' if name == FILE else 'an object'}", field=name)
    return given


def _urlencoded(body: bytes) -> dict[str, bytes]:
    if len(body) > _MOST_URLENCODED_BYTES:
        raise TooLarge(f"a form without a file has at most {_MOST_URLENCODED_BYTES} bytes")
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_URLENCODED_FIELDS
        )
    except ValueError:
        raise InvalidInput(f"a form has at most {_MOST_URLENCODED_FIELDS} fields") from None
    found: dict[str, bytes] = {}
    for name, value in pairs:
        if name == FILE or name in found:
            raise InvalidInput(f"'{name}' must be {'a part with a file' if name == FILE else 'given once'}", field=name)
        if name in _OBJECTS:
            found[name] = value.encode("utf-8")
    return found


async def _checked(reader: Reader, fields: Mapping[str, bytes]) -> dict[str, str]:
    """The JSON texts of the objects in text fields; ``null`` is none."""
    found = {}
    for name, text in fields.items():
        if text.strip() == b"null":
            continue
        try:
            found[name] = await reader.object(text)
        except InvalidInput as error:
            raise InvalidInput(f"'{name}': {error.message}", field=name) from None
    return found


def _submission(objects: Mapping[str, str], file: UploadedFile | None = None) -> Submission:
    upload, name = (None, "") if file is None else (file.path, file.file_name)
    return Submission(objects.get("params"), objects.get("metadata", "{}"), upload, name)
