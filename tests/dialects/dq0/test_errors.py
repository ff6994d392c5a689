"""Every failure has one member, ``error``, that is not empty (contract dq0 1.5, 4.1)."""

from __future__ import annotations

import json

import httpx2
import pytest
from fastapi import FastAPI

from quinta.core import errors
from quinta.core.errors import InvalidInput, QuintaError
from quinta.core.observation.refusals import Refusals
from quinta.dialects.base.faces import add_handlers, create_face
from quinta.dialects.dq0.errors import ANSWERS, STATUS
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.dialects.dq0.house import Door, House

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QuintaError)]
REFUSALS = Refusals(Database("sqlite:///never-opened.db", SystemClock()), SystemClock())
"""What is noted there waits for ever: these tests are about answers."""
UNKNOWN = "7c0ffee0-0000-4000-8000-000000000000"


async def answer_to(error: Exception) -> httpx2.Response:
    app = FastAPI()
    add_handlers(app, ANSWERS, REFUSALS)

    @app.get("/")
    async def route() -> None:
        raise error

    face = create_face(app, ANSWERS)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(face), base_url="http://test") as client:
        return await client.get("/")


def test_every_error_of_the_core_has_a_row() -> None:
    assert set(STATUS) == set(KINDS) - {QuintaError}


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.code)
async def test_answer(kind: type[QuintaError]) -> None:
    answer = await answer_to(kind('a "quoted" word, ü and \ud800'))
    assert answer.status_code == STATUS[kind]
    assert json.loads(answer.content) == {"error": 'a "quoted" word, ü and \ud800'}


async def test_metadata_that_cannot_be_taken_are_422() -> None:
    assert (await answer_to(InvalidInput("bad", field="meta"))).status_code == 422
    assert (await answer_to(InvalidInput("bad", field="name"))).status_code == 400


async def test_a_fault_tells_nothing_but_its_id() -> None:
    async def faulty(scope: object, receive: object, send: object) -> None:
        raise ZeroDivisionError("secret")

    transport = httpx2.ASGITransport(create_face(faulty, ANSWERS))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert set(answer.json()) == {"error"}
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("PUT", "/data", 405),
        ("POST", "/models//predict/", 405),
        ("GET", "/proxies", 404),
        ("GET", f"/projects/{UNKNOWN}", 404),
        ("GET", "/projects/no-uuid", 404),
        ("GET", f"/jobs/{UNKNOWN}", 404),
        ("GET", f"/runs/{UNKNOWN}", 404),
        ("GET", f"/models/{UNKNOWN}", 404),
        ("GET", f"/experiments/{UNKNOWN}", 404),
        ("GET", f"/commits/{UNKNOWN}", 404),
        ("GET", f"/queries/{UNKNOWN}", 404),
        ("GET", "/users/abc", 404),
        ("GET", "/artifacts/download", 400),
    ],
)
def test_a_miss(method: str, path: str, status: int, house: House) -> None:
    for shown in (path, f"{path}/"):
        assert house.admin.refused(method, shown)[0] == status


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff", b"1"])
def test_a_body_that_is_no_object(body: bytes, scientist: Door) -> None:
    headers = {"Content-Type": "application/json"}
    assert scientist.refused("POST", "/projects", data=body, headers=headers)[0] == 400


def test_a_body_of_another_type(scientist: Door) -> None:
    headers = {"Content-Type": "text/csv"}
    assert scientist.refused("POST", "/projects", data=b"a,b", headers=headers)[0] == 415


def test_who_is_not_logged_in(house: House) -> None:
    for path in ("/data", "/projects", "/jobs", "/users", "/audits"):
        assert house.nobody.refused("GET", path) == (401, "not logged in, please run 'dq0 user login'")
    assert house.nobody.refused("GET", "/data", headers={"Authorization": "Bearer wrong"})[0] == 401


@pytest.mark.parametrize("keyword", ["Bearer", "Token", "bearer"])
def test_either_keyword_will_do(keyword: str, house: House, scientist: Door) -> None:
    headers = {"Authorization": f"{keyword} {scientist.token}"}
    assert house.nobody.ok("GET", "/data", headers=headers)["page"] == 1
