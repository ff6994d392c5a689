"""Calls that name the wrong thing: ids, other tenants, ranges, counts, taken names, files; each beside a good twin."""

from __future__ import annotations

import json
import uuid
import zipfile
from io import BytesIO
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.fields import GOOD, post, with_value
from tests.models import ModelDoor, zipped

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
NO_IDS = ["5", "x" * 36, UNKNOWN[:-1], "%00", "a%2Fb", "%F0%9F%A6%86"]


@pytest.fixture
def made(door: httpx2.Client, project: str) -> ModelDoor:
    """A version without a package, and a blob, in a project of their own."""
    model = {"name": "m", "input_type": "plain", "output_type": "plain"}
    assert door.post(f"/v2.1/projects/{project}/models", json=model).status_code == 201
    assert door.post(f"/v2.1/projects/{project}/models/m/versions", json={"version": "v1"}).status_code == 201
    assert door.post(f"/v2.1/projects/{project}/blobs", files={"file": ("a", b"x")}).status_code == 201
    return ModelDoor(door, project, "m")


def everything(door: ModelDoor) -> list[str]:
    project = f"/v2.1/projects/{door.project}"
    paths = (project, f"{project}/models", f"{project}/models/{door.model}/versions", f"{project}/blobs")
    return [door.client.get(path).text for path in (*paths, f"{door.path}/request-batch?limit=500")]


PATHS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"name": "mine-now"}),
    ("DELETE", "", None),
    ("POST", "/logs", {"filters": {}}),
    ("GET", "/models", None),
    ("POST", "/models", {"name": "x", "input_type": "plain", "output_type": "plain"}),
    ("GET", "/models/m", None),
    ("PATCH", "/models/m", {"description": "mine now"}),
    ("DELETE", "/models/m", None),
    ("GET", "/models/m/versions", None),
    ("POST", "/models/m/versions", {"version": "v2"}),
    ("GET", "/models/m/versions/v1", None),
    ("PATCH", "/models/m/versions/v1", {"description": "mine now"}),
    ("DELETE", "/models/m/versions/v1", None),
    ("GET", "/models/m/versions/v1/download", None),
    ("POST", "/models/m/versions/v1/request", "text"),
    ("POST", "/models/m/versions/v1/request-batch", ["text"]),
    ("GET", "/models/m/versions/v1/request-batch", None),
    ("POST", "/models/m/versions/v1/request-batch-collect", [UNKNOWN]),
    ("POST", "/models/m/versions/v1/request-batch-delete", [UNKNOWN]),
    ("GET", f"/models/m/versions/v1/request-batch/{UNKNOWN}", None),
    ("DELETE", f"/models/m/versions/v1/request-batch/{UNKNOWN}", None),
    ("GET", "/blobs", None),
    ("GET", "/blobs/BLOB", None),
    ("DELETE", "/blobs/BLOB", None),
]


@pytest.mark.parametrize(("method", "path", "body"), PATHS, ids=lambda value: str(value)[:50])
def test_another_tenants_things_are_not_there(
    made: ModelDoor, stranger: httpx2.Client, method: str, path: str, body: object
) -> None:
    """Word for word what is said of a project that never was; and nothing changes."""
    blob = made.client.get(f"/v2.1/projects/{made.project}/blobs").json()[0]["id"]
    path = path.replace("BLOB", blob)
    before = everything(made)
    answer = stranger.request(method, f"/v2.1/projects/{made.project}{path}", json=body)
    unknown = stranger.request(method, f"/v2.1/projects/never-was{path}", json=body)
    assert answer.status_code == unknown.status_code == 404, answer.text
    assert answer.json()["error"].replace(made.project, "never-was") == unknown.json()["error"]
    assert everything(made) == before


def test_another_tenants_uploads(made: ModelDoor, stranger: httpx2.Client) -> None:
    for method, path in (("POST", "/blobs"), ("PUT", "/models/m/versions/v1/upload")):
        before = everything(made)
        file = {"file": ("a.zip", zipped(package("echo")))}
        assert stranger.request(method, f"/v2.1/projects/{made.project}{path}", files=file).status_code == 404
        assert everything(made) == before
        assert made.client.request(method, f"/v2.1/projects/{made.project}{path}", files=file).is_success


def test_another_tenants_organization(door: httpx2.Client, stranger: httpx2.Client, project: str) -> None:
    organization = f"o-{project}"
    assert stranger.get(f"/v2.1/organizations/{organization}").status_code == 404
    answer = stranger.post("/v2.1/projects", json={"name": f"{project}-x", "organization_name": organization})
    assert (answer.status_code, organization in answer.json()["error"]) == (400, True)
    assert organization not in stranger.get("/v2.1/organizations").text
    assert project not in stranger.get("/v2.1/projects").text
    assert door.get(f"/v2.1/organizations/{organization}").status_code == 200


