"""Service users: their tokens, what is refused to them whatever their role, and the operations on them."""

from __future__ import annotations

import uuid

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import check_last
from tests.dialects.ubiops.conftest import core_api
from tests.dialects.ubiops.operations import OPERATIONS, UNKNOWN
from tests.dialects.ubiops.people import People, assign, refusal_of
from tests.models import new_project
from tests.serving import RunningServer


def test_service_users_by_the_real_client(server: RunningServer, api: CoreApi, project: str) -> None:
    api.service_users_create(project_name=project, data=ubiops.ServiceUserCreate(name="robot"))
    created = check_last(api, "ServiceUserDetail")
    assert (api.api_client.last_response.status, created["name"]) == (201, "robot")
    assert created["email"] == f"{created['id']}.{project}@serviceuser.ubiops.com"
    token = created.pop("token")
    one = {"project_name": project, "service_user_id": created["id"]}
    api.service_users_get(**one)
    assert check_last(api, "ServiceUserList") == created
    api.service_users_create(project_name=project, data={})
    assert check_last(api, "ServiceUserDetail")["name"] is None
    api.service_users_list(project_name=project)
    assert check_last(api, "ServiceUserList")[0] == created
    api.service_users_update(**one, data=ubiops.ServiceUserCreate(name="machine"))
    assert check_last(api, "ServiceUserList") == created | {"name": "machine"}

    robot = core_api(server, token)
    assert (robot.user_get().email, robot.user_get().name) == (created["email"], "machine")
    assert [item.name for item in robot.projects_list()] == [project]
    assert robot.projects_get(project_name=project).name == project
    api.service_users_token(**one, data={})
    renewed = core_api(server, check_last(api, "ServiceUserTokenList")["token"])
    with pytest.raises(ubiops.ApiException) as old:
        robot.user_get()
    assert (old.value.status, renewed.user_get().email) == (401, created["email"])
    api.projects_update(project_name=project, data=ubiops.ProjectUpdate(name=f"{project}-new"))
    assert renewed.user_get().email == created["email"]  # it does not follow the name
    one["project_name"] += "-new"
    api.service_users_delete(**one)
    assert api.api_client.last_response.status == 204
    with pytest.raises(ubiops.ApiException) as gone:
        renewed.user_get()
    assert gone.value.status == 401
    for client in (robot, renewed):
        client.api_client.close()


def test_what_no_service_user_may(people: People, door: httpx2.Client, project: str) -> None:
    """Nothing on accounts and organizations, nothing about roles and users; all else by its role (contract 6.1)."""
    robot = people.service_user(project)
    organization = f"/v2.1/organizations/o-{project}"
    calls = [
        ("PATCH", "/v2.1/user", {"name": "x"}),
        ("DELETE", "/v2.1/user", None),
        ("GET", "/v2.1/organizations", None),
        ("POST", "/v2.1/organizations", {"name": "o-robot", "subscription": "free", "subscription_agreed": True}),
        ("GET", organization, None),
        ("GET", "/v2.1/organizations/never-was", None),
        ("PATCH", organization, {}),
        ("GET", f"{organization}/users", None),
        ("POST", f"{organization}/users", {"email": "x@example.com"}),
        ("GET", f"{organization}/resources", None),
        ("GET", f"{organization}/subscriptions", None),
        ("POST", "/v2.1/projects", {"name": "robots", "organization_name": f"o-{project}"}),
        ("POST", "/v2.1/subscriptions", {"name": "robots", "max_projects": 1, "max_users": 1, "resources": 1}
         | {"logs_retention_days": 1, "gb_seconds": 1}),
    ]  # fmt: skip
    assign(door, project, robot.id, "service-user-project-admin")
    for method, path, body in calls:
        assert robot.client.request(method, path, json=body).status_code == 403, (method, path)
        if method == "GET" and "never-was" not in path:
            assert door.request(method, path, json=body).status_code == 200, (method, path)
    for operation in OPERATIONS:
        about_people = operation.permission.startswith(("roles.", "service_users."))
        refused = operation.call(robot.client, project, "never-was").status_code == 403
        assert refused == about_people, operation.name
    for path in ("/v2.1/user", "/v2.1/permissions", "/v2.1/subscriptions", "/v2.1/projects"):
        assert robot.client.get(path).status_code == 200


