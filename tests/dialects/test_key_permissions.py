"""What a key is good for, at the door of every face: each operation that a face documents, with a key of each kind.

The account is staff and the objects are not there, so that only the key can be what an operation is forbidden for.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from quinta.cli.quinta import app
from quinta.dialects.brainstem.app import PREFIXES as BRAINSTEM
from quinta.dialects.brainstem.verbs import acts
from quinta.dialects.dq0.app import PREFIX as DQ0
from quinta.dialects.ubiops.app import PREFIX as UBIOPS
from quinta.dialects.vbrain.app import PREFIX as VBRAIN
from quinta.dialects.versiontwo.app import PREFIX as VERSIONTWO
from quinta.dialects.versiontwo.identifiers import Noun, wire_id
from tests.dialects.ubiops.people import PASSWORD
from tests.dialects.ubiops.waiting import wait_for
from tests.serving import RunningServer

FACES = (UBIOPS, VBRAIN, *BRAINSTEM, VERSIONTWO, DQ0)
KINDS = ("read", "deploy", "write", "*")
MAY_WRITE = {"write", "*"}
MAY_DEPLOY = {"deploy", "write", "*"}
UNKNOWN = "018f0000-0000-7000-8000-000000000000"


@dataclass
class Account:
    """A staff account with a key of each kind."""

    server: RunningServer
    email: str = field(default_factory=lambda: f"{uuid.uuid4().hex[:12]}@example.com")

    def __post_init__(self) -> None:
        self.admin("user", "create", self.email, "--password", PASSWORD, "--staff")
        words = ("key", "create", "--user", self.email, "--permissions")
        self.keys = {kind: str(self.admin(*words, kind)["key"]) for kind in KINDS}

    def admin(self, *words: str) -> Any:
        """In a thread with an event loop of its own, which is quicker than a process."""
        arguments = ["admin", *words, "--data", str(self.server.data), "--output", "json"]
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(CliRunner().invoke, app, arguments).result()
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def headers(self, kind: str) -> dict[str, str]:
        """What the callers of all faces say of themselves."""
        names = dict.fromkeys(("organization_id", "application_id", "client_id", "repository_id"), "never-was")
        key = self.keys[kind]
        return {"Authorization": f"Bearer {key}", "x-api-key": key, "username": self.email, **names}


@dataclass(frozen=True)
class Operation:
    """``path`` with what fits it in place of its parameters."""

    method: str
    path: str

    @property
    def allowed(self) -> set[str]:
        """The kinds of keys that are good for it. A GET of BrainSTEM may change something."""
        if self.method == "GET" and not acts(self.path):
            return set(KINDS)
        deploys = self.method == "POST" and self.path.endswith(("/deployments", "/rollback"))
        return MAY_DEPLOY if self.path.startswith(VERSIONTWO) and deploys else MAY_WRITE

    def call(self, door: httpx2.Client, headers: dict[str, str]) -> httpx2.Response:
        body = {} if self.method == "GET" else {"json": {}}
        return door.request(self.method, self.path, headers=headers, **body)


CLOSING = Operation("DELETE", f"{UBIOPS}/user")
"""Closes the account."""


@pytest.fixture(scope="module")
def door(server: RunningServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


def operations_of(door: httpx2.Client, face: str) -> list[Operation]:
    """Those that need a key, as the face's document lists them."""
    found, document = [], door.get(f"{face}/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            parameters = {parameter["name"]: parameter["schema"] for parameter in about.get("parameters", ())}
            if "security" in about or "x-api-key" in parameters:
                names = re.findall(r"\{(\w+)\}", path)
                values = {name: _value(face, name, document, parameters[name]) for name in names}
                found.append(Operation(method.upper(), face + path.format(**values)))
    return found


def _value(face: str, parameter: str, document: Any, schema: Any) -> str:
    """What may stand in a path: an id that nobody has, or one of the words for it, the narrowest portal's rather than
    the public one's, where credentials are not looked at."""
    if face == VERSIONTWO:
        return wire_id(Noun[parameter.removesuffix("_id").upper()], UNKNOWN)
    name = schema.get("$ref", "").rpartition("/")[2]
    words = (document["components"]["schemas"][name] if name else schema).get("enum", [UNKNOWN])
    return "private" if "private" in words else str(words[0])


@pytest.mark.parametrize("face", FACES)
def test_every_operation_with_a_key_of_each_kind(face: str, server: RunningServer, door: httpx2.Client) -> None:
    account, faults = Account(server), []
    for operation in operations_of(door, face):
        for kind in KINDS:
            status = operation.call(door, account.headers(kind)).status_code
            refused = kind not in operation.allowed
            if (status == 403) is not refused or status in (401, 405) or status >= 500:
                faults.append((operation, kind, status))
            if operation == CLOSING and not refused:
                account = Account(server)
    assert faults == []


def test_no_face_is_left_out(door: httpx2.Client) -> None:
    """VBrain has 14 operations, VersionTwo 28, UbiOps 125, DQ0 87; a document that names no key would make the table
    above empty."""
    counts = {face: len(operations_of(door, face)) for face in FACES}
    assert counts[UBIOPS] >= 120
    assert counts[VBRAIN] == 14
    assert counts[VERSIONTWO] >= 28
    assert counts[DQ0] >= 80
    assert all(counts[prefix] >= 20 for prefix in BRAINSTEM)


def test_a_refusal_by_the_key_is_in_the_audit_trail(server: RunningServer, door: httpx2.Client) -> None:
    """Of a direct request, which goes its own way, and of any other call."""
    account, project = Account(server), f"{UBIOPS}/projects/never-was"
    direct, model = f"{project}/models/m/versions/v/request", f"{project}/models/m"
    answers = [door.post(direct, headers=account.headers(kind), json="x") for kind in KINDS]
    assert [answer.status_code for answer in answers] == [403, 403, 404, 404]
    assert answers[0].json()["error"] == "this key lacks the permission 'write'"
    assert door.delete(model, headers=account.headers("read")).status_code == 403
    words = ("audit", "list", "--actor", account.email, "--action", "access.refused")
    told = {
        f"POST {UBIOPS}/projects/{{project_name}}/models/{{model_name}}/versions/{{version}}/request (not_permitted)",
        f"DELETE {UBIOPS}/projects/{{project_name}}/models/{{model_name}} (not_permitted)",
    }

    def refusals() -> set[str]:
        """Equal ones that are written together have one entry, with a count."""
        sentences = [entry["description"] for entry in account.admin(*words)]
        return {text.removeprefix(f"{account.email} was refused ").removesuffix(" 2 times") for text in sentences}

    assert wait_for(refusals, lambda found: len(found) == 2) == told
