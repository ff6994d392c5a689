"""Every group against every operation, literally contract vbrain 7; a refusal stands beside its twin that succeeds."""

from __future__ import annotations

import pytest

from tests.dialects.vbrain.house import Door, House, refusal_of
from tests.dialects.vbrain.operations import OPERATIONS, Operation

RIGHTS = {
    "lider": {
        "create repository", "read repository", "delete repository",
        "create execution", "read execution", "delete execution",
    },
    "desenvolvedor": {"create repository", "read repository", "create execution", "read execution"},
    "stakeholder": {"read repository", "create execution"},
}  # fmt: skip
RANKS = {"administrador": "lider", "gerente": "lider", "desenvolvedor_senior": None, "desenvolvedor": None}
"""Groups of the organization, and which of the client's they act as without being in it."""


@pytest.fixture(scope="module")
def doors(house: House, waiting: Door) -> dict[str, Door]:
    """Someone of each kind before the same client."""
    doors = {group: house.join(waiting, house.person(), group) for group in RIGHTS}
    aside = house.client()
    for rank in RANKS:
        person = house.person()
        house.join(aside, person, "stakeholder")
        house.admin("client", "rank", house.organization, person.email, "--group", rank)
        doors[f"organization's {rank}"] = house.door_of(waiting, person)
    doors["stranger"] = house.door_of(waiting, house.person())
    return doors


def expected(kind: str, operation: Operation) -> tuple[int, str] | int:
    if kind == "stranger":
        return 404, "Invalid organization_id"
    group = RANKS[kind.removeprefix("organization's ")] if kind not in RIGHTS else kind
    if group is None:
        return 404, "Invalid client_id"
    return operation.status if operation.right in RIGHTS[group] else (403, "Permission denied")


KINDS = (*RIGHTS, *(f"organization's {rank}" for rank in RANKS), "stranger")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_who_may_do_what(waiting: Door, doors: dict[str, Door], operation: Operation, kind: str) -> None:
    repository = waiting.new_repository()
    job = waiting.new_job(repository)
    answer = operation.call(doors[kind], repository, job)
    wanted = expected(kind, operation)
    assert (answer.status_code if isinstance(wanted, int) else refusal_of(answer)) == wanted, answer.text
    deleted = operation.method == "DELETE" and isinstance(wanted, int)
    assert waiting.call("GET", f"/job/{job}").status_code == (404 if deleted else 202)


def test_a_service_user_of_the_client_s_project_acts_as_a_developer(house: House, waiting: Door) -> None:
    repository = waiting.new_repository()
    projects = [house.project_of(client) for client in (waiting, house.client())]
    with house.server.client() as client:
        made = [client.post(f"/v2.1/projects/{project}/service-users", json={}).json() for project in projects]
        own = {"username": made[0]["email"], "x-api-key": made[0]["token"]}
        assert refusal_of(waiting.call("GET", f"/repository/{repository}", own)) == (404, "Invalid client_id")
        for project, user in zip(projects, made, strict=True):
            role = {"user_id": user["id"], "role": "project-editor"}
            given = client.post(f"/v2.1/projects/{project}/role-assignments", json=role)
            assert given.status_code == 201, given.text
    own, other = ({"username": user["email"], "x-api-key": user["token"]} for user in made)
    assert waiting.call("GET", f"/repository/{repository}", own).status_code == 200
    assert refusal_of(waiting.call("DELETE", f"/repository/{repository}", own)) == (403, "Permission denied")
    assert refusal_of(waiting.call("GET", f"/repository/{repository}", other)) == (404, "Invalid client_id")


def test_who_is_removed_or_changes_group_is_so_at_once(house: House, waiting: Door) -> None:
    person = house.person()
    theirs = house.join(waiting, person, "stakeholder")
    assert refusal_of(theirs.call("POST", "/repository")) == (403, "Permission denied")
    house.join(waiting, person, "desenvolvedor")
    assert theirs.call("POST", "/repository").status_code == 201
    names = (house.organization, waiting.headers["application_id"], waiting.headers["client_id"])
    house.admin("client", "remove", *names, person.email)
    assert refusal_of(theirs.call("GET", "/repository")) == (404, "Invalid client_id")
