"""Deliveries on both databases: five tries, at least once, none held up by another's receiver."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path

import pytest

from quinta.core.errors import NotFound, StateConflict
from quinta.core.observation.failures import Subject
from quinta.core.observation.model import LogLevel
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.projects import remove_project
from quinta.core.webhooks.keys import seal_webhooks_again
from quinta.core.webhooks.model import Webhook, WebhookDeliveryStatus
from quinta.engine.loops.webhooks import MOST_FOR_ONE
from quinta.kit.ids import short_id
from quinta.storage.database import Database
from quinta.storage.secrets import SealedSecrets
from tests.engine.leased import MovedClock
from tests.webhooks.house import House, make_house
from tests.webhooks.receivers import answers, hangs, receiving

DELIVERED, FAILED = WebhookDeliveryStatus.DELIVERED, WebhookDeliveryStatus.FAILED
PENDING, SENDING = WebhookDeliveryStatus.PENDING, WebhookDeliveryStatus.SENDING


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    return await make_house(database, tmp_path)


async def test_a_delivery_is_signed_and_arrives_once(house: House) -> None:
    async with receiving() as receiver, house.running() as loop:
        _, secret = await house.hook(receiver.url)
        deployment = await house.announce()
        delivery = await house.until_tried(1, loop)
    (call,) = receiver.calls
    told = json.loads(call.body)
    assert call.headers["content-type"] == "application/json"
    assert call.headers["x-versiontwo-event"] == told["event"] == "deployment.completed"
    assert call.headers["x-versiontwo-delivery"] == told["id"] == f"evt_{short_id(delivery.event_id)}"
    digest = hmac.new(secret.encode(), call.body, hashlib.sha256).hexdigest()
    assert call.headers["x-versiontwo-signature"] == f"sha256={digest}"
    assert told["project_id"] == f"proj_{short_id(house.project_id)}"
    assert told["data"]["deployment"]["id"] == f"dep_{short_id(deployment.id)}"
    assert (delivery.status, delivery.tries, delivery.response_status) == (DELIVERED, 1, 200)
    assert (delivery.error_message, delivery.reason, delivery.lease_token) == (None, None, None)
    assert delivery.delivered_at is not None


async def test_a_failing_receiver_is_tried_with_growing_waits_and_then_left(house: House) -> None:
    async with receiving(*[answers(500)] * 5, answers(200)) as receiver, house.running() as loop:
        await house.hook(receiver.url)
        await house.announce()
        for number, wait in enumerate((40, 80, 160, 320), start=1):
            delivery = await house.until_tried(number, loop)
            assert (delivery.status, delivery.shown_status) == (SENDING, PENDING)
            assert (delivery.response_status, delivery.reason) == (500, Reason.RECEIVER_REFUSED)
            assert delivery.next_try_at == delivery.updated_at + timedelta(seconds=wait)
            house.clock.ahead += timedelta(seconds=wait)
        delivery = await house.until_tried(5, loop)
        assert (delivery.status, delivery.next_try_at, delivery.attempts) == (FAILED, None, 5)
        assert house.failures.totals == {(Subject.WEBHOOK, Reason.RECEIVER_REFUSED): 1}
        (line,) = await house.lines()
        assert line.text.startswith("127.0.0.1 was not told of deployment.completed: the receiver answered 500")
        assert (line.level, line.system) == (LogLevel.ERROR, True)
        assert "key=value" not in line.text

        again = await house.webhooks.redeliver(house.actor, house.project_id, delivery.webhook_id, delivery.id)
        assert (again.status, again.attempts, again.tries) == (PENDING, 0, 5)
        delivery = await house.until_tried(6, loop)
        assert (delivery.status, delivery.response_status) == (DELIVERED, 200)
    assert len({call.headers["x-versiontwo-delivery"] for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1


async def test_a_receiver_that_comes_back_gets_its_retry(house: House) -> None:
    async with receiving(answers(503), answers(204)) as receiver, house.running(house.loop(retry_seconds=0.01)) as loop:
        await house.hook(receiver.url)
        await house.announce()
        delivery = await house.until_tried(2, loop)
    assert (delivery.status, delivery.response_status, delivery.error_message) == (DELIVERED, 204, None)


async def test_what_waits_for_its_next_try_can_be_sent_now(house: House) -> None:
    async with receiving(answers(500), answers(200)) as receiver, house.running() as loop:
        webhook, _ = await house.hook(receiver.url)
        await house.announce()
        waiting = await house.until_tried(1, loop)
        await house.webhooks.redeliver(house.actor, house.project_id, webhook.id, waiting.id)
        assert (await house.until_tried(2, loop)).status is DELIVERED


async def test_what_is_on_its_way_is_not_sent_twice(house: House) -> None:
    async with receiving(hangs, answers()) as receiver:
        webhook, _ = await house.hook(receiver.url)
        await house.announce()
        delivery = await house.only()
        ids = house.actor, house.project_id, webhook.id, delivery.id
        with pytest.raises(StateConflict, match="on its way"):
            await house.webhooks.redeliver(*ids)
        async with house.running() as loop:
            await receiver.until_called()
            with pytest.raises(StateConflict, match="on its way"):
                await house.webhooks.redeliver(*ids)
        async with house.running() as loop:
            await house.until_tried(1, loop)
        await house.webhooks.redeliver(*ids)


async def test_a_slow_receiver_holds_up_nobody_else(house: House) -> None:
    async with receiving(hangs) as slow, receiving() as quick, house.running() as loop:
        await house.hook(slow.url)
        await house.hook(quick.url)
        for _ in range(6):
            await house.announce()
        loop.loop.wake()
        await quick.until_called(6)
        await slow.until(lambda: slow.open == MOST_FOR_ONE)
        assert slow.most_open == MOST_FOR_ONE


async def test_a_deleted_webhook_gets_nothing_more(house: House) -> None:
    async with receiving(hangs) as receiver, house.running() as loop:
        webhook, _ = await house.hook(receiver.url)
        for _ in range(5):
            await house.announce()
        loop.loop.wake()
        await receiver.until(lambda: receiver.open == MOST_FOR_ONE)
        await house.webhooks.delete(house.actor, house.project_id, webhook.id)
        await receiver.until(lambda: receiver.open == 0)  # broken off
        assert await house.deliveries() == []
        await house.announce()
        assert await house.deliveries() == []
        assert len(receiver.calls) == MOST_FOR_ONE
        with pytest.raises(NotFound):
            await house.webhooks.get(house.actor, house.project_id, webhook.id)


async def test_a_deleted_project_breaks_calls_off(house: House) -> None:
    async with receiving(hangs) as receiver, house.running() as loop:
        await house.hook(receiver.url)
        await house.announce()
        loop.loop.wake()
        await receiver.until_called()
        async with house.database.begin() as work:
            await remove_project(work, house.tenant.project, None)
        await receiver.until(lambda: receiver.open == 0)


async def test_a_call_that_a_killed_server_left_is_made_again(house: House) -> None:
    async with receiving(hangs, answers()) as receiver:
        await house.hook(receiver.url)
        await house.announce()
        killed = asyncio.create_task(house.loop().loop.run())
        await receiver.until_called()
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        left = await house.only()
        assert (left.status, left.tries, left.next_try_at) == (SENDING, 0, None)

        later = MovedClock()
        later.ahead = timedelta(seconds=31)  # its lease has run out
        async with house.running(house.loop(clock=later)) as loop:
            delivery = await house.until_tried(1, loop)
    assert (delivery.status, delivery.attempts) == (DELIVERED, 2)
    first, second = receiver.calls
    assert first.body == second.body
    assert first.headers == second.headers


async def test_a_delivery_that_kills_its_servers_is_given_up(house: House) -> None:
    async with receiving(hangs) as receiver:
        await house.hook(receiver.url)
        await house.announce()
        for number in range(1, 6):
            later = MovedClock()
            later.ahead = timedelta(seconds=31 * number)
            killed = asyncio.create_task(house.loop(clock=later).loop.run())
            await receiver.until_called(number)
            killed.cancel()
            await asyncio.gather(killed, return_exceptions=True)
        house.clock.ahead = timedelta(seconds=31 * 6)

        async def failed() -> bool:
            return (await house.only()).status is FAILED

        async with house.running() as loop:
            await house.until(failed, loop)
    assert (await house.only()).reason == Reason.DELIVERY_GIVEN_UP
    assert len(receiver.calls) == 5


async def test_a_server_that_stops_leaves_its_calls_to_others(house: House) -> None:
    async with receiving(hangs, answers()) as receiver:
        await house.hook(receiver.url)
        await house.announce()
        async with house.running():
            await receiver.until_called()
        left = await house.only()
        assert (left.status, left.attempts, left.tries) == (PENDING, 0, 0)
        async with house.running() as loop:
            assert (await house.until_tried(1, loop)).status is DELIVERED


async def test_a_secret_without_its_key_signs_nothing(house: House, tmp_path: Path) -> None:
    async with receiving() as receiver:
        await house.hook(receiver.url)
        await house.announce()
        own, house.secrets = house.secrets, SealedSecrets(tmp_path / "another", None)
        house.secrets.load()
        assert await seal_webhooks_again(house.database, house.secrets) == 1
        async with house.running() as loop:
            delivery = await house.until_tried(1, loop)
        assert (delivery.reason, delivery.response_status) == (Reason.SECRET_UNREADABLE, None)
        assert not receiver.calls
        house.secrets, house.clock.ahead = own, timedelta(seconds=41)
        async with house.running() as loop:
            assert (await house.until_tried(2, loop)).status is DELIVERED


async def test_secrets_are_sealed_with_the_newest_key(house: House) -> None:
    webhook, secret = await house.hook("https://example.com/")
    keys = "0" * 64, "1" * 64
    old, both = SealedSecrets(Path(), keys[0]), SealedSecrets(Path(), ",".join(keys))
    old.load()
    both.load()
    async with house.database.begin() as work:
        await work.of(Webhook, EVERYTHING).change(webhook.id, secret=old.seal(secret, webhook.id))
    assert await seal_webhooks_again(house.database, both) == 0
    stored = await house.webhooks.get(house.actor, house.project_id, webhook.id)
    assert both.is_current(stored.secret)
    assert both.open(stored.secret, webhook.id) == secret


async def test_a_pause_of_minutes_is_no_moment_of_a_wrong_clock(house: House) -> None:
    """Its longest is more than five minutes; a lease of an hour was given while a clock was ahead."""
    async with receiving(answers(500)) as receiver, house.running(house.loop(retry_seconds=320)) as loop:
        await house.hook(receiver.url)
        await house.announce()
        delivery = await house.until_tried(1, loop)
        assert await loop.loop.end_far_leases() == 0
        async with house.database.begin() as work:
            far = house.clock.now() + timedelta(hours=2)
            await work.of(type(delivery), EVERYTHING).change(delivery.id, lease_expires_at=far)
        assert await loop.loop.end_far_leases() == 1
