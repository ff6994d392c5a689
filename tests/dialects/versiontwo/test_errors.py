"""Every error of the core has its answer here, in one shape and two languages; calls that meet no operation."""

from __future__ import annotations

import json
import re

import httpx2
import pytest
from fastapi import FastAPI

from quinta.core import errors
from quinta.core.errors import QuintaError, TooManyRequests
from quinta.core.observation.refusals import Refusals
from quinta.dialects.base.faces import add_handlers, create_face
from quinta.dialects.versiontwo.errors import ANSWERS, STATUS
from quinta.dialects.versiontwo.language import Language, language_of
from quinta.dialects.versiontwo.messages import Both, Code, Problem, Told, Topic, message
from quinta.dialects.versiontwo.replies import Replies
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.dialects.versiontwo.house import Door, House, told

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QuintaError)]
REFUSALS = Refusals(Database("sqlite:///never-opened.db", SystemClock()), SystemClock())
"""What is noted there waits for ever: these tests are about answers."""
CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "invalid_request",
    429: "rate_limited",
    503: "internal_error",
}


async def answer_to(error: Exception, accept: str = "en") -> httpx2.Response:
    app = FastAPI()
    add_handlers(app, ANSWERS, REFUSALS)

    @app.get("/")
    async def route() -> None:
        raise error

    face = Replies(create_face(app, ANSWERS))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(face), base_url="http://test") as client:
        return await client.get("/", headers={"Accept-Language": accept})


def test_every_error_of_the_core_has_a_row() -> None:
    assert set(STATUS) == set(KINDS) - {QuintaError}


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.code)
async def test_answer(kind: type[QuintaError]) -> None:
    answer = await answer_to(kind('a "quoted" word, ü and \ud800'))
    error = json.loads(answer.content)["error"]
    assert (answer.status_code, error["code"]) == (STATUS[kind], CODES[answer.status_code])
    assert error["message"].endswith(': a "quoted" word, ü and \ud800')
    assert ("details" in error) == (answer.status_code == 503)
    assert answer.headers["content-language"] == "en"
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    assert ("retry-after" in answer.headers) == (answer.status_code == 429)


async def test_a_fault_tells_nothing_but_its_id() -> None:
    async def faulty(scope: object, receive: object, send: object) -> None:
        raise ZeroDivisionError("secret")

    transport = httpx2.ASGITransport(Replies(create_face(faulty, ANSWERS)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (500, "internal_error")
    assert error["details"] == {"request_id": answer.headers["x-request-id"]}
    assert "secret" not in answer.text


async def test_a_wait_is_told() -> None:
    answer = await answer_to(TooManyRequests("slowly", wait_seconds=7))
    assert answer.headers["retry-after"] == "7"


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.code)
async def test_portuguese_differs_in_the_message_only(kind: type[QuintaError]) -> None:
    english, portuguese = [await answer_to(kind("a sentence", field="name"), accept) for accept in ("en", "pt-BR")]
    assert portuguese.headers["content-language"] == "pt"
    one, other = english.json()["error"], portuguese.json()["error"]
    assert one.pop("message") != other.pop("message")
    if kind is not errors.Unavailable:  # it has the request's id
        assert one == other


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("pt", "pt"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("en-US,en;q=0.9,pt;q=0.8", "en"),
        ("en;q=0.5, PT ; q=0.7", "pt"),
        ("de, fr;q=0.9, pt;q=0.1", "pt"),
        ("de", "en"),
        ("*", "en"),
        ("pt;q=0", "en"),
        ("pt;q=nonsense", "en"),
        ("ptx", "en"),
        (",;q=,=", "en"),
    ],
)
def test_language(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


def test_every_sentence_is_there_in_both_languages_and_fills_in() -> None:
    values: dict[str, str | Both] = {
        "wanted": Both("a", "um"),
        "most": "9",
        "method": "PUT",
        "where": "/v1/docs",
        "wait": "7",
    }
    for code in Code:
        for told_of in [
            Told(code),
            *(Told(code, problem, "field", values=values) for problem in Problem),
            *(Told(code, topic=topic, values=values) for topic in Topic),
        ]:
            english, portuguese = (message(told_of, language) for language in Language)
            assert english != portuguese
            assert not re.search(r"[{}]", english + portuguese)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", "/projects", 405, "GET, POST, HEAD"),
        ("POST", "/projects/proj_1", 405, "DELETE, GET, PATCH, HEAD"),
        ("OPTIONS", "/projects", 405, "GET, POST, HEAD"),
        ("GET", "/api-keys/key_1", 405, "DELETE"),
        ("GET", "/nothing", 404, None),
        ("GET", "", 404, None),
        ("PATCH", "/projects/a/b/c", 404, None),
        ("GET", "/projects/a%2Fb/config", 404, None),
    ],
)
def test_mistakes_of_path_and_method(door: Door, method: str, path: str, status: int, allow: str | None) -> None:
    answer = door.call(method, path)
    assert told(answer)[:2] == (status, "not_found" if status == 404 else "invalid_request")
    assert answer.headers.get("allow") == allow
    assert door.call(method, path, {"Authorization": None}).status_code == 401


