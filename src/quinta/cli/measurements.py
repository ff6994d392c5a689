"""``GET /metrics``: totals for everybody, series by version for staff (decision 0020)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from quinta.core.access.authentication import Authenticator
from quinta.core.access.model import Actor
from quinta.core.errors import NotAuthenticated, NotPermitted, QuintaError, Unavailable
from quinta.core.observation.refusals import Attempt, Refusals
from quinta.dialects.base.callers import secret_of
from quinta.engine.measurements import Measurements

_TEXT = b"text/plain; version=0.0.4; charset=utf-8"
_KEYWORDS = ("bearer", "token")
_STATUS: dict[type[QuintaError], int] = {NotAuthenticated: 401, NotPermitted: 403, Unavailable: 503}

Page = tuple[int, bytes, bytes]
"""Status, content type, body."""


async def measurements_page(
    headers: Mapping[bytes, bytes], measurements: Measurements, authenticator: Authenticator, refusals: Refusals
) -> Page:
    """The page for who calls. A key that is not known, or not of a staff account, is refused: whoever sends one wants
    more than the totals, and should hear why there is no more."""
    header = headers.get(b"authorization")
    if header is None:
        return 200, _TEXT, await measurements.text()
    actor: Actor | None = None
    try:
        actor = await authenticator.authenticate(secret_of(header, _KEYWORDS))
        if not actor.is_staff:
            raise NotPermitted("series by version are for staff accounts; without a key the page has the totals")
    except (NotAuthenticated, NotPermitted, Unavailable) as error:
        refusals.note(error, Attempt(actor, "GET", "/metrics"))
        return _STATUS[type(error)], b"application/json", json.dumps({"error": error.message}).encode()
    return 200, _TEXT, await measurements.text(by_version=True)
