"""Repositories: what may be sent in which encoding, what is shown of it, and that it comes back byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.dialects.vbrain.archives import HOSTILE, SPREADSHEET, TREE, with_cp437_name
from tests.dialects.vbrain.house import Door, refusal_of, unzipped, zipped

PARAMS = {"a": 10, "b": {"nested": [1.5, None, "é"]}, "hyperparam": "Hyperparam_Example"}
METADATA = {"name": "Test Repository", "more_data": 42}
TEXTS = {"params": json.dumps(PARAMS), "metadata": json.dumps(METADATA, ensure_ascii=False)}
CSV = ("data.csv", b"date,quantity\n2020-01-01,5\n")


def info_of(door: Door, repository: str) -> dict[str, Any]:
    answer = door.call("GET", f"/repository/{repository}")
    assert answer.status_code == 200, answer.text
    info: dict[str, Any] = answer.json()
    return info


def test_an_empty_call_makes_an_empty_repository(door: Door) -> None:
    """The tutorial's first call: no body, no content type (contract vbrain 4.1)."""
    repository = door.new_repository()
    assert (len(repository), repository.isdigit()) == (18, True)
    info = info_of(door, repository)
    created = info.pop("created_on")
    assert created.replace("-", "").replace("_", "").replace(":", "") == repository[:14]
    assert info == {
        "repository_id": repository,
        "name": None,
        "input": [],
        "created_by": door.headers["username"],
        "params": False,
        "jobs": [],
        "metadata": {},
    }
    assert door.call("GET", f"/repository/{repository}/params").json() == {}
    download = door.call("GET", f"/repository/{repository}/input")
    assert unzipped(download.content) == {}
    assert download.headers["content-disposition"] == f'attachment; filename="{repository}.zip"'


