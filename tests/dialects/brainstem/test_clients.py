"""The releases of brainstem-python-api-tools, unchanged, against a real server (contract brainstem 12, 13)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.brainstem.clients import LOCKS, RELEASES, command, script
from tests.dialects.brainstem.house import RECORDS, Door, House
from tests.dialects.ubiops.people import PASSWORD

STORY_OF_0 = """
from brainstem_api_tools import BrainstemClient, brainstem_api_client as module
import builtins
import requests

# Their address is a constant that the constructor already signs in with.
post = requests.post
requests.post = lambda url, **more: post(url.replace("https://www.brainstem.org/", given["url"]), **more)
builtins.input = lambda prompt: given["email"]
module.getpass = lambda prompt: given["password"]
client = BrainstemClient()
client._address = given["url"] + "api/"
again = BrainstemClient(token=client._token)
again._address = client._address

told = {"token": client._token}
made = client.save_model("datastorage", data={"name": "From 0.x", "data_protocols": [{"protocol": "NAS"}]})
told["made"] = [made.status_code, made.json()]
id = made.json()["datastorage"]["id"]
told["listed"] = again.load_model("datastorage").json()
filters = {"name.icontains": "FROM 0", "is_public": "0"}
told["filtered"] = client.load_model("datastorage", filters=filters, sort=["-name"], include=["authgroups"]).json()
told["one"] = client.load_model("datastorage", id=id).json()
changed = client.save_model("datastorage", id=id, data={"description": "changed"})
told["changed"] = [changed.status_code, changed.json()]
told["public"] = client.load_model("datastorage", portal="public", id=id).status_code
told["groups"] = client.load_model("group").json()
told["gone"] = client.delete_model("datastorage", id=id).status_code
told["lost"] = [client.load_model("datastorage", id=id).status_code]
try:
    builtins.input = lambda prompt: "nobody@example.com"
    BrainstemClient()
except module.LoginError as error:
    told["refused"] = str(error)
print(json.dumps(told))
"""
STORY_OF_2 = """
from brainstem_api_tools import BrainstemClient

with BrainstemClient(token=given["token"], url=given["url"]) as client:
    told = {}
    data = {"name": "From 2.0 & more", "data_protocols": [], "location": "here"}
    made = client.save("datastorage", data=data)
    told["made"] = [made.status_code, made.json()]
    id = made.json()["datastorage"]["id"]
    filters = {"name": "From 2.0 & more", "location.startswith": "h"}
    answer = client.load("datastorage", filters=filters, sort=["-name", "id"], include=["authgroups"], limit=5)
    told["filtered"] = answer.json()
    told["one"] = client.load("datastorage", id=id).json()
    changed = client.save("datastorage", id=id, data={"is_public": True})
    told["changed"] = [changed.status_code, changed.json()]
    told["public"] = client.load("datastorage", portal="public", id=id).status_code
    told["super"] = client.load("datastorage", portal="super").status_code
    told["gone"] = client.delete("datastorage", id=id).status_code
    told["lost"] = [client.load("datastorage", id=id).status_code, client.load("datastorage", id=id).json()]
    group = client.save("group", data={"name": given["group"]}).json()["group"]
    told["group"] = group
    told["renamed"] = client.save("group", id=group["id"] and str(group["id"]), data={"users": {}}).status_code
    told["invitations"] = client.load("group_membership_invitation").json()
    told["requests"] = client.load("group_membership_request", load_all=True)
    told["ungrouped"] = client.delete("group", id=str(group["id"])).status_code
print(json.dumps(told))
"""
LOAD_ALL = """
from brainstem_api_tools import BrainstemClient

with BrainstemClient(token=given["token"], url=given["url"]) as client:
    told = [client.load("datastorage", load_all=True, **more) for more in given["calls"]]
