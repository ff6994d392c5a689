"""The operators' words, through the command itself, beside a running server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.serving import ADMIN_EMAIL, RunningServer, serving


def quinta(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quinta", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_key_made_beside_a_running_server_opens_it(server: RunningServer) -> None:
    data = ("--data", str(server.data))
    made = quinta("admin", "user", "create", "ada@example.com", "--password", "long enough", *data, "--output", "json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["email"] == "ada@example.com"
    key = quinta("admin", "key", "create", "--user", "ada@example.com", *data)
    secret = key.stdout.split()[-1]
    with server.client(secret) as client:
        assert client.get("/v2.1/user").json()["email"] == "ada@example.com"
    organization = quinta("admin", "organization", "create", "adas", "--admin", "ada@example.com", *data)
    assert organization.returncode == 0, organization.stderr
    with server.client(secret) as client:
        assert [found["name"] for found in client.get("/v2.1/organizations").json()] == ["adas"]


def test_a_key_is_good_for_what_it_was_made_for(server: RunningServer) -> None:
    data = ("--data", str(server.data))
    assert quinta("admin", "user", "create", "bo@example.com", "--password", "long enough", *data).returncode == 0
    statuses = {}
    for permissions in ("read", "read, deploy", "read,write", "*"):
        made = quinta("admin", "key", "create", "--user", "bo@example.com", "--permissions", permissions, *data)
        assert made.returncode == 0, made.stderr
        with server.client(made.stdout.split()[-1]) as client:
            change = client.patch("/v2.1/user", json={"name": "Bo"})
            statuses[permissions] = (client.get("/v2.1/user").status_code, change.status_code)
    assert statuses == {"read": (200, 403), "read, deploy": (200, 403), "read,write": (200, 200), "*": (200, 200)}
    for wrong in ("admin", "", ","):
        refused = quinta("admin", "key", "create", "--user", "bo@example.com", "--permissions", wrong, *data)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)


def test_a_mistake_is_one_clear_line_and_exit_code_1(server: RunningServer) -> None:
    wrong = quinta("admin", "key", "create", "--user", "nobody@example.com", "--data", str(server.data))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == "quinta: there is no account with the email 'nobody@example.com'\n"


def test_approval_opens_a_waiting_account_within_a_second(tmp_path: Path) -> None:
    with serving(tmp_path / "data", {"QUINTA_ACTIVATE_ACCOUNTS": "false"}) as server, server.client() as client:
        account = {"email": "new@example.com", "password": "long enough", "terms_conditions": True}
        assert client.post("/v2.1/user", json=account).status_code == 201
        sign_in = {"email": "new@example.com", "password": "long enough"}
        assert client.post("/v2.1/authorize", json=sign_in).status_code == 401
        approved = quinta("admin", "user", "approve", "new@example.com", "--data", str(server.data))
        assert approved.returncode == 0, approved.stderr
        deadline = time.monotonic() + 10
        while client.post("/v2.1/authorize", json=sign_in).status_code != 200:
            assert time.monotonic() < deadline


def test_without_a_folder_named_it_works_on_the_one_in_the_home_folder(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [
        sys.executable,
        "-m",
        "quinta",
        "admin",
        "user",
        "create",
        "ada@example.com",
        "--password",
        "long enough",
    ]
    made = subprocess.run(
        command, cwd=elsewhere, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    assert (home / ".local/share/quinta/quinta.db").exists()
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wrong = quinta("admin", "user", "approve", "a@example.com", "--data", str(tmp_path / "file" / "data"))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "Not a directory" in wrong.stderr


def test_an_account_made_before_the_first_start_is_no_administrator(tmp_path: Path) -> None:
    """The first start makes one beside it; with the same e-mail it is refused: nobody knows whose that is."""
    data = ("--data", str(tmp_path / "data"))
    made = quinta("admin", "user", "create", "ada@example.com", "--password", "long enough", *data)
    assert made.returncode == 0, made.stderr
    environment = {**os.environ, "QUINTA_ADMIN_EMAIL": "ada@example.com"}
    command = [sys.executable, "-m", "quinta", "serve", "--port", "0", *data]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "the first administrator (QUINTA_ADMIN_…) cannot be made" in refused.stderr
    with serving(tmp_path / "data") as server, server.client() as client:
        assert client.get("/v2.1/user").json()["email"] == ADMIN_EMAIL
        new = {"name": "plan", "max_projects": 1, "max_users": 1, "logs_retention_days": 1, "gb_seconds": 1}
        assert client.post("/v2.1/subscriptions", json=new | {"resources": 1}).status_code == 201


def test_staff_made_before_the_first_start_is_enough(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    made = quinta("admin", "user", "create", ADMIN_EMAIL, "--password", "long enough", "--staff", *data)
    assert made.returncode == 0, made.stderr
    with serving(tmp_path / "data") as server, server.client() as client:
        assert not [line for line in server.output if "first administrator" in line]
        assert client.get("/v2.1/user").json()["email"] == ADMIN_EMAIL
