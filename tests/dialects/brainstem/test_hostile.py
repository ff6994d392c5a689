"""Calls that no client sends: refused or answered, never a fault, and the next one is served."""

from __future__ import annotations

import json
import socket
from http.client import HTTPResponse
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.brainstem.house import RECORDS, Door, told

PATH = f"/api/private/{RECORDS}/"


def raw(door: Door, target: bytes, body: bytes = b"", method: bytes = b"GET", *more: bytes) -> tuple[int, Any]:
    """Status and body of a call written by hand: nothing is encoded on the way."""
    head = [method + b" " + target + b" HTTP/1.1", b"Host: test", b"Authorization: Bearer " + door.key.encode()]
    head += [b"Content-Length: %d" % len(body), b"Connection: close", *more, b"", b""]
    host, _, port = door.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"\r\n".join(head) + body)
        answer = HTTPResponse(connection)
        answer.begin()
        text = answer.read()
    return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("&".join(f"filter{{name.icontains}}={number}" for number in range(900)), 200),
        ("&".join(f"filter{{name}}={number}" for number in range(10_000)), 431),
        ("&".join(["a"] * 10_000), 400),
        ("&".join(f"filter{{{'-' * number}name}}=x" for number in range(200)), 400),
        ("&".join(f"filter{{id.in}}=00000000-0000-4000-8000-{number:012}" for number in range(900)), 200),
        ("&".join(f"sort[]={'-' * number}name" for number in range(200)), 200),
        ("sort[]=" + "x" * 60_000, 400),
        ("filter{" + "x" * 60_000 + "}=1", 400),
        ("filter{name.icontains}=" + "%25" * 15_000, 200),
        ("filter{name}=" + "x" * 1_000_000, 431),
        ("include[]=authgroups." + "." * 60_000, 400),
        ("exclude[]=" + "*&exclude[]=" * 999, 400),
        (f"limit={'9' * 60_000}", 200),
        (f"offset={'9' * 4_000}", 200),
        (f"page={'9' * 4_000}", 404),
        ("limit=%00&offset=%00", 200),
        ("filter{name}=%00", 200),
        ("filter{%00}=1", 400),
        ("filter{name}=%ff%fe", 200),
        ("filter{name}=%ed%a0%80", 200),
        ("filter{authgroups}=" + "9" * 5_000, 400),
        ("filter{authgroups}=-9223372036854775809", 200),
        ("filter{authgroups.range}=1&filter{authgroups.range}=" + "9" * 100, 200),
        ("filter{id.gt}=zzz", 400),
        ("filter{name.in}=", 200),
        ("filter{name..}=1", 400),
        ("filter{.}=1", 400),
        ("filter{authgroups.id.id}=1", 400),
        ("filter{name.isnull}=&filter{id.isnull}=&filter{authgroups.isnull}=1", 200),
        ("%", 200),
        ("%%%&=&==&&;", 200),
    ],
    ids=lambda part: str(part)[:40],
)
def test_queries(door: Door, query: str, status: int) -> None:
    answer = door.call("GET", f"{RECORDS}/?{query}")
    assert answer.status_code == status, answer.text[:300]
    assert len(answer.content) < 100_000


@pytest.mark.parametrize(
    "target",
    [
        b"/api/private/personal_attributes/data_repository/%2F/",
        b"/api/private/personal_attributes/data_repository/a%2fb%2f",
        b"/api/private/personal_attributes/data_repository/..%2f..%2f",
        b"/api/private/personal_attributes/data_repository/\x00",
        b"/api/private/personal_attributes/data_repository/%00%0d%0a",
        b"/api/private/personal_attributes/data_repository/\xff\xfe",
        b"/api/private/personal_attributes/data_repository/%ed%a0%80",
        b"/api/private/personal_attributes/data_repository/" + b"x" * 30_000,
        b"/api/private/personal_attributes%2fdata_repository",
        b"/api/%70rivate/bogus/data_repository",
        b"//api//private//bogus",
        b"/api/private/users/group/%2e%2e",
        b"/api/private/users/group/1/join/../leave",
        b"/api/private/users/groupmembershipinvitation/%00/accept",
        b"/api/\xf0\x9f\xa7\xa0",
    ],
    ids=lambda target: repr(target[:60]),
)
def test_paths(door: Door, target: bytes) -> None:
    status, _ = raw(door, target)
    assert status in (400, 404)
    assert door.call("GET", f"{RECORDS}/?limit=1").status_code == 200


