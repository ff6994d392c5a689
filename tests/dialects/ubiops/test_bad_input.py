"""Bad input, one fault at a time, beside the good twin it is one change away from; nothing changes by a refusal."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.conftest import PASSWORD
from tests.models import new_project

LACKING = object()
"""Stands for a member that is left out."""
FIELD = {"name": "number", "data_type": "double"}
NUL, SURROGATE = "a\0b", "a\ud800b"
TEXTS = (None, 5, True, ["a"], {"a": 1}, NUL, SURROGATE)

MODEL = {
    "name": "a-model",
    "description": "of something",
    "input_type": "structured",
    "output_type": "structured",
    "input_fields": [FIELD],
    "output_fields": [FIELD],
}
VERSION = {
    "version": "v1.0_a",
    "language": "python3.7",
    "memory_allocation": 256,
    "maximum_instances": 20,
    "minimum_instances": 0,
    "maximum_idle_time": 3600,
    "description": "",
}
BAD_NAMES = (LACKING, *TEXTS, "", "A", "1a", "-a", "a b", "a_b", "ä", "a/b", "a" * 65, "x" * 1_000_000)
BAD_MODELS: dict[str, tuple[Any, ...]] = {
    "name": BAD_NAMES,
    "description": (*TEXTS, "x" * 201),
    "input_type": (LACKING, None, 5, "", "blob", "Structured", "plain"),
    "output_type": (LACKING, None, 5, "", "blob", "plain"),
    "input_fields": (
        *(LACKING, None, 5, "x", {}, [], [None], ["number"], [[]], [{}], [FIELD, FIELD]),
        *([{**FIELD, "name": name}] for name in (None, 5, "", "1a", "a b", "ä", NUL, "a" * 65)),
        *([{**FIELD, "data_type": kind}] for kind in (None, 5, "", "float", "Int", "array_blob")),
        [{"name": "number"}],
        [{"data_type": "int"}],
        [{**FIELD, "more": 1}],
    ),
    "output_fields": (LACKING, None, [], [FIELD, FIELD]),
    "id": ("018f0000-0000-7000-8000-000000000000",),
    "": (1,),
}
NUMBERS: tuple[Any, ...] = (None, "1", 1.5, 256.0, True, [], 10**30, -1)
BAD_VERSIONS: dict[str, tuple[Any, ...]] = {
    "version": (LACKING, *TEXTS, "", "V1", "1", "v 1", "v/1", "v" * 65),
    "language": (None, 5, "", "python3.9", "python3", "r4.0", "Python3.7"),
    "memory_allocation": (*NUMBERS, 255, 32_769, 0),
    "maximum_instances": (*NUMBERS, 21, 0),
    "minimum_instances": (*NUMBERS, 21),
    "maximum_idle_time": (*NUMBERS, 9, 3_601),
    "description": (*TEXTS, "x" * 201),
    "status": ("available",),
}
# In these, HERE becomes something that no other test has.
PROJECT = {"name": "p-HERE", "organization_name": "o-p-HERE"}
BAD_PROJECTS = {
    "name": BAD_NAMES,
    "organization_name": (LACKING, *TEXTS, "", "nothing-here", "O-P-HERE"),
    "id": (1,),
}
ORGANIZATION = {"name": "n-HERE", "subscription": "starter", "subscription_agreed": True}
BAD_ORGANIZATIONS = {
    "name": BAD_NAMES,
    "subscription": (LACKING, *TEXTS, "", "gold", "Starter"),
    "subscription_agreed": (LACKING, None, False, 1, "true"),
    "subscription_end_date": (5, "", "tomorrow", "2020-01-01", "2035-13-01", "9999-12-31", NUL, True),
    "status": ("active",),
}
USER = {"email": "u-HERE@example.com", "password": PASSWORD, "terms_conditions": True, "name": "", "surname": "B"}
BAD_USERS = {
    "email": (LACKING, *TEXTS, "", "nobody", "a@", "@b", "a b@example.com", "a@" + "b" * 253),
    "password": (LACKING, None, 5, "", "1234567", "x" * 129, NUL),
    "terms_conditions": (LACKING, None, False, "true", 1),
    "name": (*TEXTS, "x" * 257),
    "is_staff": (True,),
}
LOGS = {"filters": {"system": True}, "date": "2020-01-01T00:00:00.000000Z", "date_range": 100, "limit": 500}
BAD_LOGS = {
    "filters": (
        *(LACKING, None, 5, [], {"colour": "red"}, {"system": "true"}, {"system": None}, {"model_name": 5}),
        *({"model_name": NUL}, {"model_version": "v1"}, {"request_id": "5"}, {"pipeline_object_name": "a"}),
    ),
    "date": (None, 5, "", "today", "2020-13-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", NUL),
    "date_range": (None, 0, 86_401, -86_401, "100", 1.5, 10**30),
    "limit": (None, 0, 501, -1, "5", 10**30),
    "id": (None, 5, "", "x" * 23, "x" * 25),
    "sort": ("asc",),
}


def cases(bad: dict[str, tuple[Any, ...]]) -> list[Any]:
    return [
        pytest.param(member, value, id=f"{member}-{number}-{'lacking' if value is LACKING else str(value)[:20]!r}")
        for member, values in bad.items()
        for number, value in enumerate(values)
    ]


def post(door: httpx2.Client, path: str, body: object) -> httpx2.Response:
    return door.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})


def check(door: httpx2.Client, path: str, good: dict[str, Any], member: str, value: object, listing: str = "") -> None:
    """``good`` with one member changed is refused, and leaves what ``listing`` (or ``path``) shows as it was."""
    body = {**good, member: value}
    if value is LACKING:
        del body[member]
    before = door.get(listing or path).text
    answer = post(door, path, body)
    assert answer.status_code == 400, answer.text[:500]
    assert list(answer.json()) == ["error"]
    check_sentence(answer.json()["error"])
    assert door.get(listing or path).text == before
    twin = post(door, path, good)
    assert twin.status_code == 201, twin.text


def check_sentence(text: str) -> None:
    """A sentence for a person: no names of validators or classes of ours in it."""
    assert 10 < len(text) < 500
    assert re.search(r"function|Field|Input|\.(int|str|bool|list)\b|Value|None", text) is None, text


@pytest.fixture(scope="module")
def workplace(door: httpx2.Client) -> str:
    """The project of this module's tests."""
    return new_project(door)


