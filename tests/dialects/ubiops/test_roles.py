"""Roles: every operation of a project by every default role, roles on single models, and what is refused of roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import check_last
from tests.dialects.ubiops.operations import ELSEWHERE, HARMFUL, LISTS, OBJECT_TYPES, OPERATIONS, UNKNOWN, Operation
from tests.dialects.ubiops.people import People, Person, assign, refusal_of
from tests.models import new_project

VERBS = {"viewer": ("list", "get"), "editor": ("list", "get", "create", "update")}
VERBS["admin"] = (*VERBS["editor"], "delete")
FAMILIES = {"model": "models.", "connector": "connectors.", "credentials": "credentials."}
FAMILIES |= {"pipeline": "pipelines.", "blob": "blobs."}
PROJECT_ROLES = ("project-admin", "project-editor", "project-viewer", "service-user-project-admin")
ROLES = [*PROJECT_ROLES, *(f"{family}-{level}" for family in FAMILIES for level in VERBS)]
PLAIN = {"input_type": "plain", "output_type": "plain"}


def holds(role: str, permission: str) -> bool:
    """What contract ubiops 6.3 says, in other words than the server's."""
    about_people = permission.startswith(("roles.", "service_users."))
    verb = permission.rsplit(".", 1)[1]
    if role == "project-admin":
        return True
    if role == "service-user-project-admin":
        return not about_people
    family, _, level = role.rpartition("-")
    if family == "project":
        return verb in VERBS[level] and not about_people and (level, permission) != ("editor", "projects.update")
    return permission.startswith(FAMILIES[family]) and verb in VERBS[level]


@dataclass(frozen=True)
class Scene:
    """A project with the models ``one`` and ``two``, each with a version without a package, and two empty pipelines."""

    door: httpx2.Client
    project: str

    @property
    def path(self) -> str:
        return f"/v2.1/projects/{self.project}"


def new_scene(door: httpx2.Client) -> Scene:
    scene = Scene(door, new_project(door))
    for model in ("one", "two"):
        assert door.post(f"{scene.path}/models", json={"name": model, **PLAIN}).status_code == 201
        assert door.post(f"{scene.path}/models/{model}/versions", json={"version": "v1"}).status_code == 201
    for pipeline in ("one", "two"):
        new = {"name": pipeline, "input_type": "plain"}
        assert door.post(f"{scene.path}/pipelines", json=new).status_code == 201
    return scene


@pytest.fixture(scope="module")
def scene(door: httpx2.Client) -> Scene:
    return new_scene(door)


@pytest.fixture
def member(scene: Scene, people: People) -> Iterator[Person]:
    """A member of the organization without any role; leaves at the end."""
    person = people.member(scene.project)
    yield person
    scene.door.delete(f"/v2.1/organizations/o-{scene.project}/users/{person.id}")


def check(operation: Operation, person: Person, scene: Scene, *, allowed: bool) -> None:
    answer = operation.call(person.client, scene.project, "never-was" if operation.name in HARMFUL else "one")
    assert (answer.status_code != 403) == allowed, (operation.name, answer.text)
    if allowed:
        assert answer.status_code in (200, 201, 204, 400, 404), (operation.name, answer.text)
    else:
        assert operation.permission in answer.json()["error"]


def test_every_operation_within_a_project_is_in_the_table(door: httpx2.Client) -> None:
    """A new operation needs a line in operations.py, and with it passes every test here."""
    document = door.get("/v2.1/openapi.json").json()
    below = {
        operation["operationId"]
        for path, methods in document["paths"].items()
        if path.startswith("/projects/{")
        for operation in methods.values()
    }
    assert below == {operation.name for operation in OPERATIONS} | ELSEWHERE
    permissions = {item["name"] for item in door.get("/v2.1/permissions").json()}
    assert {operation.permission for operation in OPERATIONS} <= permissions


@pytest.mark.parametrize("role", ROLES)
def test_every_operation_by_a_default_role(scene: Scene, member: Person, role: str) -> None:
    given = assign(scene.door, scene.project, member.id, role)
    for operation in OPERATIONS:
        needed = [held for held in (operation.permission, operation.other) if held is not None]
        enough = any if operation.name in LISTS else all
        allowed = enough(holds(role, held) for held in needed)
        check(operation, member, scene, allowed=allowed)
    assert scene.door.delete(f"{scene.path}/role-assignments/{given}").status_code == 204
    check(OPERATIONS[0], member, scene, allowed=False)


