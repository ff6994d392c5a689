"""Data repositories on every spelling of their path: what goes in, what comes out (contract brainstem 2, 6, 7, 11)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.dialects.brainstem.house import MEMBERS, RECORDS, SPELLINGS, Door, House, told

UNKNOWN = "00000000-0000-4000-8000-000000000000"
ALIAS = "personal_attributes/datastorage"
ALIAS_MEMBERS = [
    "id",
    "name",
    "description",
    "is_public",
    "data_organization",
    "data_protocols",
    "data_organization_json",
    "data_protocols_json",
    "location",
]


@pytest.mark.parametrize("prefix", ["api", "rest"])
@pytest.mark.parametrize("model", SPELLINGS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_spelling_of_the_path_takes_every_verb(
    door: Door, group: int, prefix: str, model: str, slash: str
) -> None:
    path = f"/{prefix}/private/personal_attributes/{model}"
    single = "datastorage" if model == "datastorage" else "data_repository"
    plural = "datastorages" if model == "datastorage" else "data_repositories"
    body = {"name": "Spelled", "authgroups": [group]}
    made = door.ok("POST", path + slash, 201, json=body)
    assert list(made) == [single]
    one = f"{path}/{made[single]['id']}{slash}"
    assert door.ok("GET", one) == made
    assert door.ok("PATCH", one, json={"description": "x"})[single]["description"] == "x"
    assert door.ok("PUT", one, json={**body, "name": "Again"})[single] == {
        **made[single],
        "name": "Again",
        "description": "x",
    }
    listed = door.ok("GET", path + slash)
    assert list(listed) == [plural, "count", "next", "previous", "meta"]
    assert made[single]["id"] in [record["id"] for record in listed[plural]]
    gone = door.call("DELETE", one)
    assert (gone.status_code, gone.content, gone.headers["content-length"]) == (204, b"", "0")
    assert told(door.call("GET", one)) == (404, {"detail": "Not found."})


def test_a_record_that_says_the_least(door: Door, group: int) -> None:
    made = door.new(group, name="Least")
    assert list(made) == MEMBERS
    assert uuid.UUID(made["id"]).version == 4
    assert {name: made[name] for name in MEMBERS[1:]} == {
        "name": "Least",
        "description": "",
        "is_public": False,
        "data_organization_json": None,
        "data_protocols_json": None,
        "authgroups": [group],
    }


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        [{"elements": "Datasets"}, {"elements": "Subjects"}],
        [{"protocol": "NAS", "path": "//lab/é/\U0001f9e0", "is_public": False}],
        {"deep": [[[{"a": None}]]]},
        "text",
        0,
        1.5,
        True,
        "\ud800 half",
        "with \0",
    ],
)
def test_json_members_come_back_as_they_were(door: Door, group: int, value: Any) -> None:
    made = door.new(group, data_organization_json=value, data_protocols_json=value)
    assert (made["data_organization_json"], made["data_protocols_json"]) == (value, value)
    assert door.ok("GET", f"{RECORDS}/{made['id']}/")["data_repository"] == made


def test_null_and_an_empty_list_are_two_things(door: Door, group: int) -> None:
    made = door.new(group, data_organization_json=[])
    path = f"{RECORDS}/{made['id']}/"
    assert door.ok("GET", path)["data_repository"]["data_organization_json"] == []
    assert door.ok("PATCH", path, json={"data_organization_json": None})["data_repository"] == {
        **made,
        "data_organization_json": None,
    }


def test_texts_are_trimmed_and_numbers_become_texts(door: Door, group: int) -> None:
    made = door.new(group, name="  a name \t", description=" d ")
    assert (made["name"], made["description"]) == ("a name", "d")
    assert door.new(group, name=12)["name"] == "12"
    assert door.new(group, name=1.5)["name"] == "1.5"
    assert len(door.new(group, name="é" * 100, description="x" * 500)["name"]) == 100


def test_two_records_may_have_one_name(door: Door, group: int) -> None:
    first, second = door.new(group, name="Twice"), door.new(group, name="Twice")
    assert first["id"] != second["id"]


@pytest.mark.parametrize("given", ["list", "text", "number", "texts"])
def test_groups_are_numbers_on_the_way_out_and_anything_like_them_on_the_way_in(
    door: Door, group: int, given: str
) -> None:
    value = {"list": [group], "text": str(group), "number": group, "texts": [str(group), group]}[given]
    made = door.ok("POST", f"{RECORDS}/", 201, json={"name": "Grouped", "authgroups": value})["data_repository"]
    assert made["authgroups"] == [group]


def test_put_of_a_loaded_record_with_a_scalar_group(door: Door, group: int) -> None:
    """What older MATLAB makes of a list of one (contract brainstem 6)."""
    made = door.new(group, description="kept")
    sent = {**made, "authgroups": group, "name": "Put"}
    assert door.ok("PUT", f"{RECORDS}/{made['id']}/", json=sent)["data_repository"] == {**made, "name": "Put"}


def test_put_needs_name_and_groups_and_keeps_what_is_not_given(door: Door, group: int) -> None:
    made = door.new(group, description="kept", data_organization_json=[1])
    path = f"{RECORDS}/{made['id']}/"
    required = ["This field is required."]
    assert told(door.call("PUT", path, json={})) == (400, {"name": required, "authgroups": required})
    assert told(door.call("PUT", path, json={"authgroups": [group]})) == (400, {"name": required})
    changed = door.ok("PUT", path, json={"name": "New", "authgroups": [group]})["data_repository"]
    assert changed == {**made, "name": "New"}


def test_patch_changes_what_is_given_and_nothing_else(door: Door, group: int) -> None:
    made = door.new(group)
    path = f"{RECORDS}/{made['id']}/"
    assert door.ok("PATCH", path, json={}) == {"data_repository": made}
    assert door.ok("PATCH", path) == {"data_repository": made}
    wrapped = {"data_repository": {"description": "new", "id": "ignored", "bogus": 1}}
    assert door.ok("PATCH", path, json=wrapped) == {"data_repository": {**made, "description": "new"}}


def test_a_wrapped_body_and_one_with_members_nobody_knows(door: Door, group: int) -> None:
    inner = {"name": "Wrapped", "authgroups": [group], "id": "not a uuid", "links": {}}
    made = door.ok("POST", f"{RECORDS}/", 201, json={"data_repository": inner})["data_repository"]
    assert made["name"] == "Wrapped"
    again = door.ok("POST", f"{RECORDS}/", 201, json=made)["data_repository"]  # the tutorial's round trip: a copy
    assert again["id"] != made["id"]


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_forms(door: Door, group: int, kind: str) -> None:
    other = door.new_group()
    pairs = [
        ("name", "Formed é"),
        ("is_public", "on"),
        ("authgroups", str(group)),
        ("authgroups", str(other)),
        ("data_organization_json", '[{"elements": "Datasets"}]'),
        ("unknown", "x"),
    ]
    sent: dict[str, Any] = {"data": pairs}
    if kind == "multipart":
        sent = {"files": [(name, (None, value)) for name, value in pairs]}
    made = door.ok("POST", f"{RECORDS}/", 201, **sent)["data_repository"]
    assert (made["name"], made["is_public"], made["authgroups"]) == ("Formed é", True, sorted([group, other]))
    assert made["data_organization_json"] == [{"elements": "Datasets"}]
    wrong = door.call("POST", f"{RECORDS}/", data={"name": "", "data_organization_json": "[1"})
    assert told(wrong) == (400, {"data_organization_json": ["Value must be valid JSON."]})


def test_json_that_is_labelled_as_a_form(door: Door, group: int) -> None:
    """As curl labels it."""
    body = json.dumps({"name": "Curled", "authgroups": [group]})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert door.ok("POST", f"{RECORDS}/", 201, data=body, headers=kind)["data_repository"]["name"] == "Curled"


def test_the_alias_speaks_its_own_words(house: House) -> None:
    owner = house.person()
    first, second = owner.new_group(), owner.new_group()
    other = house.person().new_group()
    house.join(other, owner, "manager")
    body = {"name": "Stored", "data_protocols": [{"protocol": "NAS"}], "location": " here "}
    made = owner.ok("POST", f"{ALIAS}/", 201, json=body)["datastorage"]
    assert list(made) == ALIAS_MEMBERS
    assert (made["location"], made["data_organization"]) == ("here", None)
    assert made["data_protocols"] == made["data_protocols_json"] == [{"protocol": "NAS"}]
    path = f"/{made['id']}/"
    whole = owner.ok("GET", f"{RECORDS}{path}")["data_repository"]
    assert whole["authgroups"] == [first, second], "the groups that its maker owns"
    assert whole["data_protocols_json"] == [{"protocol": "NAS"}]
    included = owner.ok("GET", f"{ALIAS}{path}?include[]=authgroups.*")
    assert included["datastorage"]["authgroups"] == [first, second]
    assert [group["id"] for group in included["groups"]] == [first, second]
    too_long = told(owner.call("PATCH", ALIAS + path, json={"location": "x" * 101}))
    assert too_long == (400, {"location": ["Ensure this field has no more than 100 characters."]})


def test_the_alias_needs_groups_of_who_owns_none(house: House) -> None:
    refused = told(house.person().call("POST", f"{ALIAS}/", json={"data_protocols": []}))
    required = ["This field is required."]
    assert refused == (400, {"name": required, "authgroups": required})


@pytest.mark.parametrize("changed", ["data_organization", "data_organization_json"])
def test_a_whole_record_of_the_alias_with_one_of_two_names_changed(door: Door, group: int, changed: str) -> None:
    made = door.ok("POST", f"{ALIAS}/", 201, json={"name": "Both", "authgroups": [group], "data_organization": [1]})
    path = f"{ALIAS}/{made['datastorage']['id']}/"
    again = door.ok("PUT", path, json={**made["datastorage"], changed: [2]})["datastorage"]
    assert (again["data_organization"], again["data_organization_json"]) == ([2], [2])
    both = {"data_organization": [3], "data_organization_json": [4]}
    assert told(door.call("PATCH", path, json=both)) == (
        400,
        {"data_organization": ['This field differs from "data_organization_json": send one of them.']},
    )


def test_the_groups_of_a_record(door: Door, group: int) -> None:
    made = door.new(group)
    path = f"{RECORDS}/{made['id']}/authgroups/"
    answer = door.ok("GET", path)
    assert [list(item) for item in answer["groups"]] == [["id", "name"]]
    assert answer["groups"][0]["id"] == group
    for tail in ("join", "accept", "bogus", "authgroups/1"):
        assert told(door.call("GET", f"{RECORDS}/{made['id']}/{tail}")) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("record_id", ["notuuid", "1", "a%2Fb", "%00", UNKNOWN, "authgroups", "🧠", "x" * 300])
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_no_such_record(door: Door, method: str, record_id: str) -> None:
    assert told(door.call(method, f"{RECORDS}/{record_id}/", json={})) == (404, {"detail": "Not found."})


def test_an_id_in_other_letters_is_the_same(door: Door, group: int) -> None:
    made = door.new(group)
    for spelled in (made["id"].upper(), made["id"].replace("-", "")):
        assert door.ok("GET", f"{RECORDS}/{spelled}")["data_repository"] == made
