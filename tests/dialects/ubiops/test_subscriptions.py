"""Subscriptions: made by staff, some hidden, not deleted while in use, their limits at work at once."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import check_last
from tests.dialects.ubiops.people import People, refusal_of

LIMITS = {"max_projects": 2, "max_users": 3, "logs_retention_days": 28, "gb_seconds": 20_000, "resources": 20}
BIGGEST = 2_147_483_647


def unique() -> str:
    return f"plan-{uuid.uuid4().hex[:12]}"


def test_subscriptions_by_the_real_client(api: CoreApi) -> None:
    name = unique()
    api.subscriptions_create(data=ubiops.SubscriptionCreate(name=name, hidden=False, agreement="see there", **LIMITS))
    created = check_last(api, "SubscriptionDetail")
    stored = {key: value for key, value in LIMITS.items() if key != "logs_retention_days"}
    assert api.api_client.last_response.status == 201
    assert created == stored | {"id": created["id"], "name": name, "agreement": "see there", "terms_conditions": ""}
    api.subscriptions_list()
    assert {"id": created["id"], "name": name} in check_last(api, "SubscriptionList")
    api.subscriptions_get(subscription_name=name)
    assert check_last(api, "SubscriptionDetail") == created
    api.subscriptions_update(subscription_name=name, data=ubiops.SubscriptionUpdate(name=f"{name}-2", max_projects=4))
    assert check_last(api, "SubscriptionDetail") == created | {"name": f"{name}-2", "max_projects": 4}
    api.subscriptions_delete(subscription_name=f"{name}-2")
    assert api.api_client.last_response.status == 204
    with pytest.raises(ubiops.ApiException) as gone:
        api.subscriptions_get(subscription_name=f"{name}-2")
    assert gone.value.status == 404


def test_hidden_ones_are_for_staff(door: httpx2.Client, stranger: httpx2.Client) -> None:
    for hidden in (True, False):
        name = unique()
        assert door.post("/v2.1/subscriptions", json={"name": name, **LIMITS, "hidden": hidden}).status_code == 201
        organization = {"name": f"o-{name}", "subscription": name, "subscription_agreed": True}
        for client, sees in ((door, True), (stranger, not hidden)):
            assert (name in client.get("/v2.1/subscriptions").text) == sees
            answer = client.get(f"/v2.1/subscriptions/{name}")
            assert answer.status_code == (200 if sees else 404)
            if client is stranger:
                made = client.post("/v2.1/organizations", json=organization)
                assert made.status_code == (201 if sees else 400), made.text


def test_only_staff_changes_them(door: httpx2.Client, stranger: httpx2.Client) -> None:
    name = unique()
    path, new = f"/v2.1/subscriptions/{name}", {"name": name, **LIMITS}
    for method, where, body, status in (
        ("POST", "/v2.1/subscriptions", new, 201),
        ("PATCH", path, {"max_users": 9}, 200),
        ("DELETE", path, None, 204),
    ):
        status_code, error = refusal_of(stranger.request(method, where, json=body))
        assert (status_code, "staff" in error) == (403, True)
        assert door.request(method, where, json=body).status_code == status


def test_in_use_they_stay_and_their_limits_hold_at_once(door: httpx2.Client, people: People) -> None:
    name, boss = unique(), people.person().client
    assert door.post("/v2.1/subscriptions", json={"name": name, **LIMITS, "max_projects": 0}).status_code == 201
    organization = {"name": f"o-{name}", "subscription": name, "subscription_agreed": True}
    assert boss.post("/v2.1/organizations", json=organization).status_code == 201
    status, error = refusal_of(door.delete(f"/v2.1/subscriptions/{name}"))
    assert (status, "in use by 1 organizations" in error) == (400, True)
    for number, limit, status in ((1, 0, 403), (2, 1, 201), (3, 1, 403), (4, None, 201)):
        assert door.patch(f"/v2.1/subscriptions/{name}", json={"max_projects": limit}).json()["max_projects"] == limit
        project = {"name": f"{name}-{number}", "organization_name": f"o-{name}"}
        assert boss.post("/v2.1/projects", json=project).status_code == status
    change = {"subscription": "free", "subscription_agreed": True}
    assert door.patch(f"/v2.1/organizations/o-{name}", json=change).status_code == 200
    assert door.delete(f"/v2.1/subscriptions/{name}").status_code == 204
    history = boss.get(f"/v2.1/organizations/o-{name}/subscriptions").json()
    assert [item["subscription"] for item in history] == ["free", name]  # by the name it had


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": "Not Fine"}, "cannot be the name"),
    ({"name": "free"}, "exists already"),
    ({"name": None}, "null"),
    ({"max_users": -1}, "max_users must be from 0"),
    ({"resources": BIGGEST + 1}, "resources must be from 0"),
    ({"logs_retention_days": 0}, "logs_retention_days must be from 1"),
    ({"logs_retention_days": None}, "logs_retention_days"),
    ({"gb_seconds": 1.5}, "gb_seconds"),
    ({"gb_seconds": "1"}, "must be an integer"),
    ({"hidden": "no"}, "hidden"),
    ({"agreement": "x" * 1_025}, "at most 1024"),
    ({"terms_conditions": "x" * 1_025}, "at most 1024"),
    ({"price": 5}, "no member"),
]


@pytest.mark.parametrize(("change", "text"), BAD, ids=[text for _, text in BAD])
def test_bad_calls(door: httpx2.Client, change: dict[str, Any], text: str) -> None:
    name = unique()
    new, path = {"name": name, **LIMITS}, f"/v2.1/subscriptions/{name}"
    status, error = refusal_of(door.post("/v2.1/subscriptions", json=new | change))
    assert (status, text in error) == (400, True), error
    edge = {"resources": BIGGEST, "max_users": 0, "agreement": "x" * 1_024}
    created = door.post("/v2.1/subscriptions", json=new | edge)
    assert created.status_code == 201
    status, error = refusal_of(door.patch(path, json=change))
    assert (status, text in error) == (400, True), error
    assert door.get(path).json() == created.json()
    assert door.delete(path).status_code == 204
