"""Who may speak with the gateway, and in which form (contract dq0 1.4 to 1.7, 2.3)."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from quinta.gateway.callers import is_own
from tests.gateway.conftest import House


@pytest.mark.parametrize("path", ["/api/device/version", "/api/device/version/"])
def test_both_forms_of_a_path_are_served_without_a_redirect(house: House, path: str) -> None:
    told = house.told(house.client.get(path))
    assert {"api_version", "cli_version", "architecture", "os", "built"} == set(told)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "localhost", "127.0.0.1:1", ""])
def test_a_foreign_host_is_refused(house: House, host: str) -> None:
    port = house.client.base_url.port
    call = "/api/device/version"
    assert "own address" in house.refused(house.client.get(call, headers={"Host": host.format(port=port)}), 403)
    for own in ("localhost", "127.0.0.1", "LOCALHOST", "[::1]"):
        house.told(house.client.get(call, headers={"Host": f"{own}:{port}"}))


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_pages_of_other_origins_are_refused(house: House, headers: dict[str, str]) -> None:
    assert "other origins" in house.refused(house.client.get("/api/proxies", headers=headers), 403)
    own = {"Origin": f"http://localhost:{house.client.base_url.port}", "Sec-Fetch-Site": "same-origin"}
    house.told(house.client.get("/api/proxies", headers=own))


def test_a_body_must_be_said_to_be_json(house: House) -> None:
    body = b'{"hostname": "127.0.0.1", "port": %d}' % house.port
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = house.client.post("/api/proxies/", content=body, headers={"Content-Type": kind})
        assert "application/json" in house.refused(answer, 415)
    house.told(
        house.client.post("/api/proxies/", content=body, headers={"Content-Type": "application/json; charset=utf-8"})
    )


@pytest.mark.parametrize(
    ("body", "status"), [(b"null", 200), (b"", 200), (b" ", 200), (b"{", 400), (b"[]", 400), (b"3", 400)]
)
def test_null_and_no_body_are_none(inside: House, body: bytes, status: int) -> None:
    uuid = inside.new_project()
    answer = inside.client.post(
        f"/api/projects/{uuid}/deploy/", content=body, headers={"Content-Type": "application/json"}
    )
    inside.told(answer) if status == 200 else inside.refused(answer, status)


@pytest.mark.parametrize("path", ["/", "/data", "/apidata", "/api", "/api/"])
def test_nothing_else_is_served(house: House, path: str) -> None:
    assert "nothing is served" in house.refused(house.client.get(path), 404)


def test_methods_that_nothing_has_are_refused(house: House) -> None:
    house.refused(house.client.request("OPTIONS", "/api/device/version"), 405)
    house.refused(house.client.delete("/api/device/version"), 404)
    assert house.client.head("/api/device/version").status_code == 200


def test_a_body_above_the_limit_is_refused(house: House) -> None:
    answer = house.client.post(
        "/api/proxies", content=b"{}" + b" " * 2**24, headers={"Content-Type": "application/json"}
    )
    assert "larger than" in house.refused(answer, 413)


def test_a_connection_of_another_person_is_found(tmp_path: Path) -> None:
    """As Linux writes them: a socket of this person's, one of somebody else's, and one that its program has closed."""
    client, server = ("127.0.0.1", 0xA001), ("127.0.0.1", 9000)
    line = "  0: 0100007F:A001 0100007F:2328 {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 1\n"
    back = "  1: 0100007F:2328 0100007F:A001 01 00000000:00000000 00:00000000 00000000 {uid:5} 0 1\n"
    own = os.getuid() or 1000

    def says(uid: int, state: str = "01") -> bool:
        table = tmp_path / "tcp"
        table.write_text("header\n" + back.format(uid=own) + line.format(uid=uid, state=state))
        return is_own(client, server, (table,), own)

    assert says(own)
    assert says(0)
    assert not says(own + 1)
    assert not says(0, state="04")
    assert is_own(client, server, (tmp_path / "absent",), own)


def test_a_connection_of_our_own_is_found_in_the_machines_table() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door, socket.create_connection(door.getsockname()) as client:
        assert is_own(client.getsockname(), client.getpeername())
        if Path("/proc/net/tcp").exists():
            assert not is_own(("127.0.0.1", 1), client.getpeername())
