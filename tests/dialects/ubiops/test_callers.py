"""Every operation outside of projects by every kind of caller; test_roles has those within a project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.contract import NOT_YET, PROMISES
from tests.dialects.ubiops.operations import CALLERS, Outside, outside
from tests.dialects.ubiops.people import People
from tests.models import new_project
from tests.serving import RunningServer

NO_NAME = "No name"
BAD_BODIES: dict[str, Any] = {
    "models_create": {"name": NO_NAME, "input_type": "plain", "output_type": "plain"},
    "models_update": {"name": NO_NAME},
    "model_versions_create": {"version": NO_NAME},
    "model_versions_update": {"maximum_instances": 0},
    "roles_create": {"name": NO_NAME, "permissions": ["no.permission"]},
    "service_users_create": {"name": "a" * 257},
    "service_users_update": {"name": "a" * 257},
    "role_assignments_create": {"user_id": "nobody", "role": "none"},
    "projects_update": {"name": NO_NAME},
    "batch_model_requests_create": [5],
    "batch_model_requests_batch_collect": ["no id"],
    "batch_model_requests_batch_delete": [],
    "model_requests_create": 5,
}
"""Well formed, but against a rule about what is stored."""
HARMFUL = {"user_delete"}
"""Takes the caller away: tested beside the accounts."""


@dataclass(frozen=True)
class Scene:
    """An organization, and a client for each of the callers."""

    project: str
    operations: list[Outside]
    clients: dict[str, httpx2.Client]
    state: list[str]

    def shown(self) -> list[str]:
        """What could have changed, as the staff sees it."""
        return [self.clients["staff"].get(f"/v2.1{path}").text for path in self.state]


@pytest.fixture(scope="module")
def scene(server: RunningServer, door: httpx2.Client) -> Iterator[Scene]:
    people, project = People(server, door), new_project(door)
    path = f"/organizations/o-{project}"
    member = people.member(project)
    clients: dict[str, Any] = {
        "service user": people.service_user(project).client,
        "stranger": people.person().client,
        "member": member.client,
        "administrator": people.member(project, admin=True).client,
        "staff": door,
    }
    user = next(item for item in door.get(f"/v2.1{path}/users").json() if item["id"] == member.id)
    with httpx2.Client(base_url=server.url, trust_env=False) as nobody:
        operations = [operation for operation in outside(f"o-{project}", user) if operation.name not in NOT_YET]
        yield Scene(project, operations, clients | {"nobody": nobody}, [path, f"{path}/users", "/subscriptions/free"])
    people.close()


def test_every_operation_outside_of_projects_is_in_the_table(scene: Scene) -> None:
    there = {promise.name for promise in PROMISES.values() if "{project_name}" not in promise.path}
    assert there - NOT_YET - HARMFUL == {operation.name for operation in scene.operations}


@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation_by_a_caller(scene: Scene, caller: str) -> None:
    before = scene.shown()
    for operation in scene.operations:
        answer = operation.call(scene.clients[caller])
        assert answer.status_code == operation.statuses[CALLERS.index(caller)], (operation.name, answer.text)
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401), operation.name
    assert scene.shown() == before


def test_what_is_wrong_with_a_call_is_told_to_who_may_make_it(scene: Scene) -> None:
    """Access is looked at first: 404 without a place, 403 without the permission, and only then 400."""
    project = scene.project
    model = {"name": "m", "input_type": "plain", "output_type": "plain"}
    assert scene.clients["staff"].post(f"/v2.1/projects/{project}/models", json=model).status_code == 201
    versions = f"/v2.1/projects/{project}/models/m/versions"
    assert scene.clients["staff"].post(versions, json={"version": "v1"}).status_code == 201
    robot = scene.clients["staff"].get(f"/v2.1/projects/{project}/service-users").json()[0]["id"]
    values = {"project_name": project, "model_name": "m", "version": "v1", "service_user_id": robot}
    for name, body in BAD_BODIES.items():
        path = f"/v2.1{PROMISES[name].path.format(**values)}"
        for caller, status in (("stranger", 404), ("member", 403), ("administrator", 400)):
            answer = scene.clients[caller].request(PROMISES[name].method, path, json=body)
            assert answer.status_code == status, (name, caller, answer.text)
