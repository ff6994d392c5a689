"""What a route is handed: one call by someone we know, counted, with everything it needs to be answered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from quinta.core.access.model import Actor, KeyPermission
from quinta.core.errors import NotAuthenticated, TooManyRequests
from quinta.core.services import Services
from quinta.dialects.base.admission import admit, needed_for
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.versiontwo.auth import secret_in
from quinta.dialects.versiontwo.bodies import Members, members_in, read_object
from quinta.dialects.versiontwo.replies import current
from quinta.kit.clock import Clock

_scheme = HTTPBearer(auto_error=False, description="An API key.")


@dataclass(frozen=True, slots=True)
class Call:
    request: Request
    services: Services
    actor: Actor

    @property
    def query(self) -> Mapping[str, str]:
        """The last value of each parameter."""
        return self.request.query_params

    async def object_text(self, *, may_be_empty: bool = False) -> str:
        """The JSON text of the object in the body."""
        return await read_object(
            self.request.receive,
            headers_of(self.request.scope),
            self.services.reader,
            self.request.app.state.maximum_body_bytes,
            may_be_empty=may_be_empty,
        )

    async def members(self) -> Members:
        return members_in(await self.object_text())

    def location(self, *parts: str) -> dict[str, str]:
        """The header that says where what was made is."""
        return {"Location": "/".join((self.request.scope["root_path"], *parts))}


async def _known(request: Request) -> Actor:
    """Who makes the call, which counts against the key's budget, or against the address' where nobody has the key."""
    services: Services = request.app.state.services
    secret = secret_in(headers_of(request.scope))
    try:
        actor = await services.authenticator.authenticate(secret)
    except NotAuthenticated:
        await _count(request, f"address:{'' if request.client is None else request.client.host}")
        raise
    await _count(request, f"key:{actor.key_id}")
    return actor


async def _count(request: Request, subject: str) -> None:
    """TooManyRequests when the budget of the window is used up."""
    services: Services = request.app.state.services
    clock: Clock = request.app.state.clock
    budget = await services.rate_limits.count(subject)
    current().budget = budget
    if budget is not None and not budget.allowed:
        wait = math.ceil((budget.reset_at - clock.now()).total_seconds())
        raise TooManyRequests(
            f"{budget.limit} calls a minute are allowed: wait {max(wait, 1)} seconds", wait_seconds=max(wait, 1)
        )


async def _call(request: Request, needed: KeyPermission) -> Call:
    return Call(request, request.app.state.services, admit(request, await _known(request), needed))


async def _authenticated(request: Request, _: Annotated[object, Security(_scheme)]) -> Call:
    return await _call(request, needed_for(request.scope["method"]))


async def _deploying(request: Request, _: Annotated[object, Security(_scheme)]) -> Call:
    return await _call(request, KeyPermission.DEPLOY)


async def _looking(request: Request, _: Annotated[object, Security(_scheme)]) -> Call:
    return await _call(request, KeyPermission.READ)


Authenticated = Annotated[Call, Depends(_authenticated)]
Deploying = Annotated[Call, Depends(_deploying)]
"""For what a key with the permission deploy may do."""
Looking = Annotated[Call, Depends(_looking)]
"""For what any key may do: the core says which one may do more."""
