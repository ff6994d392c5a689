"""Two servers on one PostgreSQL carry the same pipeline requests on: all end, with each run that there should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model, new_project
from tests.pipelines import PipelineDoor, new_pipeline
from tests.serving import start_server
from tests.storage.databases import create_postgres_database, drop_postgres_database

pytestmark = pytest.mark.postgres
NUMBERS = {"number": "int"}
MODEL = 'class Model:\n    def request(self, data):\n        return {"number": data["number"] + 1}\n'
BRANCHES = ("a", "b", "c", "d")
REQUESTS = 50


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
    for server in (one, two):
        assert [line for line in server.output if "turn_failed" in line or "request_failed" in line] == []
    drop_postgres_database(url)


def built_by(client: httpx2.Client, door: ModelDoor) -> bool:
    """Whether the server at this door has what the version's build made: it alone answers direct requests."""
    return client.post(f"{door.path}/request", json={"number": 1}).status_code == 200


def models_of_both(callers: tuple[httpx2.Client, httpx2.Client]) -> tuple[str, list[str]]:
    """A project with models until each server has built one: mostly that which took the archive, but any may."""
    project, found = new_project(callers[0]), {}
    for number in range(30):
        uploader, files = callers[number % 2], {"model.py": f"{MODEL}# {number}\n"}  # the same content is built once
        door = new_model(uploader, files, inputs=NUMBERS, outputs=NUMBERS, project=project, model=f"m{number}")
        found[built_by(callers[0], door)] = door.model
        if len(found) == 2:
            return project, list(found.values())
    pytest.fail("one server made every build")


def test_parts_that_end_on_different_servers_make_one_end(callers: tuple[httpx2.Client, httpx2.Client]) -> None:
    """Branches run on both servers, and each request has an end that some last part must see."""
    project, models = models_of_both(callers)
    pipeline = new_pipeline(callers[0], project, NUMBERS)
    for number, name in enumerate(BRANCHES):
        pipeline.add(name, models[number % 2])
        pipeline.attach("pipeline_start", name, {"number": "number"})
    pipeline.add("last", models[0])
    for name in BRANCHES[2:]:
        pipeline.attach(name, "last", {"number": "number"})
    doors = [PipelineDoor(client, project, pipeline.name) for client in callers]
    made = [request for door in doors for request in door.batch([{"number": 1}] * REQUESTS)]

    def states() -> Counter[str]:
        listed = callers[1].get(f"{pipeline.path}/request-batch", params={"limit": 500}).json()
        return Counter(item["status"] for item in listed)

    assert wait_for(states, lambda found: not found["pending"] + found["processing"]) == {"completed": 2 * REQUESTS}
    wanted = Counter(dict.fromkeys(BRANCHES, 1)) + Counter(last=2)
    for request_id in made:
        runs = doors[0].get(request_id)["model_requests"]
        assert Counter(run["pipeline_object"] for run in runs) == wanted
        assert all(run["result"] for run in runs)
    answer = callers[0].post(f"{pipeline.path}/request", json={"number": 1})
    assert (answer.status_code, "built on another server" in answer.text) == (503, True)
