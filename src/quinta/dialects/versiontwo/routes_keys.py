"""API keys (contract versiontwo 5.7)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.access.model import KeyPermission
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.bodies import LONGEST_NAME
from quinta.dialects.versiontwo.calls import Authenticated, Looking
from quinta.dialects.versiontwo.convert import key_body
from quinta.dialects.versiontwo.documentation import NAME, NO_CONTENT, paged, takes
from quinta.dialects.versiontwo.identifiers import Noun, row_id, wire_id
from quinta.dialects.versiontwo.pages import next_part, page_of

_PERMISSIONS = {"type": "array", "items": {"enum": [str(item) for item in KeyPermission]}, "minItems": 1}

router = APIRouter(prefix="/api-keys", tags=["API keys"])


@router.get("", openapi_extra=paged(), response_model_exclude_unset=True)
async def api_keys_list(call: Authenticated) -> shapes.ApiKeys:
    """The keys of the key's user, newest first, without their secrets."""
    page = page_of(call.query)
    found = await call.services.keys.list(call.actor, limit=page.asked, before=page.before)
    shown, cursor = page.shown(found, lambda key: key.id)
    return shapes.ApiKeys(api_keys=[key_body(key) for key in shown], **next_part(cursor))


@router.post(
    "", status_code=201, openapi_extra=takes({"name": NAME, "permissions": _PERMISSIONS}, "name", "permissions")
)
async def api_keys_create(call: Authenticated, response: Response) -> shapes.NewApiKey:
    """Makes a key; the answer is the only one that has its secret. It may do what the key that asks may, at most."""
    members = await call.members()
    name = members.required_text("name", longest=LONGEST_NAME)
    permissions = members.required_texts("permissions")
    key, secret = await call.services.keys.create(call.actor, name, permissions)
    response.headers.update(call.location("api-keys", wire_id(Noun.KEY, key.id)))
    response.headers["Cache-Control"] = "no-store"
    return shapes.NewApiKey(**key_body(key).model_dump(), key=secret)


@router.delete("/{key_id}", status_code=204, response_class=Response, responses=NO_CONTENT)
async def api_keys_delete(call: Looking, key_id: str) -> Response:
    """Revokes a key at once; any key may revoke itself."""
    await call.services.keys.delete(call.actor, row_id(Noun.KEY, key_id))
    return Response(status_code=204)