def test_every_operation_by_an_administrator_of_the_organization(scene: Scene, people: People) -> None:
    """Holds all without any assignment, and nothing from the call on that demotes (contract ubiops 6.1)."""
    boss = people.member(scene.project, admin=True)
    for operation in OPERATIONS:
        check(operation, boss, scene, allowed=True)
    place = f"/v2.1/organizations/o-{scene.project}/users/{boss.id}"
    assert scene.door.patch(place, json={"admin": False}).json()["admin"] is False
    for operation in OPERATIONS:
        check(operation, boss, scene, allowed=False)
    assert scene.door.delete(place).status_code == 204
    for operation in OPERATIONS:
        assert operation.call(boss.client, scene.project).status_code == 404


def test_a_member_without_a_role_sees_the_project_and_nothing_in_it(scene: Scene, member: Person) -> None:
    assert member.client.get(scene.path).status_code == 200
    assert scene.project in member.client.get("/v2.1/projects").text
    there = refusal_of(member.client.get(f"{scene.path}/models/one"))
    assert there == (403, "the permission models.get on model 'one' is needed for this")
    not_there = refusal_of(member.client.get(f"{scene.path}/models/never-was"))
    assert not_there == (403, there[1].replace("one", "never-was"))


def test_deleting_a_project(people: People, door: httpx2.Client) -> None:
    project = new_project(door)
    person = people.member(project)
    for role, status in (("project-editor", 403), ("service-user-project-admin", 204)):
        assign(door, project, person.id, role)
        assert person.client.delete(f"/v2.1/projects/{project}").status_code == status
    assert door.get(f"/v2.1/projects/{project}").status_code == 404


@pytest.mark.parametrize("level", VERBS)
@pytest.mark.parametrize("kind", OBJECT_TYPES)
def test_a_role_on_one_object(scene: Scene, member: Person, kind: str, level: str) -> None:
    """Covers what hangs on the object; nothing else in the project, and lists show it alone (contract 6.3)."""
    assign(scene.door, scene.project, member.id, f"{kind}-{level}", object_name="one", object_type=kind)
    for operation in OPERATIONS:
        if operation.name not in HARMFUL | LISTS:
            on_it = operation.object_type == kind and holds(f"{kind}-{level}", operation.permission)
            check(operation, member, scene, allowed=on_it)
        elif operation.name == f"{kind}s_list":
            check(operation, member, scene, allowed=True)
        if operation.object_type == kind:
            for other in ("two", "never-was"):
                answer = operation.call(member.client, scene.project, other)
                assert answer.status_code == 403, operation.name
                assert answer.json()["error"].endswith(f"on {kind} '{other}' is needed for this")
    assert [item["name"] for item in member.client.get(f"{scene.path}/{kind}s").json()] == ["one"]
    assert [item["name"] for item in scene.door.get(f"{scene.path}/{kind}s").json()] == ["one", "two"]


def test_a_role_follows_its_model_and_goes_with_it(people: People, door: httpx2.Client) -> None:
    scene = new_scene(door)
    person = people.member(scene.project)
    given = assign(door, scene.project, person.id, "model-admin", object_name="one", object_type="model")
    assert person.client.patch(f"{scene.path}/models/one", json={"name": "renamed"}).status_code == 200
    shown = door.get(f"{scene.path}/role-assignments/{given}").json()
    assert (shown["object_name"], shown["object_type"], shown["role"]) == ("renamed", "model", "model-admin")
    assert person.client.get(f"{scene.path}/models/renamed").status_code == 200
    assert person.client.delete(f"{scene.path}/models/two").status_code == 403
    assert person.client.delete(f"{scene.path}/models/renamed").status_code == 204
    assert door.get(f"{scene.path}/role-assignments/{given}").status_code == 404
    assert door.post(f"{scene.path}/models", json={"name": "renamed", **PLAIN}).status_code == 201
    assert person.client.get(f"{scene.path}/models/renamed").status_code == 403


def test_the_contents_of_default_roles(scene: Scene) -> None:
    permissions = [item["name"] for item in scene.door.get("/v2.1/permissions").json()]
    assert len(permissions) == len(set(permissions)) == 86
    listed = scene.door.get(f"{scene.path}/roles").json()
    assert [role["name"] for role in listed if role["default"]] == ROLES
    for name in ROLES:
        role = scene.door.get(f"{scene.path}/roles/{name}").json()
        assert set(role["permissions"]) == {item for item in permissions if holds(name, item)}, name
    # Clients may keep these: they must be the same on every server and after every update.
    assert listed[0] == {"id": "21946663-d3e8-5f8b-ac75-54572fd4ef6a", "name": "project-admin", "default": True}