@pytest.mark.parametrize("bad", [UNKNOWN, *NO_IDS])
def test_ids_in_paths(echo: ModelDoor, bad: str) -> None:
    for path in (f"{echo.path}/request-batch/{bad}", f"/v2.1/projects/{echo.project}/blobs/{bad}"):
        for method in ("GET", "DELETE"):
            answer = echo.client.request(method, path)
            assert answer.status_code == 404, path
            assert list(answer.json()) == ["error"]


def test_ids_in_bodies(echo: ModelDoor) -> None:
    """Malformed: 400; unknown, or of another version: 404 for all of them; the good ones are still there."""
    good = [item["id"] for item in post(echo, "request-batch", [GOOD, GOOD]).json()]
    bodies: list[tuple[Any, int]] = [
        ([*good, UNKNOWN], 404),
        ([*good, "5"], 400),
        ([*good, None], 400),
        ([*good, 7], 400),
        ([*good, [good[0]]], 400),
        ([], 400),
        (good[0], 400),
        ({"ids": good}, 400),
        (None, 400),
        ([good[0]] * 251, 400),
    ]
    for operation, status in (("request-batch-collect", 200), ("request-batch-delete", 201)):
        for body, refused in bodies:
            answer = post(echo, operation, body)
            assert answer.status_code == refused, (operation, body)
            assert list(answer.json()) == ["error"]
        twice = post(echo, operation, [*good, good[0].upper()])
        assert twice.status_code == status
    assert post(echo, "request-batch-collect", good).status_code == 404


def test_requests_of_another_version_are_not_there(echo: ModelDoor, plain: ModelDoor) -> None:
    created = post(plain, "request-batch", "text").json()[0]["id"]
    assert echo.client.get(f"{echo.path}/request-batch/{created}").status_code == 404
    assert post(echo, "request-batch-delete", [created]).status_code == 404
    assert plain.client.get(f"{plain.path}/request-batch/{created}").status_code == 200


def test_batch_sizes(echo: ModelDoor) -> None:
    for count, status in ((0, 400), (1, 200), (250, 200), (251, 400)):
        before = len(echo.client.get(f"{echo.path}/request-batch?limit=500&offset=0").json())
        answer = post(echo, "request-batch", [GOOD] * count)
        assert answer.status_code == status, count
        if status == 400:
            assert str(count) in answer.json()["error"]
            assert len(echo.client.get(f"{echo.path}/request-batch?limit=500").json()) == before
        else:
            ids = [item["id"] for item in answer.json()]
            assert len(set(ids)) == count
            assert post(echo, "request-batch-delete", ids).status_code == 201


