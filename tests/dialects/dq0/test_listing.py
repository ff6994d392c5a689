"""Pages, orders and filters (contract dq0 4.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.dq0.house import Door, House


@pytest.fixture(scope="module")
def door(house: House) -> Door:
    """Someone with three projects."""
    door = house.person("user")
    for name in ("beta", "alpha", "gamma"):
        door.new_project(name)
    return door


def names(door: Door, **query: str) -> list[str]:
    return [item["project_name"] for item in door.ok("GET", "/projects", params=query)["items"]]


def test_pages_are_counted_from_one(door: Door) -> None:
    body = door.ok("GET", "/projects")
    assert {name: body[name] for name in ("total", "page", "page_size")} == {"total": 3, "page": 1, "page_size": 100}
    assert names(door) == ["beta", "alpha", "gamma"]
    assert names(door, page="2", page_size="2") == ["gamma"]
    assert names(door, **{"page": "2", "page-size": "2"}) == ["gamma"]
    assert names(door, page="9") == []
    assert door.ok("GET", "/projects", params={"page_size": "5000"})["page_size"] == 1000


@pytest.mark.parametrize("query", [{"page": "0"}, {"page": "-1"}, {"page_size": "x"}, {"page": "1.5"}])
def test_no_page(query: dict[str, str], door: Door) -> None:
    assert door.refused("GET", "/projects", params=query)[0] == 400


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("project_name", ["alpha", "beta", "gamma"]),
        ("-project_name", ["gamma", "beta", "alpha"]),
        ("project_name desc", ["gamma", "beta", "alpha"]),
        ("project_name ASC", ["alpha", "beta", "gamma"]),
        ("-created_at", ["gamma", "alpha", "beta"]),
        ("created_at, project_name", ["beta", "alpha", "gamma"]),
    ],
)
def test_an_order(order: str, found: list[str], door: Door) -> None:
    assert names(door, order_by=order) == found


@pytest.mark.parametrize("order", ["data_size", "id", "-project_name desc", "project_name; drop", "-"])
def test_no_order(order: str, door: Door) -> None:
    assert door.refused("GET", "/projects", params={"order_by": order})[0] == 400


def test_filters_are_anded(owner: Door, scientist: Door, tmp_path: Path) -> None:
    data, project = owner.new_data(tmp_path), scientist.new_project()
    scientist.ok("POST", f"/projects/{project}/attach", json={"data_name": data["data_name"]})

    def found(**query: str) -> list[str]:
        return [item["data_uuid"] for item in scientist.ok("GET", "/data", params=query)["items"]]

    uuid = data["data_uuid"]
    assert found(project_uuid=project) == [uuid]
    assert found(project_uuid=project, user_id=str(owner.number)) == [uuid]
    assert found(project_uuid=project, user_id=str(scientist.number)) == []
    assert found(project_uuid=project, commit_uuid=uuid) == []
    assert uuid in found(project_uuid="", user_id="", commit_uuid="")
    assert found(user_id="999999999") == []
    assert scientist.refused("GET", "/data", params={"project_uuid": "none"})[0] == 400


def test_what_is_printed_wrongly_in_the_reference_lists(house: House) -> None:
    """A GET with a body that would change something (contract dq0 4.3)."""
    for path in ("/groups", "/roles", "/actions", "/users", "/projects"):
        body = house.admin.ok("GET", path, json={"group_id": 1, "role_id": 1, "permission": 4})
        assert set(body) == {"total", "page", "page_size", "items"}
