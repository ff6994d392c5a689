"""Signing in a program from another device: what the program is told, and the page where a person lets it in."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from quinta.core.access.attempts import MOST_FOR_ACCOUNT
from tests.dialects.brainstem.page import Page
from tests.dialects.ubiops.people import PASSWORD, new_email, open_account
from tests.serving import RunningServer

PAGE = "/account/authorize/"
MEMBERS = [
    "device_code",
    "user_code",
    "verification_uri",
    "verification_uri_complete",
    "interval",
    "expires_in",
    "session_id",
]
PENDING = {"status": "authorization_pending"}


@pytest.fixture(scope="module")
def email(server: RunningServer) -> str:
    """An account with PASSWORD."""
    address = new_email()
    open_account(server, address)
    return address


@pytest.fixture
def door(server: RunningServer) -> Iterator[httpx2.Client]:
    """Somebody who is not signed in: a program, or a person's browser."""
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


def start(door: httpx2.Client, **more: Any) -> dict[str, Any]:
    answer = door.post("/api/auth/device/", **(more or {"json": {"client_name": "brainstem-python"}}))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    assert list(made) == MEMBERS
    return made


def poll(door: httpx2.Client, started: dict[str, Any]) -> dict[str, Any]:
    answer = door.post("/api/auth/device/token/", json={"device_code": started["device_code"]})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
    told: dict[str, Any] = answer.json()
    return told


def opened(answer: httpx2.Response, status: int = 200) -> Page:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


def send(door: httpx2.Client, page: Page, button: str, **typed: str) -> httpx2.Response:
    """Fills in the page's form and presses a button, as a browser does."""
    (form,) = page.forms
    assert typed.keys() <= form.fields.keys()
    fields = form.fields | typed
    value = form.buttons[button]
    if form.method == "get":
        return door.get(form.action, params=fields)
    return door.post(form.action, data={**fields, "decision": value})


def decide(door: httpx2.Client, started: dict[str, Any], email: str, button: str = "Approve") -> Page:
    page = opened(door.get(started["verification_uri_complete"]))
    return opened(send(door, page, button, email=email, password=PASSWORD))


