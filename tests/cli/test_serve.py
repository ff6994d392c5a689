"""``quinta serve`` as an operator meets it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.serving import RunningServer, serving, start_server


def serve(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quinta", "serve", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment or None)


def test_health_and_measurements(server: RunningServer) -> None:
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/health").json() == {"status": "ok"}
        page = client.get("/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        assert client.get("/nothing").status_code == 404
        assert isinstance(client.get("/nothing").json()["error"], str)


def test_the_first_administrator_is_generated_and_shown_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    nothing = {"QUINTA_ADMIN_TOKEN": "", "QUINTA_ADMIN_PASSWORD": "", "QUINTA_ADMIN_EMAIL": ""}
    with serving(data, nothing, fresh=True) as server:
        shown = {line.partition(": ")[0]: line.partition(": ")[2].strip() for line in server.output if ": " in line}
        with server.client(shown["token (shown once)"]) as client:
            assert client.get("/v2.1/user").json()["email"] == shown["first administrator"]
    with serving(data, nothing, fresh=True) as server:
        assert not [line for line in server.output if "shown once" in line]


def test_a_second_server_on_the_same_folder_is_refused(server: RunningServer) -> None:
    second = serve("--port", "0", "--data", str(server.data))
    assert second.returncode == 1
    assert "another server uses the data folder" in second.stderr


def test_a_port_in_use_and_a_wrong_setting_are_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = serve("--port", port, "--data", str(tmp_path))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    wrong = serve("--port", "0", "--data", str(tmp_path), QUINTA_REQUIRE_SANDBOX="perhaps", PATH="/usr/bin")
    assert (wrong.returncode, wrong.stderr) == (
        1,
        "quinta: QUINTA_REQUIRE_SANDBOX must be true or false, not 'perhaps'\n",
    )


def test_it_stops_cleanly_when_told_to(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", fresh=True)
    assert server.stop() == 0
    assert not [line for line in server.output if "Traceback" in line], "".join(server.output)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("QUINTA_DATABASE_URL", "mysql://user:s3cret@host/x", "no database for 'mysql'"),
        ("QUINTA_DATABASE_URL", "postgresql://user:s3cret@host:port/x", "not a database URL"),
        ("QUINTA_STORAGE_URL", "s3://bucket", "no object store at this URL"),
        ("QUINTA_ADMIN_TOKEN", "short", "a token needs at least 16"),
        ("QUINTA_ADMIN_PASSWORD", "short", "the password needs 8 to 128 characters"),
        ("QUINTA_ADMIN_EMAIL", "nobody", "the email is not an address"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start(tmp_path: Path, setting: str, value: str, sentence: str) -> None:
    refused = serve("--port", "0", "--data", str(tmp_path / "data"), **{"PATH": os.defpath, setting: value})
    assert (refused.returncode, refused.stdout.count("shown once"), refused.stderr.count("\n")) == (1, 0, 1)
    assert sentence in refused.stderr
    assert "s3cret" not in refused.stderr


def test_a_refused_administrator_leaves_nothing_and_the_next_start_makes_one(tmp_path: Path) -> None:
    refused = serve("--port", "0", "--data", str(tmp_path / "data"), PATH=os.defpath, QUINTA_ADMIN_TOKEN="short")
    assert refused.returncode == 1
    with serving(tmp_path / "data", fresh=True) as server, server.client() as client:
        assert client.get("/v2.1/user").status_code == 200


def test_a_data_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    refused = serve("--port", "0", "--data", str(file / "data"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "cannot be used: Not a directory" in refused.stderr


def test_the_data_folder_is_for_the_servers_user_only(server: RunningServer) -> None:
    assert server.data.stat().st_mode & 0o777 == 0o700