def test_roles_by_the_real_client(api: CoreApi, scene: Scene, member: Person) -> None:
    project = {"project_name": scene.project}
    assert len(api.permissions_list()) == 86
    check_last(api, "PermissionList")
    asked = ["models.list", "models.get", "models.delete", "models.get"]
    api.roles_create(**project, data=ubiops.RoleCreate(name="own", permissions=asked))
    created = check_last(api, "RoleDetailList")
    assert (api.api_client.last_response.status, created["permissions"]) == (201, asked[:3])
    assert created["default"] is False
    api.roles_list(**project)
    assert {"id": created["id"], "name": "own", "default": False} in check_last(api, "RoleList")
    api.roles_get(**project, role_name="own")
    assert check_last(api, "RoleDetailList") == created

    new = ubiops.RoleAssignmentCreate(user_id=member.id, role="own")
    api.role_assignments_create(**project, data=new)
    given = check_last(api, "RoleAssignmentList")
    assert (given["object_name"], given["object_type"], given["role"]) == (scene.project, "project", "own")
    on_model = {"user_id": member.id, "role": "own", "object_name": "one", "object_type": "model"}
    api.role_assignments_create(**project, data=ubiops.RoleAssignmentCreate(**on_model))
    second = check_last(api, "RoleAssignmentList")
    assert second == on_model | {"id": second["id"]}
    api.role_assignments_get(**project, id=given["id"])
    assert check_last(api, "RoleAssignmentList") == given

    api.roles_update(**project, role_name="own", data=ubiops.RoleUpdate(name="mine", permissions=["models.list"]))
    assert check_last(api, "RoleDetailList") == created | {"name": "mine", "permissions": ["models.list"]}
    api.role_assignments_per_user_list(**project, user_id=member.id)
    assert check_last(api, "RoleAssignmentList") == [given | {"role": "mine"}, second | {"role": "mine"}]
    api.role_assignments_delete(**project, id=given["id"])
    assert api.api_client.last_response.status == 204
    assert member.client.get(f"{scene.path}/models").status_code == 200
    api.roles_delete(**project, role_name="mine")
    assert api.role_assignments_per_user_list(**project, user_id=member.id) == []
    assert member.client.get(f"{scene.path}/models").status_code == 403


ROLE = {"name": "fine", "permissions": ["models.get"]}
ASSIGNMENT = {"role": "blob-viewer"}
BAD_ROLES: list[tuple[dict[str, Any], str]] = [
    ({"permissions": ["models.get", "models.fly"]}, "no permission named 'models.fly'"),
    ({"permissions": ["MODELS_GET"]}, "no permission named"),
    ({"permissions": "models.get"}, "must be an array"),
    ({"permissions": None}, "null"),
    ({"permissions": [None]}, "must be a string"),
    ({"name": "Fine"}, "cannot be the name of a role"),
    ({"name": "a" * 65}, "cannot be the name of a role"),
    ({"name": "project-admin"}, "exists already"),
    ({"name": "taken"}, "exists already"),
    ({"default": True}, "no member"),
]


@pytest.mark.parametrize(("change", "text"), BAD_ROLES, ids=[text for _, text in BAD_ROLES])
def test_roles_that_are_refused(scene: Scene, change: dict[str, Any], text: str) -> None:
    roles = f"{scene.path}/roles"
    scene.door.post(roles, json={"name": "taken", "permissions": []})
    before = scene.door.get(roles).json()
    if change.get("permissions", ...) is not None:
        status, error = refusal_of(scene.door.post(roles, json=ROLE | change))
        assert (status, text in error) == (400, True), error
        assert scene.door.get(roles).json() == before
    assert scene.door.post(roles, json=ROLE).status_code == 201
    status, error = refusal_of(scene.door.patch(f"{roles}/fine", json=change))
    assert (status, text in error) == (400, True), error
    assert scene.door.get(f"{roles}/fine").json()["permissions"] == ["models.get"]
    assert scene.door.delete(f"{roles}/fine").status_code == 204


def test_default_roles_stay_as_they_are(scene: Scene) -> None:
    path = f"{scene.path}/roles/model-viewer"
    before = scene.door.get(path).json()
    for answer in (scene.door.patch(path, json={"permissions": []}), scene.door.delete(path)):
        assert answer.status_code == 400
        assert "default role" in answer.json()["error"]
    assert scene.door.get(path).json() == before


