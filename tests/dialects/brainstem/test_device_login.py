"""``brainstem login`` of release 2.0.0, unchanged; somebody approves or denies in the browser that it opens."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from tests.dialects.brainstem.clients import command
from tests.dialects.brainstem.house import House
from tests.dialects.ubiops.people import PASSWORD

PERSON = """
import sys
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

email, password, decision, address = sys.argv[1:]
given = {"session": parse_qs(urlsplit(address).query)["session"][0]}
given |= {"email": email, "password": password, "decision": decision}
page = address.partition("?")[0]
browser = build_opener(ProxyHandler({}))
assert b"brainstem-python" in browser.open(address).read()
browser.open(page, urlencode(given).encode()).read()
"""


def browser(folder: Path, email: str, decision: str) -> str:
    """What stands in the variable BROWSER so that the page that is opened in it is decided at once."""
    program = folder / "person.py"
    program.write_text(PERSON)
    return f"{shlex.join([sys.executable, str(program), email, PASSWORD, decision])} %s"


def test_the_command_signs_in(house: House, tmp_path: Path) -> None:
    person = house.person()
    record = person.new(person.new_group())
    done = command(tmp_path, "login", "--url", person.url, BROWSER=browser(tmp_path, person.email, "approve"))
    assert done.returncode == 0, done.stderr
    kept = tmp_path / ".config/brainstem/token"
    assert f"Token: {kept.read_text()}" in done.stdout
    assert kept.read_text() != person.key
    listed = command(tmp_path, "load", "datastorage", "--url", person.url)
    assert listed.returncode == 0, listed.stderr
    assert [item["id"] for item in json.loads(listed.stdout)["datastorages"]] == [record["id"]]


def test_the_command_is_denied(house: House, tmp_path: Path) -> None:
    person = house.person()
    done = command(tmp_path, "login", "--url", person.url, BROWSER=browser(tmp_path, person.email, "deny"))
    assert done.returncode == 1
    assert "Authorization failed: access_denied" in done.stderr
    assert not (tmp_path / ".config/brainstem/token").exists()
