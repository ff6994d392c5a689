"""Webhooks and their deliveries: making, seeing, deleting, sending again (contract versiontwo 5.8, decision 0031)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from quinta.core.access.decide import project_by_id
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput, LimitReached, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.ports import Between, Secrets, Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.webhooks.model import Webhook, WebhookDelivery, WebhookDeliveryStatus, WebhookEvent
from quinta.core.webhooks.signing import new_secret
from quinta.core.webhooks.url import check_url
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

MOST_WEBHOOKS: Final = 20
"""Of a project: each event writes a row for each, in the transaction of the deployment."""


class CreatedWebhook(NamedTuple):
    """``secret`` is shown this one time."""

    webhook: Webhook
    secret: str


class Webhooks:
    """Use cases about webhooks. All need the right to change the project: a URL may let in who knows it.

    ``private``: whether URLs may lead to addresses that are not public.
    """

    def __init__(self, store: Store, clock: Clock, secrets: Secrets, *, private: bool) -> None:
        self._store = store
        self._clock = clock
        self._secrets = secrets
        self._private = private

    async def create(self, actor: Actor, project_id: str, url: str, events: Sequence[str]) -> CreatedWebhook:
        """Has ``url`` called when one of ``events`` (values of WebhookEvent) happens in the project.

        InvalidInput with the field ``url`` or ``events``; LimitReached beyond 20 webhooks of a project.
        """
        async with self._store.begin() as work:
            project = await project_by_id(work, actor, project_id, Permission.PROJECTS_UPDATE)
            check_url(url, private=self._private)
            wanted = _known_events(events)
            webhooks = work.of(Webhook, in_project(project.id))
            await webhooks.lock_all()  # two at once must not both be the twentieth: the later one counts the other
            if await webhooks.count() >= MOST_WEBHOOKS:
                raise LimitReached(f"the project has {MOST_WEBHOOKS} webhooks already: delete one first")
            webhook_id, secret = new_id(), new_secret()
            sealed = self._secrets.seal(secret, webhook_id)
            webhook = Webhook(webhook_id, project.id, url, wanted, sealed, self._clock.now())
            await webhooks.add(webhook)
            work.emit(_event(EventName.WEBHOOK_CREATED, webhook.id, webhook, actor))
        return CreatedWebhook(webhook, secret)

    async def find(self, actor: Actor, project_id: str, *, limit: int = 50, before: str | None = None) -> list[Webhook]:
        """Up to ``limit`` webhooks of the project, newest first; with ``before`` those older than that id."""
        async with self._store.read() as work:
            project = await project_by_id(work, actor, project_id, Permission.PROJECTS_UPDATE)
            return await work.of(Webhook, in_project(project.id)).find(
                order=("-id",), limit=limit, **_older_than(before)
            )

    async def get(self, actor: Actor, project_id: str, webhook_id: str) -> Webhook:
        async with self._store.read() as work:
            return await _webhook(work, actor, project_id, webhook_id)

    async def delete(self, actor: Actor, project_id: str, webhook_id: str) -> None:
        """Removes the webhook with its deliveries: nothing more is sent, and what is being sent is broken off."""
        async with self._store.begin() as work:
            webhook = await _webhook(work, actor, project_id, webhook_id)
            scope = in_project(webhook.project_id)
            await work.of(Webhook, scope).lock_all(id=webhook.id)
            # In the order in which the loop locks what it settles, so that neither waits for the other for ever.
            await work.of(WebhookDelivery, scope).lock_all(webhook_id=webhook.id)
            await work.of(Webhook, scope).remove(id=webhook.id)
            work.emit(_event(EventName.WEBHOOK_DELETED, webhook.id, webhook, actor))

    async def deliveries(
        self, actor: Actor, project_id: str, webhook_id: str, *, limit: int = 50, before: str | None = None
    ) -> list[WebhookDelivery]:
        """Up to ``limit`` deliveries to the webhook, newest first; with ``before`` those older than that id."""
        async with self._store.read() as work:
            webhook = await _webhook(work, actor, project_id, webhook_id)
            return await work.of(WebhookDelivery, in_project(webhook.project_id)).find(
                order=("-id",), limit=limit, webhook_id=webhook.id, **_older_than(before)
            )

    async def delivery(self, actor: Actor, project_id: str, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        async with self._store.read() as work:
            webhook = await _webhook(work, actor, project_id, webhook_id)
            return await _delivery(work, webhook, delivery_id)

    async def redeliver(self, actor: Actor, project_id: str, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """Sends a delivery again at once, with all its tries: one that has ended, or one that waits for its next try.

        Body and event id stay. StateConflict while it is on its way."""
        async with self._store.begin() as work:
            webhook = await _webhook(work, actor, project_id, webhook_id)
            delivery = await _delivery(work, webhook, delivery_id)
            deliveries = work.of(WebhookDelivery, in_project(webhook.project_id))
            delivery = await deliveries.lock(delivery.id)
            on_its_way = (WebhookDeliveryStatus.PENDING, WebhookDeliveryStatus.SENDING)
            if delivery.status in on_its_way and delivery.next_try_at is None:
                raise StateConflict("the delivery is on its way already", field="delivery")
            await deliveries.change(
                delivery.id,
                status=WebhookDeliveryStatus.PENDING,
                attempts=0,
                lease_expires_at=None,
                updated_at=self._clock.now(),
            )
            work.emit(_event(EventName.WEBHOOK_DELIVERY_REQUESTED, delivery.id, webhook, actor))
            return await _delivery(work, webhook, delivery_id)


def _known_events(events: Sequence[str]) -> tuple[WebhookEvent, ...]:
    """Each once, in the order given."""
    if not events:
        raise InvalidInput("name at least one event", field="events")
    known = {event.value: event for event in WebhookEvent}
    unknown = [event for event in events if event not in known]
    if unknown:
        raise InvalidInput(f"there is no event '{unknown[0][:80]}'; there are {', '.join(known)}", field="events")
    return tuple(dict.fromkeys(known[event] for event in events))


def _older_than(before: str | None) -> dict[str, Any]:
    return {} if before is None else {"id": Between(end=before)}


async def _webhook(work: UnitOfWork, actor: Actor, project_id: str, webhook_id: str) -> Webhook:
    project = await project_by_id(work, actor, project_id, Permission.PROJECTS_UPDATE)
    found = await work.of(Webhook, in_project(project.id)).get(id=webhook_id)
    if found is None:
        raise NotFound("there is no such webhook in the project")
    return found


async def _delivery(work: UnitOfWork, webhook: Webhook, delivery_id: str) -> WebhookDelivery:
    found = await work.of(WebhookDelivery, in_project(webhook.project_id)).get(id=delivery_id, webhook_id=webhook.id)
    if found is None:
        raise NotFound("there is no such delivery to the webhook")
    return found


def _event(name: EventName, subject_id: str, webhook: Webhook, actor: Actor) -> Event:
    return Event(name, subject_id, (f"webhook:{webhook.id}",), actor.user_id, webhook.project_id)
