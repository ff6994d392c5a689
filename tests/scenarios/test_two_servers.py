"""Two servers on one PostgreSQL, each with its own data folder (decision 0008)."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.models import ModelDoor, new_model
from tests.serving import start_server
from tests.storage.databases import create_postgres_database, drop_postgres_database

pytestmark = pytest.mark.postgres
MODEL = {"model.py": "class Model:\n    def request(self, data):\n        return data\n"}


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """The administrator at the doors of two servers."""
    folder = tmp_path_factory.mktemp("two")
    url = create_postgres_database()
    settings = {"QUINTA_DATABASE_URL": url, "QUINTA_STORAGE_URL": (folder / "objects").as_uri()}
    one = start_server(folder / "one", settings)
    two = start_server(folder / "two", settings, token=one.token)
    with one.client() as first, two.client() as second:
        yield first, second
    assert (one.stop(), two.stop()) == (0, 0)
    drop_postgres_database(url)


def wait_for_end(client: httpx2.Client, path: str, ids: list[str]) -> Counter[str]:
    deadline = time.monotonic() + 60
    while True:
        found = Counter(item["status"] for item in client.post(f"{path}/request-batch-collect", json=ids).json())
        if not found["pending"] + found["processing"]:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_server_without_the_build_leaves_batches_to_the_one_that_has_it(
    callers: tuple[httpx2.Client, httpx2.Client],
) -> None:
    first, second = callers
    built = new_model(first, MODEL, minimum_instances=1)
    there = ModelDoor(second, built.project)
    assert there.wait()["status"] == "available"
    asked = {first: "a", second: "b"}
    ids = [
        item["id"]
        for client, text in asked.items()
        for item in client.post(f"{built.path}/request-batch", json=[text] * 100).json()
    ]
    assert wait_for_end(second, built.path, ids) == {"completed": 200}


def test_a_direct_request_says_where_it_can_be_answered(callers: tuple[httpx2.Client, httpx2.Client]) -> None:
    never_built_before = {"model.py": f"{MODEL['model.py']}# {uuid.uuid4()}\n"}
    built = new_model(callers[0], never_built_before)
    answers = {}
    for client in callers:
        answer = client.post(f"{built.path}/request", json="x")
        answers[client] = answer.status_code
        if answer.status_code == 503:
            assert "built on another server" in answer.json()["error"]
    assert sorted(answers.values()) == [200, 503]


def test_a_limit_holds_for_calls_at_the_same_moment(callers: tuple[httpx2.Client, httpx2.Client]) -> None:
    name = f"o-{uuid.uuid4().hex[:12]}"
    new = {"name": name, "subscription": "starter", "subscription_agreed": True}
    assert callers[0].post("/v2.1/organizations", json=new).status_code == 201

    def create(number: int) -> int:
        project = {"name": f"{name}-{number}", "organization_name": name}
        return callers[number % 2].post("/v2.1/projects", json=project).status_code

    with ThreadPoolExecutor(12) as pool:
        assert Counter(pool.map(create, range(12))) == {201: 3, 403: 9}


def test_the_rate_limit_of_a_key_is_one_for_both(callers: tuple[httpx2.Client, httpx2.Client]) -> None:
    """300 calls from 8 threads, half of them at each server: 100 pass (contract versiontwo 4)."""
    first, second = callers
    made = first.post("/v1/api-keys", json={"name": "counted", "permissions": ["read"]}, headers=_bearer(first))
    headers = {"Authorization": f"Bearer {made.json()['key']}"}

    def some(number: int) -> list[httpx2.Response]:
        door = callers[number % 2]
        return [door.get("/v1/projects", headers=headers) for _ in range(38 if number < 4 else 37)]

    with ThreadPoolExecutor(8) as threads:
        answers = [answer for part in threads.map(some, range(8)) for answer in part]
    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 200}
    left = sorted(int(answer.headers["X-RateLimit-Remaining"]) for answer in answers if answer.status_code == 200)
    assert left == list(range(100))
    assert len({answer.headers["X-RateLimit-Reset"] for answer in answers}) == 1
    assert second.get("/v1/projects", headers=_bearer(second)).status_code == 200


def _bearer(client: httpx2.Client) -> dict[str, str]:
    return {"Authorization": client.headers["Authorization"].replace("Token", "Bearer")}
