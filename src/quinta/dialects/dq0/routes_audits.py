"""The audit trail (contract dq0 4.2, 5.6)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.convert import audit_body
from quinta.dialects.dq0.documentation import paged_as_it_is
from quinta.dialects.dq0.listing import listing_of

router = APIRouter(tags=["audits"])


@router.get("/audits", name="AuditList", openapi_extra=paged_as_it_is())
async def audit_list(call: Authenticated) -> shapes.Audits:
    """Newest first: all for administrators, what concerns their data for owners."""
    listing = listing_of(call.query, {})
    found = await call.quarantine.audit.find(call.actor, listing.paging)
    return shapes.Audits(**listing.body(found, [audit_body(entry) for entry in found.items]))
