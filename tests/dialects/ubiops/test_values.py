"""Values in and out: every data type, plain text, blobs; each refusal beside a value that passes."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.fields import FIELDS, GOOD, post, with_value
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model

ACCEPTED: list[tuple[str, Any]] = [
    *((name, GOOD[name]) for name in FIELDS),
    ("int", 0),
    ("int", -(2**63)),
    ("int", 10**40),
    ("double", 0),
    ("double", 123),
    ("double", -0.0),
    ("double", 5e-324),
    ("double", 1.7976931348623157e308),
    ("double", 0.1 + 0.2),
    ("string", ""),
    ("string", "grüße, 世界, 🦆, \u202e\u0000\u001f\u2028"),
    ("string", "NaN"),
    ("string", "x" * 1_000_000),
    ("bool", False),
    ("timestamp", "2020-05-12"),
    ("timestamp", "2020-05-12T16:23:15+02:00"),
    ("array_int", []),
    ("array_int", list(range(10_000))),
    ("array_double", []),
    ("array_double", [0, 0.25, -1e300]),
    ("array_string", ["", "ü", "null"]),
]
REFUSED: list[tuple[str, Any]] = [
    *((name, None) for name in FIELDS),
    ("int", 1.0),
    ("int", True),
    ("int", "1"),
    ("double", "1.5"),
    ("double", True),
    ("double", 10**400),
    ("string", 5),
    ("string", ["a"]),
    ("bool", 1),
    ("bool", "true"),
    ("timestamp", "yesterday"),
    ("timestamp", 1_589_300_000),
    ("array_int", 1),
    ("array_int", [1, 2.5]),
    ("array_int", [[1]]),
    ("array_int", {"0": 1}),
    ("array_double", [1.5, None]),
    ("array_double", ["1"]),
    ("array_string", "ab"),
    ("array_string", ["a", 1]),
]


def ending(door: ModelDoor, request_id: str) -> dict[str, Any]:
    """A batch request once it has ended."""
    path = f"{door.path}/request-batch/{request_id}"
    return wait_for(
        lambda: dict(door.client.get(path).json()), lambda found: found["status"] in ("completed", "failed")
    )


def named(case: tuple[str, Any]) -> str:
    return f"{case[0]}-{json.dumps(case[1])[:30]}"


@pytest.mark.parametrize("case", ACCEPTED, ids=named)
def test_value_comes_back_as_it_was(echo: ModelDoor, case: tuple[str, Any]) -> None:
    sent = with_value(*case)
    answer = post(echo, "request", sent).json()
    assert answer["success"], answer
    assert json.dumps(answer["result"], sort_keys=True) == json.dumps(sent, sort_keys=True)


@pytest.mark.parametrize("case", REFUSED, ids=named)
def test_value_of_another_type_is_refused(echo: ModelDoor, case: tuple[str, Any]) -> None:
    answer = post(echo, "request", with_value(*case))
    assert answer.status_code == 400
    assert f"field '{case[0]}' of the request data must be" in answer.json()["error"]


def test_the_same_values_through_a_batch(echo: ModelDoor) -> None:
    values = [with_value(*case) for case in ACCEPTED]
    created = post(echo, "request-batch", values).json()
    assert len(created) == len(values)
    for request, sent in zip(created, values, strict=True):
        ended = ending(echo, request["id"])
        assert ended["status"] == "completed", ended
        assert json.dumps(ended["request_data"], sort_keys=True) == json.dumps(sent, sort_keys=True)
        assert json.dumps(ended["result"], sort_keys=True) == json.dumps(sent, sort_keys=True)


def test_half_a_surrogate_pair_goes_in_but_not_out(echo: ModelDoor) -> None:
    """JSON can spell it and no UTF-8 can: the code may have it, and the answer says why it is not there."""
    answer = post(echo, "request", with_value("string", "\ud800")).json()
    assert (answer["success"], answer["result"]) == (False, None)
    assert "'string'" in answer["error_message"]
    assert "not valid Unicode" in answer["error_message"]
    created = post(echo, "request-batch", with_value("string", "\ud800")).json()
    ended = ending(echo, created[0]["id"])
    assert (ended["status"], ended["request_data"]["string"]) == ("failed", "\ud800")


def test_one_wrong_value_refuses_the_whole_batch(echo: ModelDoor) -> None:
    before = echo.client.get(f"{echo.path}/request-batch", params={"limit": 500}).json()
    answer = echo.client.post(f"{echo.path}/request-batch", json=[GOOD, with_value("int", "7"), GOOD])
    assert answer.status_code == 400
    assert "item 2 of the batch" in answer.json()["error"]
    assert echo.client.get(f"{echo.path}/request-batch", params={"limit": 500}).json() == before


PLAIN = ["hello", "", "grüße 🦆 \u0000", '{"a": 1}', "123", " two\nlines ", "x" * 1_000_000]


@pytest.mark.parametrize("text", PLAIN, ids=lambda text: repr(text[:10]))
def test_plain_text_comes_back(plain: ModelDoor, text: str) -> None:
    assert plain.request(text)["result"] == text
    raw = plain.client.post(f"{plain.path}/request", content=text, headers={"Content-Type": "text/plain"})
    assert raw.json()["result"] == text


@pytest.mark.parametrize("value", [None, 5, True, {"a": 1}, ["a"]], ids=repr)
def test_plain_model_takes_strings_only(plain: ModelDoor, value: object) -> None:
    answer = post(plain, "request", value)
    assert answer.status_code == 400
    assert "must be a string" in answer.json()["error"]


def test_plain_batches(plain: ModelDoor) -> None:
    """A list of strings, one string, and one text/plain body are all batches."""
    text = {"Content-Type": "text/plain"}
    created = plain.client.post(f"{plain.path}/request-batch", json=["a", "b"]).json()
    created += plain.client.post(f"{plain.path}/request-batch", json="c").json()
    created += plain.client.post(f"{plain.path}/request-batch", content="[d", headers=text).json()
    ids = [request["id"] for request in created]
    ended = wait_for(
        lambda: plain.client.post(f"{plain.path}/request-batch-collect", json=ids).json(),
        lambda found: all(item["status"] in ("completed", "failed") for item in found),
    )
    by_id = {item["id"]: item for item in ended}
    assert [by_id[request_id]["result"] for request_id in ids] == ["a", "b", "c", "[d"]


@pytest.fixture(scope="module")
def reader(door: httpx2.Client) -> ModelDoor:
    """A model that reads a blob and writes another."""
    outputs = {"report": "blob", "size": "int", "name": "string"}
    return new_model(door, package("blobs"), inputs={"image": "blob"}, outputs=outputs, model="reader")


def uploaded(door: ModelDoor, name: str, content: bytes) -> str:
    answer = door.client.post(f"/v2.1/projects/{door.project}/blobs", files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("name", "content"), [("a.jpg", b"1234"), ("empty", b""), ("grüße 世界.bin", b"\0\xff" * 2_500_000)]
)
def test_blobs_in_and_out(reader: ModelDoor, name: str, content: bytes) -> None:
    answer = reader.request({"image": uploaded(reader, name, content)})
    assert answer["success"], answer
    assert (answer["result"]["size"], answer["result"]["name"]) == (len(content), name)
    report = reader.client.get(f"/v2.1/projects/{reader.project}/blobs/{answer['result']['report']}")
    assert report.text == f"report: {len(content)} bytes\n"
    assert report.headers["content-disposition"] == 'attachment; filename="report.txt"'


def test_a_blob_serves_many_requests_under_any_spelling_of_its_id(reader: ModelDoor) -> None:
    blob = uploaded(reader, "a.bin", b"12")
    for spelling in (blob, blob.upper(), blob):
        assert reader.request({"image": spelling})["result"]["size"] == 2


def test_what_is_no_blob_of_the_project_is_refused(reader: ModelDoor, echo: ModelDoor) -> None:
    """Another project's blob, one that never was, one that was deleted: in the same words."""
    good = uploaded(reader, "a.bin", b"12")
    foreign, deleted = uploaded(echo, "a.bin", b"12"), uploaded(reader, "a.bin", b"12")
    reader.client.delete(f"/v2.1/projects/{reader.project}/blobs/{deleted}")
    for blob in (foreign, deleted, "018f0000-0000-7000-8000-000000000000"):
        for path, body in (("request", {"image": blob}), ("request-batch", [{"image": good}, {"image": blob}])):
            answer = reader.client.post(f"{reader.path}/{path}", json=body)
            assert answer.status_code == 400
            assert answer.json()["error"] == f"field 'image' names a blob that does not exist: {blob}"
    assert reader.client.post(f"{reader.path}/request", json={"image": "a.bin"}).status_code == 400
    assert reader.request({"image": good})["success"]
