"""The headers of every call: which is missing, whose key, in which order; over a socket, so that underscores count."""

from __future__ import annotations

import pytest

from tests.dialects.vbrain.house import Door, House, refusal_of
from tests.dialects.vbrain.operations import OF_A_REPOSITORY, OPERATIONS, Operation

NAMES = ("organization_id", "application_id", "client_id", "username", "x-api-key")


@pytest.fixture(scope="module")
def ids(waiting: Door) -> tuple[str, str]:
    """A repository and a job in it."""
    repository = waiting.new_repository()
    return repository, waiting.new_job(repository)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_each_header_is_needed_and_the_first_missing_one_is_told(
    waiting: Door, ids: tuple[str, str], operation: Operation
) -> None:
    names = (*NAMES, "repository_id") if str(operation) in OF_A_REPOSITORY else NAMES
    for number, name in enumerate(names):
        for missing in ({name: None}, {name: ""}, dict.fromkeys(names[number:])):
            answer = operation.call(waiting, *ids, headers=missing)
            assert refusal_of(answer) == (400, f"Missing {name}")


def test_an_empty_call_is_told_the_first_header(waiting: Door) -> None:
    nothing = dict.fromkeys(NAMES)
    assert refusal_of(waiting.call("GET", "/repository", nothing)) == (400, "Missing organization_id")


def test_hyphens_stand_for_underscores_and_case_does_not_matter(waiting: Door) -> None:
    values = waiting.headers
    hyphens = {name.replace("_", "-"): value for name, value in values.items()}
    shouted = {name.upper(): value for name, value in values.items()}
    repository = waiting.new_repository()
    for headers in (hyphens, shouted):
        sent = {**dict.fromkeys(NAMES), **headers}
        assert waiting.call("GET", f"/repository/{repository}", sent).status_code == 200
    sent = {**dict.fromkeys(NAMES), **hyphens, "repository-id": repository}
    assert waiting.call("GET", "/job", sent).json() == []


def test_names_in_utf_8_and_in_latin_1_are_one(waiting: Door) -> None:
    """requests sends Latin-1, others UTF-8."""
    name = waiting.headers["client_id"]
    assert "é" in name
    for raw in (name.encode("utf-8"), name.encode("latin-1")):
        assert waiting.call("GET", "/repository", {"client_id": raw}).status_code == 200


def test_names_are_exact(waiting: Door) -> None:
    for header in ("organization_id", "application_id", "client_id"):
        value = waiting.headers[header]
        for wrong in (value.upper(), value + "x", value.replace(" ", "  ") + " .", "*"):
            assert refusal_of(waiting.call("GET", "/repository", {header: wrong})) == (404, f"Invalid {header}")
        assert waiting.call("GET", "/repository", {header: value}).status_code == 200


def test_the_key_must_be_known_and_the_username_s(house: House, waiting: Door) -> None:
    other = house.person()
    refused = (401, "Invalid x-api-key")
    assert refusal_of(waiting.call("GET", "/repository", {"x-api-key": "0" * 40})) == refused
    assert refusal_of(waiting.call("GET", "/repository", {"x-api-key": other.key})) == refused
    assert refusal_of(waiting.call("GET", "/repository", {"username": other.email})) == refused
    assert refusal_of(waiting.call("GET", "/repository", {"username": "nobody"})) == refused
    upper = waiting.headers["username"].upper()
    assert waiting.call("GET", "/repository", {"username": upper}).status_code == 200


def test_what_is_checked_first_is_told_first(house: House, waiting: Door) -> None:
    """Headers, key, place, right, body, object (contract vbrain 2)."""
    stakeholder = house.join(waiting, house.person(), "stakeholder")
    leader = {"username": waiting.headers["username"], "x-api-key": waiting.headers["x-api-key"]}
    wrong: dict[str, str | None] = {"repository_id": None, "x-api-key": "0" * 40, "client_id": "none"}
    body = {"json": {"params": 5}}
    told = []
    for mended in ({}, {"repository_id": "1"}, {"x-api-key": stakeholder.headers["x-api-key"]}):
        wrong |= mended
        told.append(refusal_of(stakeholder.call("POST", "/job/execute", wrong, **body)))
    wrong |= {"client_id": waiting.headers["client_id"]}
    told.append(refusal_of(stakeholder.call("GET", "/job", wrong)))
    told.append(refusal_of(stakeholder.call("POST", "/job/execute", wrong, **body)))
    told.append(refusal_of(waiting.call("POST", "/job/execute", wrong | leader, json={"params": {}})))
    assert told == [
        (400, "Missing repository_id"),
        (401, "Invalid x-api-key"),
        (404, "Invalid client_id"),
        (403, "Permission denied"),
        (400, "Invalid params"),
        (404, "Invalid repository_id"),
    ]
    date = "/repository?from_date=nonsense"
    assert refusal_of(waiting.call("GET", date, {"client_id": "none"})) == (404, "Invalid client_id")
    assert refusal_of(waiting.call("GET", date)) == (400, "Invalid from_date")
    assert refusal_of(stakeholder.call("POST", "/repository", **body)) == (403, "Permission denied")


def test_a_stale_repository_id_is_ignored_where_it_is_not_needed(waiting: Door, ids: tuple[str, str]) -> None:
    _, job = ids
    for path in (f"/job/{job}", f"/job/{job}/params", "/repository"):
        for stale in ("nonsense", "202001010000000000", ""):
            assert waiting.call("GET", path, {"repository_id": stale}).status_code in (200, 202)


@pytest.mark.parametrize("value", [b"\xff\xfe", "\u6f22\u5b57".encode(), b"%00", b"' or 1=1 --", b"x" * 5_000])
def test_any_bytes_that_a_header_can_have_are_only_a_name(waiting: Door, value: bytes) -> None:
    for header in ("organization_id", "application_id", "client_id"):
        assert refusal_of(waiting.call("GET", "/repository", {header: value})) == (404, f"Invalid {header}")
    for header in ("username", "x-api-key"):
        assert refusal_of(waiting.call("GET", "/repository", {header: value})) == (401, "Invalid x-api-key")
    refused = waiting.call("GET", "/job", {"repository_id": value})
    assert refusal_of(refused) == (404, "Invalid repository_id")


def test_who_may_not_is_told_so_after_a_large_upload_too(house: House, waiting: Door) -> None:
    """The answer stands before the body is received; a client that sends it all gets it all the same."""
    file = {"file": ("inputs.zip", bytes(30_000_000))}
    for headers, told in (
        ({"x-api-key": "0" * 40}, (401, "Invalid x-api-key")),
        ({"client_id": "none"}, (404, "Invalid client_id")),
        ({"client_id": None}, (400, "Missing client_id")),
    ):
        assert refusal_of(waiting.call("POST", "/repository", headers, files=file)) == told
    assert list((house.server.data / "uploads").iterdir()) == []
    assert waiting.call("GET", "/repository").status_code == 200
