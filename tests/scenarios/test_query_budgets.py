"""A budget that 64 threads fight over: as many answers as it allows, and not one more (contract dq0 5.4)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.dialects.dq0.house import Door, House
from tests.dialects.dq0.test_queries import Town, ended
from tests.serving import RunningServer, start_server
from tests.storage.databases import create_postgres_database, drop_postgres_database

THREADS = 64
EPSILON = 0.007
REST = 0.000_000_300
"""What is left where nothing is lost on the way: 300 of the ledger's units."""
COUNT = "SELECT COUNT(*) AS n FROM LR.people"


@contextmanager
def doors_of(town: Town, servers: Sequence[RunningServer]) -> Iterator[list[Door]]:
    """One for each thread, half of them at each server."""
    with ExitStack() as stack:
        doors = []
        for number in range(THREADS):
            session = stack.enter_context(requests.Session())
            session.trust_env = False
            doors.append(replace(town.scientist, server=servers[number % len(servers)], session=session))
        yield doors


def use_up(town: Town, servers: Sequence[RunningServer], answers: int) -> None:
    """All threads begin at once and ask until they are refused."""
    budget = round(answers * EPSILON + REST, 9)
    town.owner.ok("POST", "/privacy/budgets", json={"data_name": town.name, "current": budget})
    together = threading.Barrier(THREADS)

    def ask(door: Door) -> list[str]:
        asked: list[str] = []
        together.wait(timeout=60)
        for _ in range(4 * answers):
            answer = door.call("POST", "/queries/", json=town.sent(COUNT, epsilon=EPSILON))
            if answer.status_code == 403:
                assert "budget" in answer.json()["error"]
                return asked
            if answer.status_code == 503:  # what is busy says so, and has taken nothing
                time.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            asked.append(answer.json()["job_uuid"])
        raise AssertionError("the budget is never used up")

    with doors_of(town, servers) as doors, ThreadPoolExecutor(THREADS) as threads:
        jobs = [job for asked in threads.map(ask, doors) for job in asked]
        assert len(set(jobs)) == len(jobs) == answers
        assert town.left() == REST
        for number, job in enumerate(jobs):
            found = ended(doors[number % THREADS], job)
            assert found["job_state"] == "finished", found["job_errors"]
    asked = {"data_name": town.name}
    (item,) = town.owner.ok("GET", "/privacy/budgets", params=asked)["items"]
    assert (item["current"], item["spent"]) == (REST, round(answers * EPSILON, 9))
    texts = [town.text(job) for job in jobs]
    assert all(text.startswith("n\n") for text in texts)
    assert len(set(texts)) > answers // 2, "each answer has noise of its own: of scale 140 here"
    (row,) = town.owner.ok("GET", "/privacy/budgets", params=asked)["items"]
    assert row == item


def test_one_server(server: RunningServer, tmp_path: Path) -> None:
    house = House(server)
    use_up(Town(house.person("owner"), house.person("user"), tmp_path), [server], 24)
    house.close()


@pytest.mark.postgres
def test_two_servers(tmp_path: Path) -> None:
    """One of them is killed at the end: what it was answering is answered by the other, for the same charge."""
    url = create_postgres_database()
    settings = {"QUINTA_DATABASE_URL": url, "QUINTA_STORAGE_URL": (tmp_path / "objects").as_uri()}
    settings["QUINTA_SECRETS_KEY"] = "ab" * 32  # the same for both: each opens the metadata
    one = start_server(tmp_path / "one", settings)
    two = start_server(tmp_path / "two", settings, token=one.token)
    house = House(one)
    town = Town(house.person("owner"), house.person("user"), tmp_path)
    use_up(town, [one, two], 60)
    jobs_before_a_kill(town, two)
    assert one.stop() == 0
    house.close()
    drop_postgres_database(url)


def jobs_before_a_kill(town: Town, other: RunningServer) -> None:
    """A dozen queries are asked at the server that is killed then."""
    town.owner.ok("POST", "/privacy/budgets", json={"data_name": town.name, "current": 1.0})
    door = replace(town.scientist, server=other)
    jobs = [door.ok("POST", "/queries", json=town.sent(COUNT, epsilon=0.05))["job_uuid"] for _ in range(12)]
    other.kill()
    for job in jobs:
        found = ended(town.scientist, job)
        assert found["job_state"] == "finished", found["job_errors"]
        assert town.text(job).startswith("n\n")
    assert town.left() == 0.4
