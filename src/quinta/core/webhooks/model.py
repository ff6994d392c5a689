"""What webhooks and their deliveries are (contract versiontwo 5.8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class WebhookEvent(StrEnum):
    """What may be told."""

    DEPLOYMENT_STARTED = "deployment.started"
    DEPLOYMENT_COMPLETED = "deployment.completed"
    DEPLOYMENT_FAILED = "deployment.failed"
    DEPLOYMENT_ROLLED_BACK = "deployment.rolled_back"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that is called when one of ``events`` happens in the project. ``secret``, sealed (core.ports.Secrets) with
    the webhook's id as owner, signs each call."""

    id: str
    project_id: str
    url: str
    events: tuple[WebhookEvent, ...]
    secret: str
    created_at: datetime


class WebhookDeliveryStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


ENDED_DELIVERIES: Final = frozenset({WebhookDeliveryStatus.DELIVERED, WebhookDeliveryStatus.FAILED})


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event on its way to one webhook. ``body`` is the exact text that is sent and signed.

    ``tries`` counts calls that were made, ``attempts`` those since it was last asked for. ``response_status`` is the
    last one's HTTP status, ``error_message`` and ``reason`` (a code of core.reasons.Reason) why it failed.
    """

    id: str
    webhook_id: str
    project_id: str
    event_id: str
    event: WebhookEvent
    body: str
    status: WebhookDeliveryStatus
    created_at: datetime
    updated_at: datetime
    tries: int = 0
    response_status: int | None = None
    error_message: str | None = None
    reason: str | None = None
    delivered_at: datetime | None = None
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0

    @property
    def next_try_at(self) -> datetime | None:
        """When it is tried again after a failed try. It keeps the status of sending meanwhile, under a lease that
        nobody holds."""
        waits = self.status is WebhookDeliveryStatus.SENDING and self.lease_token is None
        return self.lease_expires_at if waits else None

    @property
    def shown_status(self) -> WebhookDeliveryStatus:
        """The status for people: what waits for its next try is pending."""
        return WebhookDeliveryStatus.PENDING if self.next_try_at is not None else self.status
