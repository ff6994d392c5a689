"""``quinta admin group``, on a data folder without a server."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.cli.test_admin_clients import Operator, say


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """With accounts of ann, bob and eve."""
    made = Operator(tmp_path_factory.mktemp("groups") / "data")
    for name in ("ann", "bob", "eve"):
        made("user", "create", f"{name}@example.com", "--password", "long enough")
    return made


def test_the_number_is_printed_last(operator: Operator) -> None:
    printed = operator.shows("group", "create", "Petersen Lab", "--owner", "ann@example.com")
    number = int(printed[-1].split()[-1])
    assert printed == [
        "name     Petersen Lab",
        "members  ann@example.com (owner)",
        f"number   {number}",
    ]
    assert operator("group", "list")[-1]["number"] == number
    again = operator.is_refused("group", "create", "Petersen Lab", "--owner", "bob@example.com")
    assert again == "there is a group named 'Petersen Lab' already"


def test_who_is_put_in_is_in(operator: Operator) -> None:
    made = operator("group", "create", "in and out", "--owner", "ann@example.com")
    number = str(made["number"])
    assert operator("group", "add", number, "Bob@example.com")["members"] == {
        "ann@example.com": "owner",
        "bob@example.com": "member",
    }
    for level in ("contributor", "manager", "owner", "member"):
        added = operator("group", "add", number, "bob@example.com", "--level", level)
        assert added["members"]["bob@example.com"] == level
    last = operator.is_refused("group", "add", number, "ann@example.com", "--level", "member")
    assert "would be left without an owner" in last
    assert last == operator.is_refused("group", "remove", number, "ann@example.com")
    assert operator("group", "remove", number, "bob@example.com")["members"] == {"ann@example.com": "owner"}
    assert "not in the group" in operator.is_refused("group", "remove", number, "bob@example.com")
    assert operator("group", "delete", number) == {"deleted": made["number"]}
    assert made["number"] not in [row["number"] for row in operator("group", "list")]
    assert operator("group", "create", "after", "--owner", "ann@example.com")["number"] > made["number"]


def test_a_list_is_a_table(operator: Operator) -> None:
    number = operator("group", "create", "Zu zweit", "--owner", "eve@example.com")["number"]
    operator("group", "add", str(number), "bob@example.com", "--level", "manager")
    header, *rows = operator.shows("group", "list")
    assert header.split() == ["number", "name", "members"]
    members = "bob@example.com (manager), eve@example.com (owner)"
    assert " ".join(rows[-1].split()) == f"{number} Zu zweit {members}"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("create", "", "--owner", "ann@example.com"), "'' cannot be the name of a group"),
        (("create", "New", "--owner", "no@example.com"), "there is no account with the email 'no@example.com'"),
        (("add", "999", "ann@example.com"), "there is no group with the number 999"),
        (("remove", "999", "ann@example.com"), "there is no group with the number 999"),
        (("delete", str(2**70)), f"there is no group with the number {2**70}"),
    ],
)
def test_a_mistake_is_one_clear_line(operator: Operator, words: Sequence[str], line: str) -> None:
    assert line in operator.is_refused("group", *words)


def test_only_accounts_are_in_groups(operator: Operator) -> None:
    number = str(operator("group", "create", "of accounts", "--owner", "ann@example.com")["number"])
    for word in ("add", "remove"):
        refused = operator.is_refused("group", word, number, "no@example.com")
        assert refused == "no person here has an account with the e-mail 'no@example.com'"


def test_a_level_is_one_of_four(operator: Operator) -> None:
    said = say("group", "add", "1", "ann@example.com", "--level", "administrator")
    assert said.exit_code == 2
    assert "'member', 'contributor', 'manager', 'owner'" in " ".join(said.stderr.replace("│", "").split())