def test_a_path_that_is_encoded_without_need(door: Door) -> None:
    assert raw(door, b"/api/%70rivate/personal_attributes/data%5frepository?limit=1")[0] == 200
    assert raw(door, b"//api//private///personal_attributes/data_repository//?limit=1")[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"data_organization_json":' + b"[" * 900 + b"]" * 900 + b"}", 400),
        (b'{"data_organization_json":1e999}', 400),
        (b'{"data_organization_json":' + b"9" * 5_000 + b"}", 400),
        (b'{"name":"' + b"x" * 1_000_000 + b'"}', 400),
        (b'{"authgroups":[' + b"1," * 100_000 + b"1]}", 400),
        (b'{"authgroups":' + b"9" * 4_000 + b"}", 400),
        (b'{"name":1e308}', 400),
        (b'{"is_public":1e999}', 400),
        (b'{"\\ud800":1,"name":"\\udc00"}', 400),
        (b'{"name":"a","name":"b"}', 400),
        (b'{"data_repository":[]}', 400),
        (b'{"data_repository":"text","name":null}', 400),
        (b"{" + b",".join(b'"k%d":1' % number for number in range(100_000)) + b"}", 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"{}" * 100, 400),
        (b'{"name":"\xff"}', 400),
    ],
    ids=lambda part: repr(part)[:40],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bodies(door: Door, group: int, method: str, body: bytes, status: int) -> None:
    path = PATH if method == "POST" else f"{PATH}{door.new(group)['id']}/"
    answer = door.call(method, path, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (status, 200), answer.text[:300]
    assert method == "PATCH" or answer.status_code == status
    assert len(answer.content) < 10_000


def test_a_body_above_the_limit(door: Door) -> None:
    """16 MiB, unless a setting says otherwise; and a member above its own."""
    kind = {"Content-Type": "application/json"}
    answer = door.call("POST", PATH, data=b'{"name": "' + b"x" * 2**24 + b'"}', headers=kind)
    assert answer.status_code == 413
    member = {"name": "x", "authgroups": [1], "data_organization_json": "x" * 300_000}
    assert door.call("POST", PATH, json=member).status_code in (400, 413)


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-16", "multipart/form-data; boundary=\xff", "a" * 5_000]
)
def test_content_types(door: Door, kind: str) -> None:
    answer = door.call("POST", PATH, data=b"{", headers={"Content-Type": kind.encode("latin-1").decode("latin-1")})
    assert answer.status_code in (400, 415)


def test_other_credentials(door: Door) -> None:
    for header in ("Bearer \xff\xfe", "Bearer " + "x" * 30_000, ", ".join(["Bearer x"] * 100)):
        assert told(door.call("GET", PATH, {"Authorization": header}))[0] == 401


texts = st.text(st.characters(exclude_categories=()), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
NAMES = ["name", "description", "is_public", "data_organization_json", "data_protocols_json", "authgroups", "location"]


@settings(max_examples=150)
@given(body=st.dictionaries(st.sampled_from(NAMES) | texts, values, max_size=6), model=st.booleans())
def test_any_object(door: Door, group: int, body: dict[str, Any], model: bool) -> None:
    """What is accepted comes back; all else is a refusal by field."""
    path = f"/api/private/personal_attributes/{'datastorage' if model else 'data_repository'}/"
    answer = door.call("POST", path, json={"name": "Any", "authgroups": [group], **body})
    status, said = told(answer)
    assert status in (201, 400, 403), said
    if status == 201:
        (record,) = said.values()
        for name in ("data_organization_json", "data_protocols_json"):
            other = name.removesuffix("_json")
            if name in body and not (model and other in body):
                assert record[name] == body[name]


@settings(max_examples=150)
@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from(["filter{%s}", "sort[]", "include[]", "exclude[]", "limit", "offset", "page", "per_page"]),
            texts.map(lambda text: text.encode("utf-8", "replace").decode()),
            st.sampled_from(["name", "-name.in", "id", "authgroups", "is_public.isnull"]) | texts,
        ),
        max_size=6,
    )
)
def test_any_query(door: Door, pairs: list[tuple[str, str, str]]) -> None:
    query = "&".join(
        f"{quote(name % key.encode('utf-8', 'replace').decode() if '%' in name else name)}={quote(value)}"
        for name, value, key in pairs
    )
    assert door.call("GET", f"{RECORDS}/?{query}").status_code in (200, 400, 404)
