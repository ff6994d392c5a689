"""Signing in from a program without a browser (contract brainstem 4.4, RFC 8628)."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException

from quinta.core.access.devices import GRANT_LASTS, POLL_SECONDS, PollStatus
from quinta.dialects.brainstem.approval_page import PATH
from quinta.dialects.brainstem.calls import Anyone
from quinta.dialects.brainstem.routes_tokens import not_kept
from quinta.dialects.brainstem.shapes_sign_in import DevicePoll, DeviceStarted

router = APIRouter(prefix="/auth/device", tags=["Sign-in"], dependencies=[Depends(not_kept)])


@router.post("")
async def device_start(visit: Anyone) -> DeviceStarted:
    """Codes for a program: it polls with one, a person approves the other."""
    fields = await visit.fields(("client_name",))
    name = fields.text("client_name", blank=True)
    fields.check()
    started = await visit.services.devices.start(name if isinstance(name, str) else "", visit.address)
    url = visit.request.url
    page = f"{url.scheme}://{url.netloc}{PATH}"
    return DeviceStarted(
        device_code=started.device_code,
        user_code=started.grant.user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?session={started.grant.session}",
        interval=POLL_SECONDS,
        expires_in=int(GRANT_LASTS.total_seconds()),
        session_id=started.grant.session,
    )


@router.post("/token", response_model_exclude_none=True)
async def device_poll(visit: Anyone) -> DevicePoll:
    """What has become of a sign-in: 200 whatever it is, since clients take any other status for a fault."""
    try:
        fields = await visit.fields(("device_code",))
        code = fields.text("device_code", required=True)
        fields.check()
    except HTTPException:
        return DevicePoll(error="invalid_request")
    answer = await visit.services.devices.poll(str(code))
    if answer.status in (PollStatus.PENDING, PollStatus.SUCCESS):
        return DevicePoll.model_validate({"status": answer.status, "token": answer.token})
    return DevicePoll.model_validate({"error": answer.status})
