"""Every error of the core has its answer here, and every refusal has the one shape."""

from __future__ import annotations

import json
from http import HTTPStatus

import httpx2
import pytest
from fastapi import FastAPI
from ubiops import CoreApi

from quinta.core import errors
from quinta.core.errors import QuintaError
from quinta.core.observation.refusals import Refusals
from quinta.dialects.base.faces import add_handlers
from quinta.dialects.ubiops.errors import ANSWERS, STATUS, refused
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.dialects.ubiops.conftest import PASSWORD

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QuintaError)]
REFUSALS = Refusals(Database("sqlite:///never-opened.db", SystemClock()), SystemClock())
"""What is noted there waits for ever: these tests are about answers."""


def test_every_error_of_the_core_has_a_row() -> None:
    assert set(STATUS) == set(KINDS) - {QuintaError}
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_every_status_is_one_of_the_contract() -> None:
    assert set(STATUS.values()) == {400, 401, 403, 404, 413, 429, 503}


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.code)
async def test_answer(kind: type[QuintaError]) -> None:
    """The same from a route of the framework and from the direct path beside it."""
    app = FastAPI()
    add_handlers(app, ANSWERS, REFUSALS)
    error = kind('a "quoted" word, ü and \ud800', field="name")

    @app.get("/")
    async def route() -> None:
        raise error

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/")
    beside = refused(error)
    assert answer.status_code == beside.status_code == STATUS[kind]
    assert answer.content == beside.body
    assert json.loads(answer.content) == {"error": error.message}
    assert ("www-authenticate" in answer.headers) == (STATUS[kind] == HTTPStatus.UNAUTHORIZED)
    assert "retry-after" not in answer.headers


def test_a_subscription_that_is_used_up(stranger: httpx2.Client) -> None:
    """LimitReached through the real door: "free" allows one project."""
    name = f"free-{stranger.get('/v2.1/user').json()['id']}"
    organization = {"name": name, "subscription": "free", "subscription_agreed": True}
    assert stranger.post("/v2.1/organizations", json=organization).status_code == 201
    answers = [
        stranger.post("/v2.1/projects", json={"name": f"{name}-{number}", "organization_name": name})
        for number in (1, 2)
    ]
    assert [answer.status_code for answer in answers] == [201, 403]
    assert "allows 1 projects" in answers[1].json()["error"]


def test_a_database_that_is_asked(stranger: httpx2.Client) -> None:
    """A wrong key is told apart from none, for the command-line client decides by it."""
    assert stranger.get("/v2.1/status").json() == {"status": "ok"}
    wrong = stranger.get("/v2.1/status", headers={"Authorization": "Token wrong"})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Token")
    assert (
        stranger.post("/v2.1/authorize", json={"email": "nobody@example.com", "password": PASSWORD}).status_code == 401
    )


def test_documentation_needs_no_other_host(stranger: httpx2.Client) -> None:
    page = stranger.get("/v2.1/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"/v2.1/static-offline-docs/{asset}" in page.text
        assert stranger.get(f"/v2.1/static-offline-docs/{asset}").status_code == 200
    document = stranger.get("/v2.1/openapi.json").json()
    assert document["servers"] == [{"url": "/v2.1"}]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_documentation_names_every_operation_with_its_bodies(stranger: httpx2.Client) -> None:
    document = stranger.get("/v2.1/openapi.json").json()
    operations = {
        operation["operationId"]: (method, operation)
        for path in document["paths"].values()
        for method, operation in path.items()
    }
    additions = {"authorize", "projects_audit_list", "model_requests_create_live"}
    assert len(operations) == 125 + len(additions)  # those of the contract, and ours
    assert set(operations) - additions <= set(dir(CoreApi))
    open_to_all = {name for name, (_, operation) in operations.items() if "security" not in operation}
    assert open_to_all == {"service_status", "user_create", "authorize"}
    for name, (method, operation) in operations.items():
        assert ("requestBody" in operation) == (method in ("post", "put", "patch")), name
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
        for answer in refusals.values():
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}, name
        assert ("401" in refusals) == (name != "user_create"), name
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    used = {line.strip(' ",') for line in json.dumps(document, indent=1).split('"') if line.startswith("#/components")}
    assert used <= known
