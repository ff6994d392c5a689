"""What a route is handed: one call by someone we know, with everything it needs to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from quinta.core.access.model import Actor, KeyPermission
from quinta.core.commits.models import ModelJobs
from quinta.core.errors import InvalidInput
from quinta.core.services import Services
from quinta.core.tracking.tracking import Tracking
from quinta.dialects.base.admission import admit
from quinta.dialects.base.bodies import Headers, headers_of, read_body
from quinta.dialects.base.uploads import Limits
from quinta.dialects.mlflow.auth import actor_of
from quinta.dialects.mlflow.members import Members

_scheme = HTTPBearer(auto_error=False, description="An API key.")


@dataclass(frozen=True, slots=True)
class Call:
    request: Request
    tracking: Tracking
    model_jobs: ModelJobs
    actor: Actor

    @property
    def limits(self) -> Limits:
        limits: Limits = self.request.app.state.limits
        return limits

    @property
    def headers(self) -> Headers:
        return headers_of(self.request.scope)

    @property
    def query(self) -> Members:
        """The last value of each parameter."""
        return Members(dict(self.request.query_params))

    async def members(self) -> Members:
        """Those of the object in the body; none in an empty one."""
        services: Services = self.request.app.state.services
        body = await read_body(self.request.receive, self.headers, self.limits.maximum_body_bytes)
        if not body.strip():
            return Members({})
        value: Any = await services.reader.value(body)
        if not isinstance(value, Mapping):
            raise InvalidInput("the body must be a JSON object")
        return Members(value)


async def _call(request: Request, needed: KeyPermission | None) -> Call:
    services: Services = request.app.state.services
    actor = await actor_of(headers_of(request.scope), services.authenticator)
    quarantine = services.quarantine
    return Call(request, quarantine.tracking, quarantine.model_jobs, admit(request, actor, needed))


async def _authenticated(request: Request, _: Annotated[object, Security(_scheme)]) -> Call:
    return await _call(request, None)


async def _looking(request: Request, _: Annotated[object, Security(_scheme)]) -> Call:
    return await _call(request, KeyPermission.READ)


Authenticated = Annotated[Call, Depends(_authenticated)]
Looking = Annotated[Call, Depends(_looking)]
"""For searches, which are POSTs that change nothing."""
