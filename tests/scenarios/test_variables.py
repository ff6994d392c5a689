"""Environment variables on their way to code: merged, replaced without a failed request, and secret everywhere else."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from quinta.storage.engines import parse_url
from quinta.storage.tables import metadata
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model, new_project
from tests.serving import RunningServer, serving, start_server

READS = """
import os

class Model:
    def __init__(self, context):
        self.context = context["environment_variables"]

    def request(self, data):
        assert self.context.get(data, "") == os.environ.get(data, "")
        return os.environ.get(data, "")
"""
DIGESTS = """
import hashlib
import os

class Model:
    def request(self, data):
        if data == "FAIL":
            raise KeyError(data)
        return hashlib.sha256(os.environ.get(data, "").encode()).hexdigest()
"""
NAMED = 'class Model:\n    def request(self, data):\n        return "{0}"\n'
LEVELS = ("project", "model", "version")


class Variables:
    """The variables of one level, over HTTP."""

    def __init__(self, door: ModelDoor, level: str) -> None:
        below = {"project": "", "model": f"/models/{door.model}", "version": f"/models/{door.model}/versions/v1"}
        self._path = f"/v2.1/projects/{door.project}{below[level]}/environment-variables"
        self._client = door.client

    def set(self, name: str, value: str, *, secret: bool = False) -> str:
        answer = self._client.post(self._path, json={"name": name, "value": value, "secret": secret})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def change(self, identifier: str, **members: object) -> None:
        answer = self._client.patch(f"{self._path}/{identifier}", json=members)
        assert answer.status_code == 200, answer.text

    def delete(self, identifier: str) -> None:
        assert self._client.delete(f"{self._path}/{identifier}").status_code == 204


def answered(door: ModelDoor, name: str, wanted: str) -> None:
    """Asks until the code answers ``wanted``; no request on the way there fails."""

    def ask() -> dict[str, Any]:
        answer = door.request(name)
        assert answer["success"], answer
        return answer

    wait_for(ask, lambda answer: bool(answer["result"] == wanted))


def test_variables_are_merged_and_follow_every_change(server: RunningServer) -> None:
    with server.client() as client:
        door = ModelDoor(client, new_project(client))
        project = Variables(door, "project")
        for name in ("P", "PM", "PMV"):
            project.set(name, "project", secret=name == "PM")
        new_model(client, {"model.py": READS}, project=door.project, maximum_instances=1)
        assert [door.request(name)["result"] for name in ("P", "PM", "PMV", "NONE")] == ["project"] * 3 + [""]
        model, version = Variables(door, "model"), Variables(door, "version")
        in_model, in_version = model.set("PM", "mödel\n", secret=True), version.set("PMV", "version")
        answered(door, "PM", "mödel\n")
        answered(door, "PMV", "version")
        assert door.request("P")["result"] == "project"
        version.change(in_version, name="RENAMED", secret=True)
        answered(door, "RENAMED", "version")
        answered(door, "PMV", "project")
        model.delete(in_model)
        answered(door, "PM", "project")


class Caller(threading.Thread):
    """Sends direct requests one after the other until told to stop."""

    def __init__(self, server: RunningServer, project: str) -> None:
        super().__init__(daemon=True)
        self.answers: list[dict[str, Any]] = []
        self._enough = threading.Event()
        self._door = ModelDoor(server.client(), project)

    def run(self) -> None:
        with self._door.client:
            while not self._enough.is_set():
                self.answers.append(self._door.request("A"))

    def finish(self) -> None:
        self._enough.set()
        self.join(timeout=60)
        assert not self.is_alive()


def test_no_request_fails_while_variables_change(server: RunningServer) -> None:
    """Values grow from change to change, on levels that shadow each other: no caller ever sees one go back."""
    with server.client() as client:
        door = ModelDoor(client, new_project(client))
        Variables(door, "project").set("A", "0")
        new_model(client, {"model.py": READS}, project=door.project, maximum_instances=2)
        callers = [Caller(server, door.project) for _ in range(3)]
        for caller in callers:
            caller.start()
        for value, level in enumerate(LEVELS[1:], start=1):
            Variables(door, level).set("A", str(value), secret=level == "version")
            answered(door, "A", str(value))
        Variables(door, "project").set("B", "unseen")
        answered(door, "B", "unseen")
        batch = client.post(f"{door.path}/request-batch", json=["A"] * 20).json()
        ids = [item["id"] for item in batch]
        collected = wait_for(
            lambda: client.post(f"{door.path}/request-batch-collect", json=ids).json(),
            lambda found: all(item["status"] in ("completed", "failed") for item in found),
        )
        assert {item["result"] for item in collected} == {"2"}
        for caller in callers:
            caller.finish()
    for caller in callers:
        assert [answer for answer in caller.answers if not answer["success"]] == []
        seen = [answer["result"] for answer in caller.answers]
        assert seen == sorted(seen)
        assert seen[0] == "0"


def test_instances_that_are_kept_warm_are_replaced_without_a_request(server: RunningServer) -> None:
    prints = 'import os\nprint("started with", os.environ.get("A"))\n' + READS
    with server.client() as client:
        door = new_model(client, {"model.py": prints}, minimum_instances=1, maximum_instances=1)
        door.wait_for_log("started with None")
        for value, level in enumerate(LEVELS):
            Variables(door, level).set("A", str(value))
            door.wait_for_log(f"started with {value}")


def test_the_model_file_is_named_by_a_variable(server: RunningServer) -> None:
    """A change builds the last upload again where it reaches, and what served goes on when that fails."""
    files = {"a.py": NAMED.format("a"), "b.py": NAMED.format("b")}
    with server.client() as client:
        door = ModelDoor(client, new_project(client))
        project, version = Variables(door, "project"), Variables(door, "version")
        in_project = project.set("ML_MODEL_FILE_NAME", "a")
        new_model(client, files, project=door.project)
        assert door.request("")["result"] == "a"
        in_version = version.set("ML_MODEL_FILE_NAME", "b.py")
        answered(door, "", "b")
        assert door.wait()["status"] == "available"
        project.change(in_project, value="nothing")
        assert client.get(door.path).json()["status"] == "available", "the version's own name shadows it"
        version.delete(in_version)
        ended = wait_for(lambda: client.get(door.path).json(), lambda found: found["status"].endswith("failed"))
        assert (ended["status"], "nothing.py" in ended["error_message"]) == ("available_building_failed", True)
        assert door.request("")["result"] == "b"
        project.change(in_project, value="a")
        answered(door, "", "a")


async def stored(database_url: str) -> str:
    """Every row of every table, as text."""
    engine = create_async_engine(parse_url(database_url))
    async with engine.connect() as connection:
        rows = [(await connection.execute(select(table))).all() for table in metadata.tables.values()]
    await engine.dispose()
    return repr(rows)


def holding(folder: Path, text: str) -> list[str]:
    """The files below ``folder`` that have ``text`` somewhere.

    The server replaces instances and clears their folders meanwhile: a file that went before it was read holds nothing.
    """
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "environments"]
        for file in (Path(parent) / name for name in names):
            with suppress(FileNotFoundError):
                if file.is_file() and text.encode() in file.read_bytes():
                    found.append(str(file))
    return found


async def test_a_secret_is_nowhere_but_in_the_code(database_url: str, tmp_path: Path) -> None:
    data, canary = tmp_path / "data", f"canary-{uuid.uuid4().hex}"
    digest = hashlib.sha256(canary.encode()).hexdigest()
    settings = {"QUINTA_DATABASE_URL": database_url}
    with serving(data, settings) as server, server.client() as client:
        door = ModelDoor(client, new_project(client))
        Variables(door, "project").set("S", canary, secret=True)
        new_model(client, {"model.py": DIGESTS}, project=door.project)
        changed = Variables(door, "version").set("C", "before", secret=True)
        Variables(door, "version").change(changed, value=canary)
        Variables(door, "model").set("PLAIN", canary[::-1])
        answered(door, "C", digest)
        assert door.request("S")["result"] == digest
        assert not door.request("FAIL")["success"]
        assert holding(data, canary) == []
    assert [line for line in server.output if canary in line] == []
    rows = await stored(database_url)
    assert (canary in rows, canary[::-1] in rows) == (False, True)
    assert holding(data, canary) == []
    with serving(data, settings) as again, again.client(server.token) as client:
        assert ModelDoor(client, door.project).request("S")["result"] == digest, "the key is there after a restart"


def test_a_lost_key_is_told_and_healed_by_a_new_value(tmp_path: Path) -> None:
    data, keyring = tmp_path / "data", tmp_path / "data" / "secrets.key"
    with serving(data) as server, server.client() as client:
        door = new_model(client, {"model.py": READS})
        secret = Variables(door, "version").set("S", "first", secret=True)
        answered(door, "S", "first")
        assert not [line for line in server.output if "keyring" in line]
    kept = keyring.read_text()
    keyring.write_text("1f" * 32)
    with serving(data) as later, later.client(server.token) as client:
        assert [line for line in later.output if line.startswith("1 secret values do not open with the keyring")]
        door = ModelDoor(client, door.project)
        refused = client.post(f"{door.path}/request", json="S")
        assert (refused.status_code, "'S' cannot be opened" in refused.json()["error"]) == (400, True)
        waiting = client.post(f"{door.path}/request-batch", json=["S"]).json()[0]["id"]
        Variables(door, "version").change(secret, value="second")
        answered(door, "S", "second")
        path = f"{door.path}/request-batch/{waiting}"
        assert wait_for(lambda: client.get(path).json(), lambda found: found["success"])["result"] == "second"
    keyring.write_text(f"{kept}{'1f' * 32}")
    with serving(data) as last, last.client(server.token) as client:
        assert ModelDoor(client, door.project).request("S")["result"] == "second"


def test_a_keyring_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with pytest.raises(AssertionError, match="quinta: QUINTA_SECRETS_KEY: key 2 of 2"):
        start_server(data, {"QUINTA_SECRETS_KEY": f"{'1f' * 32},wrong"})
    with serving(data, {"QUINTA_SECRETS_KEY": "1f" * 32}):
        assert not (data / "secrets.key").exists()
