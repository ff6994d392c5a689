"""Signing in with a password, as every client of the era does it, and as the documents of later years have it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from quinta.core.access.attempts import MOST_FOR_ACCOUNT
from tests.dialects.ubiops.people import PASSWORD, new_email, open_account
from tests.serving import RunningServer

WRONG = {"non_field_errors": ["Unable to log in with provided credentials."]}
REQUIRED, BLANK = ["This field is required."], ["This field may not be blank."]
PATHS = ("/api/token", "/rest/token", "/api/api-token-auth", "/rest/api-token-auth", "/api-token-auth")


@pytest.fixture(scope="module")
def email(server: RunningServer) -> str:
    """An account with PASSWORD, for tests that do not change it."""
    address = new_email()
    open_account(server, address)
    return address


@pytest.fixture
def door(server: RunningServer) -> Iterator[httpx2.Client]:
    """Somebody who is not signed in."""
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


def sign_in(door: httpx2.Client, email: str, password: str = PASSWORD) -> httpx2.Response:
    return door.post("/api/token/", json={"username": email, "password": password})


def token(door: httpx2.Client, email: str, password: str = PASSWORD) -> str:
    answer = sign_in(door, email, password)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def who(door: httpx2.Client, token: str, scheme: str = "Bearer") -> int:
    """The status of a call of another face with the token: keys are the same for all."""
    return door.get("/v2.1/user", headers={"Authorization": f"{scheme} {token}"}).status_code


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", PATHS)
def test_one_token_on_every_path_in_every_form(door: httpx2.Client, email: str, path: str, slash: str) -> None:
    known = token(door, email)
    assert re.fullmatch("[0-9a-f]{40}", known)
    given = {"username": email, "password": PASSWORD}
    parts = {name: (None, value) for name, value in given.items()}
    bodies: list[dict[str, Any]] = [{"json": given}, {"data": given}, {"files": parts}]
    for body in bodies:
        answer = door.post(path + slash, **body)
        assert (answer.status_code, answer.text) == (200, f'{{"token":"{known}","access":"{known}"}}')
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"


def test_the_token_opens_with_either_scheme(door: httpx2.Client, email: str) -> None:
    made = token(door, email)
    assert [who(door, made, scheme) for scheme in ("Bearer", "Token", "bearer", "TOKEN")] == [200] * 4
    assert who(door, made[::-1]) == 401


@pytest.mark.parametrize("header", ["", "Token nonsense", "Basic bm9uc2Vuc2U="])
def test_a_header_does_not_matter_where_one_gets_a_token(door: httpx2.Client, email: str, header: str) -> None:
    answer = door.post("/api/token/", json={"username": email, "password": PASSWORD}, headers={"Authorization": header})
    assert answer.status_code == 200, answer.text


REFUSED: list[tuple[object, object]] = [
    ({}, {"username": REQUIRED, "password": REQUIRED}),
    ({"username": "x"}, {"password": REQUIRED}),
    ({"username": "", "password": " "}, {"username": BLANK, "password": BLANK}),
    ({"username": None, "password": "x"}, {"username": ["This field may not be null."]}),
    ({"username": ["x"], "password": {}}, {"username": ["Not a valid string."], "password": ["Not a valid string."]}),
    ({"username": "nobody@example.com", "password": PASSWORD}, WRONG),
    ({"username": 5, "password": 5}, WRONG),
    ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ("x", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
]


@pytest.mark.parametrize(("body", "told"), REFUSED)
def test_what_is_wrong_is_told_as_the_framework_of_the_era_told_it(
    door: httpx2.Client, body: object, told: object
) -> None:
    answer = door.post("/api/token/", json=body)
    assert (answer.status_code, answer.json()) == (400, told)


def test_bodies_that_cannot_be_read(door: httpx2.Client) -> None:
    answer = door.post("/api/token/", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error - ")
    answer = door.post("/api/token/", content=b"x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()) == (415, {"detail": 'Unsupported media type "text/plain" in request.'})


@pytest.mark.parametrize("path", [*PATHS, "/api/auth/token", "/rest/auth/token/refresh", "/api/auth/device"])
def test_other_methods(door: httpx2.Client, path: str) -> None:
    answer = door.get(path + "/")
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "GET" not allowed.'})
    assert answer.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("password", [PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper()])
def test_a_wrong_password(door: httpx2.Client, email: str, password: str) -> None:
    answer = sign_in(door, email, password)
    assert (answer.status_code, answer.json()) == (400, WRONG)
    assert sign_in(door, f" {email.upper()}").status_code == 200


def test_too_many_wrong_passwords(door: httpx2.Client, server: RunningServer) -> None:
    email = new_email()
    open_account(server, email)
    answers = [sign_in(door, email, "wrong").status_code for _ in range(MOST_FOR_ACCOUNT)]
    assert answers == [400] * MOST_FOR_ACCOUNT
    answer = sign_in(door, email)
    assert answer.status_code == 429
    seconds = answer.headers["retry-after"]
    assert answer.json() == {"detail": f"Request was throttled. Expected available in {seconds} seconds."}
    assert 0 < int(seconds) <= 301
    assert door.post("/v2.1/authorize", json={"email": email, "password": PASSWORD}).status_code == 429


def test_a_new_password_ends_the_token(door: httpx2.Client, server: RunningServer) -> None:
    email = new_email()
    open_account(server, email)
    old = token(door, email)
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as session:
        made = door.post("/v2.1/authorize", json={"email": email, "password": PASSWORD}).json()["access"]
        change = {"password": "Much-better-1", "previous_password": PASSWORD}
        answer = session.patch("/v2.1/user", json=change, headers={"Authorization": f"Bearer {made}"})
        assert answer.status_code == 200, answer.text
    assert who(door, old) == 401
    assert sign_in(door, email).json() == WRONG
    new = token(door, email, "Much-better-1")
    assert new != old
    assert who(door, new) == 200


def pair(door: httpx2.Client, email: str, prefix: str = "/api") -> dict[str, Any]:
    answer = door.post(f"{prefix}/auth/token/", json={"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
    made: dict[str, Any] = answer.json()
    assert list(made) == ["access", "refresh", "token_type", "expires_in"]
    assert (made["token_type"], made["expires_in"]) == ("bearer", 3600)
    return made


def refresh(door: httpx2.Client, secret: str) -> httpx2.Response:
    return door.post("/api/auth/token/refresh/", json={"refresh": secret})


def test_a_pair_is_refreshed(door: httpx2.Client, email: str) -> None:
    first = pair(door, email)
    assert first["access"] != token(door, email)
    assert (who(door, first["access"]), who(door, first["refresh"])) == (200, 401)
    answer = refresh(door, first["refresh"])
    assert (answer.status_code, list(answer.json())) == (200, list(first))
    second = answer.json()
    assert {first["access"], first["refresh"]}.isdisjoint({second["access"], second["refresh"]})
    assert who(door, second["access"]) == 200


def test_a_refresh_token_that_comes_again_ends_its_session(door: httpx2.Client, email: str) -> None:
    first, other = pair(door, email), pair(door, email, "/rest")
    second = refresh(door, first["refresh"]).json()
    for secret in (first["refresh"], second["refresh"], "0" * 40):
        answer = refresh(door, secret)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})
        assert answer.headers["www-authenticate"] == "Bearer"
    assert [who(door, made["access"]) for made in (first, second, other)] == [401, 401, 200]
    assert refresh(door, other["refresh"]).status_code == 200


def test_what_is_wrong_with_a_pair(door: httpx2.Client, email: str) -> None:
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("token", {}, {"email": REQUIRED, "password": REQUIRED}),
        ("token", {"username": email, "password": PASSWORD}, {"email": REQUIRED}),
        ("token", {"email": email, "password": "wrong"}, WRONG),
        ("token/refresh", {}, {"refresh": REQUIRED}),
        ("token/refresh", {"refresh": 5.5}, {"detail": "Invalid token."}),
    ]
    for path, body, told in cases:
        answer = door.post(f"/api/auth/{path}/", json=body)
        assert (answer.status_code, answer.json()) == (401 if "detail" in told else 400, told)
