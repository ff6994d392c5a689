"""Groups, who is in them and who is to be, as the clients ask for them (contract brainstem 9.5, 10)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.dialects.brainstem.house import RECORDS, Door, House, told

OWNER = {"is_manager": True, "is_owner": True}
MANAGER = {"is_manager": True, "is_owner": False}
MEMBER = {"is_manager": False, "is_owner": False}
HIDDEN = (404, {"detail": "Not found."})
FORBIDDEN = (403, {"detail": "You do not have permission to perform this action."})


def new_name() -> str:
    return f"g-{uuid.uuid4().hex[:12]}"


def invited(door: Door, number: int, person: Door, **flags: bool) -> str:
    """The id of a new invitation."""
    body = {"users": {person.email: {**MEMBER, **flags}}}
    door.ok("PATCH", f"users/group/{number}/", json=body)
    listed = person.ok("GET", "users/groupmembershipinvitation/")["group_membership_invitations"]
    return str(next(item["id"] for item in listed if item["authgroup"] == number))


@pytest.mark.parametrize("prefix", ["api", "rest"])
@pytest.mark.parametrize("app", ["users", "auth"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_spelling_of_the_path_takes_every_verb(house: House, prefix: str, app: str, slash: str) -> None:
    person = house.person()
    path = f"/{prefix}/private/{app}/group"
    name = new_name()
    made = person.ok("POST", path + slash, 201, json={"name": name, "users": {"x@example.com": MEMBER}})
    assert list(made) == ["group"]
    number = made["group"]["id"]
    assert made["group"] == {"id": number, "name": name, "users": {person.email: OWNER}}
    assert list(made["group"]) == ["id", "name", "users"]
    one = f"{path}/{number}{slash}"
    assert person.ok("GET", one) == made
    listed = person.ok("GET", path + slash)
    assert list(listed) == ["groups", "count", "next", "previous", "meta"]
    assert (listed["groups"], listed["count"]) == ([made["group"]], 1)
    again = new_name()
    assert person.ok("PUT", one, json={**made["group"], "name": again})["group"] == {**made["group"], "name": again}
    assert person.ok("PATCH", one, json={"group": {"name": name}}) == made
    gone = person.call("DELETE", one)
    assert (gone.status_code, gone.content) == (204, b"")
    assert told(person.call("GET", one)) == HIDDEN


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, {"name": ["This field is required."]}),
        ({"name": " "}, {"name": ["This field may not be blank."]}),
        ({"name": []}, {"name": ["Not a valid string."]}),
        ({"name": "x" * 151}, {"name": ["Ensure this field has no more than 150 characters."]}),
    ],
)
def test_names_that_no_group_has(door: Door, body: dict[str, Any], refusal: dict[str, Any]) -> None:
    assert told(door.call("POST", "users/group/", json=body)) == (400, refusal)


def test_a_name_is_given_once(door: Door, stranger: Door) -> None:
    name = new_name()
    door.new_group(name)
    status, body = told(stranger.call("POST", "users/group/", json={"name": name}))
    assert (status, list(body), len(body["name"])) == (400, ["name"], 1)


def test_users_are_merged_and_new_ones_invited(house: House) -> None:
    owner, member, other = house.person(), house.person(), house.person()
    number = owner.new_group()
    house.join(number, member, "contributor")
    path = f"users/group/{number}/"
    users = {owner.email: OWNER, member.email: MEMBER}
    assert owner.ok("PATCH", path, json={"users": {other.email: MEMBER}})["group"]["users"] == users
    # A whole group sent back leaves a contributor, who has no flag here, what it is.
    owner.ok("PATCH", path, json={"users": users})
    rows = json.loads(house.admin("group", "list", "--output", "json"))
    assert next(row["members"] for row in rows if row["number"] == number)[member.email] == "contributor"
    changed = owner.ok("PATCH", path, json={"users": {member.email: {"is_manager": True}}})["group"]["users"]
    assert changed == {owner.email: OWNER, member.email: MANAGER}
    removed = owner.ok("PATCH", path, json={"users": {member.email: {"remove": True}}})["group"]["users"]
    assert removed == {owner.email: OWNER}
    assert told(member.call("GET", path)) == HIDDEN


@pytest.mark.parametrize(
    ("users", "sentence"),
    [
        ([], 'Expected a dictionary of items but got type "list".'),
        ("x", 'Expected a dictionary of items but got type "str".'),
        (None, "This field may not be null."),
        ({"a@example.com": 1}, '"a@example.com" needs an object with is_manager and is_owner, true or false.'),
        (
            {"a@example.com": {"is_owner": "x"}},
            '"a@example.com" needs an object with is_manager and is_owner, true or false.',
        ),
        ({"nobody@example.com": {}}, "no person here has an account with the e-mail 'nobody@example.com'"),
    ],
)
def test_users_that_cannot_be_read(door: Door, group: int, users: object, sentence: str) -> None:
    assert told(door.call("PATCH", f"users/group/{group}/", json={"users": users})) == (400, {"users": [sentence]})


def test_the_last_owner_stays(house: House) -> None:
    owner = house.person()
    number = owner.new_group()
    for method, path, body in (
        ("GET", f"users/group/{number}/leave", None),
        ("PATCH", f"users/group/{number}/", {"users": {owner.email: MEMBER}}),
    ):
        status, said = told(owner.call(method, path, json=body))
        assert (status, list(said)) == (400, ["detail"])


def test_a_group_with_records_stays(house: House) -> None:
    owner = house.person()
    number = owner.new_group()
    made = owner.new(number)
    status, said = told(owner.call("DELETE", f"users/group/{number}/"))
    assert (status, list(said)) == (400, ["detail"])
    assert owner.call("DELETE", f"{RECORDS}/{made['id']}/").status_code == 204
    assert owner.call("DELETE", f"users/group/{number}/").status_code == 204


def test_who_may_see_and_change_a_group(house: House, stranger: Door) -> None:
    owner, manager, member = house.person(), house.person(), house.person()
    number = owner.new_group()
    house.join(number, manager, "manager")
    house.join(number, member)
    path = f"users/group/{number}/"
    for who, sees in ((owner, True), (manager, True), (member, True), (stranger, False)):
        assert (who.call("GET", path).status_code == 200) is sees
        assert (number in [item["id"] for item in who.ok("GET", "users/group/")["groups"]]) is sees
    assert told(stranger.call("PATCH", path, json={"name": "x"})) == HIDDEN
    assert told(member.call("PATCH", path, json={"users": {stranger.email: MEMBER}})) == FORBIDDEN
    assert told(manager.call("PATCH", path, json={"name": new_name()})) == FORBIDDEN
    assert told(manager.call("PATCH", path, json={"users": {member.email: MANAGER}})) == FORBIDDEN
    assert manager.call("PATCH", path, json={"users": {stranger.email: MEMBER}}).status_code == 200
    assert owner.call("PATCH", path, json={"users": {member.email: MANAGER}}).status_code == 200
    assert told(manager.call("DELETE", path)) == FORBIDDEN


def test_portals_of_groups(house: House, door: Door, group: int) -> None:
    assert house.staff.ok("GET", f"/api/super/users/group/{group}/")["group"]["id"] == group
    assert told(door.call("GET", f"/api/super/users/group/{group}/")) == FORBIDDEN
    assert told(door.call("GET", "/api/super/users/group/")) == FORBIDDEN
    assert told(house.nobody.call("GET", "users/group/"))[0] == 401
    for path in ("group", f"group/{group}", "groupmembershipinvitation"):
        assert told(door.call("GET", f"/api/public/users/{path}")) == HIDDEN


@pytest.mark.parametrize("model", ["groupmembershipinvitation", "group_membership_invitation"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_invitation_is_accepted(house: House, model: str, method: str) -> None:
    owner, guest = house.person(), house.person()
    number = owner.new_group()
    place = invited(owner, number, guest, is_manager=True)
    path = f"users/{model}/{place}"
    body = guest.ok("GET", path)
    assert list(body) == ["group_membership_invitation"]
    invitation = body["group_membership_invitation"]
    assert invitation == {
        "id": place,
        "user_account_invitation": invitation["user_account_invitation"],
        "authgroup": number,
        "new_manager": True,
        "new_owner": False,
    }
    assert owner.ok("GET", f"{path}/") == body
    assert told(house.person().call("GET", path)) == HIDDEN
    assert told(guest.call("GET", f"users/group/{number}")) == HIDDEN
    assert told(owner.call(method, f"{path}/accept")) == FORBIDDEN
    assert guest.ok(method, f"{path}/accept")["group"]["users"] == {owner.email: OWNER, guest.email: MANAGER}
    assert told(guest.call(method, f"{path}/accept/")) == HIDDEN
    assert guest.ok("GET", f"users/{model}/")["group_membership_invitations"] == []


def test_an_invitation_is_rejected_or_cancelled(house: House) -> None:
    owner, guest = house.person(), house.person()
    number = owner.new_group()
    for who, word, other in ((guest, "reject", owner), (owner, "cancel", guest)):
        path = f"users/groupmembershipinvitation/{invited(owner, number, guest)}/{word}"
        assert told(other.call("GET", path)) == FORBIDDEN
        assert list(who.ok("GET", path)) == ["detail"]
        assert told(who.call("GET", path)) == HIDDEN
    assert told(guest.call("GET", f"users/group/{number}")) == HIDDEN


@pytest.mark.parametrize("model", ["groupmembershiprequest", "group_membership_request"])
def test_a_request_to_join(house: House, model: str) -> None:
    owner, guest = house.person(), house.person()
    number = owner.new_group()
    asked = guest.ok("GET", f"auth/group/{number}/join")
    assert list(asked) == ["group_membership_request"]
    request = asked["group_membership_request"]
    assert (list(request), request["authgroup"]) == (["id", "user_account_request", "authgroup"], number)
    assert guest.ok("POST", f"users/group/{number}/join/") == asked, "asking again is the same request"
    path = f"users/{model}/{request['id']}"
    for who in (owner, guest):
        assert who.ok("GET", path) == asked
        assert who.ok("GET", f"users/{model}/")["group_membership_requests"] == [request]
    assert told(guest.call("GET", f"{path}/accept")) == FORBIDDEN
    assert owner.ok("GET", f"{path}/accept") == asked
    assert guest.ok("GET", f"users/group/{number}")["group"]["users"] == {owner.email: OWNER, guest.email: MEMBER}
    made = owner.new(number)
    assert guest.ok("GET", f"{RECORDS}/{made['id']}")["data_repository"] == made
    assert list(guest.ok("GET", f"users/group/{number}/leave")) == ["detail"]
    assert told(guest.call("GET", f"{RECORDS}/{made['id']}")) == HIDDEN


@pytest.mark.parametrize(
    "path",
    [
        "users/group/1/join",
        "users/group/1/leave",
        "users/groupmembershipinvitation/x/accept",
        "users/groupmembershiprequest/x/cancel",
    ],
)
def test_a_look_changes_nothing(door: Door, path: str) -> None:
    """HEAD where GET does something (contract brainstem 9.5)."""
    head = door.call("HEAD", path)
    assert (head.status_code, head.headers["allow"]) == (405, "GET, POST, OPTIONS")
    assert told(door.call("PATCH", path))[0] == 405


@pytest.mark.parametrize("path", ["users/groupmembershipinvitation/", "users/group_membership_request/"])
def test_places_are_not_made_here(door: Door, path: str) -> None:
    assert told(door.call("POST", path, json={})) == (405, {"detail": 'Method "POST" not allowed.'})


@pytest.mark.parametrize("number", ["0", "-1", "x", "999999999", "9" * 30, "9" * 5000, "1.5", "%00", "🧠"])
def test_no_such_group(door: Door, number: str) -> None:
    for method, tail in (("GET", ""), ("PATCH", "/"), ("DELETE", ""), ("GET", "/join"), ("POST", "/leave/")):
        assert told(door.call(method, f"users/group/{number}{tail}", json={})) == HIDDEN


def test_lists_of_groups_are_filtered_sorted_and_paged(house: House) -> None:
    owner = house.person()
    mark = uuid.uuid4().hex[:8]
    numbers = [owner.new_group(f"{mark} {name}") for name in ("Ärzte", "b", "Ab", "z")]

    def found(query: str) -> list[int]:
        return [item["id"] for item in owner.ok("GET", f"users/group/?{query}")["groups"]]

    first, second, third, fourth = numbers
    assert found("") == numbers
    assert found("sort[]=name") == [third, second, fourth, first]
    assert found("sort[]=-id&limit=2") == [fourth, third]
    assert found(f"filter{{name.icontains}}={mark} ä") == [first]
    assert found(f"filter{{-name}}={mark} b&filter{{id.lte}}={third}") == [first, third]
    assert found(f"filter{{id.in}}={second}&filter{{id.in}}={fourth}") == [second, fourth]
    assert found("per_page=3&page=2") == [fourth]
    refused = told(owner.call("GET", "users/group/?filter{bogus}=1"))
    assert refused == (400, ["Invalid filter field: bogus"])
