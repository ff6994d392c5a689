"""What a route is handed: one call, with everything it needs to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from quinta.core.access.actions import NUMBERS
from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotAuthenticated
from quinta.core.quarantine import Quarantine
from quinta.core.services import Services
from quinta.core.tenancy.registration import Device
from quinta.dialects.base.admission import admit
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.base.callers import secret_of
from quinta.dialects.base.uploads import Limits, uploaded_body
from quinta.dialects.dq0.listing import number_in
from quinta.dialects.dq0.members import Members, read_members
from quinta.kit.clock import Clock

KEYWORDS = ("bearer", "token")
SEALED = "quinta.dq0.sealed"
"""The key in the scope of a call that came sealed; its value is the Device that has signed it."""
USER = "quinta.dq0.user"
"""Beside it: the e-mail of who the gateway believes calls, "" where it says none."""

_scheme = HTTPBearer(auto_error=False, description="A session token from `auth/login`, or an API key.")


@dataclass(frozen=True, slots=True)
class Visit:
    """A call by anyone."""

    request: Request
    services: Services
    limits: Limits
    clock: Clock

    @property
    def quarantine(self) -> Quarantine:
        return self.services.quarantine

    @property
    def address(self) -> str:
        """Where the call comes from: the last hop's."""
        client = self.request.client
        return "" if client is None else client.host

    @property
    def device(self) -> Device | None:
        """What has signed the call, where it came sealed."""
        device: Device | None = self.request.scope.get(SEALED)
        return device

    @property
    def query(self) -> Mapping[str, str]:
        """The last value of each parameter."""
        return self.request.query_params

    async def members(self) -> Members:
        """The members of the body; none where it is empty or null."""
        return await read_members(
            self.request.receive,
            headers_of(self.request.scope),
            self.services.reader,
            self.limits.maximum_body_bytes,
        )


@dataclass(frozen=True, slots=True)
class Call(Visit):
    """A call by someone we know."""

    actor: Actor

    def upload(self) -> AbstractAsyncContextManager[Path]:
        """The body as a file on disk."""
        return uploaded_body(
            self.request.receive,
            headers_of(self.request.scope),
            folder=self.limits.staging,
            limit=self.limits.maximum_upload_bytes,
        )

    async def user_asked(self) -> str | None:
        """The id of the user that a list is filtered by; None for all, "" where it is nobody's."""
        number = number_in(self.query, "user_id")
        return (await self.quarantine.overviews.user_id(number) or "") if number else None

    def flag(self, name: str) -> bool:
        """A parameter that is true or false; false where it is not given."""
        value = self.query.get(name, "").lower()
        if value not in ("", "0", "1", "false", "true"):
            raise InvalidInput(f"'{name}' must be true or false", field=name)
        return value in ("1", "true")


def _visit(request: Request) -> Visit:
    state = request.app.state
    return Visit(request, state.services, state.limits, state.clock)


async def _call(request: Request, _: Annotated[object, Security(_scheme)]) -> Call:
    """NotAuthenticated when nobody knows who calls, or a device signed that is not the caller's; NotPermitted when the
    key is not good for it, or the action is closed to the caller's roles."""
    state = request.app.state
    services: Services = state.services
    actor = admit(request, await _known(request, services))
    if (action := request.scope["route"].name) in NUMBERS:
        await services.quarantine.actions.require(actor, action)
    return Call(request, services, state.limits, state.clock, actor)


async def _known(request: Request, services: Services) -> Actor:
    authorization = headers_of(request.scope).get(b"authorization")
    if authorization is None:
        raise NotAuthenticated("not logged in, please run 'dq0 user login'", refusal=False)
    actor = await services.authenticator.authenticate(secret_of(authorization, KEYWORDS))
    device: Device | None = request.scope.get(SEALED)
    if device is not None:
        await services.quarantine.sealed_calls.require_device(actor, device.public_key, request.scope[USER])
    return actor


Anyone = Annotated[Visit, Depends(_visit)]
Authenticated = Annotated[Call, Depends(_call)]
