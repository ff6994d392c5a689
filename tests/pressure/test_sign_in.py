"""Guessing passwords costs the guesser, not the server, and not the owner of the account."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from quinta.core.access.attempts import MOST_FOR_ACCOUNT, MOST_FOR_ADDRESS, WINDOW_SECONDS, SignInAttempts
from quinta.core.errors import TooManyRequests, Unavailable
from quinta.storage.passwords import MOST_WAITING, Argon2Passwords
from tests.clocks import SteppedClock
from tests.serving import ADMIN_EMAIL, ADMIN_PASSWORD, RunningServer, serving


class Hours(SteppedClock):
    """A clock whose seconds are counted by hand as well."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of our own: its counts are by address, and all other tests come from the same one."""
    folder: Path = tmp_path_factory.mktemp("alone")
    with serving(folder / "data") as running:
        yield running


def sign_in(client: httpx2.Client, email: str, password: str) -> int:
    return client.post("/v2.1/authorize", json={"email": email, "password": password}).status_code


def test_wrong_passwords_are_counted_for_one_account(alone: RunningServer) -> None:
    with alone.client() as client:
        answers = [sign_in(client, ADMIN_EMAIL, f"guess {number}") for number in range(MOST_FOR_ACCOUNT - 1)]
        assert (set(answers), sign_in(client, ADMIN_EMAIL, ADMIN_PASSWORD)) == ({401}, 200)
        answers = [sign_in(client, ADMIN_EMAIL, f"guess {number}") for number in range(MOST_FOR_ACCOUNT + 3)]
        assert Counter(answers) == {401: MOST_FOR_ACCOUNT, 429: 3}
        refused = client.post("/v2.1/authorize", json={"email": ADMIN_EMAIL.upper(), "password": ADMIN_PASSWORD})
        assert refused.status_code == 429
        assert "try again in" in refused.json()["error"]
        assert "retry-after" not in refused.headers
        assert sign_in(client, f"{uuid.uuid4().hex}@example.com", "guess") == 401  # another account is no part of it
        assert client.get("/v2.1/user").status_code == 200  # nor are keys


def test_the_counts_are_forgotten_with_their_window() -> None:
    clock = Hours()
    attempts = SignInAttempts(clock)
    for _ in range(MOST_FOR_ACCOUNT):
        attempts.check("here", "ann")
        attempts.failed("here", "ann")
    with pytest.raises(TooManyRequests, match="try again in 301 seconds"):
        attempts.check("here", "ann")
    attempts.check("there", "ann")  # the owner comes from elsewhere
    clock.seconds += WINDOW_SECONDS
    attempts.check("here", "ann")


def test_one_password_on_many_accounts_is_counted_too() -> None:
    attempts = SignInAttempts(Hours())
    for number in range(MOST_FOR_ADDRESS):
        attempts.check("here", f"somebody {number}")
        attempts.failed("here", f"somebody {number}")
    with pytest.raises(TooManyRequests):
        attempts.check("here", "ann")
    attempts.check("there", "ann")


async def test_passwords_that_wait_are_bounded() -> None:
    passwords = Argon2Passwords()
    asked = [passwords.hash("a long password") for _ in range(MOST_WAITING + 12)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in told if isinstance(answer, Unavailable)]
    assert len(refused) == 10
    assert await passwords.matches("a long password", str(next(answer for answer in told if isinstance(answer, str))))