def test_assignments_that_are_refused(scene: Scene, member: Person, people: People) -> None:
    outsider, pending = people.person(), "pending@example.com"
    invited = scene.door.post(f"/v2.1/organizations/o-{scene.project}/users", json={"email": pending}).json()["id"]
    on_model = {"object_name": "one", "object_type": "model"}
    bad: list[tuple[dict[str, Any], str]] = [
        ({"user_id": outsider.id}, "neither a member"),
        ({"user_id": invited}, "neither a member"),
        ({"user_id": UNKNOWN}, "neither a member"),
        ({"user_id": "5"}, "neither a member"),
        ({"role": "never-was"}, "no role named"),
        ({"object_name": "one"}, "go together"),
        ({"object_type": "model"}, "go together"),
        ({"object_name": "one", "object_type": "version"}, "must be one of"),
        ({"role": "model-viewer", "object_name": "never-was", "object_type": "model"}, "no model named 'never-was'"),
        ({"role": "pipeline-viewer", "object_name": "p", "object_type": "pipeline"}, "no pipeline named 'p'"),
        ({"role": "connector-viewer", "object_name": "c", "object_type": "connector"}, "no connector named 'c'"),
        ({"role": "credentials-viewer", "object_name": "c", "object_type": "credentials"}, "no credentials named 'c'"),
        ({"object_name": "another", "object_type": "project"}, "no project named 'another'"),
        ({"role": "blob-viewer", **on_model}, "cannot be assigned on a model"),
        ({"role": "project-viewer", **on_model}, "cannot be assigned on a model"),
        ({"role": "connector-viewer", **on_model}, "cannot be assigned on a model"),
    ]
    path = f"{scene.path}/role-assignments"
    for change, text in bad:
        status, error = refusal_of(scene.door.post(path, json={"user_id": member.id, **ASSIGNMENT, **change}))
        assert (status, text in error) == (400, True), (change, error)
    assert scene.door.get(f"{scene.path}/users/{member.id}/role-assignments").json() == []
    for good in (ASSIGNMENT, {"role": "model-viewer", **on_model}, {"role": "model-viewer"}):
        assert scene.door.post(path, json={"user_id": member.id, **good}).status_code == 201
        status, error = refusal_of(scene.door.post(path, json={"user_id": member.id, **good}))
        assert (status, error) == (400, "the user has this role there already")
    whole = {"object_name": scene.project, "object_type": "project", "role": "blob-admin", "user_id": member.id}
    assert scene.door.post(path, json=whole).json()["object_type"] == "project"


def test_a_role_cannot_outgrow_where_it_is_assigned(scene: Scene, member: Person, people: People) -> None:
    """A role on a model takes no permission that means nothing there; one of a service user, none about people."""
    roles = f"{scene.path}/roles"
    robot = people.service_user(scene.project)
    for name, holder, on in (
        ("on-model", member, {"object_name": "one", "object_type": "model"}),
        ("of-robot", robot, {}),
    ):
        assert scene.door.post(roles, json={"name": name, "permissions": ["models.get"]}).status_code == 201
        given = assign(scene.door, scene.project, holder.id, name, **on)
        more = {"permissions": ["models.get", "service_users.list"]}
        answer = scene.door.patch(f"{roles}/{name}", json=more)
        assert (answer.status_code, "service_users.list" in answer.json()["error"]) == (400, True)
        assert holder.client.get(f"{scene.path}/service-users").status_code == 403
        assert scene.door.delete(f"{scene.path}/role-assignments/{given}").status_code == 204
        assert scene.door.patch(f"{roles}/{name}", json=more).status_code == 200
        assert scene.door.delete(f"{roles}/{name}").status_code == 204
    assert scene.door.delete(f"{scene.path}/service-users/{robot.id}").status_code == 204


def test_a_role_may_be_given_up_by_its_holder(scene: Scene, member: Person) -> None:
    given = assign(scene.door, scene.project, member.id, "project-admin")
    path = f"{scene.path}/role-assignments/{given}"
    assert member.client.delete(path).status_code == 204
    assert member.client.get(path).status_code == 403


def test_what_another_project_has_is_not_there(scene: Scene, people: People, door: httpx2.Client) -> None:
    """An administrator of another tenant, with ids and names that exist: word for word as if they did not."""
    theirs = new_scene(door)
    rival = people.member(theirs.project, admin=True)
    mine = people.member(scene.project)
    robot = people.service_user(scene.project)
    given = assign(door, scene.project, mine.id, "model-viewer")
    door.post(f"{scene.path}/roles", json={"name": "secret", "permissions": []})
    paths = [
        "/roles/secret", f"/role-assignments/{given}", f"/service-users/{robot.id}",
        f"/users/{mine.id}/role-assignments", f"/users/{robot.id}/role-assignments",
    ]  # fmt: skip
    for path in paths:
        assert rival.client.get(theirs.path + path).status_code == 404, path
        assert rival.client.get(scene.path + path).status_code == 404, path
        assert door.get(scene.path + path).status_code == 200, path
    for user in (mine.id, robot.id):
        new = {"user_id": user, "role": "blob-viewer"}
        status, error = refusal_of(rival.client.post(f"{theirs.path}/role-assignments", json=new))
        assert (status, "neither a member" in error) == (400, True)
    for operation in OPERATIONS:
        answer = operation.call(rival.client, scene.project)
        assert refusal_of(answer) == (404, f"there is no project named '{scene.project}'"), operation.name
    assert door.delete(f"{scene.path}/service-users/{robot.id}").status_code == 204
