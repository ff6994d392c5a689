"""All 99 operations of the reference as the SDK and the web app call them: at the gateway, which has ten by itself and
seals the others (contract dq0 1.3 to 1.7, 4.1 to 4.4, 10.6)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from quinta.core.access.actions import ACTIONS
from tests.dialects.dq0.computers import LocalDoor, computer
from tests.dialects.dq0.house import Door, House
from tests.dialects.dq0.operations import ADMIN, LOCAL, NOBODY, OPERATIONS, OWNER, SCIENTIST, Operation
from tests.dialects.dq0.test_reference import faults_in, faults_of, filled, meta_of
from tests.dialects.dq0.town import Town

JSON = {"Content-Type": "application/json"}
OWN = (
    Operation("ProxyList", SCIENTIST, "GET", "/proxies", "ProxyListResponseBody"),
    Operation("ProxiesCurrent", SCIENTIST, "GET", "/proxies/current", "ProxyCurrentResponseBody"),
    Operation("ProxyGet", SCIENTIST, "GET", "/proxies/1", "ProxyGetResponseBody"),
    Operation("ProxyActivate", SCIENTIST, "POST", "/proxies/1/activate", "ProxyActivateResponseBody"),
    Operation("AuthSession", SCIENTIST, "GET", "/auth/session", "AuthSessionResponseBody"),
    Operation("UserSession", SCIENTIST, "GET", "/users/session", "UserSessionResponseBody"),
    Operation("DeviceVersion", NOBODY, "GET", "/device/version", "DeviceVersionResponseBody"),
)
"""What gateways have by themselves; what makes and removes is tested below."""
LISTS = [operation for operation in OPERATIONS if operation.method == "GET" and operation.name.endswith("List")]


@dataclass
class Street:
    """A computer for each kind of person. ``project`` was made at the scientist's, and is ``commit`` there."""

    town: Town
    doors: dict[str, LocalDoor]
    project: str
    commit: str

    def call(self, operation: Operation, slash: str) -> dict[str, Any]:
        values = {**self.town.values, "project_uuid": self.project, "commit_uuid": self.commit}
        for kind in operation.fresh.split():
            values |= meta_of(self.town.folder) if kind == "meta" else self.town.new(kind)
        if operation.who == "session":
            door = self.doors[NOBODY]
            person = Door(self.town.house.nobody.server, self.town.house.session, email=values["session_email"])
            door.log_in(person)
        else:
            door = self.doors[operation.who]
        more: dict[str, Any] = {} if operation.query is None else {"params": filled(operation.query, values)}
        if operation.method in ("POST", "PATCH"):  # where there is no body, null: as the SDK does it
            body = None if operation.body == "zip" else filled(operation.body, values)
            if operation.name == "ProjectCreate":
                body["working_dir"] = str(door.work)
            more |= {"data": json.dumps(body), "headers": JSON}
        return door.ok(operation.method, operation.path.format(**values) + slash, **more)


