"""``quinta audit`` beside a running server, and on a trail that somebody had a hand in (decision 0024)."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from quinta.cli.quinta import app
from tests.dialects.ubiops.waiting import wait_for
from tests.models import new_project
from tests.serving import ADMIN_EMAIL, RunningServer, serving

WRONG = {"email": ADMIN_EMAIL, "password": "a wrong password"}


def quinta(*words: str) -> Result:
    """The command in a thread of this process: starting another one takes seconds."""
    with ThreadPoolExecutor(1) as thread:  # a loop of its own, that no other test's is in the way of
        return thread.submit(CliRunner().invoke, app, words).result()


def listed(data: Path, *words: str) -> list[dict[str, Any]]:
    run = quinta("admin", "audit", "list", *words, "--data", str(data), "--output", "json")
    assert run.exit_code == 0, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def test_operators_list_what_happened_and_who_was_refused(server: RunningServer) -> None:
    with server.client() as client, server.client("never-was") as unknown:
        project = new_project(client)
        assert unknown.get("/v2.1/user").status_code == 401
        assert unknown.get("/metrics").status_code == 401
        assert client.post("/v2.1/authorize", json=WRONG).status_code == 401
    found = listed(server.data, "--project", project, "--actor", ADMIN_EMAIL, "--action", "project.created")
    assert [entry["description"] for entry in found] == [f"{ADMIN_EMAIL} created project '{project}'"]
    assert set(found[0]) >= {"actor", "action", "description", "time", "organization_id", "digest"}
    said = [
        f"anonymous was refused {call} (not_authenticated)"
        for call in ("GET /v2.1/user", "GET /metrics", "POST /v2.1/authorize")
    ]
    wait_for(  # other tests' refusals are there too, and equal ones at once are one entry with a count
        lambda: [entry["description"] for entry in listed(server.data, "--action", "access.refused")],
        lambda told: all(any(text.startswith(call) for text in told) for call in said),
    )
    assert len(listed(server.data, "--limit", "1")) == 1
    table = quinta("admin", "audit", "list", "--project", project, "--data", str(server.data))
    assert table.stdout.split()[:4] == ["sequence", "time", "action", "description"]
    wrong = quinta("admin", "audit", "list", "--project", "never-was", "--data", str(server.data))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr == "quinta: there is no project named 'never-was', nor was there one\n"


def test_too_many_wrong_passwords_are_told_and_no_key_at_all_is_not(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        with server.client() as client:
            answers = [client.post("/v2.1/authorize", json=WRONG).status_code for _ in range(11)]
            assert answers == [401] * 10 + [429]
            del client.headers["Authorization"]
            assert client.get("/v2.1/user").status_code == 401
        assert server.stop() == 0  # which writes what waits
    told = [entry["description"] for entry in listed(tmp_path / "data", "--action", "access.refused")]
    assert "anonymous was refused POST /v2.1/authorize (too_many_requests)" in told
    assert not [text for text in told if "/v2.1/user" in text]
    counts = [text for text in told if "(not_authenticated)" in text]
    assert sum(int(text.split()[-2]) if text.endswith("times") else 1 for text in counts) == 10


def test_verify_finds_a_changed_entry_and_a_cut_off_end(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def verify(*words: str) -> tuple[int, dict[str, Any], str]:
        runs = [
            quinta(*group, "verify", *words, "--data", str(data), "--output", "json")
            for group in (("audit",), ("admin", "audit"))
        ]
        told = [(run.exit_code, json.loads(run.stdout), run.stderr) for run in runs]
        assert told[0] == told[1]
        return told[0]

    def tamper(statement: str) -> None:
        with closing(sqlite3.connect(data / "quinta.db", isolation_level=None)) as connection:
            connection.execute(statement)

    for name in ("ada", "ben"):
        made = quinta(
            "admin", "user", "create", f"{name}@example.com", "--password", "long enough", "--data", str(data)
        )
        assert made.exit_code == 0, made.stderr
    code, whole, _ = verify()
    assert (code, whole["entries"], len(whole["head"])) == (0, 4, 64)
    assert verify("--head", whole["head"]) == (0, whole, "")
    tamper("DELETE FROM audit_entries WHERE sequence = 4")
    assert verify()[0] == 0
    code, found, told = verify("--head", whole["head"])
    assert (code, found["entries"]) == (1, 3)
    assert "its end was cut off" in told
    tamper("UPDATE audit_entries SET actor = 'eve@example.com' WHERE sequence = 2")
    code, found, told = verify()
    assert (code, found["entries"]) == (1, 1)
    assert told == "quinta: the audit trail is not whole: entry 2 was changed: its digest does not fit\n"
