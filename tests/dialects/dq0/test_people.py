"""Registering, confirming, roles and groups; what two people with two roles may do (contract dq0 4.2, 4.3, 5.6)."""

from __future__ import annotations

import uuid
from pathlib import Path

from tests.dialects.dq0.house import Door, House
from tests.dialects.ubiops.people import PASSWORD, new_email


def test_from_registering_to_logging_out(house: House) -> None:
    email = new_email()
    credentials = {"email": email, "password": PASSWORD}
    assert house.nobody.refused("POST", "/users/login", json=credentials)[0] == 401
    assert email in house.nobody.ok("POST", "/users/register", json=credentials)["message"]
    assert house.nobody.refused("POST", "/users/register", json=credentials)[0] == 409
    assert house.nobody.refused("POST", "/users/login", json=credentials)[0] == 403
    person = house.confirmed(email, "user")
    wrong = {"email": email, "password": "not the password"}
    assert house.nobody.refused("POST", "/users/login", json=wrong)[0] == 401
    assert person.ok("POST", "/users/logout", data=b"null", headers={"Content-Type": "application/json"})["message"]
    assert person.refused("GET", "/data")[0] == 401


def test_accounts_and_profiles(house: House, owner: Door) -> None:
    scientist = house.person("user")
    account = house.admin.ok("PATCH", f"/users/{scientist.number}", json={})
    assert account | {"created_at": 0, "updated_at": 0} == {
        "id": scientist.number,
        "email": scientist.email,
        "role": house.roles["user"],
        "role_name": "user",
        "roles": [house.roles["user"]],
        "state": "active",
        "password": "",
        "created_at": 0,
        "updated_at": 0,
    }
    scientist.ok("PATCH", "/users/profile", json={"name": "Ada", "company": "ACME", "avatar": "aGVsbG8="})
    profile = scientist.ok("GET", "/users/profile")
    assert (profile["name"], profile["company"], profile["location"]) == ("Ada", "ACME", "")
    scientist.ok("PATCH", "/users/profile", json={"company": ""})
    for path in (f"/users/{scientist.number}", f"/users/profile/{scientist.number}"):
        assert owner.ok("GET", path) == profile | {"company": ""}
    assert scientist.refused("PATCH", "/users/profile", json={"avatar": "no base64"})[0] == 400
    assert house.admin.refused("PATCH", f"/users/{scientist.number}", json={"state": "asleep"})[0] == 400
    assert scientist.refused("PATCH", f"/users/{scientist.number}", json={"roles": [1]})[0] == 403


def test_an_account_is_closed_by_either_path(house: House) -> None:
    for path in ("/user", "/users"):
        person = house.person("user")
        assert person.refused("DELETE", f"{path}/{person.number}")[0] == 403
        assert house.admin.ok("DELETE", f"{path}/{person.number}")["message"]
        assert person.refused("GET", "/data")[0] == 401
        assert house.admin.refused("DELETE", f"{path}/{person.number}")[0] == 404


def test_roles_come_by_number_and_by_name_to_people_and_groups(house: House, owner: Door, tmp_path: Path) -> None:
    """The same relation from four sides; what it gives shows at once."""
    admin, person = house.admin, house.person()
    role, group = f"readers-{uuid.uuid4().hex[:8]}", f"team-{uuid.uuid4().hex[:8]}"
    role_id = int(admin.ok("POST", "/roles", json={"role_name": role})["message"].rpartition(" ")[2])
    group_id = int(admin.ok("POST", "/groups", json={"group_name": group})["message"].rpartition(" ")[2])
    data = owner.new_data(tmp_path)["data_uuid"]
    sent = {"data_id": 0, "data_name": "", "permission": 1, "role_name": role, "role_id": 0}
    assert owner.ok("POST", f"/data/{data}/permissions", json=sent) == {}

    def sees() -> bool:
        return person.call("GET", f"/data/{data}").status_code == 200

    steps = [
        (f"/users/{person.number}/add-role", {"role_id": role_id}, True),
        ("/users/remove-role", {"user_email": person.email, "role_name": role}, False),
        (f"/groups/{group_id}/add-role", {"role_name": role}, False),
        ("/users/add-group", {"user_id": person.number, "group_name": group}, True),
        ("/groups/remove-role", {"group_name": group, "role_id": role_id}, False),
        (f"/roles/{role_id}/add-group", {"group_id": group_id}, True),
        ("/roles/remove-group", {"role_name": role, "group_name": group}, False),
        ("/roles/add-group", {"role_id": role_id, "group_id": group_id}, True),
        (f"/users/{person.number}/remove-group", {"group_id": group_id}, False),
    ]
    for path, body, visible in steps:
        assert person.refused("POST", path, json=body)[0] == 403, path
        assert admin.ok("POST", path, json=body) == {}, path
        assert sees() is visible, path


