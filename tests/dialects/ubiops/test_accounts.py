"""One's own account: what is refused, beside what passes, and what a change does to keys that are in use."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.people import PASSWORD, newcomer, signed_in
from tests.serving import ADMIN_EMAIL, ADMIN_PASSWORD, RunningServer

NEW_PASSWORD = "Much-better-1"


@pytest.fixture
def person(server: RunningServer) -> Iterator[httpx2.Client]:
    """A newcomer for one test."""
    with newcomer(server) as client:
        yield client


@pytest.fixture(scope="module")
def lasting(server: RunningServer) -> Iterator[httpx2.Client]:
    """A newcomer for tests that change nothing about the account."""
    with newcomer(server) as client:
        yield client


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"password": NEW_PASSWORD}, "previous_password is needed"),
    ({"password": NEW_PASSWORD, "previous_password": "wrong"}, "not the current"),
    ({"password": "much-better-1", "previous_password": PASSWORD}, "upper-case"),
    ({"password": "MUCH-BETTER-1", "previous_password": PASSWORD}, "lower-case"),
    ({"password": "Much-better", "previous_password": PASSWORD}, "digit"),
    ({"password": "Muchbetter1", "previous_password": PASSWORD}, "symbols"),
    ({"password": "Sh-0rt", "previous_password": PASSWORD}, "8 to 128"),
    ({"email": ADMIN_EMAIL}, "exists already"),
    ({"email": ADMIN_EMAIL.upper()}, "exists already"),
    ({"email": None}, "null"),
    ({"name": None}, "null"),
    ({"surname": 5}, "string"),
    ({"is_staff": True}, "no member"),
    ({"id": "018f0000-0000-7000-8000-000000000000"}, "no member"),
]


@pytest.mark.parametrize(("change", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_changes_that_are_refused(
    server: RunningServer, lasting: httpx2.Client, change: dict[str, Any], text: str
) -> None:
    before = lasting.get("/v2.1/user").json()
    answer = lasting.patch("/v2.1/user", json={"surname": "new", **change})
    assert (answer.status_code, text in answer.json()["error"]) == (400, True), answer.text
    assert lasting.get("/v2.1/user").json() == before
    if "password" in change:
        signed_in(server, before["email"]).close()


def test_changes_that_pass(server: RunningServer, person: httpx2.Client) -> None:
    before = person.get("/v2.1/user").json()
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    change = {"email": email.upper(), "password": NEW_PASSWORD, "previous_password": PASSWORD, "surname": "Byron"}
    after = person.patch("/v2.1/user", json=change).json()
    assert after == before | {"email": email, "surname": "Byron"}
    assert person.patch("/v2.1/user", json={}).json() == after
    signed_in(server, email, NEW_PASSWORD).close()
    for sent in ({"email": before["email"], "password": NEW_PASSWORD}, {"email": email, "password": PASSWORD}):
        answer = person.post("/v2.1/authorize", json=sent)
        assert (answer.status_code, answer.json()["error"]) == (401, "no account has this email and password")


def test_names_can_be_emptied_and_are_null_then(person: httpx2.Client) -> None:
    """An empty name makes the client raise (contract ubiops 0.1)."""
    assert person.patch("/v2.1/user", json={"name": ""}).json()["name"] is None
    assert person.get("/v2.1/user").json()["name"] is None


def test_a_known_address_in_any_case_is_taken(door: httpx2.Client) -> None:
    for email in (ADMIN_EMAIL, ADMIN_EMAIL.title()):
        new = {"email": email, "password": PASSWORD, "terms_conditions": True}
        answer = door.post("/v2.1/user", json=new)
        assert (answer.status_code, "exists already" in answer.json()["error"]) == (400, True)


def test_the_last_administrator_stays(person: httpx2.Client) -> None:
    organization = {"name": f"o-{uuid.uuid4().hex[:12]}", "subscription": "free", "subscription_agreed": True}
    assert person.post("/v2.1/organizations", json=organization).status_code == 201
    answer = person.delete("/v2.1/user")
    assert (answer.status_code, "last administrator" in answer.json()["error"]) == (400, True)
    assert person.get("/v2.1/user").status_code == 200


def test_a_closed_account_opens_nothing(server: RunningServer, person: httpx2.Client) -> None:
    email = person.get("/v2.1/user").json()["email"]
    answer = person.delete("/v2.1/user")
    assert (answer.status_code, answer.content) == (204, b"")
    assert person.get("/v2.1/projects").status_code == 401
    with server.client() as client:
        assert client.post("/v2.1/authorize", json={"email": email, "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": ADMIN_EMAIL},
        {"email": ADMIN_EMAIL, "password": None},
        {"email": 5, "password": ADMIN_PASSWORD},
        [],
    ],
    ids=repr,
)
def test_sign_in_without_its_members(door: httpx2.Client, body: object) -> None:
    assert door.post("/v2.1/authorize", json=body).status_code == 400
    good = {"email": f" {ADMIN_EMAIL.upper()} ", "password": ADMIN_PASSWORD}
    assert door.post("/v2.1/authorize", json=good).status_code == 200


def test_a_refresh_key_opens_nothing(server: RunningServer, door: httpx2.Client) -> None:
    good = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    keys = door.post("/v2.1/authorize", json=good).json()
    for kind, status in (("refresh", 401), ("access", 200)):
        with server.client(keys[kind]) as client:
            assert client.get("/v2.1/user").status_code == status


def test_a_new_password_ends_every_other_session(server: RunningServer, person: httpx2.Client) -> None:
    email = person.get("/v2.1/user").json()["email"]
    change = {"password": NEW_PASSWORD, "previous_password": PASSWORD}
    with signed_in(server, email) as other, signed_in(server, email) as own:
        assert other.get("/v2.1/user").status_code == 200
        assert own.patch("/v2.1/user", json=change).status_code == 200
        assert [caller.get("/v2.1/user").status_code for caller in (other, person, own)] == [401, 401, 200]
        again = {"password": NEW_PASSWORD + "!", "previous_password": NEW_PASSWORD}
        assert own.patch("/v2.1/user", json=again).status_code == 200
        assert own.get("/v2.1/user").status_code == 200
