"""Who sees and changes what, through which portal (contract brainstem 5, 10): each refusal beside its twin."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.brainstem.house import RECORDS, Door, House, told
from tests.models import new_project
from tests.serving import RunningServer

HIDDEN = (404, {"detail": "Not found."})
FORBIDDEN = (403, {"detail": "You do not have permission to perform this action."})
NO_CREDENTIALS = (401, {"detail": "Authentication credentials were not provided."})
PUBLIC = f"/api/public/{RECORDS}"
PRIVATE = f"/api/private/{RECORDS}"
SUPER = f"/api/super/{RECORDS}"


def ids(door: Door, path: str, **more: Any) -> set[str]:
    return {record["id"] for record in door.ok("GET", f"{path}/", **more)["data_repositories"]}


def test_public_shows_what_is_public_to_anybody(house: House, door: Door, group: int, stranger: Door) -> None:
    shown, kept = door.new(group, is_public=True), door.new(group)
    for who, headers in (
        (house.nobody, None),
        (house.nobody, {"Authorization": "Bearer wrong"}),
        (house.nobody, {"Authorization": "Token a b c"}),
        (stranger, None),
        (door, None),
        (house.staff, None),
    ):
        found = ids(who, PUBLIC, headers=headers)
        assert (shown["id"] in found, kept["id"] in found) == (True, False)
        assert who.ok("GET", f"{PUBLIC}/{shown['id']}/", headers=headers)["data_repository"] == shown
        assert told(who.call("GET", f"{PUBLIC}/{kept['id']}/", headers)) == HIDDEN
    assert shown["authgroups"] == [group]


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_nothing_is_changed_through_public(house: House, door: Door, group: int, method: str) -> None:
    made = door.new(group, is_public=True)
    body = {"name": "Changed", "authgroups": [group]}
    path = "/" if method == "POST" else f"/{made['id']}/"
    for who in (house.nobody, door, house.staff):
        assert told(who.call(method, PUBLIC + path, json=body)) == FORBIDDEN
    assert door.call(method, PRIVATE + path, json=body).status_code in (200, 201, 204)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("portal", [PRIVATE, SUPER])
def test_other_portals_need_credentials(house: House, door: Door, group: int, portal: str, method: str) -> None:
    made = door.new(group, is_public=True)
    path = "/" if method == "POST" else f"/{made['id']}/"
    assert told(house.nobody.call(method, portal + path, json={})) == NO_CREDENTIALS


def test_private_shows_the_records_of_ones_groups(house: House, door: Door, group: int, stranger: Door) -> None:
    member = house.person()
    house.join(group, member)
    made = door.new(group)
    for who, sees in ((door, True), (member, True), (stranger, False), (house.staff, True)):
        assert (made["id"] in ids(who, PRIVATE)) is sees
        answer = told(who.call("GET", f"{PRIVATE}/{made['id']}/"))
        assert answer == ((200, {"data_repository": made}) if sees else HIDDEN)
    assert told(stranger.call("PATCH", f"{PRIVATE}/{made['id']}/", json={"name": "x"})) == HIDDEN
    assert told(stranger.call("DELETE", f"{PRIVATE}/{made['id']}/")) == HIDDEN
    changed = member.ok("PATCH", f"{PRIVATE}/{made['id']}/", json={"name": "x"})["data_repository"]
    assert changed == {**made, "name": "x"}
    house.leave(group, member)
    assert told(member.call("GET", f"{PRIVATE}/{made['id']}/")) == HIDDEN
    assert door.call("DELETE", f"{PRIVATE}/{made['id']}/").status_code == 204


def test_private_shows_no_public_records_of_others(door: Door, group: int, stranger: Door) -> None:
    made = door.new(group, is_public=True)
    assert made["id"] not in ids(stranger, PRIVATE)
    assert told(stranger.call("GET", f"{PRIVATE}/{made['id']}/")) == HIDDEN
    assert stranger.ok("GET", f"{PUBLIC}/{made['id']}/")["data_repository"] == made


def test_super_is_for_staff(house: House, door: Door, group: int) -> None:
    made = door.new(group)
    assert made["id"] in ids(house.staff, SUPER)
    path = f"{SUPER}/{made['id']}/"
    assert house.staff.ok("GET", path)["data_repository"] == made
    assert house.staff.ok("PATCH", path, json={"name": "By staff"})["data_repository"]["name"] == "By staff"
    for method, target in (("GET", f"{SUPER}/"), ("GET", path), ("PATCH", path), ("PUT", path), ("DELETE", path)):
        assert told(door.call(method, target, json={})) == FORBIDDEN
    assert told(door.call("POST", f"{SUPER}/", json={"name": "x", "authgroups": [group]})) == FORBIDDEN
    assert house.staff.call("DELETE", path).status_code == 204


def test_groups_are_given_by_who_is_in_them(house: House, door: Door, group: int, stranger: Door) -> None:
    other = stranger.new_group()
    made = door.new(group)
    path = f"{PRIVATE}/{made['id']}/"
    assert told(door.call("PATCH", path, json={"authgroups": [group, other]})) == FORBIDDEN
    assert house.staff.ok("PATCH", path, json={"authgroups": [other, group]})["data_repository"][
        "authgroups"
    ] == sorted([group, other])
    # What stands there already may be sent back by whoever is in one of the groups.
    assert door.call("PATCH", path, json={"authgroups": [group, other]}).status_code == 200
    # Even one's own groups may be taken away.
    assert door.ok("PATCH", path, json={"authgroups": [other]})["data_repository"]["authgroups"] == [other]
    assert told(door.call("GET", path)) == HIDDEN
    assert stranger.ok("GET", path)["data_repository"]["authgroups"] == [other]


def test_publishing_is_for_who_made_it_and_owners(house: House, door: Door, group: int) -> None:
    maker, manager = house.person(), house.person()
    house.join(group, maker)
    house.join(group, manager, "manager")
    made = maker.new(group)
    path = f"{PRIVATE}/{made['id']}/"
    assert told(manager.call("PATCH", path, json={"is_public": True})) == FORBIDDEN
    assert manager.call("PATCH", path, json={"is_public": False, "name": "x"}).status_code == 200
    for who in (maker, door, house.staff):
        for flag in (True, False):
            assert who.ok("PATCH", path, json={"is_public": flag})["data_repository"]["is_public"] is flag
    assert maker.new(group, is_public=True)["is_public"] is True


def test_a_service_user_is_in_no_group(house: House, server: RunningServer, door: Door, group: int) -> None:
    with server.client() as client:
        project = new_project(client)
        token = client.post(f"/v2.1/projects/{project}/service-users", json={}).json()["token"]
    service = Door(server.url, "", token, house.session)
    made = door.new(group, is_public=True)
    assert ids(service, PRIVATE) == set()
    assert made["id"] in ids(service, PUBLIC)
    assert told(service.call("GET", f"{PRIVATE}/{made['id']}/")) == HIDDEN
    assert told(service.call("POST", f"{PRIVATE}/", json={"name": "x", "authgroups": [group]})) == FORBIDDEN
    assert told(service.call("GET", "users/group/"))[0] == 403


def test_a_key_that_ends_opens_no_more(house: House, server: RunningServer) -> None:
    person = house.person()
    assert person.call("GET", f"{PRIVATE}/").status_code == 200
    with server.client(person.key) as ubiops:
        assert ubiops.delete("/v2.1/user").status_code == 204
    assert told(person.call("GET", f"{PRIVATE}/")) == (401, {"detail": "Invalid token."})
