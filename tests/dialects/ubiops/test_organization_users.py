"""The users of an organization, its name and its plan: invitations, limits, the last administrator, the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import check_last
from tests.dialects.ubiops.operations import UNKNOWN
from tests.dialects.ubiops.people import (
    PASSWORD,
    People,
    Person,
    assign,
    new_email,
    open_account,
    refusal_of,
    signed_in,
)
from tests.serving import ADMIN_EMAIL, RunningServer, serving


@pytest.fixture
def organization(project: str) -> str:
    """Of a project that no other test has; its administrator is the server's."""
    return f"o-{project}"


@pytest.fixture
def boss(people: People, door: httpx2.Client, project: str, organization: str) -> Person:
    """The organization's only administrator, who is no staff."""
    boss = people.member(project, admin=True)
    staff = door.get("/v2.1/user").json()["id"]
    assert boss.client.delete(f"/v2.1/organizations/{organization}/users/{staff}").status_code == 204
    return boss


def test_users_by_the_real_client(api: CoreApi, people: People, organization: str) -> None:
    person, where = people.person(), {"organization_name": organization}
    api.organization_users_create(**where, data=ubiops.OrganizationUserCreate(email=person.email.upper()))
    added = check_last(api, "OrganizationUserDetail")
    assert api.api_client.last_response.status == 201
    assert added == {
        "id": person.id,
        "email": person.email,
        "name": "Ada",
        "surname": "",
        "status": "active",
        "admin": False,
    }
    api.organization_users_list(**where)
    assert check_last(api, "OrganizationUserDetail")[1:] == [added]
    api.organization_users_get(**where, user_id=person.id)
    assert check_last(api, "OrganizationUserDetail") == added
    api.organization_users_update(**where, user_id=person.id, data=ubiops.OrganizationUserUpdate(admin=True))
    assert check_last(api, "OrganizationUserDetail") == added | {"admin": True}
    api.organization_users_delete(**where, user_id=person.id)
    assert (api.api_client.last_response.status, len(api.organization_users_list(**where))) == (204, 1)

    invited = new_email()
    api.organization_users_create(**where, data=ubiops.OrganizationUserCreate(email=invited, admin=True))
    pending = check_last(api, "OrganizationUserDetail")
    expected = {"email": invited, "name": "", "surname": "", "status": "pending", "admin": True}
    assert pending == expected | {"id": pending["id"]}
    api.organization_users_get(**where, user_id=pending["id"])
    assert check_last(api, "OrganizationUserDetail") == pending


def test_an_invitation_becomes_a_place_when_the_account_is_made(
    server: RunningServer, door: httpx2.Client, project: str, organization: str
) -> None:
    users, email = f"/v2.1/organizations/{organization}/users", new_email()
    invitation = door.post(users, json={"email": email}).json()["id"]
    status, error = refusal_of(door.post(users, json={"email": email.title()}))
    assert (status, "invited" in error) == (400, True)
    assert door.patch(f"{users}/{invitation}", json={"admin": True}).json()["admin"] is True
    open_account(server, email)
    with signed_in(server, email) as newcomer:
        me = newcomer.get("/v2.1/user").json()["id"]
        assert newcomer.get(f"{users}/{me}").json()["status"] == "active"
        assert newcomer.get(f"/v2.1/projects/{project}/models").status_code == 200  # as an administrator
    assert door.get(f"{users}/{invitation}").status_code == 404


def test_an_invitation_that_is_withdrawn(server: RunningServer, door: httpx2.Client, organization: str) -> None:
    users, email = f"/v2.1/organizations/{organization}/users", new_email()
    invitation = door.post(users, json={"email": email}).json()["id"]
    assert door.delete(f"{users}/{invitation}").status_code == 204
    open_account(server, email)
    with signed_in(server, email) as newcomer:
        assert newcomer.get("/v2.1/organizations").json() == []
        assert newcomer.get(users).status_code == 404
    assert door.post(users, json={"email": email}).json()["status"] == "active"


def test_an_account_that_takes_the_invited_address_later(
    people: People, door: httpx2.Client, organization: str
) -> None:
    """A change of address is no sign-up: it joins nothing by itself, and the next try to add it finds the account."""
    users, email, person = f"/v2.1/organizations/{organization}/users", new_email(), people.person()
    assert door.post(users, json={"email": email}).json()["status"] == "pending"
    assert person.client.patch("/v2.1/user", json={"email": email}).status_code == 200
    assert person.client.get(users).status_code == 404
    assert door.post(users, json={"email": email}).json()["status"] == "active"
    assert [user["email"] for user in door.get(users).json()] == [ADMIN_EMAIL, email]


