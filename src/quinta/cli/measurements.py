"""``GET /metrics``: totals for everybody, series by version for staff (decision 0020)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from quinta.core.access.authentication import Authenticator
from quinta.core.errors import NotAuthenticated, Unavailable
from quinta.dialects.base.callers import secret_of
from quinta.engine.measurements import Measurements

_TEXT = b"text/plain; version=0.0.4; charset=utf-8"
_KEYWORDS = ("bearer", "token")

Page = tuple[int, bytes, bytes]
"""Status, content type, body."""


async def measurements_page(
    headers: Mapping[bytes, bytes], measurements: Measurements, authenticator: Authenticator
) -> Page:
    """The page for who calls. A key that is not known, or not of a staff account, is refused: whoever sends one wants
    more than the totals, and should hear why there is no more."""
    header = headers.get(b"authorization")
    if header is None:
        return 200, _TEXT, await measurements.text()
    try:
        actor = await authenticator.authenticate(secret_of(header, _KEYWORDS))
    except NotAuthenticated as error:
        return _refused(401, error.message)
    except Unavailable as error:
        return _refused(503, error.message)
    if not actor.is_staff:
        return _refused(403, "series by version are for staff accounts; without a key the page has the totals")
    return 200, _TEXT, await measurements.text(by_version=True)


def _refused(status: int, text: str) -> Page:
    return status, b"application/json", json.dumps({"error": text}).encode()
