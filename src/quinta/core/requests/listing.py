"""Which batch requests a caller asks for: the same rules for requests to models and to pipelines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from quinta.core.errors import InvalidInput, NotFound
from quinta.core.requests.model import RequestStatus
from quinta.kit.ids import parse_id

MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """Which requests to list. ``success`` true means completed, false every other state."""

    status: RequestStatus | None = None
    success: bool | None = None
    limit: int = 50
    offset: int = 0
    newest_first: bool = True

    def conditions(self) -> dict[str, Any]:
        """For Repository.find; InvalidInput when limit or offset are out of range (contract ubiops 5.5, 10.42)."""
        if not 1 <= self.limit <= MOST_LISTED:
            raise InvalidInput(f"limit must be from 1 to {MOST_LISTED}, not {self.limit}", field="limit")
        if self.offset < 0:
            raise InvalidInput(f"offset must not be negative, and is {self.offset}", field="offset")
        wanted = {self.status} if self.status is not None else set(RequestStatus)
        if self.success is not None:
            wanted &= {RequestStatus.COMPLETED} if self.success else set(RequestStatus) - {RequestStatus.COMPLETED}
        order = ("-id",) if self.newest_first else ("id",)
        return {"status": tuple(wanted), "order": order, "limit": self.limit, "offset": self.offset}


def known_ids(given: Sequence[Any], most: int) -> list[str]:
    """Request ids of a body, each once; InvalidInput for one that is no UUID, or for none or more than ``most``."""
    if not 1 <= len(given) <= most:
        raise InvalidInput(f"1 to {most} request ids are taken at a time, not {len(given)}")
    known: dict[str, None] = {}
    for item in given:
        request_id = parse_id(item)
        if request_id is None:
            raise InvalidInput(f"'{str(item)[:80]}' is not the id (UUID) of a request")
        known[request_id] = None
    return list(known)


def require_all(known: Collection[str], found: Collection[str]) -> None:
    """NotFound when one of the ids was not found: all or nothing (contract ubiops 3.4)."""
    missing = set(known) - set(found)
    if missing:
        raise NotFound(f"there is no request with the id '{min(missing)}'")