def test_the_last_administrator(people: People, organization: str, boss: Person) -> None:
    users = f"/v2.1/organizations/{organization}/users"
    second = people.person()
    assert boss.client.post(users, json={"email": second.email}).status_code == 201
    boss.client.post(users, json={"email": new_email(), "admin": True})  # a pending one is nobody yet
    for answer in (
        boss.client.patch(f"{users}/{boss.id}", json={"admin": False}),
        boss.client.delete(f"{users}/{boss.id}"),
        boss.client.delete("/v2.1/user"),
    ):
        assert (answer.status_code, "last administrator" in answer.json()["error"]) == (400, True)
    assert boss.client.patch(f"{users}/{boss.id}", json={"admin": True}).status_code == 200
    assert boss.client.patch(f"{users}/{second.id}", json={"admin": True}).status_code == 200
    assert boss.client.patch(f"{users}/{boss.id}", json={"admin": False}).status_code == 200
    assert boss.client.patch(f"{users}/{boss.id}", json={"admin": True}).status_code == 403
    assert second.client.delete(f"{users}/{boss.id}").status_code == 204


def test_who_may_what(people: People, stranger: httpx2.Client, project: str, organization: str) -> None:
    member, path = people.member(project), f"/v2.1/organizations/{organization}"
    boss = people.member(project, admin=True)
    calls = [
        ("POST", "/users", {"email": new_email()}, 403, 201),
        ("GET", f"/users/{member.id}", None, 403, 200),
        ("PATCH", f"/users/{member.id}", {}, 403, 200),
        ("PATCH", "", {"name": organization}, 403, 200),
        ("PATCH", "", {"subscription": "starter", "subscription_agreed": True}, 403, 403),
        ("PATCH", "", {"subscription_end_date": None}, 403, 403),
        ("GET", "/subscriptions", None, 403, 200),
        ("GET", "/users", None, 200, 200),
        ("GET", "/resources", None, 200, 200),
        ("GET", "", None, 200, 200),
        ("DELETE", f"/users/{member.id}", None, 403, 204),
    ]
    for method, below, body, by_member, by_boss in calls:
        answer = stranger.request(method, path + below, json=body)
        assert refusal_of(answer) == (404, f"there is no organization named '{organization}'"), (method, below)
        assert member.client.request(method, path + below, json=body).status_code == by_member, (method, below)
        assert boss.client.request(method, path + below, json=body).status_code == by_boss, (method, below)


def test_bad_calls(people: People, door: httpx2.Client, project: str, organization: str) -> None:
    users, outsider = f"/v2.1/organizations/{organization}/users", people.person()
    for body in (
        {},
        {"email": None},
        {"email": "no address"},
        {"email": 5},
        {"email": "a@example.com", "admin": 1},
        {"email": "a@example.com", "admin": None},
        {"email": "a@example.com", "status": "active"},
        {"email": ADMIN_EMAIL},
    ):
        assert refusal_of(door.post(users, json=body))[0] == 400, body
    assert len(door.get(users).json()) == 1
    for unknown in (outsider.id, UNKNOWN, "5"):
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            answer = door.request(method, f"{users}/{unknown}", json=body)
            assert refusal_of(answer)[0] == 404, (method, unknown)


def test_a_place_that_is_taken_away_takes_the_roles_with_it(people: People, door: httpx2.Client, project: str) -> None:
    """In all projects of the organization, and in no other's."""
    path = f"/v2.1/organizations/o-{project}"
    second, other = f"{project}-2", f"{project}-3"
    assert door.post("/v2.1/projects", json={"name": second, "organization_name": f"o-{project}"}).is_success
    new = {"name": f"o-{other}", "subscription": "starter", "subscription_agreed": True}
    assert door.post("/v2.1/organizations", json=new).is_success
    assert door.post("/v2.1/projects", json={"name": other, "organization_name": f"o-{other}"}).is_success
    person = people.member(project)
    assert door.post(f"/v2.1/organizations/o-{other}/users", json={"email": person.email}).is_success
    for name in (project, second, other):
        assign(door, name, person.id, "model-viewer")
    assert door.delete(f"{path}/users/{person.id}").status_code == 204
    assert door.post(f"{path}/users", json={"email": person.email}).is_success
    statuses = [person.client.get(f"/v2.1/projects/{name}/models").status_code for name in (project, second, other)]
    assert statuses == [403, 403, 200]


def test_the_limit_counts_the_invited(people: People) -> None:
    """The plan "free" has two places (contract ubiops 9.2)."""
    boss, name = people.person(), f"o-{new_email()[:12]}"
    new = {"name": name, "subscription": "free", "subscription_agreed": True}
    assert boss.client.post("/v2.1/organizations", json=new).status_code == 201
    users = f"/v2.1/organizations/{name}/users"
    invitation = boss.client.post(users, json={"email": new_email()}).json()["id"]
    for email in (new_email(), people.person().email):
        status, error = refusal_of(boss.client.post(users, json={"email": email}))
        assert (status, "allows 2 users" in error) == (403, True)
    assert boss.client.get(f"/v2.1/organizations/{name}/resources").json()["users"] == 2
    assert boss.client.delete(f"{users}/{invitation}").status_code == 204
    assert boss.client.post(users, json={"email": new_email()}).status_code == 201