ENCODINGS: dict[str, dict[str, Any]] = {
    "json": {"json": {"params": PARAMS, "metadata": METADATA}},
    "json with others and null": {"json": {"x": 1, "params": PARAMS, "metadata": METADATA, "file": None}},
    "json without a content type": {"data": json.dumps({"params": PARAMS, "metadata": METADATA})},
    "json that curl labels a form": {
        "data": json.dumps({"params": PARAMS, "metadata": METADATA}),
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    "urlencoded": {"data": TEXTS},
    "form fields before the file": {"data": TEXTS, "files": {"file": CSV}},
    "form fields after the file": {
        "files": [("file", CSV), *((name, (None, text)) for name, text in TEXTS.items())]
    },
    "form parts with a type": {
        "files": {name: (None, text, "application/json") for name, text in TEXTS.items()}
    },
    "form parts with file names": {
        "files": {name: (f"{name}.json", text, "application/json") for name, text in TEXTS.items()}
    },
    "in pieces": {
        "data": iter([b'{"params": ', TEXTS["params"].encode(), b', "metadata":', TEXTS["metadata"].encode(), b"}"]),
        "headers": {"Content-Type": "application/json; charset=utf-8"},
    },
}  # fmt: skip


@pytest.mark.parametrize("sent", ENCODINGS.values(), ids=ENCODINGS)
def test_encodings(door: Door, sent: dict[str, Any]) -> None:
    repository = door.new_repository(**sent)
    info = info_of(door, repository)
    assert (info["params"], info["metadata"], info["name"]) == (True, METADATA, "Test Repository")
    assert info["input"] == (["data.csv"] if "file" in dict(sent.get("files", {})) else [])
    answer = door.call("GET", f"/repository/{repository}/params")
    assert (answer.json(), answer.headers["content-type"]) == (PARAMS, "application/json")


NOTHING: dict[str, dict[str, Any]] = {
    "null members": {"json": {"params": None, "metadata": None}},
    "an empty object": {"json": {}},
    "null": {"data": "null", "headers": {"Content-Type": "application/json"}},
    "no content, but a type": {"headers": {"Content-Type": "application/json"}},
    "an empty form": {"headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    "a form with null": {"data": {"params": "null"}},
    "another type, no content": {"headers": {"Content-Type": "application/octet-stream"}},
}


@pytest.mark.parametrize("sent", NOTHING.values(), ids=NOTHING)
def test_what_means_nothing_was_given(door: Door, sent: dict[str, Any]) -> None:
    info = info_of(door, door.new_repository(**sent))
    assert (info["params"], info["metadata"], info["name"], info["input"]) == (False, {}, None, [])


def _json(text: str | bytes) -> dict[str, Any]:
    return {"data": text, "headers": {"Content-Type": "application/json"}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "params a list": ({"json": {"params": [1]}}, "Invalid params"),
    "params a text": ({"json": {"params": '{"a": 1}'}}, "Invalid params"),
    "params a number": ({"data": {"params": "5"}}, "Invalid params"),
    "params no JSON": ({"data": {"params": "{a: 1}"}}, "Invalid params"),
    "params empty": ({"data": {"params": ""}}, "Invalid params"),
    "params as bare keys": ({"data": {"params": {"a": 10, "b": 20}}}, "Invalid params"),
    "params twice": ({"data": [("params", "{}"), ("params", "{}")]}, "Invalid params"),
    "params twice in a form": ({"files": [("params", (None, "{}")), ("params", (None, "{}"))]}, "Invalid params"),
    "params with NaN": (_json('{"params": {"a": NaN}}'), "Invalid params"),
    "params beyond numbers": (_json('{"params": {"a": 1e999}}'), "Invalid params"),
    "params too deep": (_json('{"params": {"a":' + "[" * 100_000 + "]" * 100_000 + "}}"), "Invalid params"),
    "params not UTF-8": (_json(b'{"params": {"a": "\xff"}}'), "Invalid params"),
    "form params with NaN": ({"data": {"params": '{"a": -Infinity}'}, "files": {"file": CSV}}, "Invalid params"),
    "a body that is no JSON": (_json("{"), "Invalid params"),
    "a body that is a list": (_json("[]"), "Invalid params"),
    "metadata a list": ({"json": {"params": {}, "metadata": []}}, "Invalid metadata"),
    "metadata false": ({"json": {"metadata": False}}, "Invalid metadata"),
    "metadata no JSON": ({"data": {"metadata": "nonsense"}, "files": {"file": CSV}}, "Invalid metadata"),
    "a file in JSON": ({"json": {"file": "a,b"}}, "Invalid file"),
    "a file in a form without files": ({"data": {"file": "a,b"}}, "Invalid file"),
    "a file without a name": ({"files": {"file": (None, b"a,b")}}, "Invalid file"),
    "two files": ({"files": [("file", CSV), ("file", CSV)]}, "Invalid file"),
    **{name: ({"files": {"file": file}}, "Invalid file") for name, file in HOSTILE.items()},
}  # fmt: skip


@pytest.mark.parametrize(("sent", "text"), REFUSED.values(), ids=REFUSED)
def test_refused_bodies_leave_nothing(door: Door, sent: dict[str, Any], text: str) -> None:
    before = left_by(door)
    assert refusal_of(door.call("POST", "/repository", **sent)) == (400, text)
    assert left_by(door) == before


@pytest.mark.parametrize("depth", range(900, 1_000, 20))
def test_deep_params_are_taken_or_refused(door: Door, depth: int) -> None:
    """Reading goes deeper than writing: neither may be a fault."""
    text = '{"params": {"a":' + "[" * depth + "]" * depth + "}}"
    answer = door.call("POST", "/repository", **_json(text))
    assert answer.status_code == 201 or refusal_of(answer) == (400, "Invalid params")


def test_a_broken_form_and_another_type_are_told_so(door: Door) -> None:
    broken = {"Content-Type": "multipart/form-data; boundary=b"}
    status, text = refusal_of(door.call("POST", "/repository", broken, data=b"--b\r\nno form"))
    assert (status, "cut short" in text or "cannot be read" in text) == (400, True)
    for kind in ("multipart/form-data", "application/zip"):
        status, text = refusal_of(door.call("POST", "/repository", {"Content-Type": kind}, data=b"PK"))
        assert (status, "content type" in text) == (415, True)


def left_by(door: Door) -> tuple[list[str], list[str], set[str]]:
    """What there is of repositories: in lists, in the folder of uploads, in the object store."""
    data = door.server.data
    objects = {
        str(path.relative_to(data)) for path in data.glob("objects/projects/*/repositories/**/*") if path.is_file()
    }
    return door.call("GET", "/repository").json(), [path.name for path in (data / "uploads").iterdir()], objects


def under(folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in TREE.items()}


@pytest.mark.parametrize(
    ("name", "content", "files"),
    [
        ("inputs.zip", zipped(TREE), TREE),
        ("inputs.ZIP", zipped(under("INPUT")), TREE),
        ("inputs.zip", zipped({"input/": b"", **under("input")}), TREE),
        ("inputs.zip", zipped(under("INPUTS")), under("INPUTS")),
        ("inputs.zip", zipped({**under("INPUT"), "other.txt": b"x"}), {**under("INPUT"), "other.txt": b"x"}),
        ("inputs.zip", zipped({"INPUT/INPUT/a.txt": b"x"}), {"INPUT/a.txt": b"x"}),
        ("inputs.zip", zipped({}), {}),
        ("inputs.zip", with_cp437_name("açúcar.csv"), {"açúcar.csv": b"content"}),
        ("comments.xlsx", SPREADSHEET, {"comments.xlsx": SPREADSHEET}),
        ("Dados de Março.CSV", b"a,b", {"Dados de Março.CSV": b"a,b"}),
        ("query.json", b"{}", {"query.json": b"{}"}),
        ("empty.csv", b"", {"empty.csv": b""}),
        ("folder/comments.csv", b"a", {"comments.csv": b"a"}),
    ],
)  # fmt: skip
def test_files_are_kept_under_their_names_and_come_back(
    door: Door, name: str, content: bytes, files: dict[str, bytes]
) -> None:
    repository = door.new_repository(files={"file": (name, content)})
    assert info_of(door, repository)["input"] == sorted(files)
    download = door.call("GET", f"/repository/{repository}/input")
    assert unzipped(download.content) == files
    assert download.headers["content-length"] == str(len(download.content))
    assert door.run(repository)["files"] == {path: len(content) for path, content in files.items()}


def test_the_newest_comes_first_and_is_there_at_once(door: Door) -> None:
    made = [door.new_repository() for _ in range(20)]
    assert made == sorted(set(made))
    assert door.call("GET", "/repository").json()[:20] == made[::-1]


def test_minutes_are_inclusive_at_both_edges(door: Door) -> None:
    repository = door.new_repository()
    minute = int(repository[:12])  # near enough to count with: the edges below stay within its hour
    before, after = (f"{minute + step}" if 0 < minute % 100 + step < 60 else None for step in (-1, 1))

    def found(**query: str) -> bool:
        answer = door.call("GET", "/repository", params=query)
        assert answer.status_code == 200, answer.text
        return repository in answer.json()

    same = str(minute)
    assert found(from_date=same, to_date=same)
    assert found(**{"from:date": same, "to:date": same})
    assert found(from_date="000101010000", to_date="999912312359")
    assert found(from_date="202001010000")
    assert not found(to_date="202001010000")
    assert not found(from_date="999901010000")
    assert door.call("GET", "/repository", params={"from_date": "203001010000", "to_date": "202001010000"}).json() == []
    if after is not None:
        assert found(to_date=after)
        assert not found(from_date=after)
    if before is not None:
        assert found(from_date=before)
        assert not found(to_date=before)


MALFORMED_DATES = [
    "", "2020", "20200101000", "2020010100000", "202013010000", "202002300000", "202001012400", "202001010060",
    "000001010000", "2020-01-01T0", "²⁰²⁰⁰¹⁰¹⁰⁰⁰⁰",
]  # fmt: skip


@pytest.mark.parametrize("name", ["from_date", "to_date", "from:date", "to:date"])
@pytest.mark.parametrize("value", MALFORMED_DATES)
def test_malformed_dates(door: Door, name: str, value: str) -> None:
    answer = door.call("GET", "/repository", params={name: value})
    assert refusal_of(answer) == (400, f"Invalid {name.replace(':', '_')}")


def test_an_id_of_another_client_is_as_unknown_as_any(door: Door, waiting: Door) -> None:
    other = waiting.new_repository(files={"file": CSV})
    paths: list[tuple[str, str]] = [("GET", ""), ("GET", "/input"), ("GET", "/params"), ("DELETE", "")]
    for unknown in (other, "202009231629398695", "nonsense", "%00", "a%2Fb", "é", "9" * 500):
        for method, rest in paths:
            refused = door.call(method, f"/repository/{unknown}{rest}")
            assert refusal_of(refused) == (404, "Invalid repository_id")
    assert info_of(waiting, other)["input"] == ["data.csv"]


def test_deletion_takes_files_and_jobs_and_is_final(door: Door) -> None:
    repository = door.new_repository(files={"file": CSV})
    job = door.new_job(repository, {"write": {"a.txt": "x"}})
    assert door.ended(job)["job_status"] == "finished"
    assert any(number in kept for kept in left_by(door)[2] for number in (repository, "input.zip"))
    answer = door.call("DELETE", f"/repository/{repository}")
    assert (answer.status_code, answer.json()) == (200, {"message": "Repository and jobs deleted"})
    assert refusal_of(door.call("DELETE", f"/repository/{repository}")) == (404, "Invalid repository_id")
    assert refusal_of(door.call("GET", f"/job/{job}")) == (404, "Invalid job_id")
    assert repository not in door.call("GET", "/repository").json()


def test_what_cannot_be_deleted_is_still_there_and_can_be_deleted_later(door: Door) -> None:
    """A folder in the place of a file: no store removes that as a file."""
    repository = door.new_repository(files={"file": CSV})
    job = door.new_job(repository, {"write": {"a.txt": "x"}})
    assert door.ended(job)["job_status"] == "finished"
    objects = door.server.data / "objects" / "projects"
    for path, text, pattern in (
        (f"/job/{job}", "Error deleting job folder", "*/jobs/*/output.zip"),
        (f"/repository/{repository}", "Error deleting repository folder", "*/repositories/*/input.zip"),
    ):
        file = max(objects.glob(pattern), key=lambda found: found.stat().st_mtime_ns)
        aside = file.rename(file.with_name("aside.zip"))
        (file / "within").mkdir(parents=True)
        assert refusal_of(door.call("DELETE", path)) == (500, text)
        assert door.call("GET", path).status_code == 200
        assert repository in door.call("GET", "/repository").json()
        (file / "within").rmdir()
        file.rmdir()
        aside.rename(file)
        assert door.call("DELETE", path).status_code == 200
        assert door.call("GET", path).status_code == 404


def test_limits(elsewhere: Door) -> None:
    fits, refused = b"x" * 190_000, (413, "File too large")
    assert elsewhere.call("POST", "/repository", files={"file": ("a.csv", fits)}).status_code == 201
    before = left_by(elsewhere)
    for sent in large_bodies(200_001, 160_000):
        assert refusal_of(sent(elsewhere)) == refused
    assert left_by(elsewhere) == before
    large = {"a": "x" * 140_000}
    repository = elsewhere.new_repository(json={"params": large})
    assert elsewhere.call("GET", f"/repository/{repository}/params").json() == large


def large_bodies(file: int, body: int) -> list[Callable[[Door], requests.Response]]:
    text = json.dumps({"a": "x" * body})

    def sending(**sent: Any) -> Callable[[Door], requests.Response]:
        return lambda door: door.call("POST", "/repository", **sent)

    return [
        sending(files={"file": ("a.csv", b"x" * file)}),
        sending(json={"params": {"a": "x" * body}}),
        sending(data={"params": text}),
        sending(data={"params": text}, files={"file": CSV}),
        sending(data=iter([b"x" * body] * 2), headers={"Content-Type": "application/json"}),
    ]


def test_times_are_in_the_server_s_zone(elsewhere: Door) -> None:
    """Three hours behind, as those who write to this server write."""
    repository = elsewhere.new_repository()
    info = info_of(elsewhere, repository)
    digits = info["created_on"].translate(str.maketrans("", "", "-_:"))
    assert repository.startswith(digits)
    same = {"from_date": digits[:12], "to_date": digits[:12]}
    assert repository in elsewhere.call("GET", "/repository", params=same).json()
