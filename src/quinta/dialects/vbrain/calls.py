"""What a route is handed: one call for one client, by someone we know."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated

from fastapi import Depends, Request

from quinta.core.access.clients import ClientName
from quinta.core.access.model import Actor
from quinta.core.services import Services
from quinta.dialects.base.admission import admit
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.base.uploads import Limits
from quinta.dialects.vbrain.auth import actor_of, caller_of
from quinta.dialects.vbrain.submissions import Submission, submission


@dataclass(frozen=True, slots=True)
class Call:
    """``repository`` is the id in the header, empty where the operation does not look at it."""

    request: Request
    services: Services
    limits: Limits
    zone: tzinfo
    actor: Actor
    client: ClientName
    repository: str

    def submission(self) -> AbstractAsyncContextManager[Submission]:
        """The body's file, params and metadata."""
        return submission(self.request.receive, headers_of(self.request.scope), self.services.reader, self.limits)


async def _in_client(request: Request) -> Call:
    return await _call(request, needs_repository=False)


async def _in_repository(request: Request) -> Call:
    return await _call(request, needs_repository=True)


async def _call(request: Request, *, needs_repository: bool) -> Call:
    state = request.app.state
    services: Services = state.services
    caller = caller_of(headers_of(request.scope), needs_repository=needs_repository)
    actor = admit(request, await actor_of(caller, services.authenticator))
    return Call(request, services, state.limits, state.zone, actor, caller.client, caller.repository)


InClient = Annotated[Call, Depends(_in_client)]
InRepository = Annotated[Call, Depends(_in_repository)]
