"""What is taken away counts for nothing from the very next request on, although its route is kept in memory: direct and
batch requests alike."""

from __future__ import annotations

import httpx2
import pytest

from tests.dialects.ubiops.people import People, Person, assign
from tests.models import ModelDoor, new_model

ROUNDS = 5


def send(person: Person, to: ModelDoor) -> int:
    direct, batch = (person.client.post(f"{to.path}/{way}", json="text") for way in ("request", "request-batch"))
    assert direct.status_code == batch.status_code
    return direct.status_code


@pytest.fixture
def member(people: People, plain: ModelDoor) -> Person:
    return people.member(plain.project)


def test_roles(door: httpx2.Client, plain: ModelDoor, member: Person) -> None:
    """On the project and on the model, by hand: given and taken again and again, never one request late."""
    on_model = {"object_name": plain.model, "object_type": "model"}
    for _ in range(ROUNDS):
        for on in ({}, on_model):
            assert send(member, plain) == 403
            given = assign(door, plain.project, member.id, "model-editor", **on)
            assert [send(member, plain), send(member, plain)] == [200, 200]
            assert door.delete(f"/v2.1/projects/{plain.project}/role-assignments/{given}").status_code == 204
    assert send(member, plain) == 403


def test_what_a_role_holds(door: httpx2.Client, plain: ModelDoor, member: Person) -> None:
    roles = f"/v2.1/projects/{plain.project}/roles"
    needed = ["models.versions.requests.create"]
    assert door.post(roles, json={"name": "sender", "permissions": needed}).status_code == 201
    assign(door, plain.project, member.id, "sender")
    assert send(member, plain) == 200
    assert door.patch(f"{roles}/sender", json={"permissions": ["models.get"]}).status_code == 200
    assert send(member, plain) == 403
    assert door.patch(f"{roles}/sender", json={"permissions": needed}).status_code == 200
    assert send(member, plain) == 200
    assert door.delete(f"{roles}/sender").status_code == 204
    assert send(member, plain) == 403


def test_places_in_the_organization(door: httpx2.Client, plain: ModelDoor, member: Person) -> None:
    place = f"/v2.1/organizations/o-{plain.project}/users/{member.id}"
    for admin, status in ((True, 200), (False, 403), (True, 200)):
        assert door.patch(place, json={"admin": admin}).status_code == 200
        assert send(member, plain) == status
    assign(door, plain.project, member.id, "project-admin")
    assert send(member, plain) == 200
    assert door.delete(place).status_code == 204
    assert send(member, plain) == 404
    again = door.post(f"/v2.1/organizations/o-{plain.project}/users", json={"email": member.email})
    assert (again.status_code, send(member, plain)) == (201, 403)  # the role went with the place


def test_service_users(people: People, door: httpx2.Client, plain: ModelDoor) -> None:
    robot = people.service_user(plain.project)
    path = f"/v2.1/projects/{plain.project}/service-users/{robot.id}"
    assert send(robot, plain) == 403
    assign(door, plain.project, robot.id, "model-editor")
    assert send(robot, plain) == 200
    token = door.put(f"{path}/token", json={}).json()["token"]
    assert send(robot, plain) == 401
    renewed = Person(people.by_token(token), robot.id, robot.email)
    assert send(renewed, plain) == 200
    assert door.delete(path).status_code == 204
    assert send(renewed, plain) == 401


def test_others_keep_what_they_have(people: People, door: httpx2.Client, plain: ModelDoor) -> None:
    first, second = (people.member(plain.project) for _ in range(2))
    given = assign(door, plain.project, first.id, "project-editor")
    assign(door, plain.project, second.id, "project-editor")
    assert (send(first, plain), send(second, plain)) == (200, 200)
    assert door.delete(f"/v2.1/projects/{plain.project}/role-assignments/{given}").status_code == 204
    assert (send(first, plain), send(second, plain)) == (403, 200)


def test_versions(door: httpx2.Client) -> None:
    model = new_model(door, {"model.py": "class Model:\n    def request(self, data):\n        return data\n"})
    sender = Person(door, "", "")
    assert send(sender, model) == 200
    assert door.delete(model.path).status_code == 204
    assert send(sender, model) == 404
