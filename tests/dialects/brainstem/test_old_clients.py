"""What revisions of the client that no package index has put on the wire, byte for byte where it matters (contract
brainstem 3, 12): each as a table of calls, in order, with what they read of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.dialects.brainstem.house import Door, House
from tests.dialects.ubiops.people import PASSWORD

Read = Callable[[requests.Response], bool]


@dataclass(frozen=True)
class Client:
    """One revision. ``sign_in`` is where it takes an e-mail and a password, ``headers`` what it sends there."""

    name: str
    prefix: str
    sign_in: str
    scheme: str
    detail_slash: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


JSON = {"accept": "application/json", "Content-Type": "application/json"}
CLIENTS = (
    Client("a74995c", "/rest", "/api-token-auth/", "Token", "", JSON),
    Client("f2fc855", "/rest", "/api-token-auth/", "Token", "/", JSON),
    Client("3b5cd24", "/api", "/api/token/", "Bearer", "/", JSON),
    Client("2b28c0b", "/api", "/api/token/", "Bearer", "/", JSON),
    Client("MATLAB 3bb6848", "/api", "/api/token/", "Bearer", "/", {**JSON, "Authorization": ""}),
)


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_the_story_of_a_revision(house: House, client: Client) -> None:
    person = house.person()
    group = person.new_group()
    token = sign_in(house, client, person)
    bare = Door(person.url, person.email, "", house.session)
    sent = {"Authorization": f"{client.scheme} {token}", "Accept": "*/*"}
    base = f"{client.prefix}/private/personal_attributes/datarepository/"

    def call(method: str, path: str, status: int, body: object = None) -> requests.Response:
        more: dict[str, Any] = {} if body is None else {"data": json.dumps(body), "headers": {**sent, **JSON}}
        answer = bare.call(method, path, **{"headers": sent, **more})
        assert answer.status_code == status, answer.text
        return answer

    assert call("GET", base, 200).json()["data_repositories"] == []
    made = call("POST", base, 201, {"name": "Peters NAS", "authgroups": [group]}).json()["data_repository"]
    assert (made["name"], made["authgroups"]) == ("Peters NAS", [group])
    query = "?filter%7Bname.icontains%7D=Pe&sort%5B%5D=-name&include%5B%5D=authgroups.*"
    filtered = call("GET", base + query, 200).json()
    assert (filtered["data_repositories"], filtered["groups"][0]["id"]) == ([made], group)
    one = f"{base}{made['id']}"
    assert call("GET", one + client.detail_slash, 200).json() == {"data_repository": made}
    changed = call("PATCH", f"{one}/", 200, {"description": "new"}).json()["data_repository"]
    assert changed == {**made, "description": "new"}
    assert call("PUT", f"{one}/", 200, {**made, "authgroups": group}).json()["data_repository"] == made
    assert call("POST", base, 400, {"name": "x" * 101, "authgroups": [group]}).json() == {
        "name": ["Ensure this field has no more than 100 characters."]
    }
    # Each unconditional .json() finds JSON, but after a deletion, whose answer is handed out as it is.
    assert call("DELETE", f"{one}/", 204).content == b""
    assert call("GET", one + client.detail_slash, 404).json() == {"detail": "Not found."}
    assert call("GET", f"{one}/accept", 404).json() == {"detail": "Not found."}


def sign_in(house: House, client: Client, person: Door) -> str:
    """The token, read as the revision reads it: without a look at the status."""
    body = {"username": person.email, "password": PASSWORD}
    bare = Door(person.url, person.email, "", house.session)
    answer = bare.call("POST", client.sign_in, client.headers, data=json.dumps(body))
    assert answer.status_code == 200, answer.text
    token = str(answer.json()["token"])
    assert len(token) == 40
    assert bytes.fromhex(token)
    wrong = bare.call("POST", client.sign_in, client.headers, data=json.dumps({**body, "password": "wrong one"}))
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"non_field_errors": ["Unable to log in with provided credentials."]},
    )
    return token


def test_public_without_a_token(house: House) -> None:
    """2b28c0b on the public portal; newer MATLAB leaves the header out there (contract brainstem 5)."""
    owner = house.person()
    made = owner.new(owner.new_group(), is_public=True)
    path = f"/api/public/personal_attributes/datarepository/?filter{{id}}={made['id']}"
    for headers in ({}, {"Authorization": "Bearer none"}):
        answer = house.nobody.call("GET", path, headers)
        assert answer.json()["data_repositories"] == [made]
