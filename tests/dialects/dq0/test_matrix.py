"""The matrix of contract dq0 5.6, through the face: each operation is refused to everybody below its row, and then done
by who the row names, with the same call."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from tests.dialects.dq0.house import Door, House, project_zip
from tests.dialects.dq0.operations import ADMIN, NOBODY, OPERATIONS, Operation
from tests.dialects.dq0.test_reference import filled, meta_of
from tests.dialects.dq0.town import Town

BY_NAME = {operation.name: operation for operation in OPERATIONS}
PEOPLE = [item for item in OPERATIONS if item.who == ADMIN and item.name != "AuditList"]
"""Users, roles, groups, actions: administrators only."""
OF_DATA = (
    *("DataDelete", "DataPatch", "DataPermissionSet"),
    *("PrivacyBudgetSetPermission", "PrivacyMaskSetPermission", "PrivacyThresholdSetPermission"),
)
"""Owners with their own data, and administrators."""
LEVELS = {
    "ArtifactDownload": 2,
    "ArtifactTreeStructure": 2,
    "CommitContent": 2,
    "CommitInfo": 2,
    "CommitRun": 3,
    "CommitTransform": 3,
    "ExperimentCreate": 3,
    "ExperimentDelete": 4,
    "ExperimentInfo": 2,
    "ExperimentRestore": 4,
    "ExperimentUpdate": 3,
    "JobCancel": 3,
    "JobInfo": 2,
    "ModelContent": 2,
    "ModelInfo": 2,
    "ModelPatch": 3,
    "ModelPredict": 3,
    "ModelRegister": 3,
    "ModelUnregister": 4,
    "ProjectAttach": 3,
    "ProjectDeploy": 3,
    "ProjectDetach": 3,
    "ProjectInfo": 1,
    "ProjectSetExperimentName": 3,
    "ProjectSetPermission": 4,
    "QueryCancel": 3,
    "QueryCreate": 3,
    "QueryInfo": 2,
    "RunCreate": 3,
    "RunDelete": 4,
    "RunGetMetricHistory": 2,
    "RunInfo": 2,
    "RunRestore": 4,
}
"""The least level on the project; without one it does not exist, for administrators too."""
PROJECT_LISTS = {
    **{
        "CommitList": 2,
        "ExperimentList": 2,
        "JobList": 2,
        "ModelList": 2,
        "ProjectList": 1,
        "QueryList": 2,
        "RunList": 2,
    },
}
"""The least level on a project whose things they have."""
DATA_SEEN = ("DataGet", "DataList", "PrivacyBudgetList", "PrivacyMaskList", "PrivacyThresholdList")
ELSEWHERE = frozenset(
    {
        *("AuditList", "AuthLogin", "AuthLogout", "AuthRegister", "DataCreate", "DataGetSample", "ProjectCreate"),
        *("UserGet", "UserLogin", "UserLogout", "UserProfileCurrent", "UserProfileGet"),
        *("UserProfileUpdate", "UserRegister"),
    }
)
"""Rows with a test of their own below."""


@dataclass
class Cast:
    """``guests`` have the role user, and a role that is granted the level of their place on what the town has;
    ``admin`` has the role admin and is not of the server's staff."""

    town: Town
    roles: list[str]
    guests: list[Door]
    admin: Door
    stranger: Door
    other_owner: Door

    def values(self, operation: Operation) -> dict[str, Any]:
        """The town's, with what the call uses up; the guests have their levels on its projects."""
        values = dict(self.town.values)
        for kind in operation.fresh.split():
            values |= meta_of(self.town.folder) if kind == "meta" else self.town.new(kind)
        for project in self._projects(values):
            for level, role in enumerate(self.roles):
                grant = {"role_name": role, "permission": level}
                self.town.scientist.ok("POST", f"/projects/{project}/permissions", json=grant)
        return values

    def _projects(self, values: dict[str, Any]) -> set[str]:
        seen = {values["project_uuid"], values["experiment_project"]}
        for path in ("/jobs/{job_uuid}", "/runs/{run_uuid}", "/models/{model_uuid}"):
            seen.add(self.town.scientist.ok("GET", path.format(**values))["project_uuid"])
        return seen


@pytest.fixture(scope="module")
def cast(house: House, owner: Door, scientist: Door, tmp_path_factory: pytest.TempPathFactory) -> Cast:
    town = Town(house, owner, scientist, tmp_path_factory.mktemp("matrix"))
    roles, guests = [f"level-{level}-{uuid.uuid4().hex[:8]}" for level in range(5)], []
    for role in roles:
        house.admin.ok("POST", "/roles", json={"role_name": role})
        guests.append(house.person("user"))
        house.admin.ok("POST", "/users/add-role", json={"user_id": guests[-1].number, "role_name": role})
    return Cast(town, roles, guests, house.person("admin"), house.person(), house.person("owner"))


