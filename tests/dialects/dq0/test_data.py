"""Datasets as their owners and others see them (contract dq0 4.2, 5.5, 5.6, 6.2)."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path

from tests.dialects.dq0.house import Door, House, people_metadata


def test_what_is_the_owners_alone(owner: Door, scientist: Door, tmp_path: Path) -> None:
    data = owner.new_data(tmp_path)
    seen = scientist.ok("GET", f"/data/{data['data_uuid']}")
    assert uuid.UUID(data["data_uuid"]).version == 4
    assert (data["data_size"], seen["data_size"]) == (3, 0)
    assert b"upper: 100" in base64.b64decode(data["data_meta"])
    assert seen["data_meta"] == ""
    assert str(tmp_path) not in str(seen)
    assert (data["privacy_budget"], data["data_usage"]) == (100, 0.0)
    assert (seen["data_description"], seen["data_type"]) == ("people who buy", "csv")
    assert seen["data_permissions"] == ["meta", "read", "types"]
    assert (seen["user_id"], seen["user_name"]) == (owner.number, owner.email)
    assert scientist.refused("GET", f"/data/{data['data_uuid']}/sample")[0] == 403


def test_who_may_not(house: House, owner: Door, scientist: Door, tmp_path: Path) -> None:
    data, stranger = owner.new_data(tmp_path), house.person()
    path, meta = f"/data/{data['data_uuid']}", {"meta": people_metadata("x", "/nowhere.csv", 1)}
    assert scientist.refused("POST", "/data", json=meta)[0] == 403
    assert scientist.refused("PATCH", path, json=meta)[0] == 403
    assert scientist.refused("DELETE", path)[0] == 403
    assert scientist.refused("POST", "/privacy/budgets", json={"data_uuid": data["data_uuid"], "current": 1})[0] == 403
    assert stranger.refused("GET", path)[0] == 404
    assert stranger.ok("GET", "/data")["items"] == []


def test_metadata_that_cannot_be_taken(owner: Door, tmp_path: Path) -> None:
    assert owner.refused("POST", "/data", json={"meta": "a: [b"})[0] == 422
    missing = people_metadata("missing", tmp_path / "none.csv", 1)
    assert owner.refused("POST", "/data", json={"meta": missing})[0] == 422
    assert owner.refused("POST", "/data", json={})[0] == 400
    data = owner.new_data(tmp_path)
    taken = people_metadata(data["data_name"], tmp_path / f"{data['data_name']}.csv", 1)
    assert owner.refused("POST", "/data", json={"meta": taken})[0] == 409


def test_a_budget(owner: Door, scientist: Door, tmp_path: Path) -> None:
    data = owner.new_data(tmp_path)
    sent = {"data_id": data["data_id"], "data_name": data["data_name"], "current": 25.5}
    assert owner.ok("POST", "/privacy/budgets", json=sent) == {}
    (item,) = scientist.ok("GET", "/privacy/budgets", params={"data_id": str(data["data_id"])})["items"]
    assert (item["initial"], item["current"]) == (100.0, 25.5)
    seen = scientist.ok("GET", f"/data/{data['data_uuid']}")
    assert (seen["privacy_budget"], seen["data_usage"]) == (25, 74.5)
    assert owner.refused("POST", "/privacy/budgets", json=sent | {"current": "much"})[0] == 400
    assert owner.refused("POST", "/privacy/budgets", json=sent | {"data_name": "another"})[0] in (400, 404)


def test_masks_and_thresholds_of_others(house: House, owner: Door, scientist: Door, tmp_path: Path) -> None:
    data, other = owner.new_data(tmp_path)["data_uuid"], house.person("user")
    for door, column in ((scientist, "age"), (other, "id")):
        mask = {"data_uuid": data, "user_email": door.email, "mask_data": {"public": column, "private": []}}
        assert owner.ok("POST", "/privacy/masks", json=mask) == {}
        threshold = {"data_uuid": data, "user_id": door.number, "field": column, "threshold": 7}
        assert owner.ok("POST", "/privacy/thresholds", json=threshold) == {}
    for path in ("/privacy/masks", "/privacy/thresholds"):
        all_of_them = owner.ok("GET", path, params={"data_uuid": data})["items"]
        assert {item["user_email"] for item in all_of_them} == {scientist.email, other.email}
        (own,) = scientist.ok("GET", path, params={"data_uuid": data})["items"]
        assert (own["user_id"], own["user_email"]) == (scientist.number, scientist.email)
    (mask,) = other.ok("GET", "/privacy/masks", params={"data_uuid": data})["items"]
    assert (mask["hidden"], mask["private"], mask["public"]) == ("", "", "id")
    assert owner.refused("POST", "/privacy/masks", json={"data_uuid": data, "mask_data": {"secret": "a"}})[0] == 400


def test_attaching_twice_is_no_error(owner: Door, scientist: Door, tmp_path: Path) -> None:
    data, project = owner.new_data(tmp_path), scientist.new_project()
    named = {"data_uuid": data["data_uuid"], "data_name": data["data_name"]}
    texts = [scientist.ok("POST", f"/projects/{project}/attach", json=named)["message"] for _ in range(2)]
    assert texts == ["successfully attached data to project", "data is already attached to project"]
    info = scientist.ok("GET", f"/projects/{project}")
    assert (info["data_uuid"], info["data_name"]) == (data["data_uuid"], data["data_name"])
    assert info["datasets"] == {data["data_name"]: data["data_uuid"]}
    texts = [scientist.ok("POST", f"/projects/{project}/detach", json=named)["message"] for _ in range(2)]
    assert texts == ["successfully detached data from project", "data is not attached to project"]
    assert scientist.ok("GET", f"/projects/{project}")["datasets"] == {}
