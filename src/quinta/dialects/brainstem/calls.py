"""What a route is handed: one call, with everything it needs to be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from quinta.core.access.model import Actor, KeyPermission
from quinta.core.services import Services
from quinta.dialects.base.admission import admit
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.brainstem.auth import actor_of
from quinta.dialects.brainstem.bodies import Texts, read_texts, read_values
from quinta.dialects.brainstem.fields import Fields
from quinta.dialects.brainstem.verbs import acts

_MOST_ITEMS = 1_000
"""Members and items of a value that says what to do, at all depths."""

scheme = APIKeyHeader(name="Authorization", auto_error=False, description="`Bearer KEY` or `Token KEY`.")


@dataclass(frozen=True, slots=True)
class Visit:
    """A call by anyone."""

    request: Request
    services: Services
    maximum_body_bytes: int

    @property
    def address(self) -> str:
        """Where the call comes from: the last hop's."""
        client = self.request.client
        return "" if client is None else client.host

    async def texts(
        self,
        names: Sequence[str],
        *,
        wrapper: str | None = None,
        lists: Sequence[str] = (),
        json_members: Sequence[str] = (),
    ) -> Texts:
        """The JSON texts of those of ``names`` that the body has; see ``read_texts``."""
        return await read_texts(
            self.request.receive,
            headers_of(self.request.scope),
            self.services.reader,
            self.maximum_body_bytes,
            names,
            wrapper=wrapper,
            lists=lists,
            json_members=json_members,
        )

    async def values(self, texts: Texts) -> dict[str, Any]:
        """The values of members that say what to do."""
        return await read_values(texts, self.services.reader, _MOST_ITEMS)

    async def fields(self, names: Sequence[str]) -> Fields:
        """Those of ``names`` that the body has, JSON or a form, to be checked."""
        return Fields(await self.values(await self.texts(names)))


@dataclass(frozen=True, slots=True)
class Call(Visit):
    """A call by someone we know."""

    actor: Actor


async def caller_of(request: Request) -> Actor:
    """Who makes the call; NotAuthenticated when nobody knows, NotPermitted when the key is not good for it."""
    services: Services = request.app.state.services
    actor = await actor_of(headers_of(request.scope), services.authenticator)
    return admit(request, actor, KeyPermission.WRITE if acts(request.scope["path"]) else None)


def _visit(request: Request) -> Visit:
    return Visit(request, request.app.state.services, request.app.state.maximum_body_bytes)


async def _call(request: Request, _: Annotated[str | None, Security(scheme)]) -> Call:
    state = request.app.state
    return Call(request, state.services, state.maximum_body_bytes, await caller_of(request))


Anyone = Annotated[Visit, Depends(_visit)]
Authenticated = Annotated[Call, Depends(_call)]
