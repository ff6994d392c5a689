"""A small server behind the gateway: it opens sealed calls, answers a few operations, and keeps what it saw."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from quinta.dialects.base.envelope import Answer, Call, EnvelopeRefused, ServerKeys, open_call, seal_answer

PASSWORD = "correct horse battery"
DATA_UUID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
Told = tuple[int, Any]


@contextmanager
def listening(make: Callable[[int], ASGIApp], port: int = 0) -> Iterator[int]:
    """Serves an application on loopback for the length of a block; connections wait from the first moment on."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as door:
        number = door.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(make(number), lifespan="off", log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        try:
            yield number
        finally:
            server.should_exit = True
            thread.join(timeout=30)


@dataclass
class Quarantine:
    """``wire`` is what came and went over the network, ``calls`` what was in it. ``instead`` answers before all else:
    the raw bytes of an answer in the open. ``failing`` is what operations are answered in place of their own."""

    keys: ServerKeys = field(default_factory=ServerKeys.new)
    wire: list[bytes] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    people: dict[str, bool] = field(default_factory=dict)
    signers: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    packs: list[bytes] = field(default_factory=list)
    instead: tuple[int, bytes] | None = None
    failing: tuple[int, bytes] | None = None

    def confirm(self, email: str) -> None:
        self.people[email] = True

    @contextmanager
    def served(self) -> Iterator[int]:
        with listening(lambda _: self) as port:
            yield port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.wire.append(scope["raw_path"] + body)
        status, content = self._answer(scope["path"], body)
        self.wire.append(content)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/dq0/api/key":
            return 200, json.dumps({"public_key": self.keys.public.text}).encode()
        if self.instead is not None:
            return self.instead
        if path != "/dq0/api/sealed":
            return 404, b"{}"
        try:
            call = open_call(body, self.keys)
        except EnvelopeRefused as refused:
            return 400, json.dumps({"error": str(refused)}).encode()
        self.calls.append(call)
        status, told = self.failing or _encoded(self._operation(call))
        return 200, seal_answer(Answer(status, {}, told), call, self.keys)

    def _operation(self, call: Call) -> Told:
        values = json.loads(call.body) if call.headers.get("content-type") == "application/json" else {}
        if call.path in ("/auth/register", "/auth/login"):
            return self._entrance(call, values)
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self.signers.get(self.sessions.get(token, "")) != call.signer:
            return 401, {"error": "this session is not known"}
        known = _OPERATIONS.get((call.method, call.path.rpartition("/")[2]))
        return known(self, call, values) if known is not None else (404, {"error": f"there is no {call.path}"})

    def _entrance(self, call: Call, values: dict[str, str]) -> Told:
        email = values["email"]
        if call.path == "/auth/register":
            self.people[email], self.signers[email] = False, call.signer
            return 200, {"message": f"successfully registered {email}"}
        if not self.people.get(email):
            return 403, {"error": "this account waits for an administrator to confirm it"}
        if values["password"] != PASSWORD or self.signers[email] != call.signer:
            return 401, {"error": "wrong e-mail or password"}
        token = f"t-{uuid.uuid4().hex}"
        self.sessions[token] = email
        return 200, {"token": token}

    def _logout(self, call: Call, _: dict[str, Any]) -> Told:
        del self.sessions[call.headers["authorization"].removeprefix("Bearer ")]
        return 200, {"message": "bye"}

    def _project(self, _: Call, values: dict[str, Any]) -> Told:
        return 200, {"message": "made", "project_uuid": str(uuid.uuid4()), "project_name": values["name"]}

    def _deploy(self, call: Call, _: dict[str, Any]) -> Told:
        assert call.headers["content-type"] == "application/zip"
        self.packs.append(call.body)
        commit = uuid.uuid5(uuid.NAMESPACE_URL, call.body.hex())
        return 200, {"message": f"successfully deployed project with commit uuid: {commit}"}

    def _said(self, call: Call, _: dict[str, Any]) -> Told:
        return 200, {"message": f"done: {call.path}"}

    def _data(self, _: Call, __: dict[str, Any]) -> Told:
        item = {"data_uuid": DATA_UUID, "data_name": "census", "data_id": 7, "data_type": "csv", "data_description": ""}
        item |= {"data_permissions": ["read", "meta"], "privacy_budget": 1000}
        return 200, {"total": 1, "page": 1, "page_size": 100, "items": [item]}

    def _started(self, _: Call, __: dict[str, Any]) -> Told:
        return 200, {"message": f"run started by job with uuid: {DATA_UUID}", "job_uuid": DATA_UUID}

    def _registered(self, _: Call, __: dict[str, Any]) -> Told:
        return 200, {"model_uuid": DATA_UUID}

    def _download(self, _: Call, __: dict[str, Any]) -> Told:
        return 200, {"data_path": "results.csv", "data_string": "n\n12\n"}

    def _job(self, _: Call, __: dict[str, Any]) -> Told:
        state: dict[str, Any] = {"job_type": "commit.run", "job_state": "finished", "job_progress": 1, "job_errors": ""}
        state["run_metrics"] = [{"key": "accuracy", "value": 0.75, "step": "0", "timestamp": "0"}]
        return 200, {"job_uuid": DATA_UUID, "data_uuid": DATA_UUID, "data_name": "census", **state}


_OPERATIONS: dict[tuple[str, str], Callable[[Quarantine, Call, dict[str, Any]], Told]] = {
    ("POST", "logout"): Quarantine._logout,
    ("POST", "projects"): Quarantine._project,
    ("POST", "deploy"): Quarantine._deploy,
    ("POST", "attach"): Quarantine._said,
    ("POST", "detach"): Quarantine._said,
    ("POST", "set-experiment-name"): Quarantine._said,
    ("GET", "data"): Quarantine._data,
    ("GET", DATA_UUID): Quarantine._job,
    ("POST", "runs"): Quarantine._started,
    ("POST", "queries"): Quarantine._started,
    ("POST", "predict"): Quarantine._started,
    ("POST", "register"): Quarantine._registered,
    ("GET", "download"): Quarantine._download,
}


def _encoded(told: Told) -> tuple[int, bytes]:
    return told[0], json.dumps(told[1]).encode()
