"""People at this computer, and what it keeps of them (contract dq0 2.2, 9.16)."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from quinta.gateway.calls import GatewayFailure
from quinta.gateway.state import StateFolder
from tests.gateway.conftest import EMAIL, House
from tests.gateway.quarantine import PASSWORD

CREDENTIALS = {"email": EMAIL, "password": PASSWORD}


@pytest.mark.parametrize("noun", ["auth", "users"])
def test_registering_confirming_logging_in_and_out(house: House, noun: str) -> None:
    house.add_proxy()
    assert EMAIL in house.told(house.post(f"{noun}/register", CREDENTIALS))["message"]
    assert "waits for an administrator" in house.refused(house.post(f"{noun}/login", CREDENTIALS), 403)
    assert "dq0 user login" in house.refused(house.client.get(f"/api/{noun}/session"), 401)
    house.server.confirm(EMAIL)
    token = house.told(house.post(f"{noun}/login", CREDENTIALS))["token"]
    assert house.told(house.client.get(f"/api/{noun}/session/"))["token"] == token
    assert {call.signer for call in house.server.calls} == {house.server.signers[EMAIL]}
    assert {call.device for call in house.server.calls} == {house.gateway.memory.read().device}

    shown = house.told(house.client.get("/api/proxies/current"))
    assert shown["email_address"] == EMAIL
    assert shown["session_key"]
    assert shown["session_key"] not in token
    house.told(house.post(f"{noun}/logout"))
    assert house.server.sessions == {}
    assert "not logged in" in house.refused(house.client.get("/api/data"), 401)
    assert "not logged in" in house.refused(house.post(f"{noun}/logout"), 401)


def test_logging_out_forgets_the_session_also_where_the_server_is_gone(inside: House) -> None:
    inside.server.instead = (503, b"")
    assert "logged out" in inside.told(inside.post("auth/logout"))["message"]
    inside.refused(inside.client.get("/api/auth/session"), 401)


def test_a_wrong_password_changes_nothing(inside: House) -> None:
    token = inside.told(inside.client.get("/api/auth/session"))["token"]
    inside.refused(inside.post("auth/login", {**CREDENTIALS, "password": "wrong"}), 401)
    assert inside.told(inside.client.get("/api/auth/session"))["token"] == token


@pytest.mark.parametrize("values", [{}, {"email": EMAIL}, {"password": PASSWORD}, {"email": 3, "password": PASSWORD}])
def test_credentials_must_be_there(house: House, values: dict[str, object]) -> None:
    house.add_proxy()
    house.refused(house.post("auth/login", values), 400)
    assert house.server.calls == []


def test_without_a_proxy_nobody_logs_in(house: House) -> None:
    assert "dq0 proxy add" in house.refused(house.post("auth/login", CREDENTIALS), 401)


def test_two_people_have_two_keys(inside: House) -> None:
    inside.told(inside.post("auth/register", {"email": "bob@example.com", "password": PASSWORD}))
    assert len(set(inside.server.signers.values())) == 2
    inside.told(inside.client.get("/api/data"))  # ann's session goes on


def test_nobody_else_can_read_the_folder(inside: House) -> None:
    folder = inside.gateway.memory.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert {file.name for file in files} == {"state.json", "lock"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    folder.chmod(0o755)
    inside.gateway.memory.read()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_damaged_memory_says_so(inside: House) -> None:
    file = inside.gateway.memory.folder / "state.json"
    good = file.read_text()
    for bad in ("{", "[]", '{"device": 3}', good.replace("hostname", "hostnome")):
        file.write_text(bad)
        assert "state.json is damaged" in inside.refused(inside.client.get("/api/data"), 500)
    file.write_text(good)
    inside.told(inside.client.get("/api/data"))


def test_what_several_change_at_once_is_all_kept(inside: House) -> None:
    folder = inside.gateway.memory.folder

    def add(number: int) -> None:
        with StateFolder(folder).change() as state:
            state.proxies[1].keys[str(number)] = "x"

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(40)))
    assert len(StateFolder(folder).read().proxies[1].keys) == 41


def test_a_change_that_fails_is_none(inside: House) -> None:
    memory = inside.gateway.memory

    def spoil() -> None:
        with memory.change() as state:
            state.proxies.clear()
            raise GatewayFailure(400, "no")

    with pytest.raises(GatewayFailure):
        spoil()
    assert memory.read().proxies