def test_roles_that_no_service_user_gets(people: People, door: httpx2.Client, project: str) -> None:
    robot, member = people.service_user(project), people.member(project)
    for name, permission in (("about-roles", "roles.list"), ("about-users", "service_users.get")):
        new = {"name": name, "permissions": ["models.get", permission]}
        assert door.post(f"/v2.1/projects/{project}/roles", json=new).status_code == 201
    for role in ("project-admin", "about-roles", "about-users"):
        answer = door.post(f"/v2.1/projects/{project}/role-assignments", json={"user_id": robot.id, "role": role})
        assert (answer.status_code, "service user" in answer.json()["error"]) == (400, True)
        assign(door, project, member.id, role)
    for role in ("service-user-project-admin", "project-editor", "project-viewer", "model-admin"):
        assign(door, project, robot.id, role)


def test_another_project_is_not_there(people: People, door: httpx2.Client, project: str) -> None:
    """Not even one of the same organization; and it cannot get a role, or a place, anywhere else."""
    sibling = f"{project}-2"
    assert door.post("/v2.1/projects", json={"name": sibling, "organization_name": f"o-{project}"}).is_success
    robot = people.service_user(project)
    for other in (sibling, new_project(door), "never-was"):
        for operation in OPERATIONS:
            answer = operation.call(robot.client, other)
            assert refusal_of(answer) == (404, f"there is no project named '{other}'"), operation.name
    new = {"user_id": robot.id, "role": "blob-viewer"}
    assert door.post(f"/v2.1/projects/{sibling}/role-assignments", json=new).status_code == 400
    assert door.post(f"/v2.1/projects/{project}/role-assignments", json=new).status_code == 201
    answer = door.post(f"/v2.1/organizations/o-{project}/users", json={"email": robot.email})
    assert (answer.status_code, "service user" in answer.json()["error"]) == (400, True)


def test_it_goes_with_its_project(people: People, door: httpx2.Client, project: str) -> None:
    robot = people.service_user(project)
    assert robot.client.get("/v2.1/user").status_code == 200
    assert door.delete(f"/v2.1/projects/{project}").status_code == 204
    assert robot.client.get("/v2.1/user").status_code == 401


def test_it_cannot_sign_in(people: People, door: httpx2.Client, project: str) -> None:
    robot = people.service_user(project)
    for password in ("", "None", uuid.uuid4().hex):
        answer = door.post("/v2.1/authorize", json={"email": robot.email, "password": password or "x"})
        assert answer.status_code == 401


def test_bad_calls(people: People, door: httpx2.Client, project: str) -> None:
    path = f"/v2.1/projects/{project}/service-users"
    robot, person = people.service_user(project), people.member(project)
    for body in ({"name": 5}, {"name": None}, {"name": "x" * 257}, {"email": "a@example.com"}, [], None):
        for method, where in (("POST", path), ("PATCH", f"{path}/{robot.id}")):
            assert door.request(method, where, json=body).status_code == 400, (method, body)
    assert len(door.get(path).json()) == 1
    assert door.patch(f"{path}/{robot.id}", json={"name": "x" * 256}).status_code == 200
    assert door.patch(f"{path}/{robot.id}", json={}).json()["name"] == "x" * 256
    assert door.patch(f"{path}/{robot.id}", json={"name": ""}).json()["name"] is None
    for unknown in (person.id, UNKNOWN, "5"):
        for method, where in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/token")):
            body = {} if method in ("PATCH", "PUT") else None
            answer = door.request(method, f"{path}/{unknown}{where}", json=body)
            assert refusal_of(answer)[0] == 404, (method, unknown)
    for content in (b"", b"{}", b"not json"):
        assert len(door.put(f"{path}/{robot.id}/token", content=content).json()["token"]) == 40
