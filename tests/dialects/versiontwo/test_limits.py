"""How often a key may call (contract versiontwo 4): 100 times a minute, exactly, and every answer says what is left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.chaos.clocked import set_ahead
from tests.dialects.versiontwo.house import Door, House, told
from tests.serving import RunningServer, serving, start_server

LIMIT = 100
WINDOW = 60


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        house = House(running)
        yield house
        house.close()


def budget(answer: requests.Response) -> tuple[int, int, int]:
    limit, remaining, reset = (answer.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset"))
    return int(limit), int(remaining), int(reset)


def test_every_answer_says_what_is_left(door: Door) -> None:
    began = time.time()
    first = door.call("GET", "/projects")
    limit, remaining, reset = budget(first)
    assert (limit, remaining) == (LIMIT, LIMIT - 1)
    assert began + WINDOW - 1 <= reset <= time.time() + WINDOW + 1
    reader = door.with_key("read")  # one call
    calls = [
        ("POST", "/projects", {}, 400),
        ("GET", "/projects/proj_nothing", None, 404),
        ("GET", "/nothing", None, 404),
        ("PUT", "/projects", {}, 405),
        ("POST", "/projects", {"name": "One"}, 201),
        ("HEAD", "/projects", None, 200),
    ]
    for number, (method, path, body, status) in enumerate(calls):
        answer = door.call(method, path, json=body)
        assert answer.status_code == status, answer.text
        assert budget(answer) == (LIMIT, LIMIT - 3 - number, reset)
    forbidden = reader.call("POST", "/projects", json={"name": "Two"})
    assert (forbidden.status_code, budget(forbidden)[:2]) == (403, (LIMIT, LIMIT - 1))
    workspace = door.ok("POST", "/workspaces", 201, json={"name": "Shelf"})
    gone = door.call("DELETE", f"/workspaces/{workspace['id']}")
    assert (gone.status_code, budget(gone)[0]) == (204, LIMIT)


def test_one_hundred_of_three_hundred_calls_at_once_pass(door: Door) -> None:
    def some(count: int) -> list[requests.Response]:
        with requests.Session() as session:
            session.trust_env = False
            own = replace(door, session=session)
            return [own.call("GET", "/projects") for _ in range(count)]

    other = replace(door, key=House(door.server).key_of(door.email))
    with ThreadPoolExecutor(8) as threads:
        answers = [answer for part in threads.map(some, [38] * 4 + [37] * 4) for answer in part]
    assert Counter(answer.status_code for answer in answers) == {200: LIMIT, 429: 200}
    left = sorted(budget(answer)[1] for answer in answers if answer.status_code == 200)
    assert left == list(range(LIMIT))
    for answer in answers:
        if answer.status_code == 429:
            limit, remaining, reset = budget(answer)
            assert (told(answer)[:2], limit, remaining) == ((429, "rate_limited"), LIMIT, 0)
            assert 1 <= int(answer.headers["Retry-After"]) <= WINDOW
            assert answer.json()["error"]["details"] == {"limit": LIMIT, "reset": reset}
    assert other.call("GET", "/projects").status_code == 200


def test_bad_keys_count_against_the_address(house: House, door: Door) -> None:
    guesser = replace(house.nobody, key="never-was")
    answers = [guesser.call("GET", "/projects") for _ in range(LIMIT + 3)]
    assert [answer.status_code for answer in answers] == [401] * LIMIT + [429] * 3
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert door.call("GET", "/projects").status_code == 200  # with a good key the address does not matter
    assert house.nobody.call("GET", "/projects").status_code == 401  # nobody is guessing here


def test_a_window_ends(tmp_path: Path) -> None:
    """On a server whose clock this test moves."""
    set_ahead(tmp_path, 0)
    running = start_server(tmp_path / "data", module="tests.chaos.clocked")
    house = House(running)
    door = house.person()
    refused = [door.call("GET", "/projects") for _ in range(LIMIT + 2)][-1]
    assert (refused.status_code, budget(refused)[1]) == (429, 0)
    set_ahead(tmp_path, WINDOW + 1)
    again = door.call("GET", "/projects")
    assert (again.status_code, budget(again)[:2]) == (200, (LIMIT, LIMIT - 1))
    assert budget(again)[2] > budget(refused)[2]
    house.close()
    assert running.stop() == 0


def test_health_is_not_limited(house: House) -> None:
    for _ in range(LIMIT + 1):
        answer = house.session.get(f"{house.server.url}/health", timeout=60)
        assert answer.status_code == 200
    assert "X-RateLimit-Limit" not in answer.headers


def test_no_limit_at_all(unlimited: RunningServer) -> None:
    house = House(unlimited)
    answer = house.person().call("GET", "/projects")
    assert answer.status_code == 200
    assert "X-RateLimit-Limit" not in answer.headers
    house.close()
