"""Two clients side by side: by no operation is anything of one shown to the other, or changed by it."""

from __future__ import annotations

import pytest

from tests.dialects.vbrain.house import Door, House, refusal_of, zipped
from tests.dialects.vbrain.operations import OPERATIONS, Operation

SECRET = "a-secret-that-nobody-else-has"


@pytest.fixture(scope="module")
def first(house: House) -> tuple[Door, str, str]:
    """A client with a repository and a job that has finished."""
    door = house.client()
    repository = door.new_repository(
        files={"file": ("inputs.zip", zipped({f"{SECRET}.txt": SECRET.encode()}))},
        data={"params": f'{{"secret": "{SECRET}"}}', "metadata": f'{{"name": "{SECRET}"}}'},
    )
    job = door.new_job(repository, {"write": {"out.txt": SECRET}})
    assert door.ended(job)["job_status"] == "finished"
    return door, repository, job


@pytest.fixture(scope="module")
def others(house: House) -> list[Door]:
    """Leaders of clients: of the same application, of the same name in another application, in another organization."""
    outside = House(house.server)
    doors = [house.client(leader=house.person()), outside.client(leader=outside.person())]
    outside.close()
    for door in doors:
        door.new_repository()
    return doors


NAMED = [operation for operation in OPERATIONS if "<" in operation.path or operation.path.startswith("/job")]


@pytest.mark.parametrize("operation", NAMED, ids=str)
def test_ids_of_others_are_unknown(first: tuple[Door, str, str], others: list[Door], operation: Operation) -> None:
    _, repository, job = first
    for door in others:
        answer = operation.call(door, repository, job)
        wanted = "Invalid job_id" if "<job>" in operation.path else "Invalid repository_id"
        assert refusal_of(answer) == (404, wanted)
        assert SECRET not in answer.text


def test_lists_hold_one_s_own(first: tuple[Door, str, str], others: list[Door]) -> None:
    door, repository, job = first
    assert door.call("GET", "/repository").json() == [repository]
    assert door.call("GET", "/job", {"repository_id": repository}).json() == [job]
    for other in others:
        assert repository not in other.call("GET", "/repository").json()


def test_names_of_places_that_one_may_not_know_are_unknown(first: tuple[Door, str, str], others: list[Door]) -> None:
    door, repository, _ = first
    same_organization, another = others
    for path in ("/repository", f"/repository/{repository}"):
        sent = {"client_id": door.headers["client_id"]}
        assert refusal_of(same_organization.call("GET", path, sent)) == (404, "Invalid client_id")
        sent = {"organization_id": door.headers["organization_id"], **sent}
        assert refusal_of(another.call("GET", path, sent)) == (404, "Invalid organization_id")


def test_a_job_sees_its_own_files_only(first: tuple[Door, str, str], others: list[Door]) -> None:
    for door in others:
        shown = door.run(door.new_repository(), {"x": 1})
        assert shown == {"files": {}, "params": {"x": 1}}
