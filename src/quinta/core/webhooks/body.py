"""What receivers are sent (contract versiontwo 5.8): its form is the wire's, since it is stored and signed as it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from quinta.core.deployments.model import Deployment
from quinta.core.webhooks.model import WebhookEvent
from quinta.kit.ids import short_id


def event_body(event_id: str, event: WebhookEvent, deployment: Deployment, now: datetime) -> str:
    """JSON in ASCII: the event, and the deployment with the members that the API answers (contract versiontwo 5.3)."""
    told = {
        "id": wire_event_id(event_id),
        "event": event.value,
        "created_at": _moment(now),
        "project_id": f"proj_{short_id(deployment.project_id)}",
        "data": {"deployment": _deployment(deployment)},
    }
    return json.dumps(told, separators=(",", ":"))


def wire_event_id(event_id: str) -> str:
    """The event's id as receivers know it: the same in every try and every redelivery."""
    return f"evt_{short_id(event_id)}"


def _deployment(item: Deployment) -> dict[str, Any]:
    return {
        "id": f"dep_{short_id(item.id)}",
        "project_id": f"proj_{short_id(item.project_id)}",
        "version": item.version,
        "environment": item.environment,
        "status": item.status.value,
        "config": json.loads(item.config),
        "created_at": _moment(item.created_at),
        "started_at": None if item.started_at is None else _moment(item.started_at),
        "finished_at": None if item.finished_at is None else _moment(item.finished_at),
        "error": item.error_message,
        "reason": item.reason,
        "rollback_of": None if item.rollback_of is None else f"dep_{short_id(item.rollback_of)}",
    }


def _moment(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds (contract versiontwo 2)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
