"""What is wrong with a call is said in the words of Django REST framework, to the letter, beside what is right
(contract brainstem 4.5, 7, 8)."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from quinta.core import errors
from quinta.core.errors import InvalidInput, NotFound, QuintaError, TooManyRequests
from quinta.core.observation.refusals import Refusals
from quinta.dialects.base.faces import add_handlers
from quinta.dialects.brainstem.errors import ANSWERS, STATUS
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.dialects.brainstem.house import RECORDS, Door, House, told
from tests.dialects.brainstem.test_records import UNKNOWN

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QuintaError)]
REFUSALS = Refusals(Database("sqlite:///never-opened.db", SystemClock()), SystemClock())
REQUIRED = "This field is required."
NULL = "This field may not be null."
BLANK = "This field may not be blank."
TEXT = "Not a valid string."
FLAG = "Must be a valid boolean."


def pk(kind: str) -> str:
    return f"Incorrect type. Expected pk value, received {kind}."


def missing(number: object) -> str:
    return f'Invalid pk "{number}" - object does not exist.'


WRONG: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
    ({"name": ""}, {"name": [BLANK]}),
    ({"name": "  \t "}, {"name": [BLANK]}),
    ({"name": None}, {"name": [NULL]}),
    ({"name": []}, {"name": [TEXT]}),
    ({"name": {"a": 1}}, {"name": [TEXT]}),
    ({"name": True}, {"name": [TEXT]}),
    ({"name": "x" * 101}, {"name": ["Ensure this field has no more than 100 characters."]}),
    ({"name": "a\0b"}, {"name": ["Null characters are not allowed."]}),
    ({"name": "a\ud800b"}, {"name": ["Surrogate characters are not allowed: U+D800."]}),
    ({"description": "x" * 501}, {"description": ["Ensure this field has no more than 500 characters."]}),
    ({"description": None}, {"description": [NULL]}),
    ({"is_public": "maybe"}, {"is_public": [FLAG]}),
    ({"is_public": 2}, {"is_public": [FLAG]}),
    ({"is_public": []}, {"is_public": [FLAG]}),
    ({"is_public": {}}, {"is_public": [FLAG]}),
    ({"is_public": None}, {"is_public": [NULL]}),
    ({"authgroups": []}, {"authgroups": ["This list may not be empty."]}),
    ({"authgroups": {}}, {"authgroups": ["This list may not be empty."]}),
    ({"authgroups": None}, {"authgroups": [NULL]}),
    ({"authgroups": [999999999]}, {"authgroups": [missing(999999999)]}),
    ({"authgroups": "999999999"}, {"authgroups": [missing(999999999)]}),
    ({"authgroups": [-1]}, {"authgroups": [missing(-1)]}),
    ({"authgroups": [0]}, {"authgroups": [missing(0)]}),
    ({"authgroups": [10**30]}, {"authgroups": [missing(10**30)]}),
    ({"authgroups": ["one"]}, {"authgroups": [pk("str")]}),
    ({"authgroups": ["9" * 5000]}, {"authgroups": [pk("str")]}),
    ({"authgroups": "one"}, {"authgroups": [pk("str")]}),
    ({"authgroups": {"1": 2}}, {"authgroups": [pk("str")]}),
    ({"authgroups": [None]}, {"authgroups": [pk("NoneType")]}),
    ({"authgroups": [True]}, {"authgroups": [pk("bool")]}),
    ({"authgroups": [1.5]}, {"authgroups": [pk("float")]}),
    ({"authgroups": [[1]]}, {"authgroups": [pk("list")]}),
    ({"authgroups": [{}]}, {"authgroups": [pk("dict")]}),
    ({"authgroups": [1] * 1001}, {"authgroups": ["the JSON has more than 1,000 members and items"]}),
    (
        {"name": "", "description": [], "is_public": "x", "authgroups": []},
        {"name": [BLANK], "description": [TEXT], "is_public": [FLAG], "authgroups": ["This list may not be empty."]},
    ),
]


@pytest.mark.parametrize(("members", "body"), WRONG, ids=lambda part: json.dumps(part)[:60])
def test_members_that_are_wrong(door: Door, group: int, members: dict[str, Any], body: dict[str, list[str]]) -> None:
    right = {"name": "Right", "description": "d", "is_public": False, "authgroups": [group]}
    assert told(door.call("POST", f"{RECORDS}/", json={**right, **members})) == (400, body)


def test_members_that_are_right(door: Door, group: int) -> None:
    """The twins of what is wrong."""
    for members in ({"name": "x" * 100}, {"description": "x" * 500}, {"description": ""}):
        assert door.new(group, **members)["id"]
    for word, value in (("TRUE", True), ("1", True), (1, True), ("off", False), ("n", False), (0, False)):
        assert door.new(group, is_public=word)["is_public"] is value


def test_all_that_is_absent_is_told_together(door: Door) -> None:
    absent = (400, {"name": [REQUIRED], "authgroups": [REQUIRED]})
    assert told(door.call("POST", f"{RECORDS}/", json={})) == absent
    assert told(door.call("POST", f"{RECORDS}/")) == absent
    assert told(door.call("POST", f"{RECORDS}/", data={"description": "x"})) == absent
    assert told(door.call("POST", f"{RECORDS}/", json={"data_repository": {}})) == absent


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[]", "list"),
        ('[{"name": "x"}]', "list"),
        ('"text"', "str"),
        ("1", "int"),
        ("-1.5", "float"),
        ("1e3", "float"),
        ("true", "bool"),
        ("false", "bool"),
    ],
)
def test_a_body_that_is_no_object(door: Door, text: str, kind: str) -> None:
    answer = door.call("POST", f"{RECORDS}/", data=text, headers={"Content-Type": "application/json"})
    sentence = f"Invalid data. Expected a dictionary, but got {kind}."
    assert told(answer) == (400, {"non_field_errors": [sentence]})


def test_a_body_that_is_null(door: Door) -> None:
    answer = door.call("POST", f"{RECORDS}/", data="null", headers={"Content-Type": "application/json"})
    assert told(answer) == (400, {"non_field_errors": ["No data provided"]})


@pytest.mark.parametrize(
    "body", [b"{", b'{"name": }', b"nothing", b"\xff\xfe{}", b'{"name": NaN}', b"[" * 100_000, b'{"a":' * 50_000]
)
def test_a_body_that_is_no_json(door: Door, body: bytes) -> None:
    status, said = told(door.call("POST", f"{RECORDS}/", data=body, headers={"Content-Type": "application/json"}))
    assert (status, list(said), said["detail"][:19]) == (400, ["detail"], "JSON parse error - ")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "nonsense"])
def test_a_body_of_another_type(door: Door, kind: str) -> None:
    answer = door.call("POST", f"{RECORDS}/", data=b"x", headers={"Content-Type": kind})
    assert told(answer) == (415, {"detail": f'Unsupported media type "{kind}" in request.'})


def test_forms_that_cannot_be_read(door: Door) -> None:
    for kind, start in (
        ("multipart/form-data", "Multipart form parse error - "),
        ("multipart/form-data; boundary=x", "Multipart form parse error - "),
        ("application/x-www-form-urlencoded", "Form parse error - "),
    ):
        body = b"&".join([b"a=1"] * 1001)
        answer = door.call("POST", f"{RECORDS}/", data=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["detail"][: len(start)]) == (400, start)
    large = door.call("POST", f"{RECORDS}/", data=b"a=" + b"x" * 2**20, headers={"Content-Type": kind})
    assert told(large) == (413, {"detail": "a form has at most 1048576 bytes"})


def test_a_group_that_is_somebody_elses(door: Door, group: int, stranger: Door) -> None:
    refused = told(stranger.call("POST", f"{RECORDS}/", json={"name": "Theirs", "authgroups": [group]}))
    assert refused == (403, {"detail": "You do not have permission to perform this action."})
    assert stranger.new(stranger.new_group())["id"]


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "x"])
def test_no_credentials(house: House, header: str | None) -> None:
    answer = house.nobody.call("GET", f"{RECORDS}/", {"Authorization": header})
    assert told(answer) == (401, {"detail": "Authentication credentials were not provided."})
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("Bearer wrong", "Invalid token."),
        ("Token wrong", "Invalid token."),
        ("Bearer", "Invalid token header. No credentials provided."),
        ("Token a b", "Invalid token header. Token string should not contain spaces."),
    ],
)
def test_credentials_that_are_wrong(house: House, header: str, sentence: str) -> None:
    answer = house.nobody.call("GET", f"{RECORDS}/", {"Authorization": header})
    assert told(answer) == (401, {"detail": sentence})
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer", "TOKEN"])
def test_credentials_that_are_right(door: Door, scheme: str) -> None:
    assert door.call("GET", f"{RECORDS}/", {"Authorization": f"{scheme} {door.key}"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", f"{RECORDS}/", "GET, POST, HEAD, OPTIONS"),
        ("PATCH", f"{RECORDS}", "GET, POST, HEAD, OPTIONS"),
        ("DELETE", f"{RECORDS}/", "GET, POST, HEAD, OPTIONS"),
        ("TRACE", f"{RECORDS}/", "GET, POST, HEAD, OPTIONS"),
        ("POST", f"{RECORDS}/{UNKNOWN}/", "DELETE, GET, PATCH, PUT, HEAD, OPTIONS"),
        ("POST", f"{RECORDS}/{UNKNOWN}/authgroups/", "GET, HEAD, OPTIONS"),
        ("GET", "/api/token/", "POST, OPTIONS"),
        ("HEAD", "/api/token/", None),
    ],
)
def test_methods_that_a_path_does_not_take(door: Door, method: str, path: str, allow: str | None) -> None:
    answer = door.call(method, path)
    assert answer.status_code == 405
    if allow is not None:
        assert told(answer) == (405, {"detail": f'Method "{method}" not allowed.'})
        assert answer.headers["allow"] == allow


@pytest.mark.parametrize("path", [f"{RECORDS}/", f"{RECORDS}", "users/group/"])
def test_options_need_no_credentials(house: House, path: str) -> None:
    answer = house.nobody.call("OPTIONS", path)
    assert (answer.status_code, answer.headers["allow"]) == (200, "GET, POST, HEAD, OPTIONS")
    assert "application/json" in answer.json()["parses"]


def test_head_is_get_without_a_body(door: Door, group: int) -> None:
    made = door.new(group)
    for path in (f"{RECORDS}/{made['id']}/", f"{RECORDS}/?limit=1"):
        head, get = door.call("HEAD", path), door.call("GET", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert door.call("HEAD", f"{RECORDS}/{UNKNOWN}/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/rest/",
        "/api/nothing",
        "/api/v1x",
        "/api/admin/personal_attributes/data_repository/",
        "/api/private/personal_attributes/",
        "/api/private/personal_attributes/data_repositories/",
        "/api/private/bogus/data_repository/",
        "/api/private/personal_attributes/data_repositoryx",
        "/api/PRIVATE/personal_attributes/data_repository",
        f"/api/private/{RECORDS}/{UNKNOWN}/authgroups/1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD"])
def test_paths_where_nothing_is(door: Door, method: str, path: str) -> None:
    answer = door.call(method, path)
    assert answer.status_code == 404
    assert method == "HEAD" or told(answer) == (404, {"detail": "Not found."})


def test_the_other_face_below_the_prefix_stays(door: Door) -> None:
    assert door.call("GET", "/api/v1").json()["interface"] == "VBrain"
    assert list(door.call("GET", "/api/v1/nothing").json()) == ["error"]


def test_documentation_needs_no_other_host(house: House) -> None:
    for prefix in ("/api", "/rest"):
        page = house.nobody.call("GET", f"{prefix}/docs")
        assert (page.status_code, "https://" in page.text) == (200, False)
        for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
            assert f"{prefix}/static-offline-docs/{asset}" in page.text
            assert house.nobody.call("GET", f"{prefix}/static-offline-docs/{asset}").status_code == 200
    document = house.nobody.call("GET", "/api/openapi.json").json()
    assert document["servers"] == [{"url": "/api"}]
    for path in ("", "/{record_id}", "/{record_id}/authgroups"):
        assert f"/{{portal}}/personal_attributes/{{model}}{path}" in document["paths"]
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all("422" not in operation["responses"] for operation in operations)


def test_every_error_of_the_core_has_a_row() -> None:
    assert set(STATUS) == set(KINDS) - {QuintaError}


async def answer_to(error: QuintaError) -> httpx2.Response:
    app = FastAPI()
    add_handlers(app, ANSWERS, REFUSALS)

    @app.get("/")
    async def route() -> None:
        raise error

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.get("/")


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.code)
async def test_answer(kind: type[QuintaError]) -> None:
    constant = {403: "You do not have permission to perform this action.", 404: "Not found."}
    answer = await answer_to(kind('a "quoted" word, ü and \ud800'))
    assert answer.status_code == STATUS[kind]
    said = kind is not errors.LimitReached and constant.get(answer.status_code)
    assert json.loads(answer.content) == {"detail": said or 'a "quoted" word, ü and \ud800'}
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


async def test_what_an_error_is_about_and_when_to_come_again() -> None:
    assert (await answer_to(InvalidInput("a sentence", field="name"))).json() == {"name": ["a sentence"]}
    assert (await answer_to(NotFound("a sentence", field="name"))).json() == {"detail": "Not found."}
    throttled = await answer_to(TooManyRequests("later", wait_seconds=17))
    assert throttled.json() == {"detail": "Request was throttled. Expected available in 17 seconds."}
    assert throttled.headers["retry-after"] == "17"
