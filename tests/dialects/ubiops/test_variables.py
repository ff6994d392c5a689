"""Environment variables by the real client and raw HTTP: 15 operations, inheritance, one-way secrets, bad input."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import check_last

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
LEVELS = ("project", "model", "model_version")
NAMES = {"project": {}, "model": {"model_name": "m"}, "model_version": {"model_name": "m", "version": "v1"}}
PATHS = {"project": "", "model": "/models/m", "model_version": "/models/m/versions/v1"}


class Level:
    """The five operations of one level by the real client, and its path."""

    def __init__(self, api: CoreApi, door: httpx2.Client, project: str, name: str) -> None:
        self.name = name
        self.path = f"/v2.1/projects/{project}{PATHS[name]}/environment-variables"
        self.door = door
        self._api = api
        self._where = {"project_name": project, **NAMES[name]}

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        operation = getattr(self._api, f"{self.name}_environment_variables_{verb}")
        return lambda **more: operation(**self._where, **more)

    def set(self, name: str, value: str = "", *, secret: bool = False) -> str:
        """A new variable; its id."""
        return str(self.create(data=ubiops.EnvironmentVariableCreate(name=name, value=value, secret=secret)).id)

    def rows(self) -> list[tuple[Any, ...]]:
        """The list as the client read it."""
        return [
            (item.name, item.value, getattr(item, "inheritance_type", None), getattr(item, "inheritance_name", None))
            for item in self.list()
        ]

    def send(self, method: str, body: object, identifier: str = "") -> httpx2.Response:
        content = "" if method == "GET" else json.dumps(body)  # which can spell half a surrogate pair
        return self.door.request(method, f"{self.path}{identifier and '/'}{identifier}", content=content)


@pytest.fixture
def levels(api: CoreApi, door: httpx2.Client, project: str) -> dict[str, Level]:
    """A project with model ``m`` and version ``v1`` of it."""
    api.models_create(project_name=project, data={"name": "m", "input_type": "plain", "output_type": "plain"})
    api.model_versions_create(project_name=project, model_name="m", data={"version": "v1"})
    return {name: Level(api, door, project, name) for name in LEVELS}


def status_of(api: CoreApi) -> int:
    return int(api.api_client.last_response.status)


@pytest.mark.parametrize("name", LEVELS)
def test_the_operations_of_a_level(api: CoreApi, levels: dict[str, Level], name: str) -> None:
    level = levels[name]
    level.create(data=ubiops.EnvironmentVariableCreate(name="A_b", value="1 ü\n", secret=False))
    created = check_last(api, "EnvironmentVariableList")
    assert status_of(api) == 201
    assert created == {"id": created["id"], "name": "A_b", "value": "1 ü\n", "secret": False}
    level.get(id=created["id"])
    assert (status_of(api), check_last(api, "EnvironmentVariableList")) == (200, created)
    level.list()
    shape = "EnvironmentVariableList" if name == "project" else "InheritedEnvironmentVariableList"
    inheritance = {} if name == "project" else {"inheritance_type": None, "inheritance_name": None}
    assert check_last(api, shape) == [created | inheritance]
    level.update(id=created["id"], data={"value": "2"})
    assert check_last(api, "EnvironmentVariableList") == created | {"value": "2"}
    level.update(id=created["id"].upper(), data=ubiops.EnvironmentVariableCreate(name="C", value="", secret=True))
    assert check_last(api, "EnvironmentVariableList") == created | {"name": "C", "value": None, "secret": True}
    level.delete(id=created["id"])
    assert status_of(api) == 204
    assert level.list() == []
    with pytest.raises(ubiops.ApiException) as gone:
        level.get(id=created["id"])
    assert gone.value.status == 404


def test_inheritance_and_shadowing(levels: dict[str, Level], project: str) -> None:
    top, middle, bottom = (levels[name] for name in LEVELS)
    for name in ("P", "PM", "PMV", "PV"):
        top.set(name, "p")
    for name in ("M", "MV", "PM", "PMV"):
        middle.set(name, "m")
    own = {name: bottom.set(name, "v") for name in ("MV", "PMV", "PV", "V")}
    from_project, from_model, itself = ("p", "project", project), ("m", "model", "m"), ("v", None, None)
    assert top.rows() == [(name, "p", None, None) for name in ("P", "PM", "PMV", "PV")]
    assert middle.rows() == [
        ("M", "m", None, None),
        ("MV", "m", None, None),
        ("P", *from_project),
        ("PM", "m", None, None),
        ("PMV", "m", None, None),
        ("PV", *from_project),
    ]
    assert bottom.rows() == [
        ("M", *from_model),
        ("MV", *itself),
        ("P", *from_project),
        ("PM", *from_model),
        ("PMV", *itself),
        ("PV", *itself),
        ("V", *itself),
    ]
    bottom.delete(id=own["PMV"])
    assert ("PMV", *from_model) in bottom.rows(), "what was shadowed shows again"
    bottom.delete(id=own["PV"])
    assert ("PV", *from_project) in bottom.rows()


def test_variables_of_another_model_are_not_there(levels: dict[str, Level], api: CoreApi, project: str) -> None:
    api.models_create(project_name=project, data={"name": "n", "input_type": "plain", "output_type": "plain"})
    other = api.model_environment_variables_create(
        project_name=project, model_name="n", data={"name": "OTHER", "value": "n", "secret": False}
    )
    assert [level.rows() for level in levels.values()] == [[], [], []]
    for method in ("GET", "PATCH", "DELETE"):
        assert levels["model"].send(method, {}, other.id).status_code == 404
    assert api.model_environment_variables_get(project_name=project, model_name="n", id=other.id).value == "n"


def test_inherited_variables_are_only_listed(levels: dict[str, Level]) -> None:
    identifier = levels["project"].set("A", "1")
    for name in ("model", "model_version"):
        assert levels[name].rows()[0][:2] == ("A", "1")
        for method in ("GET", "PATCH", "DELETE"):
            answer = levels[name].send(method, {"value": "2"}, identifier)
            assert (answer.status_code, list(answer.json())) == (404, ["error"])
    assert levels["project"].send("PATCH", {"value": "2"}, identifier).status_code == 200


def test_empty_values(levels: dict[str, Level], api: CoreApi) -> None:
    """Empty in the plain class, null where the client refuses empty text (contract ubiops 8.3, 10.4)."""
    assert levels["project"].create(data={"name": "A", "secret": False}).value == ""
    assert levels["project"].rows() == [("A", "", None, None)]
    assert [row[:2] for name in ("model", "model_version") for row in levels[name].rows()] == [("A", None)] * 2
    assert levels["model_version"].set("B")
    assert check_last(api, "EnvironmentVariableList")["value"] == ""


def test_a_secret_is_never_shown(levels: dict[str, Level]) -> None:
    canary = f"canary-{uuid.uuid4().hex}"
    for level in levels.values():
        created = level.send("POST", {"name": f"S_{level.name}", "value": canary, "secret": True})
        texts, identifier = [created.text], created.json()["id"]
        texts += [level.send("GET", None, identifier).text, level.send("GET", None).text]
        texts += [level.send("PATCH", {"value": canary + "2"}, identifier).text]
        texts += [level.send("POST", {"name": f"S_{level.name}", "value": canary, "secret": True}).text]
        texts += [level.send("PATCH", {"value": [canary]}, identifier).text]
        assert [text for text in texts if canary in text] == []
        assert level.get(id=identifier).value is None


def test_a_secret_stays_one(levels: dict[str, Level]) -> None:
    for level in levels.values():
        identifier = level.set("A", "1")
        assert level.update(id=identifier, data={"secret": False}).value == "1"
        assert level.update(id=identifier, data={"secret": True}).value is None
        for body in ({"secret": False}, {"name": "A", "value": "2", "secret": False}):
            answer = level.send("PATCH", body, identifier)
            assert (answer.status_code, "secret" in answer.json()["error"]) == (400, True)
        for body in ({"secret": True}, {"name": "B"}, {"value": "2"}, {}):
            assert level.send("PATCH", body, identifier).json()["secret"] is True


BAD_MEMBERS: list[tuple[str, list[Any], list[Any]]] = [
    (
        "name",
        ["", "_A", "A_", "_", "A1", "A-B", "A B", "Ä", "A" * 65, "A\n", "A=B", 5, None, ["A"]],
        ["A", "a_B", "A__b", "A" * 64],
    ),
    ("value", [5, True, None, ["a"], "a\0b", "\ud800", "x" * 65_537], ["", " ", "ü", "x" * 65_536, "a=b\n"]),
    ("secret", [0, 1, "true", None, []], [False, True]),
    ("other", ["A"], []),
]


@pytest.mark.parametrize(("member", "bad", "good"), BAD_MEMBERS, ids=[row[0] for row in BAD_MEMBERS])
def test_members(levels: dict[str, Level], member: str, bad: list[Any], good: list[Any]) -> None:
    level = levels["model"]
    whole = {"name": "GOOD", "value": "v", "secret": False}
    kept = level.set("KEPT", "v")
    for value in bad:
        for answer in (level.send("POST", whole | {member: value}), level.send("PATCH", {member: value}, kept)):
            assert (answer.status_code, list(answer.json())) == (400, ["error"]), value
            assert member in answer.json()["error"]
        assert [row[:2] for row in level.rows()] == [("KEPT", "v")]
    for value in good:
        answer = level.send("POST", whole | {member: value})
        assert answer.status_code == 201, value
        level.delete(id=answer.json()["id"])
        fresh = level.set("FRESH", "v")
        assert level.send("PATCH", {member: value}, fresh).status_code == 200, value
        level.delete(id=fresh)


def test_members_that_lack(levels: dict[str, Level]) -> None:
    for body in ({}, {"name": "A"}, {"secret": False}, {"value": "1"}, [], "A", None):
        answer = levels["project"].send("POST", body)
        assert (answer.status_code, list(answer.json())) == (400, ["error"]), body
    assert levels["project"].send("POST", {"name": "A", "secret": False}).status_code == 201


def test_taken_names(levels: dict[str, Level]) -> None:
    """Unique on a level, free on every other; an equal name is no duplicate of itself (contract ubiops 10.29)."""
    for level in levels.values():
        identifier, other = level.set("A", "1"), level.set("B", "2")
        for answer in (
            level.send("POST", {"name": "A", "secret": False}),
            level.send("PATCH", {"name": "A"}, other),
        ):
            assert (answer.status_code, "exists already" in answer.json()["error"]) == (400, True)
        assert level.send("PATCH", {"name": "A", "value": "3"}, identifier).json()["value"] == "3"
        assert level.send("PATCH", {"name": "a"}, other).json()["name"] == "a", "case matters, as in an environment"


def test_all_values_of_an_owner_have_a_limit(levels: dict[str, Level]) -> None:
    level, value = levels["model_version"], "x" * 65_000
    made = [level.set(name, value, secret=name == "B") for name in "ABCD"]
    answer = level.send("POST", {"name": "E", "value": value, "secret": False})
    assert (answer.status_code, "together" in answer.json()["error"]) == (400, True)
    assert levels["model"].send("POST", {"name": "E", "value": value, "secret": False}).status_code == 201
    assert level.send("PATCH", {"value": ""}, made[0]).status_code == 200
    assert level.send("POST", {"name": "E", "value": value, "secret": False}).status_code == 201


@pytest.mark.parametrize("bad", [UNKNOWN, "5", "x" * 36, "%00", "a%2Fb"])
def test_ids_in_paths(levels: dict[str, Level], bad: str) -> None:
    for level in levels.values():
        identifier = level.set("A", "1")
        for method in ("GET", "PATCH", "DELETE"):
            answer = level.send(method, {"value": "2"}, bad)
            assert (answer.status_code, list(answer.json())) == (404, ["error"])
        assert level.send("GET", None, identifier).json()["value"] == "1"
        level.delete(id=identifier)


def test_other_tenants_and_unknown_owners(levels: dict[str, Level], stranger: httpx2.Client) -> None:
    for level in levels.values():
        identifier = level.set("A", "1")
        never = level.path.replace(level.path.split("/")[3], "never-was")
        for method, body, end in (
            ("GET", None, ""),
            ("POST", {"name": "B", "secret": False}, ""),
            ("GET", None, f"/{identifier}"),
            ("PATCH", {"value": "2"}, f"/{identifier}"),
            ("DELETE", None, f"/{identifier}"),
        ):
            answer = stranger.request(method, level.path + end, json=body)
            unknown = stranger.request(method, never + end, json=body)
            assert (answer.status_code, unknown.status_code) == (404, 404)
            assert answer.json()["error"].replace(level.path.split("/")[3], "never-was") == unknown.json()["error"]
        assert level.get(id=identifier).value == "1"
    for path in ("/models/x", "/models/m/versions/x"):
        assert levels["project"].door.get(f"{levels['project'].path[:-22]}{path}/environment-variables").is_error


def test_the_model_file_cannot_be_secret(levels: dict[str, Level]) -> None:
    level = levels["model"]
    answer = level.send("POST", {"name": "ML_MODEL_FILE_NAME", "value": "a", "secret": True})
    assert (answer.status_code, "cannot be secret" in answer.json()["error"]) == (400, True)
    identifier = level.set("ML_MODEL_FILE_NAME", "a")
    assert level.send("PATCH", {"secret": True}, identifier).status_code == 400
    assert level.set("OTHER", "a", secret=True)