def send(door: Door, operation: Operation, values: dict[str, Any]) -> requests.Response:
    path = operation.path.format(**values)
    if operation.body == "zip":
        return door.call(
            operation.method, path, headers={"Content-Type": "application/zip"}, data=project_zip("print(2)\n")
        )
    more: dict[str, Any] = {} if operation.query is None else {"params": filled(operation.query, values)}
    if operation.method in ("POST", "PATCH"):
        more |= {
            "data": json.dumps(filled(operation.body, values)),
            "headers": {"Content-Type": "application/json"},
        }
    return door.call(operation.method, path, **more)


def statuses(operation: Operation, values: dict[str, Any], doors: Sequence[Door]) -> list[int]:
    """What each is answered; a refusal says why and nothing else."""
    answers = [send(door, operation, values) for door in doors]
    for answer in answers:
        body = answer.json()
        assert ("error" in body) is (answer.status_code != 200), body
        assert answer.status_code == 200 or set(body) == {"error"}, body
    return [answer.status_code for answer in answers]


def nobody(cast: Cast) -> Door:
    return cast.town.house.nobody


@pytest.mark.parametrize("operation", PEOPLE, ids=lambda operation: operation.name)
def test_people_are_the_administrators(cast: Cast, operation: Operation) -> None:
    values = cast.values(operation)
    doors = [nobody(cast), cast.stranger, cast.town.scientist, cast.town.owner, cast.guests[4], cast.admin]
    assert statuses(operation, values, doors) == [401, 403, 403, 403, 403, 200]


@pytest.mark.parametrize("who", ["owner", "admin"])
@pytest.mark.parametrize("name", OF_DATA)
def test_data_are_their_owners_and_the_administrators(cast: Cast, name: str, who: str) -> None:
    operation = replace(BY_NAME[name], fresh=BY_NAME[name].fresh or "data")
    values = cast.values(operation)
    done_by = cast.town.owner if who == "owner" else cast.admin
    doors = [nobody(cast), cast.stranger, cast.town.scientist, cast.other_owner, cast.guests[4], done_by]
    assert statuses(operation, values, doors) == [401, 404, 403, 403, 403, 200]


@pytest.mark.parametrize("name", DATA_SEEN)
def test_data_are_seen_from_level_1_up(cast: Cast, name: str) -> None:
    """Of masks and thresholds users see their own alone."""
    operation, values = replace(BY_NAME[name], query={"data_uuid": "{data_uuid}"}), cast.values(BY_NAME[name])
    town, mine = cast.town, cast.town.scientist.email
    of_everybody: dict[str, Any] = {"data_uuid": values["data_uuid"]}
    for more in ({}, {"user_email": mine}):
        entry = of_everybody | more
        town.owner.ok("POST", "/privacy/masks", json=entry | {"mask_data": {"public": "age"}})
        town.owner.ok("POST", "/privacy/thresholds", json=entry | {"field": "age", "threshold": 2})
    everybody = [town.scientist, cast.other_owner, town.owner, cast.admin]
    assert statuses(operation, values, [nobody(cast), *everybody]) == [401, 200, 200, 200, 200]
    if name != "DataList":
        assert statuses(operation, values, [cast.stranger]) == [404]
        assert "data_uuid" in operation.path or send(cast.stranger, BY_NAME[name], values).json()["items"] == []
    else:
        assert send(cast.stranger, operation, values).json()["items"] == []
    if name in ("PrivacyMaskList", "PrivacyThresholdList"):
        told = [
            sorted(item["user_email"] for item in send(door, operation, values).json()["items"]) for door in everybody
        ]
        assert told == [[mine], [], ["", mine], ["", mine]]


@pytest.mark.parametrize("name", LEVELS)
def test_what_is_in_a_project_is_by_level(cast: Cast, name: str) -> None:
    operation, needed = BY_NAME[name], LEVELS[name]
    if name == "ModelPatch":
        operation = replace(operation, body={"model_name": "shop"})
    values = cast.values(operation)
    # Whose data a query asked may see it.
    owner = cast.other_owner if name == "QueryInfo" else cast.town.owner
    below = [nobody(cast), cast.stranger, owner, cast.guests[0], *cast.guests[1:needed]]
    refusals = [401, 404, 404, 404] + [403] * (needed - 1)
    if name != "ProjectSetPermission":  # which is the administrators' too
        below.append(cast.admin)
        refusals.append(404)
    assert statuses(operation, values, below) == refusals
    answer = send(cast.guests[needed], operation, values)
    assert answer.status_code == 200, answer.text
    job = answer.json().get("job_uuid")
    if job and name not in ("JobInfo", "RunInfo", "RunGetMetricHistory", "ArtifactTreeStructure"):
        cast.town.scientist.ok("POST", f"/jobs/{job}/cancel", json={"force": True})