@pytest.mark.parametrize("text", ["[NaN]", '[{"a": Infinity}]', "[", '["\xff"]', "[1e999]", "[" * 100_000])
def test_batches_that_are_no_json(echo: ModelDoor, text: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = echo.client.post(f"{echo.path}/request-batch", content=text.encode("latin-1"), headers=headers)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


QUERIES = [
    ("request-batch?limit={}", ["0", "-1", "501", "ten", "1.5", "", "9" * 30], ["1", "500", "050"]),
    ("request-batch?offset={}", ["-1", "x", "9" * 30], ["0", "1000000"]),
    ("request-batch?sort={}", ["up", "ASC", ""], ["asc", "desc"]),
    ("request-batch?status={}", ["done", "Pending", ""], ["pending", "processing", "completed", "failed"]),
    ("request-batch?success={}", ["yes", "2", ""], ["True", "False", "true", "false", "1", "0"]),
    ("blobs?range={}", ["0", "1001", "-1001", "x", "1.0"], ["1", "-1000", "1000"]),
    (
        "blobs?creation_date={}",
        ["now", "2020-13-01", "0001-01-01", "9999-12-31T23:59:59", "%00"],
        ["2020-01-01 00:00:00", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00%2B02:00", "2020-01-01"],
    ),
]


@pytest.mark.parametrize(("path", "bad", "good"), QUERIES, ids=[query[0] for query in QUERIES])
def test_query_parameters(echo: ModelDoor, path: str, bad: list[str], good: list[str]) -> None:
    base = f"/v2.1/projects/{echo.project}" if path.startswith("blobs") else echo.path
    path = f"{base}/{path}"
    name = path.partition("?")[2].partition("=")[0]
    for value in bad:
        answer = echo.client.get(path.format(value))
        assert answer.status_code == 400, value
        assert name in answer.json()["error"]
    for value in good:
        assert echo.client.get(f"{path.format(value)}&unknown=1").status_code == 200, value


def test_times_to_live(echo: ModelDoor) -> None:
    path = f"/v2.1/projects/{echo.project}/blobs"
    for ttl, status in (
        ("899", 400),
        ("900", 201),
        ("259200", 201),
        ("259201", 400),
        ("x", 400),
        ("-1", 400),
        ("", 400),
    ):
        answer = echo.client.post(path, files={"file": ("a", b"x")}, headers={"blob-ttl": ttl})
        assert answer.status_code == status, ttl
        assert status == 201 or "blob-ttl" in answer.json()["error"]


def test_taken_names(made: ModelDoor) -> None:
    project, organization = f"/v2.1/projects/{made.project}", f"o-{made.project}"
    plain = {"input_type": "plain", "output_type": "plain"}
    for path, body, free in (
        ("/v2.1/organizations", {"name": organization, "subscription": "free", "subscription_agreed": True}, "name"),
        ("/v2.1/projects", {"name": made.project, "organization_name": organization}, "name"),
        (f"{project}/models", {"name": "m", **plain}, "name"),
        (f"{project}/models/m/versions", {"version": "v1"}, "version"),
    ):
        before = everything(made)
        answer = made.client.post(path, json=body)
        assert (answer.status_code, "exists already" in answer.json()["error"]) == (400, True), path
        assert everything(made) == before
        assert made.client.post(path, json={**body, free: f"free-{uuid.uuid4().hex[:12]}"}).status_code == 201, path


def test_what_of_a_model_cannot_change(echo: ModelDoor) -> None:
    path = f"/v2.1/projects/{echo.project}/models/{echo.model}"
    model = echo.client.get(path).json()
    fixed = ("input_type", "output_type", "input_fields", "output_fields")
    assert echo.client.patch(path, json={name: model[name] for name in (*fixed, "name")}).json() == model
    for change in ({"input_type": "plain"}, {"output_fields": model["output_fields"][:1]}, {"id": model["id"]}):
        answer = echo.client.patch(path, json=change)
        assert (answer.status_code, next(iter(change)) in answer.json()["error"]) == (400, True)
    assert echo.client.get(path).json() == model


def test_requests_before_a_package_is_there(made: ModelDoor) -> None:
    for operation, body in (("request", "text"), ("request-batch", ["text"])):
        answer = post(made, operation, body)
        assert answer.status_code == 400
        assert "not available" in answer.json()["error"]
    assert made.client.get(f"{made.path}/download").status_code == 404


def test_uploads_that_are_no_zip(made: ModelDoor) -> None:
    whole = zipped(package("echo"))
    for content in (b"", b"text", whole[: len(whole) // 2]):
        before = everything(made)
        answer = made.client.put(f"{made.path}/upload", files={"file": ("a.zip", content)})
        assert (answer.status_code, "zip" in answer.json()["error"]) == (400, True)
        assert everything(made) == before
    for kind in ("application/zip", "application/json", ""):
        answer = made.client.put(f"{made.path}/upload", content=whole, headers={"Content-Type": kind})
        assert answer.status_code == 415
    assert made.client.put(f"{made.path}/upload", files={"data": ("a.zip", whole)}).status_code == 400
    assert made.client.put(f"{made.path}/upload", files={"file": ("a.zip", whole)}).json() == {"success": True}


def test_archives_with_a_fault_inside_fail_in_the_build(made: ModelDoor) -> None:
    """The upload is a zip and is taken; the status says that it came to nothing, and why."""
    outside = BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("model_package/../../evil.py", "")
    for content in (zipped({"other.py": ""}), outside.getvalue()):
        answer = made.client.put(f"{made.path}/upload", files={"file": ("a.zip", content)})
        assert answer.json() == {"success": True}
        assert 10 < len(made.wait("building_failed")["error_message"]) <= 500


def test_bodies_of_the_wrong_kind(made: ModelDoor) -> None:
    path, good = f"/v2.1/projects/{made.project}/models", {"name": "n", "input_type": "plain", "output_type": "plain"}
    for content, kind, status in (
        (json.dumps(good), "text/plain", 415),
        ("name=n", "application/x-www-form-urlencoded", 415),
        ("", "application/json", 400),
        (json.dumps(good).replace("plain", "pl\udcff", 1).encode(errors="surrogateescape"), "application/json", 400),
        (json.dumps([good]), "application/json", 400),
        (" " * (2**20 + 1), "application/json", 413),
    ):
        answer = made.client.post(path, content=content, headers={"Content-Type": kind})
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), kind
    assert made.client.post(path, content=json.dumps(good), headers={"Content-Type": ""}).status_code == 201
    bodyless = {"Content-Type": "application/json"}  # as the client sends it
    assert made.client.get(path, headers=bodyless).status_code == 200
    assert made.client.delete(f"{path}/n", headers=bodyless).status_code == 204


def test_a_value_of_ten_megabytes_in_a_batch(echo: ModelDoor) -> None:
    created = post(echo, "request-batch", with_value("string", "x" * 10_000_000))
    assert created.status_code == 200
    assert post(echo, "request-batch-delete", [created.json()[0]["id"]]).status_code == 201