print(json.dumps(told))
"""


def test_releases_are_pinned_by_hash_without_addresses() -> None:
    assert sorted(path.stem for path in LOCKS.glob("*.lock")) == sorted(RELEASES)
    for path in LOCKS.glob("*.lock"):
        entries = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        assert [entry.split()[0] for entry in entries] == [f"brainstem-python-api-tools=={path.stem}"]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entries[0])
        assert "://" not in entries[0]


@pytest.mark.parametrize("release", ["0.1.0", "0.2.0"])
def test_the_story_of_0(house: House, tmp_path: Path, release: str) -> None:
    """Sign-in by password, then every verb, with the address changed as contract brainstem 12 says."""
    person = house.person()
    group = person.new_group()
    person.new(group, name="Before")
    given = {"url": f"{person.url}/", "email": person.email, "password": PASSWORD}
    told: dict[str, Any] = script(release, tmp_path, STORY_OF_0, given)
    assert told["token"] == person.key
    status, made = told["made"]
    assert (status, made["datastorage"]["data_protocols_json"]) == (201, [{"protocol": "NAS"}])
    assert [record["name"] for record in told["listed"]["datastorages"]] == ["Before", "From 0.x"]
    assert [record["name"] for record in told["filtered"]["datastorages"]] == ["From 0.x"]
    assert [item["id"] for item in told["filtered"]["groups"]] == [group]
    assert told["one"] == made
    assert told["changed"] == [200, {"datastorage": {**made["datastorage"], "description": "changed"}}]
    assert told["groups"]["groups"][0]["users"] == {person.email: {"is_manager": True, "is_owner": True}}
    assert (told["public"], told["gone"], told["lost"]) == (404, 204, [404])
    assert "incorrect" in told["refused"]


def test_the_story_of_2(house: House, tmp_path: Path) -> None:
    person = house.person()
    group = person.new_group()
    given = {"url": person.url, "token": person.key, "group": f"client {person.email}"}
    told: dict[str, Any] = script("2.0.0", tmp_path, STORY_OF_2, given)
    status, made = told["made"]
    record = made["datastorage"]
    assert (status, record["name"], record["location"]) == (201, "From 2.0 & more", "here")
    assert told["filtered"]["datastorages"] == [{**record, "authgroups": [group]}]
    assert told["one"] == made
    assert told["changed"] == [200, {"datastorage": {**record, "is_public": True}}]
    assert (told["public"], told["super"], told["gone"]) == (200, 403, 204)
    assert told["lost"] == [404, {"detail": "Not found."}]
    assert told["group"]["users"] == {person.email: {"is_manager": True, "is_owner": True}}
    assert (told["renamed"], told["ungrouped"]) == (200, 204)
    assert told["invitations"]["group_membership_invitations"] == []
    assert told["requests"]["group_membership_requests"] == []


def test_load_all_brings_each_record_once_and_ends(house: House, tmp_path: Path) -> None:
    """250 records over three pages (contract brainstem 13)."""
    person = house.person()
    group = person.new_group()
    made = [person.new(group, name=f"Record {number % 7}")["id"] for number in range(250)]
    calls = [{}, {"limit": 30}, {"filters": {"name.endswith": "3"}}, {"filters": {"name": "none"}}]
    given = {"url": person.url, "token": person.key, "calls": calls}
    every, paged, some, none = script("2.0.0", tmp_path, LOAD_ALL, given)
    assert [record["name"] for record in every["datastorages"]] == sorted(f"Record {n % 7}" for n in range(250))
    for told in (every, paged):
        found = [record["id"] for record in told["datastorages"]]
        assert (len(found), set(found)) == (250, set(made))
    assert (some["count"], len(some["datastorages"])) == (36, 36)
    assert (none["count"], none["datastorages"]) == (0, [])


def test_the_command(house: House, door: Door, group: int, tmp_path: Path) -> None:
    """Its words for the server and the key stand after the subcommand (contract brainstem 12.6)."""
    where = ("--url", door.url, "--token", door.key)
    new = {"name": "From the command", "authgroups": [group]}
    made = command(tmp_path, "save", "datastorage", *where, "--data", json.dumps(new))
    assert made.returncode == 0, made.stderr
    record = json.loads(made.stdout)["datastorage"]
    filters = ("--filters", "name.istartswith=from the", f"id={record['id']}")
    listed = command(tmp_path, "load", "datastorage", *where, *filters, "--sort=-name", "--limit", "3")
    assert json.loads(listed.stdout)["datastorages"] == [record]
    by_environment = command(
        tmp_path, "load", "datastorage", "--url", door.url, "--id", record["id"], BRAINSTEM_API_TOKEN=door.key
    )
    assert json.loads(by_environment.stdout) == {"datastorage": record}
    gone = command(tmp_path, "delete", "datastorage", *where, "--id", record["id"])
    assert (gone.returncode, gone.stdout) == (0, "Deleted successfully.\n")
    missing = command(tmp_path, "load", "datastorage", *where, "--id", record["id"])
    assert (missing.returncode, json.loads(missing.stdout)) == (1, {"detail": "Not found."})
    assert not list(tmp_path.rglob("token"))
    assert door.call("GET", f"{RECORDS}/{record['id']}").status_code == 404
