"""What a face tells the audit trail of calls that the core refused (decision 0024)."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from quinta.core.access.model import Actor
from quinta.core.errors import QuintaError
from quinta.core.observation.refusals import Attempt, Refusals


def tell_refusal(refusals: Refusals, call: HTTPConnection, error: QuintaError) -> None:
    """For a face's handler of the core's errors. The path is told as its template, so that no name or id in it becomes
    part of the trail, nor the query. The prefix tells the face."""
    route = call.scope.get("route")
    template = getattr(route, "path_format", "")
    actor: Actor | None = getattr(call.state, "actor", None)
    refusals.note(error, Attempt(actor, call.scope["method"], f"{call.scope['root_path']}{template}"))