def test_accounts_that_wait_for_confirmation_are_pending(tmp_path: Path) -> None:
    with serving(tmp_path / "data", {"QUINTA_ACTIVATE_ACCOUNTS": "false"}) as server, server.client() as door:
        new = {"name": "o", "subscription": "free", "subscription_agreed": True}
        assert door.post("/v2.1/organizations", json=new).status_code == 201
        email = new_email()
        assert door.post("/v2.1/organizations/o/users", json={"email": email}).json()["status"] == "pending"
        open_account(server, email)
        assert door.get("/v2.1/organizations/o/users").json()[1]["status"] == "pending"
        assert door.post("/v2.1/authorize", json={"email": email, "password": PASSWORD}).status_code == 401


def test_name_and_plan_by_the_real_client(api: CoreApi, organization: str) -> None:
    where = {"organization_name": organization}
    api.organizations_update(**where, data=ubiops.OrganizationUpdate(name=f"{organization}-new"))
    assert check_last(api, "OrganizationDetail")["name"] == f"{organization}-new"
    where = {"organization_name": f"{organization}-new"}
    change = ubiops.OrganizationUpdate(subscription="starter", subscription_agreed=True)
    api.organizations_update(**where, data=change)
    assert check_last(api, "OrganizationDetail")["subscription"] == "starter"
    api.organizations_update(**where, data=change)  # the same again is no second period
    api.organization_subscriptions_list(**where)
    newest, first = check_last(api, "OrganizationSubscriptionList")
    today = datetime.now(UTC).date()
    assert newest | {"id": ""} == {
        "id": "",
        "subscription": "starter",
        "start_date": newest["start_date"],
        "subscription_agreement_user": ADMIN_EMAIL,
        "subscription_update_user": ADMIN_EMAIL,
    }
    assert today - datetime.fromisoformat(newest["start_date"]).date() <= timedelta(days=1)
    assert (first["subscription"], first["subscription_update_user"]) == ("professional", "")
    api.organizations_resource_usage(**where)
    counts = check_last(api, "ResourceUsage")
    nothing = {"models": 0, "versions": 0, "connectors": 0, "pipelines": 0}
    assert counts == {"projects": 1, "users": 1, **nothing}
    api.projects_resource_usage(project_name=organization[2:])
    assert check_last(api, "ProjectResourceUsage") == nothing


def test_changes_of_name_and_plan_that_are_refused(door: httpx2.Client, organization: str) -> None:
    path = f"/v2.1/organizations/{organization}"
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    before = door.get(path).json()
    for change, text in (
        ({"name": "No"}, "cannot be the name"),
        ({"name": None}, "null"),
        ({"subscription": "starter"}, "subscription_agreed"),
        ({"subscription": "starter", "subscription_agreed": False}, "subscription_agreed"),
        ({"subscription": "never-was", "subscription_agreed": True}, "no subscription named"),
        ({"subscription": "free", "subscription_agreed": True, "subscription_end_date": tomorrow}, "takes no end date"),
        ({"subscription_end_date": "2020-01-01"}, "in the future"),
        ({"subscription_end_date": "soon"}, "date like"),
        ({"status": "active"}, "no member"),
    ):
        status, error = refusal_of(door.patch(path, json=change))
        assert (status, text in error) == (400, True), (change, error)
    assert door.get(path).json() == before
    assert len(door.get(f"{path}/subscriptions").json()) == 1
    for good in ({}, {"subscription_end_date": tomorrow}, {"subscription_end_date": None}, {"name": organization}):
        assert door.patch(path, json=good).json() == before, good


def test_staff_changes_the_plan_of_any_organization(door: httpx2.Client, organization: str, boss: Person) -> None:
    """But not its name: that is its administrators' (contract ubiops 6.4). Its own members see the new plan."""
    path, change = f"/v2.1/organizations/{organization}", {"subscription": "free", "subscription_agreed": True}
    assert door.get(path).status_code == 404
    assert door.patch(path, json={"name": "staff-was-here"}).status_code == 404
    assert door.patch(path, json={"name": "staff-was-here", **change}).status_code == 404
    assert boss.client.get(path).json()["subscription"] == "professional"
    assert door.patch(path, json=change).json()["subscription"] == "free"
    assert boss.client.get(path).json()["subscription"] == "free"
    history = boss.client.get(f"{path}/subscriptions").json()
    assert [item["subscription"] for item in history] == ["free", "professional"]
