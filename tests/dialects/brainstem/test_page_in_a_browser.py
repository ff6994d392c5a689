"""The page that lets a program in, in a real browser: by keyboard and by mouse, on a small telephone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.dialects.brainstem.browser import Browser, browsing
from tests.dialects.ubiops.people import PASSWORD, new_email, open_account
from tests.serving import RunningServer

NAME = "a-program-with-a-long-name-in-one-word-" * 2


@pytest.fixture(scope="module")
def email(server: RunningServer) -> str:
    address = new_email()
    open_account(server, address)
    return address


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browsing() as browser:
        browser.narrow(320)
        yield browser


@pytest.fixture
def browser(opened: Browser) -> Iterator[Browser]:
    """A telephone's; whatever it opens, it has nothing to complain about."""
    opened.complaints.clear()
    yield opened
    assert opened.complaints == []


@pytest.fixture
def program(server: RunningServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


def start(program: httpx2.Client) -> dict[str, Any]:
    made: dict[str, Any] = program.post("/api/auth/device/", json={"client_name": NAME}).json()
    return made


def poll(program: httpx2.Client, started: dict[str, Any]) -> Any:
    return program.post("/api/auth/device/token/", json={"device_code": started["device_code"]}).json()


def test_approved_by_keyboard(browser: Browser, program: httpx2.Client, email: str) -> None:
    started = start(program)
    browser.open(started["verification_uri"])
    browser.tab()
    browser.type(started["user_code"])
    browser.enter()
    assert started["user_code"] in browser.words
    assert browser.named("textbox") == ["E-mail", "Password"]
    assert browser.named("button") == ["Approve", "Deny"]
    assert browser.named("heading") == ["Sign in a program"]
    browser.tab()
    browser.type(email)
    browser.tab()
    browser.type(PASSWORD)
    browser.enter()
    assert browser.words.startswith("Approved")
    assert poll(program, started)["status"] == "success"


def test_denied_by_mouse_after_a_wrong_password(browser: Browser, program: httpx2.Client, email: str) -> None:
    started = start(program)
    browser.open(started["verification_uri_complete"])
    for password, words in (("wrong", "No account has this email and password."), (PASSWORD, "was not let in")):
        if not browser.value("document.querySelector('#email').value"):
            browser.click("#email")
            browser.type(email)
        browser.click("#password")
        browser.type(password)
        browser.click("button[value=deny]", leads_on=True)
        assert words in browser.words
        assert len(browser.named("alert")) == (password == "wrong")
    assert poll(program, started) == {"error": "access_denied"}


def test_the_page_fits_and_keeps_its_style(browser: Browser, program: httpx2.Client) -> None:
    started = start(program)
    for address in (started["verification_uri"], started["verification_uri_complete"]):
        browser.open(address)
        assert browser.value("document.documentElement.scrollWidth") == 320
        assert browser.value("getComputedStyle(document.querySelector('main')).maxWidth") == "480px"
        assert browser.picture().startswith(b"\x89PNG")
    browser.value("document.head.append(Object.assign(document.createElement('style'), {textContent: 'main{}'}))")
    assert len(browser.complaints) == 1  # what is not the page's own is refused
    assert "style-src" in browser.complaints.pop()


def test_nothing_is_sent_that_was_not_filled_in(browser: Browser, program: httpx2.Client) -> None:
    started = start(program)
    browser.open(started["verification_uri_complete"])
    browser.click("button[value=approve]")
    assert browser.value("document.querySelector('form').checkValidity()") is False
    assert browser.words.startswith("Sign in a program")
    assert poll(program, started) == {"status": "authorization_pending"}
