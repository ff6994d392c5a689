"""Every operation outside of projects by every kind of caller; test_roles has those within a project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.contract import PROMISES
from tests.dialects.ubiops.operations import CALLERS, Outside, outside
from tests.dialects.ubiops.people import People
from tests.models import new_project
from tests.serving import RunningServer

NO_NAME = "No name"
_SPAN = "object_type=model_version&start_time=2020-01-01"
BAD_BODIES: dict[str, Any] = {
    "models_create": {"name": NO_NAME, "input_type": "plain", "output_type": "plain"},
    "models_update": {"name": NO_NAME},
    "model_versions_create": {"version": NO_NAME},
    "model_versions_update": {"maximum_instances": 0},
    "roles_create": {"name": NO_NAME, "permissions": ["no.permission"]},
    "service_users_create": {"name": "a" * 257},
    "service_users_update": {"name": "a" * 257},
    "role_assignments_create": {"user_id": "nobody", "role": "none", "object_name": "m"},
    "organizations_update": {"name": NO_NAME},
    "organization_users_create": {"email": NO_NAME},
    "projects_update": {"name": NO_NAME},
    "batch_model_requests_create": [5],
    "batch_model_requests_batch_collect": ["no id"],
    "batch_model_requests_batch_delete": [],
    "model_requests_create": 5,
    "projects_log_list": {"filters": {}, "limit": 501},
    "project_environment_variables_create": {"name": NO_NAME, "secret": False},
    "model_environment_variables_create": {"name": NO_NAME, "secret": False},
    "model_version_environment_variables_create": {"name": NO_NAME, "secret": False},
    "credentials_create": {"name": NO_NAME, "type": "postgresql", "configuration": {}},
    "credentials_update": {"name": NO_NAME},
    "connectors_create": {"name": NO_NAME, "type": "postgresql", "credentials": "none", "configuration": {}},
    "connectors_update": {"name": NO_NAME},
    "pipelines_create": {"name": NO_NAME, "input_type": "plain"},
    "pipelines_update": {"name": NO_NAME},
    "pipeline_objects_create": {"name": NO_NAME, "reference_type": "model", "reference_name": "m", "version": "v1"},
    "pipeline_objects_update": {"name": NO_NAME},
    "pipeline_object_attachments_create": {"source_name": "none", "destination_name": "none"},
    "pipelines_request": 5,
    "batch_pipeline_requests_create": [5],
    "batch_pipeline_requests_batch_collect": ["no id"],
    "batch_pipeline_requests_batch_delete": [],
    "scheduled_requests_create": {
        "name": NO_NAME, "object_type": "model", "object_name": "m", "version": "v1", "schedule": "never",
    },
    "scheduled_requests_update": {"schedule": "never"},
}  # fmt: skip
"""Well formed, but against a rule about what is stored."""
BAD_QUERIES = {
    "batch_model_requests_list": ("limit=0", "limit=501", "offset=-1"),
    "batch_pipeline_requests_list": ("limit=0", "limit=501", "offset=-1"),
    "blobs_list": ("range=0",),
    "metrics_get": (f"{_SPAN}&end_time=2019-01-01", f"{_SPAN}&end_time=2030-01-01&interval=minute"),
    "model_requests_create": ("timeout=9", "timeout=3601"),
    "pipelines_request": ("pipeline_timeout=7201", "model_timeout=9"),
}
"""What the same is said of in a query, with a body that is right."""
MALFORMED_QUERIES = {
    "batch_model_requests_list": ("limit=all", "sort=up", "status=done", "success=perhaps"),
    "blobs_list": ("creation_date=yesterday", "range=1.5"),
    "metrics_get": (
        _SPAN,
        "object_type=project&start_time=2020-01-01&end_time=2020-01-02",
        f"{_SPAN}&end_time=2020-01-02&interval=week",
        f"{_SPAN}&end_time=2020-01-02&object_id=5",
    ),
    "project_usage_get": ("start_month=2020-13", "start_month=May"),
    "model_requests_create": ("timeout=long",),
    "pipelines_request": ("model_timeout=long",),
}
"""Looked at before the project is: the same is said whether there is one or not."""
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
        yield Scene(
            project,
            outside(f"o-{project}", user),
            clients | {"nobody": nobody},
            [path, f"{path}/users", "/subscriptions/free"],
        )
    people.close()


def test_every_operation_outside_of_projects_is_in_the_table(scene: Scene) -> None:
    there = {promise.name for promise in PROMISES.values() if "{project_name}" not in promise.path}
    assert there - HARMFUL == {operation.name for operation in scene.operations}


@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation_by_a_caller(scene: Scene, caller: str) -> None:
    before = scene.shown()
    for operation in scene.operations:
        answer = operation.call(scene.clients[caller])
        assert answer.status_code == operation.statuses[CALLERS.index(caller)], (operation.name, answer.text)
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401), operation.name
    assert scene.shown() == before


@pytest.fixture(scope="module")
def values(scene: Scene) -> dict[str, str]:
    """One of everything in the project: its names and ids, by the parameters of paths."""
    staff, base = scene.clients["staff"], f"/v2.1/projects/{scene.project}"
    plain = {"name": "m", "input_type": "plain"}
    of_model = {"name": "a", "reference_type": "model", "reference_name": "m", "version": "v1"}
    keys = {"username": "ann", "password": "word", "host": "127.0.0.1", "port": "1"}
    credentials = {"name": "k", "type": "postgresql", "configuration": keys}
    place = {"configuration": {"database": "d", "table": "t"}, "input_fields": [{"name": "x", "data_type": "int"}]}
    schedule = {"name": "s", "object_type": "model", "object_name": "m", "version": "v1", "schedule": "0 0 1 1 *"}
    for path, body in (
        ("models", plain | {"output_type": "plain"}),
        ("models/m/versions", {"version": "v1"}),
        ("pipelines", plain | {"name": "l"}),
        ("pipelines/l/objects", of_model),
        ("credentials", credentials),
        ("connectors", credentials | {"name": "c", "credentials": "k"} | place),
        ("schedules", schedule),
    ):
        answer = staff.post(f"{base}/{path}", json=body)
        assert answer.status_code == 201, (path, answer.text)
    robot = staff.get(f"{base}/service-users").json()[0]["id"]
    return {
        "organization_name": f"o-{scene.project}", "project_name": scene.project, "model_name": "m", "version": "v1",
        "service_user_id": robot, "metric": "requests", "pipeline_name": "l", "name": "a", "credentials_name": "k",
        "connector_name": "c", "schedule_name": "s",
    }  # fmt: skip


REFUSALS = (("stranger", 404), ("member", 403), ("administrator", 400))
"""Access is looked at first: 404 without a place, 403 without the permission, and only then 400."""


@pytest.mark.parametrize("name", BAD_BODIES)
def test_what_is_wrong_with_a_body_is_told_to_who_may_make_the_call(
    scene: Scene, values: dict[str, str], name: str
) -> None:
    path = f"/v2.1{PROMISES[name].path.format(**values)}"
    for caller, status in REFUSALS:
        answer = scene.clients[caller].request(PROMISES[name].method, path, json=BAD_BODIES[name])
        assert answer.status_code == status, (name, caller, answer.text)


def by_query(client: httpx2.Client, name: str, values: dict[str, str], query: str) -> httpx2.Response:
    promise = PROMISES[name]
    body: dict[str, Any] = {"json": "text"} if promise.method == "POST" else {}
    return client.request(promise.method, f"/v2.1{promise.path.format(**values)}?{query}", **body)


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_what_is_wrong_with_a_query_is_told_to_who_may_make_the_call(
    scene: Scene, values: dict[str, str], name: str
) -> None:
    for query in BAD_QUERIES[name]:
        for caller, status in REFUSALS:
            answer = by_query(scene.clients[caller], name, values, query)
            assert answer.status_code == status, (query, caller, answer.text)


@pytest.mark.parametrize("name", MALFORMED_QUERIES)
def test_a_malformed_query_tells_nothing_of_a_project(scene: Scene, values: dict[str, str], name: str) -> None:
    for query in MALFORMED_QUERIES[name]:
        assert by_query(scene.clients["nobody"], name, values, query).status_code == 401
        for caller in ("stranger", "member", "administrator"):
            there = by_query(scene.clients[caller], name, values, query)
            nowhere = by_query(scene.clients[caller], name, values | {"project_name": "never-was"}, query)
            assert there.status_code == nowhere.status_code
            if caller == "stranger":
                assert there.text.replace(scene.project, "never-was") == nowhere.text
            assert there.status_code in (400, 404), there.text


@pytest.mark.parametrize("ttl", ["899", "259201"])
def test_a_wrong_life_of_a_blob_is_told_to_who_may_keep_one(scene: Scene, ttl: str) -> None:
    for caller, status in REFUSALS:
        answer = scene.clients[caller].post(
            f"/v2.1/projects/{scene.project}/blobs", files={"file": ("a", b"a")}, headers={"blob-ttl": ttl}
        )
        assert answer.status_code == status, (caller, answer.text)
