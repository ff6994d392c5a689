"""The last catch, under the real HTTP server: a fault is answered and the connection goes on."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from quinta.dialects.base.catch_all import CatchAll


async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/waits":
        scope["state"]["waiting"].set()
        await asyncio.Event().wait()
    if scope["path"] == "/before":
        secret = "do-not-log-me"  # noqa: F841  # a local variable of a frame in the traceback
        raise ZeroDivisionError("on purpose")
    length = b"100" if scope["path"] == "/after" else b"2"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    if scope["path"] == "/after":
        raise ZeroDivisionError("on purpose")
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[tuple[httpx2.AsyncClient, uvicorn.Server]]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve([listening]))
    port = listening.getsockname()[1]
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, trust_env=False) as client:
        yield client, server
    server.should_exit = True
    await task


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = CatchAll(faulty, lambda error_id: json.dumps({"fault": error_id}).encode(), lambda: b"stopping")
    async with serving(app) as (client, _):
        yield client


async def test_fault_is_answered_logged_and_the_connection_goes_on(client: httpx2.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logged:
        for _ in range(20):
            answer = await client.get("/before")
            assert answer.status_code == 500
            assert answer.headers["content-type"] == "application/json"
            assert (await client.get("/fine")).text == "ok"
    ids = [entry["error_id"] for entry in logged]
    assert len(set(ids)) == 20
    assert answer.json() == {"fault": ids[-1]}
    assert logged[-1]["call"] == "GET /before"
    assert "ZeroDivisionError: on purpose" in logged[-1]["exception"]


async def test_locals_of_the_frames_stay_out_of_the_log(
    client: httpx2.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    await client.get("/before")
    output = "".join(capfd.readouterr())
    assert "on purpose" in output
    assert "do-not-log-me" not in output.replace('secret = "do-not-log-me"', "")


async def test_an_answer_cut_off_is_not_taken_for_whole(client: httpx2.AsyncClient) -> None:
    with structlog.testing.capture_logs(), pytest.raises(httpx2.RemoteProtocolError):
        await client.get("/after")
    assert (await client.get("/fine")).text == "ok"


async def test_a_call_that_the_end_of_the_server_cuts_short_is_answered() -> None:
    waiting = asyncio.Event()
    caught = CatchAll(faulty, lambda error_id: error_id.encode(), lambda: b"stopping")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await caught({**scope, "state": {"waiting": waiting}}, receive, send)

    async with serving(app) as (client, server):
        call = asyncio.create_task(client.get("/waits"))
        await waiting.wait()
        server.should_exit = True
        answer = await call
    assert (answer.status_code, answer.text) == (503, "stopping")
