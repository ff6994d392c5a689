"""What a route is handed: one call, with everything it needs to be answered."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader
from pydantic import ValidationError
from starlette.types import Receive

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput
from quinta.core.services import Services
from quinta.dialects.base.admission import admit
from quinta.dialects.base.bodies import Headers, headers_of, media_type, read_body, unsupported
from quinta.dialects.base.uploads import Limits, UploadedFile, uploaded_file
from quinta.dialects.base.validation import refusal
from quinta.dialects.ubiops.auth import actor_of
from quinta.dialects.ubiops.shapes import Body

_MOST_JSON_BYTES = 1 << 20
"""Of a body that is no request data. The largest member of any is a text of 65,536 characters."""

S = TypeVar("S", bound=Body)

_scheme = APIKeyHeader(name="Authorization", auto_error=False, description="`Token KEY`, `Bearer KEY` or the key.")


@dataclass(frozen=True, slots=True)
class Visit:
    """A call by anyone."""

    request: Request
    services: Services
    limits: Limits

    @property
    def address(self) -> str:
        """Where the call comes from: the last hop's."""
        client = self.request.client
        return "" if client is None else client.host

    async def read(self, shape: type[S]) -> S:
        """The JSON body, checked against ``shape``; InvalidInput says which member is wrong."""
        headers = headers_of(self.request.scope)
        if media_type(headers) not in ("application/json", ""):
            raise unsupported(headers, "application/json")
        body = await read_body(self.request.receive, headers, self._most_json)
        try:
            return shape.model_validate(await self.services.reader.value(body))
        except ValidationError as error:
            raise refusal(error.errors(include_url=False), "the body") from None

    async def read_value(self) -> object:
        """The body as a JSON value of any kind; a text/plain body is the string it spells (contract ubiops 1.3)."""
        headers = headers_of(self.request.scope)
        kind = media_type(headers)
        if kind not in ("application/json", "text/plain", ""):
            raise unsupported(headers, "application/json or text/plain")
        body = await read_body(self.request.receive, headers, self._most_json)
        return read_text(body) if kind == "text/plain" else await self.services.reader.value(body)

    async def read_data(self) -> bytes:
        """The JSON text of request data, not read yet (contract ubiops 1.3)."""
        return await read_data(self.request.receive, headers_of(self.request.scope), self.limits.maximum_body_bytes)

    @property
    def _most_json(self) -> int:
        return min(_MOST_JSON_BYTES, self.limits.maximum_body_bytes)

    async def read_ids(self) -> list[Any]:
        """The body as an array of request ids; what they are is checked by whoever looks for them."""
        value = await self.read_value()
        if not isinstance(value, list):
            raise InvalidInput("the body must be an array of request ids")
        return value

    def uploaded_file(self) -> AbstractAsyncContextManager[UploadedFile]:
        """The file in the form field ``file`` (contract ubiops 1.4)."""
        return uploaded_file(
            self.request.receive,
            headers_of(self.request.scope),
            field="file",
            folder=self.limits.staging,
            limit=self.limits.maximum_upload_bytes,
        )


@dataclass(frozen=True, slots=True)
class Call(Visit):
    """A call by someone we know."""

    actor: Actor


async def read_data(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The JSON text of request data: a text/plain body is the string it spells (contract ubiops 1.3)."""
    data = await read_body(receive, headers, limit)
    kind = media_type(headers)
    if kind == "text/plain":
        return json.dumps(read_text(data)).encode()
    if kind not in ("application/json", ""):
        raise unsupported(headers, "application/json or text/plain")
    return data


def read_text(body: bytes) -> str:
    """A text/plain body; InvalidInput when it is not UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8: byte {error.start} cannot be decoded") from None


def _visit(request: Request) -> Visit:
    return Visit(request, request.app.state.services, request.app.state.limits)


async def _call(request: Request, _: Annotated[str | None, Security(_scheme)]) -> Call:
    services: Services = request.app.state.services
    actor = admit(request, await actor_of(headers_of(request.scope), services.authenticator))
    return Call(request, services, request.app.state.limits, actor)


Anyone = Annotated[Visit, Depends(_visit)]
Authenticated = Annotated[Call, Depends(_call)]