@pytest.mark.parametrize("prefix", ["/api", "/rest"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_program_starts_without_a_key(door: httpx2.Client, server: RunningServer, prefix: str, slash: str) -> None:
    bodies: list[dict[str, Any]] = [{"json": {}}, {"json": {"client_name": "x"}}, {"data": {"client_name": "x"}}, {}]
    for body in bodies:
        answer = door.post(f"{prefix}/auth/device{slash}", **body)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert re.fullmatch("[A-Z]{4}-[0-9]{4}", made["user_code"])
        assert (made["interval"], made["expires_in"]) == (5, 900)
        assert made["verification_uri"] == f"{server.url}{PAGE}"
        assert made["verification_uri_complete"] == f"{server.url}{PAGE}?session={made['session_id']}"
        answer = door.post(f"{prefix}/auth/device/token{slash}", json={"device_code": made["device_code"]})
        assert (answer.status_code, answer.json()) == (200, PENDING)


def test_the_page_is_where_the_program_found_the_server(door: httpx2.Client) -> None:
    answer = door.post("/api/auth/device/", json={}, headers={"Host": "data.example.org:8443"})
    assert answer.json()["verification_uri"] == f"http://data.example.org:8443{PAGE}"


@pytest.mark.parametrize("name", [["x"], {}, True])
def test_a_name_that_is_none(door: httpx2.Client, name: object) -> None:
    answer = door.post("/api/auth/device/", json={"client_name": name})
    assert (answer.status_code, answer.json()) == (400, {"client_name": ["Not a valid string."]})


def test_an_approved_program_gets_its_token_once(door: httpx2.Client, email: str) -> None:
    started = start(door)
    page = opened(door.get(started["verification_uri_complete"]))
    assert "brainstem-python" in page.words
    assert started["user_code"] in page.words
    assert poll(door, started) == PENDING
    page = opened(send(door, page, "Approve", email=email, password=PASSWORD))
    assert "Approved" in page.words
    assert page.forms == []
    told = poll(door, started)
    assert list(told) == ["status", "token"]
    assert told["status"] == "success"
    answer = door.get("/v2.1/user", headers={"Authorization": f"Bearer {told['token']}"})
    assert answer.json()["email"] == email
    assert poll(door, started) == {"error": "already_used"}
    page = opened(door.get(started["verification_uri_complete"]), 409)
    assert "approved already" in page.words


def test_the_token_is_told_to_one_of_several_who_ask_at_once(
    door: httpx2.Client, server: RunningServer, email: str
) -> None:
    started = start(door)
    decide(door, started, email)

    def ask(_: int) -> str:
        with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as client:
            told = poll(client, started)
        return str(told.get("status") or told.get("error"))

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(ask, range(4)))
    assert answers == ["already_used", "already_used", "already_used", "success"]


def test_a_denied_program_is_told_so(door: httpx2.Client, email: str) -> None:
    started = start(door)
    assert "Denied" in decide(door, started, email, "Deny").words
    assert poll(door, started) == {"error": "access_denied"}
    assert "denied already" in opened(door.get(started["verification_uri_complete"]), 409).words


def test_a_person_types_the_code(door: httpx2.Client, email: str) -> None:
    started = start(door)
    page = opened(door.get(started["verification_uri"]))
    page = opened(send(door, page, "Continue", user_code=started["user_code"].lower().replace("-", " ")))
    assert started["user_code"] in page.words
    opened(send(door, page, "Approve", email=email, password=PASSWORD))
    assert poll(door, started)["status"] == "success"


@pytest.mark.parametrize("query", ["user_code=BBBB-0000", "session=x", "session=%00", "user_code=%3Cscript%3E"])
def test_a_code_that_nobody_waits_with(door: httpx2.Client, query: str) -> None:
    page = opened(door.get(f"{PAGE}?{query}"), 404)
    assert "no program waits for this code" in page.words.lower()
    assert list(page.forms[0].buttons) == ["Continue"]


@pytest.mark.parametrize("body", [{}, {"device_code": None}, {"device_code": ["x"]}, {"device_code": ""}, []])
def test_a_poll_is_answered_200_whatever_it_asks(door: httpx2.Client, body: object) -> None:
    answer = door.post("/api/auth/device/token/", json=body)
    assert (answer.status_code, answer.json()) == (200, {"error": "invalid_request"})


def test_other_polls_that_lead_nowhere(door: httpx2.Client) -> None:
    started = start(door)
    for code in ("0" * 40, started["user_code"], started["session_id"]):
        assert poll(door, {"device_code": code}) == {"error": "expired_token"}
    answer = door.post("/api/auth/device/token/", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {"error": "invalid_request"})
    answer = door.post("/api/auth/device/token/", data={"device_code": started["device_code"]})
    assert (answer.status_code, answer.json()) == (200, PENDING)


def test_a_wrong_password_is_told_and_counted(door: httpx2.Client, server: RunningServer) -> None:
    email = new_email()
    open_account(server, email)
    started = start(door)
    page = opened(door.get(started["verification_uri_complete"]))
    for number in range(MOST_FOR_ACCOUNT):
        page = opened(send(door, page, ("Approve", "Deny")[number % 2], email=email, password="wrong"), 403)
        assert "No account has this email and password." in page.words
        assert page.forms[0].fields["email"] == email
        assert page.forms[0].fields["password"] == ""
    answer = send(door, page, "Approve", email=email, password=PASSWORD)
    assert "too many attempts" in opened(answer, 429).words.lower()
    assert 0 < int(answer.headers["retry-after"]) <= 301
    assert poll(door, started) == PENDING


def test_what_a_browser_would_not_send(door: httpx2.Client, email: str) -> None:
    started = start(door)
    whole = {"session": started["session_id"], "email": email, "password": PASSWORD, "decision": "approve"}
    for missing in whole:
        answer = door.post(PAGE, data={name: value for name, value in whole.items() if name != missing})
        opened(answer, 404 if missing == "session" else 400)
    opened(door.post(PAGE, data={**whole, "decision": "yes"}), 400)
    opened(door.post(PAGE, content=b"{", headers={"Content-Type": "application/json"}), 404)
    assert poll(door, started) == PENDING
    opened(door.post(PAGE, data=whole))
    assert poll(door, started)["status"] == "success"


def test_what_strangers_write_is_shown_and_never_run(door: httpx2.Client, email: str) -> None:
    name = "\"><script>alert(1)</script>' &amp; <img src=x>"
    started = start(door, json={"client_name": name})
    first = opened(door.get(started["verification_uri_complete"]))
    wrong = send(door, first, "Approve", email=f"{name}@example.com", password="wrong")
    pages = [first, opened(wrong, 403), decide(door, started, email)]
    for page in pages:
        assert name in page.words
        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
    assert pages[1].forms[0].fields["email"] == f"{name}@example.com"


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}?user_code=x", PAGE.rstrip("/")])
def test_the_page_stands_on_its_own(door: httpx2.Client, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = door.request(method, path)
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert (policy["default-src"], policy["form-action"]) == ("'none'", "'self'")
        assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    page = Page(door.get(path).text)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy["style-src"] == f"'sha256-{digest}'"
    for _, given in page.tags:
        assert not any(
            "//" in value or name.startswith("on") or name in ("src", "href") for name, value in given.items()
        )
        assert "style" not in given


def test_every_field_has_a_label(door: httpx2.Client) -> None:
    started = start(door)
    for address in (started["verification_uri"], started["verification_uri_complete"]):
        tags = opened(door.get(address)).tags
        assert ("html", {"lang": "en"}) in tags
        labels = {given["for"] for tag, given in tags if tag == "label"}
        fields = {given["id"] for tag, given in tags if tag == "input" and given.get("type") != "hidden"}
        assert labels == fields != set()
