"""The direct request at the level of HTTP: everything the framework would do is done without it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.dialects.ubiops.fields import GOOD
from tests.models import ModelDoor
from tests.serving import RunningServer

JSON = {"Content-Type": "application/json"}


def post(door: ModelDoor, path: str, **sent: Any) -> httpx2.Response:
    return door.client.post(path, **({"json": GOOD} | sent if "content" not in sent else sent))


def test_answer_has_the_documented_members(echo: ModelDoor) -> None:
    answer = post(echo, f"{echo.path}/request")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "request_id": answer.json()["request_id"],
        "success": True,
        "result": GOOD,
        "error_message": None,
    }


def test_the_live_version_answers_as_a_named_one(echo: ModelDoor) -> None:
    model = f"/v2.1/projects/{echo.project}/models/{echo.model}"
    answer = post(echo, f"{model}/request")
    assert (answer.status_code, answer.json()["success"], answer.json()["result"]) == (200, True, GOOD)
    assert post(echo, f"{model}/request?timeout=9").status_code == 400
    assert post(echo, f"/v2.1/projects/{echo.project}/models/never-was/request").status_code == 404
    assert echo.client.get(f"{model}/request").status_code == 405
    empty = {"name": f"{echo.model}-empty", "input_type": "plain", "output_type": "plain"}
    assert echo.client.post(f"/v2.1/projects/{echo.project}/models", json=empty).status_code == 201
    refused = post(echo, f"{model}-empty/request")
    assert echo.client.delete(f"{model}-empty").status_code == 204
    assert refused.status_code == 400
    assert "no version that is available" in refused.json()["error"]


@pytest.mark.parametrize(
    "spelling",
    [
        "/v2.1{path}/request",
        "/v2.1/{path}/request",
        "/v2.1{path}//request",
        "/v2.1{path}/request/",
        "/v2.1{path}/request?timeout=10",
        "/v2.1{path}/request?timeout=3600&unknown=1",
        "/v2.1{path}/%72equest",
    ],
)
def test_spellings_of_the_path(echo: ModelDoor, spelling: str) -> None:
    answer = post(echo, spelling.format(path=echo.path.removeprefix("/v2.1")))
    assert answer.status_code == 200
    assert answer.json()["success"]


def test_names_are_percent_decoded(echo: ModelDoor) -> None:
    model = "".join(f"%{ord(character):02x}" for character in echo.model)
    assert post(echo, f"/v2.1/projects/{echo.project}/models/{model}/versions/v1/request").status_code == 200


NOT_THERE = {
    "project": "/v2.1/projects/nothing-here/models/{model}/versions/v1/request",
    "model": "/v2.1/projects/{project}/models/nothing-here/versions/v1/request",
    "version": "/v2.1/projects/{project}/models/{model}/versions/v9/request",
    "slash in a name": "/v2.1/projects/{project}/models/{model}%2Fversions/versions/v1/request",
    "NUL in a name": "/v2.1/projects/{project}/models/{model}%00/versions/v1/request",
    "longer path": "/v2.1/projects/{project}/models/{model}/versions/v1/x/request",
    "shorter path": "/v2.1/projects/{project}/models/{model}/versions/request",
}


@pytest.mark.parametrize("path", NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there(echo: ModelDoor, path: str) -> None:
    answer = post(echo, path.format(project=echo.project, model=echo.model))
    assert answer.status_code in (404, 405)
    assert list(answer.json()) == ["error"]


KEYS = {
    "Token": ("Token {key}", 200),
    "lower case": ("token {key}", 200),
    "Bearer": ("Bearer {key}", 200),
    "the key alone": ("{key}", 200),
    "blanks between": ("Token \t  {key}", 200),
    "unknown": ("Token 0123456789012345678901234567890123456789", 401),
    "doubled keyword": ("Token Token {key}", 401),
    "another scheme": ("Basic {key}", 401),
    "keyword alone": ("Token", 401),
    "empty": ("", 401),
}


@pytest.mark.parametrize(("value", "status"), KEYS.values(), ids=KEYS)
def test_authorization(server: RunningServer, echo: ModelDoor, value: str, status: int) -> None:
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        headers = {"Authorization": value.format(key=server.token)}
        answer = client.post(f"{echo.path}/request", json=GOOD, headers=headers)
        bare = client.post(f"{echo.path}/request", json=GOOD)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Token"
        assert list(answer.json()) == ["error"]
        assert server.token not in answer.text
    assert (bare.status_code, bare.headers["www-authenticate"]) == (401, "Token")


def test_stranger_is_told_what_everybody_is_told(echo: ModelDoor, stranger: httpx2.Client) -> None:
    answer = stranger.post(f"{echo.path}/request", json=GOOD)
    unknown = stranger.post("/v2.1/projects/nothing-here/models/echo/versions/v1/request", json=GOOD)
    assert answer.status_code == unknown.status_code == 404
    assert answer.text.replace(echo.project, "nothing-here") == unknown.text


@pytest.mark.parametrize("timeout", ["9", "3601", "0", "-10", "ten", "10.5", "", "1e2", "99999999999999999999"])
def test_timeout_out_of_range(echo: ModelDoor, timeout: str) -> None:
    answer = post(echo, f"{echo.path}/request?timeout={quote(timeout)}")
    assert answer.status_code == 400
    assert "timeout" in answer.json()["error"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post(echo: ModelDoor, method: str) -> None:
    answer = echo.client.request(method, f"{echo.path}/request")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert list(answer.json()) == ["error"]


def test_content_types(echo: ModelDoor, plain: ModelDoor) -> None:
    body = json.dumps(GOOD).encode()
    for kind, status in (
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("", 200),
        ("application/xml", 415),
        ("multipart/form-data; boundary=x", 415),
    ):
        answer = post(echo, f"{echo.path}/request", content=body, headers={"Content-Type": kind})
        assert answer.status_code == status, kind
    text = post(plain, f"{plain.path}/request", content="ü", headers={"Content-Type": "text/plain; charset=utf-8"})
    assert text.json()["result"] == "ü"
    # A structured model has no use for text, even where the text spells an object.
    assert post(echo, f"{echo.path}/request", content=body, headers={"Content-Type": "text/plain"}).status_code == 400


BODIES = {
    "empty": b"",
    "blank": b" \r\n",
    "cut short": b'{"int": 1',
    "two values": b"{} {}",
    "NaN": json.dumps({**GOOD, "double": float("nan")}).encode(),
    "Infinity": json.dumps({**GOOD, "double": float("-inf")}).encode(),
    "1e999": json.dumps(GOOD).replace("2.5", "1e999").encode(),
    "not UTF-8": b'{"string": "\xff"}',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "single quotes": b"{'int': 1}",
    "nested deeply": b"[" * 100_000,
    "an endless number": b'{"int": ' + b"9" * 5_000 + b"}",
    "an array": json.dumps([GOOD]).encode(),
    "null": b"null",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_that_are_refused(echo: ModelDoor, body: bytes) -> None:
    answer = post(echo, f"{echo.path}/request", content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    assert post(echo, f"{echo.path}/request").json()["success"]


def test_fields_that_lack_or_are_unknown(echo: ModelDoor) -> None:
    lacking = {name: value for name, value in GOOD.items() if name != "bool"}
    assert "lacks the field 'bool'" in post(echo, f"{echo.path}/request", json=lacking).json()["error"]
    more = {**GOOD, "extra": 1}
    assert "unknown fields: extra" in post(echo, f"{echo.path}/request", json=more).json()["error"]


def test_large_bodies(echo: ModelDoor, server: RunningServer) -> None:
    """10 MB pass; above the limit the answer comes although the body was not read, and the connection goes on."""
    large = "x" * 10_000_000
    assert post(echo, f"{echo.path}/request", json={**GOOD, "string": large}).json()["result"]["string"] == large
    answer = post(echo, f"{echo.path}/request", content=b" " * (16 * 2**20 + 1), headers=JSON)
    assert answer.status_code == 413
    assert "limit" in answer.json()["error"]

    def chunks() -> Any:
        for _ in range(17):
            yield b" " * 2**20

    assert post(echo, f"{echo.path}/request", content=chunks(), headers=JSON).status_code == 413
    assert post(echo, f"{echo.path}/request").status_code == 200
