"""Sealed calls: what gateways send, and what nobody else may (contract dq0 2.2, 2.3)."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from quinta.dialects.base.envelope import MEDIA_TYPE, Answer, Opener, PublicKeys, SigningKey, seal_call
from tests.dialects.dq0.house import PREFIX, House, project_zip
from tests.dialects.ubiops.people import PASSWORD, new_email
from tests.dialects.ubiops.waiting import wait_for


@dataclass
class Gateway:
    """One computer's, as it would be between a person and the server. ``seen`` is what went over the wire."""

    house: House
    email: str = field(default_factory=new_email)
    key: SigningKey = field(default_factory=SigningKey.new)
    device: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: str = ""
    seen: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = PublicKeys.parse(self.house.nobody.ok("GET", "/key")["public_key"])

    def seal(self, method: str, path: str, body: bytes = b"", late: float = 0, **more: Any) -> tuple[bytes, Opener]:
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return seal_call(
            self.server,
            more.pop("key", self.key),
            method=method,
            path=path,
            time=time.time() - late,
            device=self.device,
            headers=headers | more.pop("headers", {}),
            body=body,
            user=more.pop("user", self.email),
            **more,
        )

    def send(self, data: bytes) -> requests.Response:
        address = f"{self.house.nobody.server.url}{PREFIX}/sealed"
        answer = self.house.session.post(address, data=data, headers={"Content-Type": MEDIA_TYPE}, timeout=60)
        self.seen += [data, answer.content]
        return answer

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and body of the opened answer."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        data, opener = self.seal(method, path, sent, **more)
        answer = self.opened(self.send(data), opener)
        return answer.status, json.loads(answer.body)

    def opened(self, answer: requests.Response, opener: Opener) -> Answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == MEDIA_TYPE
        return opener.open(answer.content)

    def log_in(self) -> Gateway:
        """Registers, is confirmed and logs in."""
        credentials = {"email": self.email, "password": PASSWORD}
        assert self.ask("POST", "/auth/register", credentials)[0] == 200
        self.house.confirmed(self.email, "user")
        status, body = self.ask("POST", "/auth/login", credentials)
        assert status == 200, body
        self.token = body["token"]
        return self


@pytest.fixture(scope="module")
def gateway(house: House) -> Gateway:
    """Somebody's who is logged in."""
    return Gateway(house).log_in()


def test_the_key_stays(house: House) -> None:
    first, second = (house.nobody.ok("GET", path) for path in ("/key", "/key/"))
    assert first == second
    assert first["fingerprint"] == PublicKeys.parse(first["public_key"]).fingerprint


def test_everything_goes_sealed(gateway: Gateway) -> None:
    word = f"plaintext-{uuid.uuid4().hex}"
    status, made = gateway.ask("POST", "/projects/", {"name": word})
    assert (status, made["project_name"]) == (200, word)
    assert (
        gateway.ask("GET", "/projects", query="order_by=-created_at&page_size=1")[1]["items"][0]["project_name"] == word
    )
    path = f"/projects/{made['project_uuid']}/deploy"
    status, body = gateway.ask("POST", path, project_zip("print(1)\n"), headers={"content-type": "application/zip"})
    assert status == 200, body
    assert gateway.ask("GET", f"/projects/{uuid.uuid4()}")[0] == 404
    assert gateway.ask("GET", "/nothing")[0] == 404
    assert gateway.ask("POST", f"/projects/{made['project_uuid']}/deploy")[0] == 400
    wire = b"".join(gateway.seen)
    for secret in (word, PASSWORD, gateway.token, gateway.email, made["project_uuid"]):
        assert secret.encode() not in wire


def test_a_call_that_comes_twice(gateway: Gateway) -> None:
    data, opener = gateway.seal("GET", "/data")
    assert gateway.opened(gateway.send(data), opener).status == 200
    again = gateway.opened(gateway.send(data), opener)
    assert (again.status, json.loads(again.body)["error"]) == (401, "this sealed call came before: each is taken once")


@pytest.mark.parametrize(("late", "status"), [(110, 200), (-110, 200), (130, 401), (-130, 401)])
def test_a_call_of_another_time(late: float, status: int, gateway: Gateway) -> None:
    assert gateway.ask("GET", "/data", late=late)[0] == status


def test_a_call_that_was_changed_on_its_way(gateway: Gateway) -> None:
    data, _ = gateway.seal("GET", "/data")
    for place in (0, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        answer = gateway.send(bytes(changed))
        assert answer.status_code == 400
        assert set(answer.json()) == {"error"}
    assert gateway.send(b"").status_code == 400


def test_a_key_that_nobody_has(house: House, gateway: Gateway) -> None:
    status, body = gateway.ask("GET", "/data", key=SigningKey.new())
    assert (status, body["error"]) == (401, "no account has the key of this device: log in, or register first")


def test_the_session_of_somebody_else(house: House, gateway: Gateway) -> None:
    """Whoever has stolen a token needs the device's key too, and the other way round."""
    other = Gateway(house).log_in()
    other.token = gateway.token
    assert other.ask("GET", "/data")[0] == 401
    assert gateway.ask("GET", "/data", user=other.email)[0] == 401
    assert gateway.ask("GET", "/data", user="")[0] == 200


def test_another_device_of_the_same_account(house: House) -> None:
    first = Gateway(house).log_in()
    second = Gateway(house, first.email)
    credentials = {"email": first.email, "password": PASSWORD}
    assert second.ask("POST", "/auth/login", credentials)[0] == 403
    assert first.ask("POST", "/auth/login", credentials)[0] == 200


def test_what_is_nothing_to_be_sealed(gateway: Gateway) -> None:
    assert gateway.ask("POST", "/sealed", b"")[0] == 400
    assert gateway.ask("GET", "/key")[0] == 400
    assert gateway.ask("CONNECT", "/data")[0] == 400


def test_a_body_that_is_not_sealed(house: House) -> None:
    assert house.nobody.refused("POST", "/sealed", json={"email": "a"})[0] == 415


def test_refusals_behind_the_door_are_in_the_trail(house: House, gateway: Gateway) -> None:
    assert gateway.ask("GET", "/users")[0] == 403
    template = f"was refused GET {PREFIX}/users (not_permitted)"

    def told() -> bool:
        items = house.admin.ok("GET", "/audits", params={"page_size": "200"})["items"]
        return any(item["actor"] == gateway.email and template in item["description"] for item in items)

    assert wait_for(told, bool)
