"""Calls that no client sends: refused or answered, never a fault, and the next one is served."""

from __future__ import annotations

import json
import socket
from http.client import HTTPResponse
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.versiontwo.house import Door, House

TEXTS = st.text(max_size=30)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
MEMBERS = ("name", "config", "workspace_id", "version", "permissions", "url", "events")
CONFIGS = st.dictionaries(st.sampled_from(("environment", "region", "scaling", "x")), VALUES, max_size=4)
BODIES = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=7) | st.fixed_dictionaries({"config": CONFIGS})


def raw(door: Door, target: bytes, body: bytes = b"", method: bytes = b"GET", *more: bytes) -> tuple[int, str]:
    """Status and body of a call written by hand: nothing is encoded on the way."""
    head = [method + b" " + target + b" HTTP/1.1", b"Host: test", b"Authorization: Bearer " + door.key.encode()]
    head += [b"Content-Length: %d" % len(body), b"Connection: close", *more, b"", b""]
    host, _, port = door.server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"\r\n".join(head) + body)
        answer = HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def project(house: House) -> tuple[Door, str]:
    door = house.person()
    return door, str(door.new_project()["id"])


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/projects/%2F",
        b"/v1/projects/%00",
        b"/v1/projects/%ff%fe",
        b"/v1/projects/%ed%a0%80",
        b"/v1/projects/proj_" + "ä".encode() * 13,
        b"/v1/projects/" + b"a" * 20_000,
        b"/v1/" + b"a/" * 5_000,
        b"/v1/projects/../../health",
        b"/v1/projects?cursor=%00",
        b"/v1/projects?cursor=%ff",
        b"/v1/projects?limit=%00",
        b"/v1/projects?" + b"a=b&" * 5_000,
        b"/v1/projects?workspace_id=%ed%a0%80",
        b"/v1//projects//?limit=1&limit=2",
        b"/v1?",
        b"/v1/%",
        b"/v1/projects/%zz",
    ],
)
def test_targets(project: tuple[Door, str], target: bytes) -> None:
    door, _ = project
    status, body = raw(door, target)
    assert status in (200, 400, 404, 414), body
    if status != 414:
        assert isinstance(json.loads(body), dict)
    assert door.call("GET", "/projects").status_code == 200


@pytest.mark.parametrize("path", ["logs", "metrics", "deployments", "webhooks"])
def test_queries(project: tuple[Door, str], path: str) -> None:
    door, number = project
    names = ("start_time", "end_time", "interval", "level", "component", "search", "limit", "cursor", "status")
    for name in names:
        for value in ("%00", "%ff", "%ed%a0%80", "%27%22%3b--", "9" * 5_000, "%25%25%5f", "%f0%9f%98%80", "-1", "nan"):
            status, body = raw(door, f"/v1/projects/{number}/{path}?{name}={value}".encode())
            assert status in (200, 400), (name, value, body)


@settings(max_examples=150)
@given(body=BODIES)
def test_bodies(project: tuple[Door, str], body: dict[str, Any]) -> None:
    door, number = project
    text = json.dumps(body)
    for method, path in (
        ("PATCH", f"/projects/{number}"),
        ("PATCH", f"/projects/{number}/config"),
        ("POST", "/projects"),
        ("POST", "/workspaces"),
        ("POST", "/api-keys"),
        ("POST", f"/projects/{number}/deployments"),
        ("POST", f"/projects/{number}/webhooks"),
    ):
        answer = door.call(method, path, {"Content-Type": "application/json"}, data=text)
        assert answer.status_code in (200, 201, 400, 403, 409, 413), answer.text
    assert door.call("GET", f"/projects/{number}").status_code == 200


def test_odd_headers(project: tuple[Door, str]) -> None:
    door, _ = project
    for header in (
        b"Accept-Language: " + b"pt;q=0.1," * 2_000,
        b"Accept-Language: \xff\xfe",
        b"Content-Type: \xff",
        b"Content-Type: application/json; charset=utf-16",
        b"X-Request-Id: mine\x7f",
        b"Authorization: Bearer \xff\xfe",
    ):
        status, _ = raw(door, b"/v1/projects", b"{}", b"POST", header)
        assert status in (400, 401, 415), header