@pytest.fixture(scope="module")
def street(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    people = {ADMIN: house.person("admin"), OWNER: house.person("owner"), SCIENTIST: house.person("user")}
    town = Town(house, people[OWNER], people[SCIENTIST], tmp_path_factory.mktemp("data"))
    with ExitStack() as stack:
        doors = {
            who: stack.enter_context(computer(house.nobody, tmp_path_factory.mktemp(who))) for who in (*people, NOBODY)
        }
        for who, person in people.items():
            doors[who].log_in(person)
        project = doors[SCIENTIST].ok(
            "POST", "/projects", json={"name": "street", "working_dir": str(doors[SCIENTIST].work)}
        )["project_uuid"]
        data = {name: town.values[name] for name in ("data_name", "data_uuid")}
        doors[SCIENTIST].ok("POST", f"/projects/{project}/attach/", json=data)
        deployed = doors[SCIENTIST].ok("POST", f"/projects/{project}/deploy/", data="null", headers=JSON)["message"]
        yield Street(town, doors, project, deployed.split(" ")[-1])


@pytest.mark.parametrize("operation", [*OPERATIONS, *OWN], ids=lambda operation: operation.name)
def test_operation(operation: Operation, street: Street) -> None:
    for slash in ("/",) if operation.fresh else ("", "/"):
        answer = street.call(operation, slash)
        assert faults_in(answer, operation) == []
        if set(answer) == {"message", "job_uuid"}:  # what would be built for it takes minutes
            street.doors[SCIENTIST].ok("POST", f"/jobs/{answer['job_uuid']}/delete/", data="null", headers=JSON)


def test_proxies_and_projects_come_and_go(street: Street) -> None:
    door = street.doors[SCIENTIST]
    port = int(door.server.url.rpartition(":")[2])
    for slash in ("", "/"):
        made = door.ok("POST", f"/proxies{slash}", json={"hostname": "localhost", "port": port})
        assert faults_of(made, "ProxyCreateResponseBody") == []
        removed = door.ok("DELETE", f"/proxies/{made['id']}{slash}")
        assert faults_of(removed, "ProxyDeleteResponseBody") == []
        values = {"name": f"unlinked{len(slash)}", "working_dir": str(door.work)}
        project = door.ok("POST", f"/projects{slash}", json=values)["project_uuid"]
        assert faults_of(door.ok("DELETE", f"/projects/{project}{slash}"), "ProjectUnlinkResponseBody") == []
    assert (door.work / "unlinked1" / ".meta").exists()
    tested = {operation.name for operation in (*OPERATIONS, *OWN)} | {"ProxyCreate", "ProxyDelete"}
    assert len(tested | {"ProjectUnlink"}) == 99
    assert tested | {"ProjectUnlink"} == set(ACTIONS)
    assert set(ACTIONS) > LOCAL


def test_queries_that_are_not_there_are_refused_in_words(street: Street) -> None:
    door = street.doors[SCIENTIST]
    query = {"query": "SELECT 1", "datasets": "a", "epsilon": 1.0, "permissions": None, "params": None}
    for slash in ("", "/"):
        assert door.refused("POST", f"/queries{slash}", json=query)[0] == 400
        assert door.refused("GET", f"/queries/{uuid.uuid4()}{slash}")[0] == 404
        assert door.refused("POST", f"/queries/{uuid.uuid4()}/cancel{slash}", json={"force": True})[0] == 404


@pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.name)
def test_lists_come_in_pages_and_in_order(operation: Operation, street: Street) -> None:
    door, path = street.doors[operation.who], f"{operation.path}/"
    everything = door.ok("GET", path, params={"page_size": "1000"})
    assert (everything["page"], everything["page_size"]) == (1, 1000)
    assert len(everything["items"]) == min(everything["total"], 1000)
    assert door.ok("GET", path)["page_size"] == 100
    for spelling in ("page_size", "page-size"):
        page = door.ok("GET", path, params={"page": "2", spelling: "1"})
        assert (page["page"], page["page_size"], len(page["items"])) == (2, 1, min(1, max(0, page["total"] - 1)))
    far = door.ok("GET", path, params={"page": "100000"})
    assert far["items"] == []
    for wrong in ({"page": "0"}, {"page": "x"}, {"page_size": "-1"}, {"order_by": "nothing"}, {"order_by": "a b c"}):
        assert door.refused("GET", path, params=wrong)[0] == 400, wrong


def test_order_by(street: Street) -> None:
    door = street.doors[ADMIN]
    for order, descending in (("role_name", False), ("-role_name", True), ("role_name desc, role_id", True)):
        items = door.ok("GET", "/roles/", params={"order_by": order, "page_size": "1000"})["items"]
        names = [item["role_name"] for item in items]
        assert names == sorted(names, reverse=descending)


