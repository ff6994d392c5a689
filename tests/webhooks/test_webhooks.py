"""Webhooks on both databases: what may be made, who may see it, and what is announced."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, LimitReached, NotFound, NotPermitted
from quinta.core.events import Event, EventName
from quinta.core.scope import EVERYTHING
from quinta.core.webhooks.announce import announce
from quinta.core.webhooks.body import event_body
from quinta.core.webhooks.model import Webhook, WebhookDelivery, WebhookDeliveryStatus, WebhookEvent
from quinta.core.webhooks.url import MAXIMUM_URL, parse_url
from quinta.core.webhooks.webhooks import MOST_WEBHOOKS
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.kit.ids import short_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.core.metering import add_user
from tests.storage.rows import add_tenant
from tests.webhooks.house import COMPLETED, House, make_deployment, make_house

URL = "https://example.com/hook"


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    return await make_house(database, tmp_path, private=False)


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(house: House) -> None:
    heard: list[Event] = []
    house.database.subscribe(heard.append)
    events = ["deployment.failed", "deployment.completed", "deployment.failed"]
    webhook, secret = await house.webhooks.create(house.actor, house.project_id, URL, events)
    assert (webhook.project_id, webhook.url) == (house.project_id, URL)
    assert webhook.events == (WebhookEvent.DEPLOYMENT_FAILED, WebhookEvent.DEPLOYMENT_COMPLETED)
    assert secret.startswith("whsec_")
    assert len(secret) == 46
    assert secret not in repr(webhook)
    assert house.secrets.open(webhook.secret, webhook.id) == secret
    assert await house.webhooks.get(house.actor, house.project_id, webhook.id) == webhook
    (event,) = heard
    assert (event.name, event.subject_id) == (EventName.WEBHOOK_CREATED, webhook.id)
    assert (event.actor_id, event.project_id) == (house.actor.user_id, house.project_id)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:a/",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://good.example\\@evil.example/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://exämple.com/",
        "https://[::1",
        "https://exa%6dple.com/",
        "https://127.0.0.1/",
        "https://10.1.2.3:8443/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "https://example.com/" + "x" * MAXIMUM_URL,
    ],
)
async def test_a_url_that_cannot_be_called_is_refused(house: House, url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await house.hook(url)
    assert refused.value.field == "url"
    assert await house.webhooks.find(house.actor, house.project_id) == []


@pytest.mark.parametrize(
    ("url", "authority", "resource"),
    [
        ("https://example.com", "example.com", "/"),
        ("HTTPS://Example.com:443/a?b=c#d", "example.com", "/a?b=c"),
        ("http://example.com:443/", "example.com:443", "/"),
        ("http://8.8.8.8:8080/%20?", "8.8.8.8:8080", "/%20"),
        ("https://[2001:4860:4860::8888]:8443/x", "[2001:4860:4860::8888]:8443", "/x"),
        ("https://xn--exmple-cua.com/", "xn--exmple-cua.com", "/"),
        ("https://example.com/" + "x" * (MAXIMUM_URL - 20), "example.com", "/" + "x" * (MAXIMUM_URL - 20)),
    ],
)
async def test_a_url_that_can_be_called(house: House, url: str, authority: str, resource: str) -> None:
    webhook, _ = await house.hook(url)
    target = parse_url(webhook.url)
    assert (target.authority, target.resource) == (authority, resource)


async def test_private_addresses_are_for_the_operator_to_allow(database: Database, tmp_path: Path) -> None:
    house = await make_house(database, tmp_path, private=True)
    webhook, _ = await house.hook("http://127.0.0.1:8080/")
    assert webhook.url == "http://127.0.0.1:8080/"


@pytest.mark.parametrize("events", [[], ["deployment.exploded"], ["deployment.failed", ""], ["DEPLOYMENT.FAILED"]])
async def test_events_that_are_none_are_refused(house: House, events: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await house.webhooks.create(house.actor, house.project_id, URL, events)
    assert refused.value.field == "events"
    await house.webhooks.create(house.actor, house.project_id, URL, ["deployment.rolled_back"])


async def test_a_project_has_room_for_twenty(house: House) -> None:
    made = [(await house.hook(URL))[0] for _ in range(MOST_WEBHOOKS)]
    with pytest.raises(LimitReached):
        await house.hook(URL)
    await house.webhooks.delete(house.actor, house.project_id, made[0].id)
    await house.hook(URL)


async def test_of_many_at_once_one_is_the_twentieth(house: House) -> None:
    for _ in range(MOST_WEBHOOKS - 1):
        await house.hook(URL)
    ends = await asyncio.gather(*(house.hook(URL) for _ in range(4)), return_exceptions=True)
    assert [type(end) for end in ends].count(LimitReached) == 3


async def test_they_are_listed_newest_first_and_in_pages(house: House) -> None:
    made = [(await house.hook(URL))[0] for _ in range(3)]
    newest = list(reversed(made))
    assert await house.webhooks.find(house.actor, house.project_id) == newest
    assert await house.webhooks.find(house.actor, house.project_id, limit=2) == newest[:2]
    assert await house.webhooks.find(house.actor, house.project_id, before=made[1].id) == [made[0]]


async def test_who_may_not_change_the_project_sees_none(house: House) -> None:
    webhook, _ = await house.hook(URL)
    member = await add_user(house.database, house.tenant, is_admin=False)
    stranger = await add_user(house.database, await add_tenant(house.database, "other"))
    for actor, error in ((member, NotPermitted), (stranger, NotFound)):
        with pytest.raises(error):
            await house.webhooks.create(actor, house.project_id, URL, [COMPLETED])
        with pytest.raises(error):
            await house.webhooks.find(actor, house.project_id)
        with pytest.raises(error):
            await house.webhooks.get(actor, house.project_id, webhook.id)
        with pytest.raises(error):
            await house.webhooks.deliveries(actor, house.project_id, webhook.id)
        with pytest.raises(error):
            await house.webhooks.delete(actor, house.project_id, webhook.id)
    await house.webhooks.delete(house.actor, house.project_id, webhook.id)
    with pytest.raises(NotFound):
        await house.webhooks.delete(house.actor, house.project_id, webhook.id)


async def test_nothing_of_another_project_is_there(house: House) -> None:
    webhook, _ = await house.hook(URL)
    await house.announce()
    delivery = await house.only()
    other = await add_tenant(house.database, "other")
    actor: Actor = await add_user(house.database, other)
    theirs, _ = await house.webhooks.create(actor, other.project.id, URL, [COMPLETED])
    for ids in ((other.project.id, webhook.id), (other.project.id, theirs.id)):
        with pytest.raises(NotFound):
            await house.webhooks.delivery(actor, *ids, delivery.id)
        with pytest.raises(NotFound):
            await house.webhooks.redeliver(actor, *ids, delivery.id)
    assert await house.webhooks.delivery(house.actor, house.project_id, webhook.id, delivery.id) == delivery


async def test_only_those_that_asked_are_told(house: House) -> None:
    wanted, _ = await house.hook(URL, WebhookEvent.DEPLOYMENT_FAILED, COMPLETED)
    await house.hook(URL, WebhookEvent.DEPLOYMENT_STARTED)
    await house.announce()
    await house.announce(WebhookEvent.DEPLOYMENT_ROLLED_BACK)
    delivery = await house.only()
    assert (delivery.webhook_id, delivery.event) == (wanted.id, COMPLETED)
    assert await house.webhooks.deliveries(house.actor, house.project_id, wanted.id) == [delivery]


async def test_one_event_has_one_id_for_all(house: House) -> None:
    for _ in range(2):
        await house.hook(URL)
    await house.announce()
    first, second = await house.deliveries()
    assert first.webhook_id != second.webhook_id
    assert (first.event_id, first.body) == (second.event_id, second.body)


async def test_what_is_rolled_back_is_not_told(house: House) -> None:
    await house.hook(URL)

    async def interrupted() -> None:
        async with house.database.begin() as work:
            await announce(work, house.project_id, COMPLETED, make_deployment(house.project_id), house.clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await interrupted()
    assert await house.deliveries() == []


async def test_a_webhook_that_goes_meanwhile_fails_no_deployment(house: House) -> None:
    webhook, _ = await house.hook(URL)
    for _ in range(5):
        other, _ = await house.hook(URL)
        deleted = house.webhooks.delete(house.actor, house.project_id, other.id)
        await asyncio.gather(deleted, *(house.announce() for _ in range(3)))
    assert {delivery.webhook_id for delivery in await house.deliveries()} == {webhook.id}


async def test_old_deliveries_go_once_they_have_ended(house: House, tmp_path: Path) -> None:
    await house.hook(URL)
    for _ in range(3):
        await house.announce()
    delivered, failed, waiting = await house.deliveries()
    async with house.database.begin() as work:
        deliveries = work.of(WebhookDelivery, EVERYTHING)
        await deliveries.change(delivered.id, status=WebhookDeliveryStatus.DELIVERED)
        await deliveries.change(failed.id, status=WebhookDeliveryStatus.FAILED)
    housekeeping = Housekeeping(house.database, open_objects((tmp_path / "objects").as_uri()), house.clock)
    house.clock.ahead = timedelta(days=29)
    await housekeeping.tidy()
    assert len(await house.deliveries()) == 3
    house.clock.ahead = timedelta(days=31)
    await housekeeping.tidy()
    assert await house.only() == waiting


def test_the_body_is_what_the_api_answers() -> None:
    moment = datetime(2026, 3, 28, 12, 0, 0, 999_999, tzinfo=UTC)
    project, item, event, before = (f"018f0000-0000-7000-8000-00000000000{digit}" for digit in range(4))
    made = make_deployment(
        project,
        id=item,
        config='{"environment": "staging", "text": "\\u00e9"}',
        created_at=moment,
        started_at=moment,
        error_message="a sentence",
        reason="given_up",
        rollback_of=before,
    )
    body = event_body(event, WebhookEvent.DEPLOYMENT_FAILED, made, moment)
    assert body.isascii()
    assert json.loads(body) == {
        "id": f"evt_{short_id(event)}",
        "event": "deployment.failed",
        "created_at": "2026-03-28T12:00:00Z",
        "project_id": f"proj_{short_id(project)}",
        "data": {
            "deployment": {
                "id": f"dep_{short_id(item)}",
                "project_id": f"proj_{short_id(project)}",
                "version": "v1.0.0",
                "environment": "production",
                "status": "completed",
                "config": {"environment": "staging", "text": "é"},
                "created_at": "2026-03-28T12:00:00Z",
                "started_at": "2026-03-28T12:00:00Z",
                "finished_at": None,
                "error": "a sentence",
                "reason": "given_up",
                "rollback_of": f"dep_{short_id(before)}",
            }
        },
    }


async def test_a_secret_is_not_stored_as_it_is(house: House) -> None:
    _, secret = await house.hook(URL)
    async with house.database.read() as work:
        (stored,) = await work.of(Webhook, EVERYTHING).find()
    assert secret.removeprefix("whsec_") not in stored.secret
