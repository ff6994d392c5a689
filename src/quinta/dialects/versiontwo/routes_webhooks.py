"""Webhooks and what was delivered to them (contract versiontwo 5.8)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.webhooks.model import WebhookEvent
from quinta.core.webhooks.url import MAXIMUM_URL
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.calls import Authenticated
from quinta.dialects.versiontwo.convert import delivery_body, delivery_item, webhook_body
from quinta.dialects.versiontwo.documentation import NO_CONTENT, paged, takes, takes_object
from quinta.dialects.versiontwo.identifiers import Noun, row_id, wire_id
from quinta.dialects.versiontwo.pages import next_part, page_of

_MEMBERS = {
    "url": {"type": "string", "format": "uri", "maxLength": MAXIMUM_URL},
    "events": {"type": "array", "items": {"enum": [str(event) for event in WebhookEvent]}, "minItems": 1},
}

router = APIRouter(prefix="/projects/{project_id}/webhooks", tags=["Webhooks"])


@router.get("", openapi_extra=paged(), response_model_exclude_unset=True)
async def webhooks_list(call: Authenticated, project_id: str) -> shapes.Webhooks:
    """The project's webhooks, newest first, without their secrets."""
    page = page_of(call.query)
    project = row_id(Noun.PROJECT, project_id)
    found = await call.services.webhooks.find(call.actor, project, limit=page.asked, before=page.before)
    shown, cursor = page.shown(found, lambda webhook: webhook.id)
    return shapes.Webhooks(webhooks=[webhook_body(webhook) for webhook in shown], **next_part(cursor))


@router.post("", status_code=201, openapi_extra=takes(_MEMBERS, "url", "events"))
async def webhooks_create(call: Authenticated, project_id: str, response: Response) -> shapes.NewWebhook:
    """Has an address called when something happens; the answer is the only one that has the secret which signs."""
    members = await call.members()
    url = members.required_text("url", longest=MAXIMUM_URL)
    events = members.required_texts("events")
    webhook, secret = await call.services.webhooks.create(call.actor, row_id(Noun.PROJECT, project_id), url, events)
    response.headers.update(call.location("projects", project_id, "webhooks", wire_id(Noun.WEBHOOK, webhook.id)))
    response.headers["Cache-Control"] = "no-store"
    return shapes.NewWebhook(**webhook_body(webhook).model_dump(), secret=secret)


@router.get("/{webhook_id}")
async def webhooks_get(call: Authenticated, project_id: str, webhook_id: str) -> shapes.Webhook:
    """One webhook."""
    return webhook_body(await call.services.webhooks.get(call.actor, *_ids(project_id, webhook_id)))


@router.delete("/{webhook_id}", status_code=204, response_class=Response, responses=NO_CONTENT)
async def webhooks_delete(call: Authenticated, project_id: str, webhook_id: str) -> Response:
    """Deletes a webhook: nothing more is sent to it."""
    await call.services.webhooks.delete(call.actor, *_ids(project_id, webhook_id))
    return Response(status_code=204)


@router.get("/{webhook_id}/deliveries", openapi_extra=paged(), response_model_exclude_unset=True)
async def deliveries_list(call: Authenticated, project_id: str, webhook_id: str) -> shapes.Deliveries:
    """What was sent to the webhook, or is on its way, newest first."""
    page = page_of(call.query)
    project, webhook = _ids(project_id, webhook_id)
    found = await call.services.webhooks.deliveries(call.actor, project, webhook, limit=page.asked, before=page.before)
    shown, cursor = page.shown(found, lambda delivery: delivery.id)
    return shapes.Deliveries(deliveries=[delivery_item(delivery) for delivery in shown], **next_part(cursor))


@router.get("/{webhook_id}/deliveries/{delivery_id}")
async def deliveries_get(call: Authenticated, project_id: str, webhook_id: str, delivery_id: str) -> shapes.Delivery:
    """One delivery, with what is sent."""
    ids = (*_ids(project_id, webhook_id), row_id(Noun.DELIVERY, delivery_id))
    return delivery_body(await call.services.webhooks.delivery(call.actor, *ids))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    openapi_extra=takes_object({"type": "object"}, required=False),
)
async def deliveries_redeliver(
    call: Authenticated, project_id: str, webhook_id: str, delivery_id: str
) -> shapes.Delivery:
    """Sends a delivery again, the same body with the same event id."""
    await call.object_text(may_be_empty=True)
    ids = (*_ids(project_id, webhook_id), row_id(Noun.DELIVERY, delivery_id))
    return delivery_body(await call.services.webhooks.redeliver(call.actor, *ids))


def _ids(project_id: str, webhook_id: str) -> tuple[str, str]:
    return row_id(Noun.PROJECT, project_id), row_id(Noun.WEBHOOK, webhook_id)
