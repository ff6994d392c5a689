"""Bad input, one fault at a time, beside the good twin it is one change away from; nothing changes by a refusal."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.conftest import PASSWORD
from tests.models import ModelDoor

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
BAD_NAMES = (LACKING, *TEXTS, "", "A", "1a", "-a", "a b", "a_b", "ä", "a/b", "a" * 65, "x" * 10_000_000)
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
NUMBERS = (None, "1", 1.5, 256.0, True, [], 10**30, -1)
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
PROJECT = {"name": "PLACE-project", "organization_name": "o-PLACE"}
BAD_PROJECTS = {
    "name": BAD_NAMES,
    "organization_name": (LACKING, *TEXTS, "", "nothing-here", "O-PLACE"),
    "id": (1,),
}
ORGANIZATION = {"name": "n-PLACE", "subscription": "starter", "subscription_agreed": True}
BAD_ORGANIZATIONS = {
    "name": BAD_NAMES,
    "subscription": (LACKING, *TEXTS, "", "gold", "Starter"),
    "subscription_agreed": (LACKING, None, False, 1, "true"),
    "subscription_end_date": (5, "", "tomorrow", "2020-01-01", "2035-13-01", "9999-12-31", NUL, True),
    "status": ("active",),
}
USER = {"email": "u-PLACE@example.com", "password": PASSWORD, "terms_conditions": True, "name": "", "surname": "B"}
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


class Place:
    """One path to POST to, with a body that is good; the listing shows whether anything changed."""

    def __init__(self, door: httpx2.Client, path: str, good: dict[str, Any], listing: str | None = None) -> None:
        self.door, self.path, self.good = door, path, good
        self.listing = listing or path

    def check(self, member: str, value: object) -> None:
        body = {**self.good, member: value}
        if value is LACKING:
            del body[member]
        before = self.door.get(self.listing).text
        answer = self.post(body)
        assert answer.status_code == 400, answer.text[:500]
        assert list(answer.json()) == ["error"]
        assert 10 < len(answer.json()["error"]) < 500
        assert self.door.get(self.listing).text == before
        twin = self.post(self.good)
        assert twin.status_code == 201, twin.text

    def post(self, body: object) -> httpx2.Response:
        return self.door.post(self.path, content=json.dumps(body), headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(("member", "value"), cases(BAD_MODELS))
def test_models(door: httpx2.Client, workplace: str, member: str, value: object) -> None:
    good = {**MODEL, "name": f"m-{uuid.uuid4().hex[:12]}"}
    Place(door, f"/v2.1/projects/{workplace}/models", good).check(member, value)


@pytest.mark.parametrize(("member", "value"), cases(BAD_VERSIONS))
def test_versions(door: httpx2.Client, workplace: str, member: str, value: object) -> None:
    model = f"m-{uuid.uuid4().hex[:12]}"
    assert door.post(f"/v2.1/projects/{workplace}/models", json={**MODEL, "name": model}).status_code == 201
    Place(door, f"/v2.1/projects/{workplace}/models/{model}/versions", VERSION).check(member, value)
    assert door.delete(f"/v2.1/projects/{workplace}/models/{model}").status_code == 204


@pytest.mark.parametrize(("member", "value"), cases(BAD_LOGS))
def test_logs(door: httpx2.Client, workplace: str, member: str, value: object) -> None:
    Place(door, f"/v2.1/projects/{workplace}/logs", LOGS, "/v2.1/status").check(member, value)
