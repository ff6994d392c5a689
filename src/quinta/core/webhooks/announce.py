"""Puts what happened on its way to the webhooks that want to hear of it (contract versiontwo 5.8)."""

from __future__ import annotations

import json
from datetime import datetime

from quinta.core.deployments.model import Deployment
from quinta.core.ports import UnitOfWork
from quinta.core.scope import in_project
from quinta.core.webhooks.model import Webhook, WebhookDelivery, WebhookDeliveryStatus, WebhookEvent
from quinta.kit.ids import new_id


async def announce(
    work: UnitOfWork, project_id: str, event: WebhookEvent, deployment: Deployment, now: datetime
) -> None:
    """Writes a delivery for each webhook of the project that asked for ``event``, in this transaction."""
    scope, event_id = in_project(project_id), new_id()
    told = {
        "id": event_id,
        "event": event.value,
        "created_at": now.isoformat(),
        "project_id": project_id,
        "data": {"deployment": {"id": deployment.id, "version": deployment.version, "status": deployment.status.value}},
    }
    for webhook in await work.of(Webhook, scope).find():
        if event in webhook.events:
            delivery = WebhookDelivery(
                id=new_id(),
                webhook_id=webhook.id,
                project_id=project_id,
                event_id=event_id,
                event=event,
                body=json.dumps(told),
                status=WebhookDeliveryStatus.PENDING,
                created_at=now,
                updated_at=now,
            )
            await work.of(WebhookDelivery, scope).add(delivery)
