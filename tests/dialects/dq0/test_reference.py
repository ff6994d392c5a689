"""Each operation of the reference is answered as its schema says, with and without a slash at the end (contract dq0
4.2, 4.3, 4.4)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from quinta.core.access.actions import ACTIONS
from tests.dialects.dq0.house import Door, House, people_metadata, project_zip
from tests.dialects.dq0.operations import LOCAL, NOBODY, OPERATIONS, Operation
from tests.dialects.dq0.reference import SCHEMAS, SHAPES
from tests.dialects.dq0.town import Town

_SHAPE_OF = {name: shape for shape, names in SCHEMAS.items() for name in names.split()}
_KINDS: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


@pytest.fixture(scope="module")
def town(house: House, owner: Door, scientist: Door, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(house, owner, scientist, tmp_path_factory.mktemp("data"))


def faults_of(value: Any, schema: str, where: str = "") -> list[str]:
    """What a value lacks of a schema of the reference. More than it has is no fault, null is one."""
    faults = []
    for part in SHAPES[_SHAPE_OF[schema]].split():
        name, _, kind = part.partition(":")
        if name not in value:
            faults.append(f"{where}{name} is missing")
        else:
            faults += _faults_of_member(value[name], kind, f"{where}{name}")
    return faults


def _faults_of_member(value: Any, kind: str, where: str) -> list[str]:
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        inner = kind[1:-1]
        return [fault for item in value for fault in _faults_of_member(item, inner, f"{where}[].")]
    if kind in _SHAPE_OF:
        return faults_of(value, kind, where)
    right = isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
    return [] if right else [f"{where} is {value!r}, no {kind}"]


def faults_in(answer: dict[str, Any], operation: Operation) -> list[str]:
    """What an answer lacks of its operation's schema, and what it has that it should leave out."""
    out = tuple(f"items[].{name}" for name in operation.leaves_out)
    faults = faults_of(answer, operation.schema)
    if not out:
        return faults
    there = {name for item in answer["items"] for name in item if f"items[].{name}".startswith(out)} - {"run_uuid"}
    return [fault for fault in faults if not fault.startswith(out)] + sorted(there)


def filled(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: filled(item, values) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    if not isinstance(value, str) or "{" not in value or value.startswith(("[", "{{")):
        return value
    return values[value[1:-1]] if value.startswith("{") and value.endswith("}") else value.format(**values)


def call(town: Town, operation: Operation, slash: str) -> dict[str, Any]:
    values = dict(town.values)
    for kind in operation.fresh.split():
        values |= meta_of(town.folder) if kind == "meta" else town.new(kind)
    doors = {"admin": town.house.admin, "owner": town.owner, "scientist": town.scientist, NOBODY: town.house.nobody}
    door = doors.get(operation.who) or Door(town.owner.server, town.owner.session, values["token"])
    path = operation.path.format(**values) + slash
    if operation.body == "zip":
        headers = {"Content-Type": "application/zip"}
        return door.ok(operation.method, path, headers=headers, data=project_zip("print(1)\n"))
    more: dict[str, Any] = {} if operation.query is None else {"params": filled(operation.query, values)}
    if operation.method in ("POST", "PATCH"):  # where there is no body, null: as the SDK does it
        more["data"] = json.dumps(filled(operation.body, values))
        more["headers"] = {"Content-Type": "application/json"}
    return door.ok(operation.method, path, **more)


def meta_of(folder: Path) -> dict[str, Any]:
    name = f"people-{uuid.uuid4().hex[:12]}"
    file = folder / f"{name}.csv"
    file.write_text("id,age\n1,33\n")
    return {"meta": people_metadata(name, file, 1)}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation(operation: Operation, town: Town) -> None:
    for slash in ("", "/"):
        answer = call(town, operation, slash)
        assert faults_in(answer, operation) == []
        if "job_uuid" in answer and set(answer) == {"message", "job_uuid"}:  # what would be built for it takes minutes
            town.scientist.ok("POST", f"/jobs/{answer['job_uuid']}/cancel", json={"force": True})


def test_no_operation_is_left_out() -> None:
    named = [operation.name for operation in OPERATIONS]
    assert sorted([*named, *LOCAL]) == sorted(ACTIONS)


def test_the_table_has_all_schemas() -> None:
    assert len(_SHAPE_OF) == 166
    assert set(SCHEMAS) == set(SHAPES)


def test_what_is_wrong_with_an_answer_is_found() -> None:
    wrong = {"items": [{"group_id": True, "group_name": None}], "page": 1, "page_size": "2", "total": 1}
    assert faults_of(wrong, "GroupListResponseBody") == [
        "items[].created_at is missing",
        "items[].group_id is True, no integer",
        "items[].group_name is None, no string",
        "items[].updated_at is missing",
        "page_size is '2', no integer",
    ]
