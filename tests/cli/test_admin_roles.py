"""``quinta admin role`` and ``user forget-devices``, on a data folder without a server."""

from __future__ import annotations

import pytest

from tests.cli.test_admin_clients import Operator


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """With an account of ann."""
    made = Operator(tmp_path_factory.mktemp("roles") / "data")
    made("user", "create", "ann@example.com", "--password", "long enough")
    return made


def test_the_base_roles_are_there_before_a_server_was(operator: Operator) -> None:
    listed = [(row["number"], row["name"], row["level"]) for row in operator("role", "list")]
    assert listed == [(1, "admin", 0), (2, "owner", 0), (3, "user", 0)]
    assert operator.shows("role", "list")[0].split() == ["number", "name", "level"]


def test_a_role_is_given_and_taken(operator: Operator) -> None:
    for _ in range(2):
        assert operator("role", "give", "owner", "Ann@example.com") == {"role": "owner", "given": "Ann@example.com"}
    assert operator("role", "take", "owner", "ann@example.com") == {"role": "owner", "taken": "ann@example.com"}
    said = [entry["description"] for entry in operator("audit", "list")[:2]]
    assert said == ["system withdrew role 'owner: ann@example.com'", "system gave role 'owner: ann@example.com'"]
    assert operator.is_refused("role", "give", "boss", "ann@example.com") == "there is no role 'boss'"
    assert operator.is_refused("role", "give", "owner", "eve@example.com") == "there is no user 'eve@example.com'"


def test_devices_are_forgotten(operator: Operator) -> None:
    assert operator("user", "forget-devices", "ann@example.com") == {"email": "ann@example.com", "forgotten": 0}
    assert "there is no user" in operator.is_refused("user", "forget-devices", "eve@example.com")
