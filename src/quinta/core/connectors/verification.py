"""Asking for a look at credentials or a connector, and what becomes of them when it was taken (contract ubiops 7.3)."""

from __future__ import annotations

from datetime import datetime

from quinta.core.connectors.model import (
    Connector,
    ConnectorStatus,
    Credentials,
    Verification,
    VerificationStatus,
)
from quinta.core.events import Event, EventName
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Failure
from quinta.core.scope import in_project
from quinta.kit.ids import new_id

MAXIMUM_ERROR_MESSAGE = 500
"""A longer one makes the client of contract ubiops 0.8 raise."""
PENDING = {"status": ConnectorStatus.PENDING_VERIFICATION, "error_message": "", "reason": None}


async def verify_credentials(work: UnitOfWork, item: Credentials, now: datetime) -> None:
    """Queues a look at the credentials and at every connector that signs in with them. Their status is set here for
    the connectors; the caller sets that of the credentials with its other changes (``PENDING``)."""
    await _queue(work, now, item.project_id, credentials_id=item.id)
    connectors = work.of(Connector, in_project(item.project_id))
    for connector in await connectors.find(credentials_id=item.id, order=("id",)):
        await connectors.change(connector.id, **PENDING)
        await verify_connector(work, connector, now)
        tags = (f"connector:{connector.id}",)
        work.emit(Event(EventName.CONNECTOR_CHANGED, connector.id, tags, None, item.project_id))


async def verify_connector(work: UnitOfWork, item: Connector, now: datetime) -> None:
    """Queues a look at the connector; the caller sets its status (``PENDING``)."""
    await _queue(work, now, item.project_id, connector_id=item.id)


async def settle(work: UnitOfWork, verification: Verification, trouble: Failure | None) -> None:
    """Writes down what a look has found: None that all is well, else why not."""
    values: dict[str, object] = {
        "status": ConnectorStatus.AVAILABLE if trouble is None else ConnectorStatus.FAILED_VERIFICATION,
        "error_message": "" if trouble is None else trouble.message[:MAXIMUM_ERROR_MESSAGE],
        "reason": None if trouble is None else trouble.reason,
    }
    scope = in_project(verification.project_id)
    if verification.credentials_id is not None:
        await work.of(Credentials, scope).change(verification.credentials_id, **values)
        subject, name = verification.credentials_id, EventName.CREDENTIALS_VERIFIED
        tags = (f"credentials:{subject}",)
    elif verification.connector_id is not None:
        await work.of(Connector, scope).change(verification.connector_id, **values)
        subject, name = verification.connector_id, EventName.CONNECTOR_VERIFIED
        tags = (f"connector:{subject}",)
    else:
        raise ValueError(f"verification {verification.id} is about nothing")
    await work.of(Verification, scope).remove(id=verification.id)
    work.emit(Event(name, subject, tags, None, verification.project_id))


async def _queue(work: UnitOfWork, now: datetime, project_id: str, **subject: str) -> None:
    verifications = work.of(Verification, in_project(project_id))
    await verifications.remove(**subject)
    queued = Verification(
        id=new_id(),
        project_id=project_id,
        credentials_id=subject.get("credentials_id"),
        connector_id=subject.get("connector_id"),
        status=VerificationStatus.PENDING,
        created_at=now,
        updated_at=now,
    )
    await verifications.add(queued)
    work.emit(Event(EventName.VERIFICATION_REQUESTED, queued.id, (), None, project_id))
