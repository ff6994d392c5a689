"""Ways to servers, and what of them is believed (contract dq0 2.2, 2.3; acceptance 8)."""

from __future__ import annotations

import json

import pytest

from quinta.dialects.base.envelope import ServerKeys
from tests.gateway.conftest import EMAIL, House
from tests.gateway.quarantine import PASSWORD, Quarantine


def test_a_proxy_is_added_listed_switched_and_removed(house: House) -> None:
    assert house.refused(house.client.get("/api/proxies/current"), 404)
    first = house.add_proxy()
    assert first["active"] is True
    assert first["public_key"] == house.server.keys.public.text
    assert house.server.keys.public.fingerprint in first["message"]
    with Quarantine().served() as port:
        second = house.told(house.post("proxies", {"hostname": "127.0.0.1", "port": port}))
    assert second["active"] is False
    listed = house.told(house.client.get("/api/proxies"))
    assert [item["id"] for item in listed["items"]] == [first["id"], second["id"]]
    assert {name: listed[name] for name in ("total", "page")} == {"total": 2, "page": 1}
    assert set(listed["items"][0]) >= {
        "active",
        "email_address",
        "hostname",
        "port",
        "request_uri",
        "scheme",
        "session_key",
    }

    house.told(house.post(f"proxies/{second['id']}/activate"))
    assert house.told(house.client.get("/api/proxies/current/"))["id"] == second["id"]
    house.told(house.client.delete(f"/api/proxies/{second['id']}"))
    assert house.refused(house.client.get(f"/api/proxies/{second['id']}"), 404)
    assert house.refused(house.client.get("/api/proxies/current"), 404)
    assert "no active proxy" in house.refused(house.client.get("/api/data"), 401)
    house.told(house.post(f"proxies/{first['id']}/activate"))


@pytest.mark.parametrize(
    "change",
    [
        {"hostname": ""},
        {"hostname": "a b"},
        {"hostname": "user@host"},
        {"port": 0.5},
        {"port": 70_000},
        {"port": "80"},
        {"scheme": "ftp"},
        {"request_uri": "/../x y"},
        {"hostname": 3},
    ],
)
def test_an_address_that_is_none_is_refused(house: House, change: dict[str, object]) -> None:
    right = {"hostname": "127.0.0.1", "port": house.port, "scheme": "http", "request_uri": ""}
    house.refused(house.post("proxies", {**right, **change}), 400)
    house.told(house.post("proxies", right))
    assert "already" in house.refused(house.post("proxies", right), 409)


def test_a_server_that_is_none_is_not_added(house: House) -> None:
    values = {"hostname": "127.0.0.1", "port": house.port}
    assert "no DQ0 server" in house.refused(house.post("proxies", {**values, "request_uri": "/sealed"}), 502)
    with Quarantine().served() as port:
        pass
    assert "cannot be reached" in house.refused(house.post("proxies", {**values, "port": port}), 502)
    house.told(house.post("proxies", values))


def test_a_key_from_elsewhere_is_compared(house: House) -> None:
    values = {"hostname": "127.0.0.1", "port": house.port}
    other = ServerKeys.new().public.text
    assert "another key" in house.refused(house.post("proxies", {**values, "public_key": other}), 409)
    house.told(house.post("proxies", {**values, "public_key": house.server.keys.public.text}))


def test_nothing_can_be_read_between_gateway_and_server(inside: House) -> None:
    inside.new_project("secretplans")
    inside.told(inside.client.get("/api/data"))
    session = next(iter(inside.server.sessions))
    wire = b"".join(inside.server.wire)
    for secret in (EMAIL, PASSWORD, session, "secretplans", "census", "auth/login", "project_uuid"):
        assert secret.encode() not in wire
    assert any(call.path == "/auth/login" for call in inside.server.calls)


def test_a_server_with_another_key_gets_nothing(inside: House) -> None:
    pinned, inside.server.keys = inside.server.keys, ServerKeys.new()
    seen = len(inside.server.calls)
    assert "another key than when the proxy was added" in inside.refused(inside.client.get("/api/data"), 502)
    assert len(inside.server.calls) == seen
    inside.server.keys = pinned
    inside.told(inside.client.get("/api/data"))


@pytest.mark.parametrize("body", [json.dumps({"items": []}).encode(), b"<html>hello</html>", b""])
def test_an_answer_that_is_not_sealed_is_not_believed(inside: House, body: bytes) -> None:
    inside.server.instead = (200, body)
    assert "did not take the sealed call" in inside.refused(inside.client.get("/api/data"), 502)
    inside.server.instead = None
    inside.told(inside.client.get("/api/data"))


def test_an_answer_that_was_recorded_is_none_to_the_next_call(inside: House) -> None:
    inside.told(inside.client.get("/api/data"))
    inside.server.instead = (200, inside.server.wire[-1])
    assert "did not take" in inside.refused(inside.client.get("/api/data"), 502)


def test_no_call_is_sent_twice_alike(inside: House) -> None:
    inside.told(inside.client.get("/api/data"))
    inside.told(inside.client.get("/api/data"))
    nonces = [call.nonce for call in inside.server.calls]
    assert len(set(nonces)) == len(nonces)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ((409, b'{"error": "taken"}'), 409, "taken"),
        ((404, b'{"detail": "x"}'), 404, "refused the call with 404"),
        ((500, b"oh"), 500, "refused the call with 500"),
        ((400, b'{"error": ""}'), 400, "refused the call with 400"),
        ((401, b'{"error": "expired"}'), 401, "expired; please run 'dq0 user login'"),
        ((200, b"[1]"), 502, "no JSON object"),
        ((200, b""), 502, "no JSON object"),
    ],
)
def test_every_failure_of_the_server_has_an_error(
    inside: House, answer: tuple[int, bytes], status: int, said: str
) -> None:
    inside.server.failing = answer
    assert said in inside.refused(inside.client.get("/api/models//predict/"), status)
    assert inside.server.calls[-1].path == "/models//predict"
    inside.server.failing = (200, b'{"fine": true}')
    assert inside.told(inside.client.get("/api/anything")) == {"fine": True}


def test_a_call_goes_on_as_it_came(inside: House) -> None:
    inside.server.failing = (200, b"{}")
    inside.told(inside.client.request("PATCH", "/api/models/7/?a=1&b=%20c", json={"model_name": "x"}))
    call = inside.server.calls[-1]
    assert (call.method, call.path, call.query) == ("PATCH", "/models/7", "a=1&b=%20c")
    assert json.loads(call.body) == {"model_name": "x"}
    assert call.user == EMAIL