def test_references_that_contradict_themselves(house: House) -> None:
    admin, roles = house.admin, house.roles
    two = {"role_id": roles["admin"], "role_name": "user", "user_id": 1}
    assert admin.refused("POST", "/users/add-role", json=two)[0] == 400
    other = {"role_id": roles["user"], "permission": 1}
    assert admin.refused("POST", f"/roles/{roles['owner']}/permissions", json=other)[0] == 400
    assert admin.refused("POST", "/users/add-role", json={"user_id": 1})[0] == 400
    assert admin.refused("POST", "/users/add-role", json={"user_id": 1, "role_name": "nobody's"})[0] == 404


def test_levels_on_a_project(house: House, scientist: Door) -> None:
    other, project = house.person(), scientist.new_project()
    role = f"guests-{uuid.uuid4().hex[:8]}"
    house.admin.ok("POST", "/roles", json={"role_name": role})
    house.admin.ok("POST", "/users/add-role", json={"user_email": other.email, "role_name": role})
    assert other.refused("GET", f"/projects/{project}")[0] == 404
    grant = {"project_uuid": project, "role_name": role, "permission": 1}
    assert scientist.ok("POST", "/projects/permissions", json=grant) == {}
    assert other.ok("GET", f"/projects/{project}")["project_uuid"] == project
    assert other.refused("GET", "/runs", params={"project_uuid": project})[0] == 403
    assert other.refused("POST", f"/projects/{project}/permissions", json=grant | {"permission": 4})[0] == 403
    assert scientist.ok("POST", f"/projects/{project}/permissions", json={"role_name": role, "permission": 3}) == {}
    assert other.ok("GET", "/runs", params={"project_uuid": project})["items"] == []
    assert other.ok("POST", "/experiments", params={"project_uuid": project}, json={"experiment_name": "first"})
    assert scientist.refused("POST", f"/projects/{project}/permissions", json=grant | {"permission": 5})[0] == 400
    assert scientist.refused("POST", "/projects/permissions", json=grant | {"project_id": 7})[0] == 400


def test_an_action_is_closed_to_a_role(house: House) -> None:
    role, person = f"closed-{uuid.uuid4().hex[:8]}", house.person()
    house.admin.ok("POST", "/roles", json={"role_name": role})
    house.admin.ok("POST", f"/users/{person.number}/add-role", json={"role_name": role})
    assert person.ok("GET", "/jobs")["items"] == []
    actions = house.admin.ok("GET", "/actions", params={"page_size": "1000"})["items"]
    number = next(item["action_id"] for item in actions if item["action_name"] == "JobList")
    sent = {"role_name": role, "permission": 2}
    assert house.admin.ok("POST", f"/actions/{number}/permissions", json=sent) == {}
    assert person.refused("GET", "/jobs")[0] == 403
    assert person.ok("GET", "/runs")["items"] == []
    sent = {"action": "JobList", "action_id": number, "role_name": role, "permission": 0}
    assert house.admin.ok("POST", "/actions/permissions", json=sent) == {}
    assert person.ok("GET", "/jobs")["items"] == []


def test_the_audit_trail_is_for_owners_and_administrators(
    house: House, owner: Door, scientist: Door, tmp_path: Path
) -> None:
    data = owner.new_data(tmp_path)["data_name"]
    house.nobody.ok("POST", "/auth/login", json={"email": scientist.email, "password": PASSWORD})
    told = [(item["action"], item["actor"]) for item in house.admin.ok("GET", "/audits")["items"]]
    assert ("auth.login", scientist.email) in told
    own = owner.ok("GET", "/audits")["items"]
    assert any(item["action"] == "dataset.created" and data in item["description"] for item in own)
    assert all(item["timestamp"].isdigit() for item in own)
    assert all(item["action"] != "auth.login" for item in own)
    assert scientist.refused("GET", "/audits")[0] == 403