@pytest.fixture
def here() -> str:
    return uuid.uuid4().hex[:12]


def filled(body: dict[str, Any], here: str) -> dict[str, Any]:
    return {name: value.replace("HERE", here) if isinstance(value, str) else value for name, value in body.items()}


@pytest.mark.parametrize(("member", "value"), cases(BAD_MODELS))
def test_models(door: httpx2.Client, workplace: str, here: str, member: str, value: object) -> None:
    check(door, f"/v2.1/projects/{workplace}/models", {**MODEL, "name": f"m-{here}"}, member, value)


@pytest.mark.parametrize(("member", "value"), cases(BAD_VERSIONS))
def test_versions(door: httpx2.Client, workplace: str, here: str, member: str, value: object) -> None:
    models = f"/v2.1/projects/{workplace}/models"
    assert post(door, models, {**MODEL, "name": f"m-{here}"}).status_code == 201
    check(door, f"{models}/m-{here}/versions", VERSION, member, value)
    assert door.delete(f"{models}/m-{here}").status_code == 204  # the subscription allows 100 versions


@pytest.mark.parametrize(("member", "value"), cases(BAD_VERSIONS))
def test_changes_of_versions(door: httpx2.Client, workplace: str, here: str, member: str, value: object) -> None:
    if value is LACKING:
        value = {}
    models = f"/v2.1/projects/{workplace}/models"
    assert post(door, models, {**MODEL, "name": f"m-{here}"}).status_code == 201
    path = f"{models}/m-{here}/versions/{VERSION['version']}"
    before = post(door, f"{models}/m-{here}/versions", VERSION).text
    answer = door.patch(path, content=json.dumps({member: value}), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text[:500]
    check_sentence(answer.json()["error"])
    assert door.get(path).text == before
    assert door.patch(path, json={"version": "v2", "description": "new"}).status_code == 200
    assert door.delete(f"{models}/m-{here}").status_code == 204


@pytest.mark.parametrize(("member", "value"), cases(BAD_PROJECTS))
def test_projects(door: httpx2.Client, here: str, member: str, value: object) -> None:
    good = filled(PROJECT, here)
    organization = {"name": good["organization_name"], "subscription": "starter", "subscription_agreed": True}
    assert post(door, "/v2.1/organizations", organization).status_code == 201
    check(door, "/v2.1/projects", good, member, value)
    assert door.delete(f"/v2.1/projects/{good['name']}").status_code == 204


@pytest.mark.parametrize(("member", "value"), cases(BAD_ORGANIZATIONS))
def test_organizations(door: httpx2.Client, here: str, member: str, value: object) -> None:
    check(door, "/v2.1/organizations", filled(ORGANIZATION, here), member, value)


@pytest.mark.parametrize(("member", "value"), cases(BAD_USERS))
def test_users(door: httpx2.Client, here: str, member: str, value: object) -> None:
    check(door, "/v2.1/user", filled(USER, here), member, value)


@pytest.mark.parametrize(("member", "value"), cases(BAD_LOGS))
def test_logs(door: httpx2.Client, workplace: str, member: str, value: object) -> None:
    check(door, f"/v2.1/projects/{workplace}/logs", LOGS, member, value, "/v2.1/status")
