"""Every error of the core has its answer here, and every refusal has the one shape; what is served without headers."""

from __future__ import annotations

import json

import httpx2
import pytest
from fastapi import FastAPI

from quinta.core import errors
from quinta.core.errors import InvalidInput, NotFound, QuintaError, Unavailable
from quinta.core.observation.refusals import Refusals
from quinta.dialects.base.faces import add_handlers
from quinta.dialects.vbrain.errors import ANSWERS, STATUS, deletion_of
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.dialects.vbrain.house import Door, refusal_of
from tests.dialects.vbrain.operations import OPERATIONS

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QuintaError)]
REFUSALS = Refusals(Database("sqlite:///never-opened.db", SystemClock()), SystemClock())
"""What is noted there waits for ever: these tests are about answers."""
CONSTANT = {401: "Invalid x-api-key", 403: "Permission denied", 413: "File too large"}


def test_every_error_of_the_core_has_a_row() -> None:
    assert set(STATUS) == set(KINDS) - {QuintaError}


async def answer_to(error: QuintaError, folder: str | None = None) -> httpx2.Response:
    app = FastAPI()
    add_handlers(app, ANSWERS, REFUSALS)

    @app.get("/")
    async def route() -> None:
        if folder is None:
            raise error
        async with deletion_of(folder):
            raise error

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.get("/")


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.code)
async def test_answer(kind: type[QuintaError]) -> None:
    answer = await answer_to(kind('a "quoted" word, ü and \ud800'))
    assert answer.status_code == STATUS[kind]
    constant = kind is not errors.LimitReached and CONSTANT.get(answer.status_code)
    assert json.loads(answer.content) == {"error": constant or 'a "quoted" word, ü and \ud800'}
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("kind", [InvalidInput, NotFound])
async def test_what_an_error_is_about_is_its_text(kind: type[QuintaError]) -> None:
    assert (await answer_to(kind("a sentence", field="client_id"))).json() == {"error": "Invalid client_id"}


@pytest.mark.parametrize("folder", ["repository", "job"])
async def test_what_cannot_be_deleted_now(folder: str) -> None:
    answer = await answer_to(Unavailable("the object store failed"), folder)
    assert (answer.status_code, answer.json()) == (500, {"error": f"Error deleting {folder} folder"})
    assert (await answer_to(NotFound("gone", field="job_id"), folder)).status_code == 404


def test_the_root_needs_no_headers(door: Door) -> None:
    nothing = dict.fromkeys(door.headers)
    for path in ("", "/"):
        answer = door.call("GET", path, nothing, allow_redirects=False)
        assert (answer.status_code, answer.json()["interface"]) == (200, "VBrain")


def test_a_slash_at_the_end_does_not_matter_and_nothing_is_redirected(door: Door) -> None:
    repository = door.new_repository()
    job = door.new_job(repository, {"do": "return", "value": 1})
    door.ended(job)
    for operation in OPERATIONS:
        path = operation.path.replace("<repository>", repository).replace("<job>", job)
        answer = door.call(operation.method, f"{path}/", {"repository_id": repository}, allow_redirects=False)
        assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", "/repository", 405, "GET, POST"),
        ("POST", "/repository/202009231629398695", 405, "DELETE, GET"),
        ("DELETE", "/job", 405, "GET"),
        ("PATCH", "/job/execute", 405, None),
        ("GET", "/nothing", 404, None),
        ("GET", "/repository/1/nothing", 404, None),
        ("POST", "/job", 405, "GET"),
    ],
)
def test_mistakes_of_path_and_method(door: Door, method: str, path: str, status: int, allow: str | None) -> None:
    answer = door.call(method, path)
    told, text = refusal_of(answer)
    assert (told, f"{method} /api/v1{path}" in text) == (status, True)
    if allow is not None:
        assert answer.headers["allow"] == allow


def test_paths_beside_the_face(door: Door) -> None:
    for path in ("/apiv1", "/vbrain/v1/repository", "/API/v1/repository"):
        answer = door.session.get(door.url + path, timeout=60)
        assert refusal_of(answer) == (404, "nothing is served at this path")
    for path in ("/api/v1x", "/api/v2/repository"):  # another face has what else is below /api
        answer = door.session.get(door.url + path, timeout=60)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    assert door.session.get(f"{door.url}/health", timeout=60).json() == {"status": "ok"}


def test_documentation_needs_no_other_host(door: Door) -> None:
    nothing = dict.fromkeys(door.headers)
    page = door.call("GET", "/docs", nothing)
    assert (page.status_code, "https://" in page.text) == (200, False)
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/api/v1/static-offline-docs/{asset}" in page.text
        assert door.call("GET", f"/static-offline-docs/{asset}", nothing).status_code == 200
    document = door.call("GET", "/openapi.json", nothing).json()
    assert document["servers"] == [{"url": "/api/v1"}]
    served = {
        (method.upper(), path.replace("{repository_id}", "<repository>").replace("{job_id}", "<job>")): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    interface = served.pop(("GET", "/"))
    assert "parameters" not in interface
    assert set(served) == {(operation.method, operation.path) for operation in OPERATIONS}
    for (method, path), operation in served.items():
        named = {item["name"]: item["required"] for item in operation["parameters"] if item["in"] == "header"}
        needed = ["organization_id", "application_id", "client_id", "username", "x-api-key"]
        assert list(named) == [*needed, *(["repository_id"] if path in ("/job", "/job/execute") else [])]
        assert all(named.values())
        assert ("requestBody" in operation) == (method == "POST")
        assert "422" not in operation["responses"]