def test_things_are_named_by_id_name_or_email_in_the_body_alone(street: Street) -> None:
    """Contract dq0 4.3: what stands in a path may stand in the body too."""
    door, values = street.doors[ADMIN], street.town.values
    group = ({"group_id": values["group_id"]}, {"group_name": values["group_name"]})
    role = ({"role_id": values["role_id"]}, {"role_name": values["role_name"]})
    user = ({"user_id": values["person_id"]}, {"user_email": values["person_email"]})
    for path, first, second in (
        ("/groups/add-role", group, role),
        ("/groups/remove-role", group, role),
        ("/roles/add-group", role, group),
        ("/roles/remove-group", role, group),
        ("/users/add-role", user, role),
        ("/users/remove-role", user, role),
        ("/users/add-group", user, group),
        ("/users/remove-group", user, group),
    ):
        for one, other in zip(first, reversed(second), strict=True):
            assert door.ok("POST", f"{path}/", json={**one, **other}) == {}, path
        assert door.refused("POST", path, json={**first[0]})[0] == 400
    for path, body in (
        ("/actions/permissions", {"action": "ActionList", "permission": 0, **role[0]}),
        ("/roles/permissions", {"permission": 0, **role[1]}),
    ):
        assert door.ok("POST", f"{path}/", json=body) == {}
    owner, scientist = street.doors[OWNER], street.doors[SCIENTIST]
    data = {"permission": 2, "data_uuid": values["data_uuid"], **role[1]}
    assert owner.ok("POST", f"/data/{values['data_uuid']}/permissions/", json=data) == {}
    project = {"permission": 2, "project_uuid": street.project, **role[0]}
    assert scientist.ok("POST", "/projects/permissions/", json=project) == {}


def test_a_get_with_a_body_changes_nothing(street: Street) -> None:
    """The reference prints such calls (contract dq0 4.3)."""
    door, values = street.doors[ADMIN], street.town.new("role")
    body = {"group_id": street.town.values["group_id"], "role_id": values["role_id"], "permission": 4}
    body |= {"user_id": street.town.values["person_id"], "action_id": 1, "project_uuid": street.project}

    def state() -> list[Any]:
        users = door.ok("GET", "/users", params={"page_size": "1000"})["items"]
        roles = door.ok("GET", "/roles", params={"page_size": "1000"})["items"]
        return [sorted((user["id"], user["roles"]) for user in users), roles]

    before = state()
    for noun in ("groups", "roles", "users", "actions", "projects"):
        assert "items" in door.ok("GET", f"/{noun}/", data=json.dumps(body), headers=JSON)
    assert state() == before


UNKNOWN = "7c0ffee0-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("PUT", "/data", 405),
        ("PATCH", "/jobs", 405),
        ("DELETE", "/proxies", 404),
        ("POST", "/models//predict/", 405),
        ("GET", f"/projects/{UNKNOWN}", 404),
        ("GET", f"/data/{UNKNOWN}", 404),
        ("GET", f"/data/{UNKNOWN}/sample", 404),
        ("GET", f"/jobs/{UNKNOWN}", 404),
        ("GET", f"/runs/{UNKNOWN}", 404),
        ("GET", f"/models/{UNKNOWN}", 404),
        ("POST", f"/projects/{UNKNOWN}/deploy", 404),
        ("POST", f"/projects/{UNKNOWN}/attach", 404),
        ("POST", f"/jobs/{UNKNOWN}/delete", 404),
        ("POST", f"/models/{UNKNOWN}/predict", 400),
        ("POST", "/runs", 400),
        ("POST", "/data", 400),
        ("GET", "/users", 403),
        ("GET", "/artifacts/download", 400),
    ],
)
def test_a_failure_is_told_in_words(method: str, path: str, status: int, street: Street) -> None:
    more: dict[str, Any] = {"data": "null", "headers": JSON} if method in ("POST", "PATCH") else {}
    for shown in (path, f"{path.rstrip('/')}/"):
        assert street.doors[SCIENTIST].refused(method, shown, **more)[0] == status


def test_metadata_that_cannot_be_taken(street: Street) -> None:
    for meta in ("", "{", "name: [", "a: 1"):
        status, text = street.doors[OWNER].refused("POST", "/data/", json={"meta": meta})
        assert status in (400, 422), text