@pytest.mark.parametrize("name", PROJECT_LISTS)
def test_lists_have_what_one_may_read(cast: Cast, name: str) -> None:
    operation = replace(BY_NAME[name], query={"page_size": "1000"})
    values = cast.values(operation)
    assert statuses(operation, values, [nobody(cast)]) == [401]

    def projects(door: Door) -> set[str]:
        return {item["project_uuid"] for item in door.ok("GET", operation.path, params=operation.query)["items"]}

    there = projects(cast.town.scientist)
    needed = PROJECT_LISTS[name]
    for level, guest in enumerate(cast.guests):
        assert bool(projects(guest) & there) is (level >= needed), level
    for door in (cast.stranger, cast.town.owner, cast.admin):
        assert not projects(door) & there


def test_project_permissions_are_the_administrators_too(cast: Cast) -> None:
    operation = BY_NAME["ProjectSetPermission"]
    values = cast.values(operation)
    assert statuses(operation, values, [cast.guests[3], cast.admin]) == [403, 200]


@pytest.mark.parametrize("who", ["admin", "manager"])
def test_what_a_model_may_be_used_for(cast: Cast, who: str) -> None:
    """Of public data, which have no owners to ask, who manages the project says it; administrators always."""
    operation = replace(BY_NAME["ModelPatch"], body={"permissions": ["predict_allowed"]}, fresh="model")
    values = cast.values(operation)
    done_by = cast.admin if who == "admin" else cast.guests[4]
    doors = [nobody(cast), cast.stranger, cast.town.owner, cast.guests[3], done_by]
    assert statuses(operation, values, doors) == [401, 404, 404, 403, 200]


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_data_are_brought_by_owners_and_administrators(cast: Cast, who: str) -> None:
    operation = BY_NAME["DataCreate"]
    values = cast.values(operation)
    done_by = cast.other_owner if who == "owner" else cast.admin
    doors = [nobody(cast), cast.stranger, cast.town.scientist, cast.guests[4], done_by]
    assert statuses(operation, values, doors) == [401, 403, 403, 403, 200]


def test_a_sample_is_seen_where_its_owner_shows_it(cast: Cast) -> None:
    operation = BY_NAME["DataGetSample"]
    values = cast.values(replace(operation, fresh="data meta"))
    town = cast.town
    doors = [nobody(cast), cast.stranger, town.scientist, cast.other_owner, town.owner, cast.admin]
    assert statuses(operation, values, doors) == [401, 404, 403, 403, 200, 200]
    shown = str(values["meta"]) + "data_permissions: [sample]\ndata_sample: [{id: 7, age: 33}]\n"
    town.owner.ok("PATCH", f"/data/{values['data_uuid']}", json={"meta": shown})
    assert statuses(operation, values, doors) == [401, 404, 200, 200, 200, 200]
    sample = town.scientist.ok("GET", f"/data/{values['data_uuid']}/sample")["sample"]
    assert json.loads(sample) == [{"id": 7, "age": 33}]


def test_the_trail_is_the_owners_and_the_administrators(cast: Cast) -> None:
    doors = [nobody(cast), cast.stranger, cast.town.scientist, cast.guests[4], cast.town.owner, cast.admin]
    assert statuses(BY_NAME["AuditList"], cast.town.values, doors) == [401, 403, 403, 403, 200, 200]


def test_what_is_everybodys_own(cast: Cast) -> None:
    values = cast.town.values
    for name in ("UserProfileCurrent", "UserProfileUpdate"):
        assert statuses(BY_NAME[name], values, [nobody(cast), cast.stranger, cast.admin]) == [401, 200, 200]
    for name in ("UserGet", "UserProfileGet"):
        doors = [nobody(cast), cast.stranger, cast.other_owner, cast.admin]
        assert statuses(BY_NAME[name], values, doors) == [401, 404, 200, 200]
        assert statuses(BY_NAME[name], values | {"user_id": cast.stranger.number}, [cast.stranger]) == [200]
    assert statuses(BY_NAME["ProjectCreate"], values | cast.town.new("word"), [nobody(cast), cast.admin]) == [401, 200]
    for name in ("AuthLogin", "UserLogin", "AuthRegister", "UserRegister"):
        assert statuses(BY_NAME[name], values | cast.town.new("newcomer"), [nobody(cast)]) == [200]
    for name in ("AuthLogout", "UserLogout"):
        session = replace(cast.stranger, token=cast.town.new("session")["token"])
        assert statuses(BY_NAME[name], values, [nobody(cast), session, session]) == [401, 200, 401]


def test_no_operation_is_left_out() -> None:
    rows = [{item.name for item in PEOPLE}, set(OF_DATA), set(LEVELS), set(PROJECT_LISTS), set(DATA_SEEN), ELSEWHERE]
    assert set().union(*rows) == set(BY_NAME)
    assert sum(map(len, rows)) == len(BY_NAME), "one row each"
    assert {item.name for item in OPERATIONS if item.who == NOBODY} <= ELSEWHERE
