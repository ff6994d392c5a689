"""Puts what happened on its way to the webhooks that want to hear of it (contract versiontwo 5.8)."""

from __future__ import annotations

from datetime import datetime

from quinta.core.deployments.model import Deployment
from quinta.core.ports import UnitOfWork
from quinta.core.scope import in_project
from quinta.core.webhooks.body import event_body
from quinta.core.webhooks.model import Webhook, WebhookDelivery, WebhookDeliveryStatus, WebhookEvent
from quinta.kit.ids import new_id


async def announce(
    work: UnitOfWork, project_id: str, event: WebhookEvent, deployment: Deployment, now: datetime
) -> None:
    """Writes a delivery for each webhook of the project that asked for ``event``, in this transaction: what is told has
    happened, and what has happened is told. ``deployment`` is as it is after the change."""
    webhooks = work.of(Webhook, in_project(project_id))
    if not any(event in webhook.events for webhook in await webhooks.find()):
        return
    there = await webhooks.lock_all(sharing=True)  # one that is deleted meanwhile must not fail the deployment
    event_id = new_id()
    body = event_body(event_id, event, deployment, now)
    deliveries = [
        WebhookDelivery(
            id=new_id(),
            webhook_id=webhook.id,
            project_id=project_id,
            event_id=event_id,
            event=event,
            body=body,
            status=WebhookDeliveryStatus.PENDING,
            created_at=now,
            updated_at=now,
        )
        for webhook in await webhooks.find(id=there)
        if event in webhook.events
    ]
    await work.of(WebhookDelivery, in_project(project_id)).add(*deliveries)
