"""The webhook loop: receivers are told what happened, at least once, in five tries (contract versiontwo 5.8)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

from quinta.core.events import Event, EventName
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLevel, LogLine
from quinta.core.ports import LogSink, Secrets, Store
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import in_project
from quinta.core.webhooks.body import wire_event_id
from quinta.core.webhooks.model import Webhook, WebhookDelivery, WebhookDeliveryStatus
from quinta.core.webhooks.signing import signature
from quinta.core.webhooks.url import parse_url
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.engine.webhooks.calling import Answer, Caller
from quinta.kit.clock import Clock

TRIES: Final = 5
MOST_IN_FLIGHT: Final = 64
MOST_FOR_PROJECT: Final = 8
MOST_FOR_ONE: Final = 2
"""Calls to one webhook: receivers that do not answer keep those of others from nothing, and a small one is not
flooded."""
_WAKING: Final = frozenset(
    {
        EventName.DEPLOYMENT_COMPLETED,
        EventName.DEPLOYMENT_FAILED,
        EventName.DEPLOYMENT_ROLLED_BACK,
        EventName.DEPLOYMENT_STARTED,
        EventName.WEBHOOK_DELIVERY_REQUESTED,
    }
)


class WebhookLoop:
    """Leases deliveries and calls their receivers. A call under way when its server is killed is made again: nobody
    could tell whether it had arrived; receivers tell by the event's id.

    ``retry_seconds`` is the wait after the first failed try; it doubles with each.
    """

    def __init__(
        self,
        store: Store,
        caller: Caller,
        secrets: Secrets,
        logs: LogSink,
        failures: FailureCounts,
        clock: Clock,
        retry_seconds: float,
    ) -> None:
        self._store = store
        self._caller = caller
        self._secrets = secrets
        self._logs = logs
        self._failures = failures
        self._clock = clock
        self._under_way: dict[str, WebhookDelivery] = {}
        self._in_flight: Counter[str] = Counter()  # by webhook, and by project
        self._policy = LeasePolicy(
            maximum_attempts=TRIES,
            first_pause_seconds=retry_seconds,
            longest_pause_seconds=retry_seconds * 2.0 ** (TRIES - 2),
        )
        work = LeasedWork(
            name="webhooks",
            kind=WebhookDelivery,
            waiting=WebhookDeliveryStatus.PENDING,
            working=WebhookDeliveryStatus.SENDING,
            work=self._work,
            give_up=self._give_up,
            concurrency=MOST_IN_FLIGHT,
            select=self._select,
        )
        self.loop = LeasedLoop(work, store, clock, self._policy)
        store.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if event.name in _WAKING:
            self.loop.wake()
        elif event.name in (EventName.WEBHOOK_DELETED, EventName.PROJECT_DELETED):
            for delivery in list(self._under_way.values()):
                if event.subject_id in (delivery.webhook_id, delivery.project_id):
                    self.loop.cancel(delivery.id)

    async def _select(self, claim: Claim[WebhookDelivery]) -> None:
        for project_id in await claim.groups("project_id"):
            room = MOST_FOR_PROJECT - self._in_flight[project_id]
            if room <= 0:
                continue
            for webhook_id in await claim.groups("webhook_id", project_id=project_id):
                most = min(room, MOST_FOR_ONE - self._in_flight[webhook_id])
                room -= await claim.take(most, webhook_id=webhook_id)

    async def _work(self, delivery: WebhookDelivery) -> Ended:
        self._under_way[delivery.id] = delivery
        self._in_flight.update((delivery.webhook_id, delivery.project_id))
        try:
            async with self._store.read() as work:
                webhook = await work.of(Webhook, in_project(delivery.project_id)).get(id=delivery.webhook_id)
            if webhook is None:  # deleted with this row: nothing is stored
                return Ended({"status": WebhookDeliveryStatus.FAILED})
            return self._ended(delivery, webhook, await self._call(delivery, webhook))
        finally:
            self._in_flight.subtract((delivery.webhook_id, delivery.project_id))
            del self._under_way[delivery.id]

    async def _call(self, delivery: WebhookDelivery, webhook: Webhook) -> Answer:
        secret = self._secrets.open(webhook.secret, webhook.id)
        if secret is None:
            text = "the webhook's secret cannot be opened with the server's keys: make the webhook again"
            return Answer(None, Failure(Reason.SECRET_UNREADABLE, text))
        body = delivery.body.encode()
        headers = [
            ("X-VersionTwo-Event", delivery.event.value),
            ("X-VersionTwo-Delivery", wire_event_id(delivery.event_id)),
            ("X-VersionTwo-Signature", signature(secret, body)),
        ]
        return await self._caller.post(webhook.url, headers, body)

    def _ended(self, delivery: WebhookDelivery, webhook: Webhook, answer: Answer) -> Ended:
        now, failure = self._clock.now(), answer.failure
        values: dict[str, object] = {
            "tries": delivery.tries + 1,
            "response_status": answer.status,
            "error_message": None if failure is None else failure.message,
            "reason": None if failure is None else failure.reason.value,
            "updated_at": now,
        }
        if failure is None:
            return Ended({**values, "status": WebhookDeliveryStatus.DELIVERED, "delivered_at": now})
        if delivery.attempts < TRIES:
            return Ended({**values, "lease_expires_at": now + self._policy.pause(delivery.attempts)})
        host = parse_url(webhook.url).host  # the rest of a URL may let in who knows it
        self._tell(delivery, f"{host} was not told of {delivery.event}: {failure.message}", failure.reason, now)
        return Ended({**values, "status": WebhookDeliveryStatus.FAILED})

    def _give_up(self, delivery: WebhookDelivery, error: str) -> Ended:
        now, reason = self._clock.now(), Reason.DELIVERY_GIVEN_UP
        text = f"given up after several tries: {error}"
        self._tell(delivery, f"a webhook was not told of {delivery.event}: {text}", reason, now)
        values = {"error_message": text, "reason": reason.value, "updated_at": now}
        return Ended({**values, "status": WebhookDeliveryStatus.FAILED})

    def _tell(self, delivery: WebhookDelivery, text: str, reason: Reason, now: datetime) -> None:
        self._failures.add(Subject.WEBHOOK, reason)
        line = LogLine(delivery.project_id, now, f"{text} [{reason}]", system=True, level=LogLevel.ERROR)
        self._logs.write(line)
