"""What is done and refused through this face is in the audit trail (decision 0024)."""

from __future__ import annotations

import json
from typing import Any

from tests.dialects.brainstem.house import RECORDS, Door, House
from tests.dialects.ubiops.waiting import wait_for


def trail(house: House, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(house.admin("audit", "list", "--limit", "500", "--output", "json", *words))
    return found


def wait_for_refusal(house: House, actor: str, text: str) -> None:
    words = ("--action", "access.refused", "--actor", actor)
    wait_for(lambda: [entry["description"] for entry in trail(house, *words)], lambda told: text in "\n".join(told))


def test_changes_of_records_and_groups(house: House, door: Door, group: int) -> None:
    record = door.new(group, name="mouse 7")
    assert door.call("PATCH", f"{RECORDS}/{record['id']}/", json={"name": "mouse 8"}).status_code == 200
    assert door.call("DELETE", f"{RECORDS}/{record['id']}/").status_code == 204
    told = [entry["description"] for entry in trail(house, "--actor", door.email)]
    expected = ("deleted record 'mouse 8'", "changed record 'mouse 8'", "created record 'mouse 7'")
    assert told[:3] == [f"{door.email} {what}" for what in expected]
    assert any(text.startswith(f"{door.email} created group ") for text in told)


def test_a_hidden_record_tells_and_a_missing_one_does_not(house: House, door: Door, group: int) -> None:
    stranger = house.person()  # of whom the trail has no refusals yet
    record = door.new(group)
    path = f"{RECORDS}/{record['id']}/"
    assert stranger.call("GET", f"{RECORDS}/018f0000-0000-4000-8000-000000000000/").status_code == 404
    assert stranger.call("DELETE", path).status_code == 404
    template = "/api/{portal}/personal_attributes/{model}/{record_id}"
    wait_for_refusal(house, stranger.email, f"was refused DELETE {template} (not_found)")
    told = [entry["description"] for entry in trail(house, "--action", "access.refused", "--actor", stranger.email)]
    assert not [text for text in told if "was refused GET" in text and "{record_id}" in text]
    assert door.call("DELETE", path).status_code == 204


def test_wrong_passwords_and_keys_tell_and_no_key_does_not(house: House) -> None:
    wrong = {"username": "nobody@example.com", "password": "a wrong password"}
    assert house.nobody.call("POST", "/api/token/", json=wrong).status_code == 400
    # A path that other tests, on whose server this runs, send no wrong key to.
    assert house.nobody.call("GET", f"{RECORDS}/018f0000-0000-4000-8000-000000000000/authgroups/").status_code == 401
    assert house.nobody.call("GET", "users/group/", {"Authorization": "Bearer never-was"}).status_code == 401
    wait_for_refusal(house, "anonymous", "was refused POST /api/token (not_authenticated)")
    wait_for_refusal(house, "anonymous", "(not_authenticated)")
    told = [entry["description"] for entry in trail(house, "--actor", "anonymous")]
    assert not [text for text in told if "{record_id}/authgroups" in text]
