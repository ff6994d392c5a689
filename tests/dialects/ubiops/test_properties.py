"""Whatever values a model's fields take come back from a model that echoes, unchanged."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dialects.ubiops.fields import post
from tests.models import ModelDoor

INTEGERS = st.integers() | st.integers(-(10**30), 10**30)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15)
TEXTS = st.text()
VALUES = st.fixed_dictionaries(
    {
        "int": INTEGERS,
        "double": DOUBLES,
        "string": TEXTS,
        "bool": st.booleans(),
        "timestamp": st.datetimes().map(lambda moment: moment.isoformat()),
        "array_int": st.lists(INTEGERS),
        "array_double": st.lists(DOUBLES),
        "array_string": st.lists(TEXTS),
    }
)
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def same(one: object, other: object) -> bool:
    """Equal to the last digit and in the kind of each number: 1 is not 1.0 here."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@settings(SLOW, max_examples=60)
@given(values=VALUES)
def test_structured(echo: ModelDoor, values: dict[str, Any]) -> None:
    answer = post(echo, "request", values).json()
    assert answer["success"], answer
    assert same(answer["result"], values)


@settings(SLOW, max_examples=40)
@given(text=TEXTS)
def test_plain(plain: ModelDoor, text: str) -> None:
    assert same(post(plain, "request", text).json()["result"], text)


@settings(SLOW, max_examples=15)
@given(batch=st.lists(VALUES, min_size=1, max_size=5))
def test_batch_keeps_what_was_asked(echo: ModelDoor, batch: list[dict[str, Any]]) -> None:
    created = post(echo, "request-batch", batch)
    assert created.status_code == 200, created.text
    ids = [request["id"] for request in created.json()]
    kept = {item["id"]: item for item in echo.client.post(f"{echo.path}/request-batch-collect", json=ids).json()}
    assert all(same(kept[request_id]["request_data"], item) for request_id, item in zip(ids, batch, strict=True))


@settings(SLOW, max_examples=60)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_answered_without_a_fault(echo: ModelDoor, body: object) -> None:
    """As request data, as a model and as log filters: 400, never 500."""
    text = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    for path in (f"{echo.path}/request", f"{echo.path}/request-batch-collect", f"/v2.1/projects/{echo.project}/models"):
        answer = echo.client.post(path, content=text, headers=headers)
        assert answer.status_code == 400, (path, answer.text)
        assert list(answer.json()) == ["error"]
