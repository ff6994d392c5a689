"""One house, three doors: what BrainSTEM's records point at is what UbiOps and VBrain hold, and one key opens all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects.brainstem.house import RECORDS, Door, House, told
from tests.dialects.ubiops.people import PASSWORD
from tests.dialects.vbrain.house import House as Offices
from tests.models import new_project
from tests.serving import RunningServer

CONTENT = b"raw data \x00\xff" * 1000


def pointing(*paths: str) -> list[dict[str, Any]]:
    return [{"protocol": "quinta", "path": path} for path in paths]


def test_a_record_points_at_a_blob_of_ubiops(house: House, server: RunningServer, stranger: Door) -> None:
    staff = house.staff
    group = staff.new_group()
    with server.client() as ubiops:
        project = new_project(ubiops)
        blobs = f"/v2.1/projects/{project}/blobs"
        made = ubiops.post(blobs, files={"file": ("raw.bin", CONTENT)})
        assert made.status_code == 201, made.text
        blob = made.json()
        path = f"projects/{project}/blobs/{blob['id']}"
        record = staff.new(group, data_protocols_json=[*pointing(path), {"protocol": "NAS"}])
        detail = staff.ok("GET", f"{RECORDS}/{record['id']}/?include[]=authgroups.*")
        assert list(detail) == ["data_repository", "groups", "targets"]
        target = detail["targets"][0]
        assert list(target) == ["path", "protocol", "size", "checksum", "changed"]
        assert (target["path"], target["protocol"], target["size"]) == (path, "quinta", len(CONTENT))
        assert target["checksum"] == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
        assert target["changed"][:16] == blob["creation_date"][:16]
        assert "targets" not in staff.ok("GET", f"{RECORDS}/?filter{{id}}={record['id']}")
        refused = ubiops.delete(f"{blobs}/{blob['id']}")
        assert (refused.status_code, "a data record points at" in refused.json()["error"]) == (400, True)
        staff.ok("PATCH", f"{RECORDS}/{record['id']}/", json={"data_protocols_json": []})
        assert list(staff.ok("GET", f"{RECORDS}/{record['id']}/")) == ["data_repository"]
        assert ubiops.delete(f"{blobs}/{blob['id']}").status_code == 204


def test_what_the_caller_may_not_read_is_not_pointed_at(house: House, server: RunningServer, stranger: Door) -> None:
    """In the same words as what is not there."""
    group = stranger.new_group()
    with server.client() as ubiops:
        project = new_project(ubiops)
        blob = ubiops.post(f"/v2.1/projects/{project}/blobs", files={"file": ("raw.bin", b"x")}).json()["id"]
    sentences = []
    for path in (f"projects/{project}/blobs/{blob}", "projects/none/blobs/00000000-0000-4000-8000-000000000000"):
        body = {"name": "Pointing", "authgroups": [group], "data_protocols_json": pointing(path)}
        status, said = told(stranger.call("POST", f"{RECORDS}/", json=body))
        assert (status, list(said)) == (400, ["data_protocols_json"])
        sentences.append(said["data_protocols_json"][0].replace(path, "PATH"))
    assert sentences[0] == sentences[1]
    alias = {"name": "Pointing", "data_protocols": pointing("projects/none")}
    assert list(told(stranger.call("POST", "personal_attributes/datastorage/", json=alias))[1]) == ["data_protocols"]


@pytest.fixture(scope="module")
def offices(server: RunningServer) -> Iterator[Offices]:
    offices = Offices(server)
    yield offices
    offices.close()


def test_a_record_points_at_a_repository_of_vbrain(house: House, offices: Offices) -> None:
    client = offices.client()
    number = client.new_repository(files={"file": ("input.csv", b"a,b\n1,2\n")})
    path = f"projects/{offices.project_of(client)}/repositories/{number}"
    record = house.staff.new(house.staff.new_group(), data_protocols_json=pointing(path))
    target = house.staff.ok("GET", f"{RECORDS}/{record['id']}/")["targets"][0]
    assert (target["path"], target["size"] > 0) == (path, True)
    assert client.call("DELETE", f"/repository/{number}").status_code == 409
    assert house.staff.call("DELETE", f"{RECORDS}/{record['id']}/").status_code == 204
    assert client.call("DELETE", f"/repository/{number}").status_code == 200


def test_one_key_opens_all(house: House, server: RunningServer) -> None:
    person = house.person()
    with server.client(person.key) as ubiops:
        assert ubiops.get("/v2.1/user").json()["email"] == person.email
        session = ubiops.post("/v2.1/authorize", json={"email": person.email, "password": PASSWORD}).json()["access"]
    other = Door(person.url, person.email, session, house.session)
    assert other.names() == []
