"""What happens in a client is in the audit trail of its project, which UbiOps' owner reads (decision 0024)."""

from __future__ import annotations

import json
from typing import Any

from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.vbrain.house import House


def trail(house: House, project: str, **query: Any) -> list[dict[str, Any]]:
    with house.server.client() as owner:
        answer = owner.get(f"/v2.1/projects/{project}/audit", params={"limit": 500, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_the_owner_sees_repositories_and_jobs(house: House) -> None:
    leader = house.person()
    door = house.client(leader=leader)
    project = house.project_of(door)
    repository = door.new_repository()
    job = door.new_job(repository, {"do": "return", "value": 1})
    door.ended(job)
    assert door.call("DELETE", f"/job/{job}").status_code == 200
    found = {item["action"]: item for item in trail(house, project)}
    assert found["repository.created"]["description"].startswith(f"{leader.email} created repository '{repository}'")
    assert found["job.created"]["description"].startswith(f"{leader.email} created job '{job}'")
    assert found["job.deleted"]["description"].startswith(f"{leader.email} deleted job '{job}'")
    assert found["client.created"]["actor"] == "system"  # an operator, at the command line


def test_refusals_are_there_beside_what_succeeds(house: House) -> None:
    leader, stakeholder = house.person(), house.person()
    door = house.client(leader=leader)
    project = house.project_of(door)
    repository = door.new_repository()

    def refusals() -> list[str]:
        return [item["description"] for item in trail(house, project, action="access.refused")]

    other = house.join(door, stakeholder, "stakeholder")
    assert other.call("DELETE", f"/repository/{repository}").status_code == 403
    told = wait_for(refusals, bool)
    template = "/api/v1/repository/{repository_id}"
    assert told == [f"{stakeholder.email} was refused DELETE {template} (not_permitted)"]
    assert door.call("DELETE", f"/repository/{repository}").status_code == 200
    assert trail(house, project)[0]["description"].startswith(f"{leader.email} deleted repository '{repository}'")
    assert refusals() == told


def test_a_client_that_is_hidden_from_a_member_of_the_organization(house: House) -> None:
    door, person = house.client(), house.person()
    house.join(house.client(), person, "lider")
    project = house.project_of(door)
    assert house.door_of(door, person).call("GET", "/repository").status_code == 404
    told = wait_for(lambda: trail(house, project, action="access.refused"), bool)
    assert told[0]["description"] == f"{person.email} was refused GET /api/v1/repository (not_found)"
    house.join(door, person, "lider")
    assert house.door_of(door, person).call("GET", "/repository").status_code == 200
    assert trail(house, project, action="access.refused") == told


def test_a_wrong_key_is_told_to_operators(house: House) -> None:
    door = house.client()

    def newest() -> list[str]:
        return [item["description"] for item in json.loads(house.admin("audit", "list", "--actor", "anonymous"))]

    assert door.call("GET", "/repository", {"x-api-key": None}).status_code == 400
    assert door.call("GET", "/repository", {"x-api-key": "never-was"}).status_code == 401
    wait_for(newest, lambda found: "anonymous was refused GET /api/v1/repository (not_authenticated)" in found)
