"""Bodies that say what to do: JSON, or either kind of form (contract brainstem 4.1, 7)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers as HeaderList
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive

from quinta.core.errors import InvalidInput, TooLarge
from quinta.core.requests.reading import Reader
from quinta.dialects.base.bodies import Headers, media_type, read_body
from quinta.dialects.brainstem.errors import BadRequest, bad_request

_MOST_FORM_BYTES = 1 << 20
"""Of a body that is decoded on the spot: 0.1 s in the worst case. A JSON body may be larger."""
_MOST_FORM_FIELDS = 1_000
_JSON_TYPES = ("application/json", "")
_KINDS = {b"[": "list", b'"': "str", b"t": "bool", b"f": "bool"}

Texts = dict[str, str]
"""The JSON text of each member that was given."""


async def read_texts(
    receive: Receive,
    headers: Headers,
    reader: Reader,
    limit: int,
    names: Sequence[str],
    *,
    wrapper: str | None = None,
    lists: Sequence[str] = (),
    json_members: Sequence[str] = (),
) -> Texts:
    """The members ``names`` of a body of at most ``limit`` bytes; other members are passed over.

    They may stand in an object that is the body's member ``wrapper``. In a form, ``lists`` are fields that may be
    repeated, and ``json_members`` are fields that hold JSON; all others are strings. Raises TooLarge, BadRequest, or an
    HTTPException with 400 or 415, in the words of contract brainstem 8.
    """
    kind = media_type(headers)
    body = await read_body(receive, headers, limit)
    start = body.lstrip()
    if not start:
        return {}
    # curl labels all that it sends as a form; a form writes this sign as %7B.
    if kind in _JSON_TYPES or (kind == "application/x-www-form-urlencoded" and start.startswith(b"{")):
        return await _json(reader, body, names, wrapper)
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise HTTPException(415, f'Unsupported media type "{kind[:80]}" in request.')
    if len(body) > _MOST_FORM_BYTES:
        raise TooLarge(f"a form has at most {_MOST_FORM_BYTES} bytes")
    pairs = _urlencoded(body) if kind.endswith("urlencoded") else await _multipart(body, headers)
    given = [(name, value) for name, value in pairs if name in names]
    texts = {name: json.dumps(value) for name, value in given if name not in (*lists, *json_members)}
    for name in lists:
        if values := [value for key, value in given if key == name]:
            texts[name] = json.dumps(values)
    return texts | await _json_fields(reader, {name: value for name, value in given if name in json_members})


async def read_values(texts: Texts, reader: Reader, most: int) -> dict[str, Any]:
    """The values of members; ``most`` is how many members and items one may have at all depths."""
    values = {}
    for name, text in texts.items():
        try:
            values[name] = await reader.value(text.encode(), most)
        except InvalidInput as error:
            raise BadRequest({name: [error.message]}) from None
    return values


async def _json(reader: Reader, body: bytes, names: Sequence[str], wrapper: str | None) -> Texts:
    try:
        if not body.lstrip().startswith(b"{"):
            await reader.check(body)
            raise _no_object(body)
        found = await reader.members(body, (*names, *([wrapper] if wrapper else [])))
        inner = found.pop(wrapper, "") if wrapper else ""
        return await reader.members(inner.encode(), names) if inner.startswith("{") else found
    except InvalidInput as error:
        raise bad_request(f"JSON parse error - {error.message.removeprefix('the body is not JSON: ')}") from None


def _no_object(body: bytes) -> BadRequest:
    """The refusal of JSON that is no object."""
    text = body.strip()
    if text == b"null":
        return BadRequest({"non_field_errors": ["No data provided"]})
    number = "float" if any(sign in text for sign in (b".", b"e", b"E")) else "int"
    kind = _KINDS.get(text[:1], number)
    return BadRequest({"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]})


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FORM_FIELDS)
    except ValueError:
        raise bad_request(f"Form parse error - more than {_MOST_FORM_FIELDS} fields") from None


async def _multipart(body: bytes, headers: Headers) -> list[tuple[str, str]]:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield body

    sent = HeaderList({"Content-Type": headers[b"content-type"].decode("latin-1")})
    parser = MultiPartParser(sent, pieces(), max_files=0, max_fields=_MOST_FORM_FIELDS, max_part_size=_MOST_FORM_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise bad_request(f"Multipart form parse error - {error.message}") from None
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def _json_fields(reader: Reader, fields: Mapping[str, str]) -> Texts:
    """The texts as the reader writes them."""
    texts = {}
    for name, value in fields.items():
        try:
            await reader.check(value.encode("utf-8", "replace"))
        except InvalidInput:
            raise BadRequest({name: ["Value must be valid JSON."]}) from None
        texts.update(await reader.members(f'{{"{name}": {value}}}'.encode(), (name,)))
    return texts