def test_other_versions_are_not_there(house: House) -> None:
    for path in ("/v2/projects", "/v2", "/v0/projects", "/v11/projects/x", "/v3/"):
        answer = house.session.get(house.server.url + path, timeout=60)
        assert told(answer)[:2] == (404, "not_found")
        assert "X-Request-Id" in answer.headers
    for path in ("/v1x", "/v", "/version"):
        answer = house.session.get(house.server.url + path, timeout=60)
        assert (answer.status_code, answer.json()) == (404, {"error": "nothing is served at this path"})
    assert house.session.get(f"{house.server.url}/v2.1/status", timeout=60).status_code == 200  # another face


def test_credentials(door: Door, house: House) -> None:
    for value in (None, "", "Bearer", "Bearer never-was", f"Basic {door.key}", door.key, f"Bearer {door.key} x"):
        answer = door.call("GET", "/projects", {"Authorization": value})
        assert told(answer)[:2] == (401, "unauthorized"), value
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for value in (f"Bearer {door.key}", f"bearer {door.key}", f"BEARER   {door.key}"):
        assert door.call("GET", "/projects", {"Authorization": value}).status_code == 200


def test_bodies(door: Door) -> None:
    def post(body: str | bytes, kind: str | None = "application/json") -> tuple[int, str, str | None, str | None]:
        data = body.encode() if isinstance(body, str) else body
        return door.refused("POST", "/projects", headers={"Content-Type": kind}, data=data)

    for bad in ("", "{", "nonsense", '"text"', "[]", "null", '{"name": NaN}', b"\xff", "[" * 100_000):
        assert post(bad)[:2] == (400, "invalid_request")
    assert post('{"name": "\\ud800"}')[:2] == (400, "invalid_request")
    assert post('{"name": "a", "config": {"x": "\\udfff"}}')[:2] == (400, "invalid_request")
    assert post('{"name": "a", "config": {"x": 1e999}}')[:2] == (400, "invalid_request")
    assert post('{"name": "a"}', "text/plain")[:2] == (415, "invalid_request")
    assert post("name=a", "application/x-www-form-urlencoded")[:2] == (415, "invalid_request")
    assert post(json.dumps({"name": "a", "junk": "x" * 300_000}))[:2] == (413, "invalid_request")
    made = door.call("POST", "/projects", {"Content-Type": None}, data=b'{"name": "a"}')
    assert made.status_code == 201


def test_slashes_heads_and_ids(door: Door) -> None:
    project = door.new_project()
    for path in ("/projects/", f"/projects/{project['id']}/", "//projects", "/workspaces/"):
        assert door.call("GET", path).status_code == 200
    assert door.call("POST", "/projects/", json={"name": "Slash"}).status_code == 201
    head, get = (door.call(method, f"/projects/{project['id']}") for method in ("HEAD", "GET"))
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", get.headers["content-length"])
    ids = {door.call("GET", "/projects").headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


def test_documentation_needs_no_key_and_no_other_host(house: House) -> None:
    page = house.nobody.call("GET", "/docs")
    assert (page.status_code, "https://" in page.text) == (200, False)
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert house.nobody.call("GET", f"/static-offline-docs/{asset}").status_code == 200
    document = house.nobody.call("GET", "/openapi.json").json()
    assert document["servers"] == [{"url": "/v1"}]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == 28
    assert all("422" not in operation["responses"] and operation["security"] for operation in operations)
