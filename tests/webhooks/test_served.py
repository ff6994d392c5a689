"""Webhooks of a server process, over its own door: from a deployment to a receiver, through a kill."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from tests.serving import RunningServer, serving, start_server
from tests.webhooks.receivers import Call, answers, hangs, receiving

DEADLINE = 60.0
SETTINGS = {"QUINTA_WEBHOOK_ALLOW_PRIVATE": "true", "QUINTA_WEBHOOK_RETRY_SECONDS": "1"}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"


def is_genuine(secret: str, call: Call) -> bool:
    """As docs/webhooks.md says it is done."""
    (snippet,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Callable[[str, bytes, str], bool]] = {}
    exec(snippet, names)  # noqa: S102  # the document's own words
    return names["is_genuine"](secret, call.body, call.headers["x-versiontwo-signature"])


class Door:
    """The calls of one project."""

    def __init__(self, server: RunningServer) -> None:
        headers = {"Authorization": f"Bearer {server.token}"}
        self.client = httpx2.Client(base_url=f"{server.url}/v1", headers=headers, timeout=60, trust_env=False)
        self.project = (
            self.post("/projects", {"name": "Shop"})["id"] if not self.projects() else self.projects()[0]["id"]
        )

    def projects(self) -> list[dict[str, Any]]:
        return list(self.client.get("/projects").json()["projects"])

    def post(self, path: str, body: object, status: int = 201) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    def hook(self, url: str, status: int = 201) -> dict[str, Any]:
        events = ["deployment.completed", "deployment.failed"]
        return self.post(f"/projects/{self.project}/webhooks", {"url": url, "events": events}, status)

    def deploy(self) -> dict[str, Any]:
        return self.post(f"/projects/{self.project}/deployments", {"version": "v1.0.0"})

    def deliveries(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        return list(
            self.client.get(f"/projects/{self.project}/webhooks/{webhook['id']}/deliveries").json()["deliveries"]
        )

    def delivered(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """The webhook's only delivery, once it is delivered."""
        deadline = time.monotonic() + DEADLINE
        while True:
            (delivery,) = self.deliveries(webhook)
            if delivery["status"] == "delivered":
                return delivery
            assert time.monotonic() < deadline, delivery
            time.sleep(1)  # calls are counted: 100 a minute


async def test_a_deployment_is_told(tmp_path: Path) -> None:
    async with receiving(answers(500), answers(200)) as receiver:
        with serving(tmp_path / "data", SETTINGS) as server:
            door = await asyncio.to_thread(Door, server)
            webhook = await asyncio.to_thread(door.hook, receiver.url)
            deployment = await asyncio.to_thread(door.deploy)
            await receiver.until_called(2)
            delivery = await asyncio.to_thread(door.delivered, webhook)
            shown = await asyncio.to_thread(door.client.get, f"/projects/{door.project}/deployments/{deployment['id']}")
            again = f"/projects/{door.project}/webhooks/{webhook['id']}/deliveries/{delivery['id']}/redeliver"
            await asyncio.to_thread(door.post, again, {}, 202)
            await receiver.until_called(3)
            door.client.close()
    assert delivery["tries"] == 2
    first, second, third = receiver.calls
    assert all(is_genuine(webhook["secret"], call) for call in receiver.calls)
    assert not is_genuine(webhook["secret"] + "x", first)
    assert first.body == second.body == third.body
    told = json.loads(first.body)
    assert told["id"] == delivery["event_id"] == third.headers["x-versiontwo-delivery"]
    assert told["data"]["deployment"] == shown.json()
    assert not any(webhook["secret"] in line for line in server.output)


async def test_a_call_under_way_when_the_server_is_killed_is_made_again(tmp_path: Path) -> None:
    async with receiving(hangs, answers(200)) as receiver:
        server = await asyncio.to_thread(start_server, tmp_path / "data", SETTINGS)
        door = await asyncio.to_thread(Door, server)
        webhook = await asyncio.to_thread(door.hook, receiver.url)
        await asyncio.to_thread(door.deploy)
        await receiver.until_called(1)
        await asyncio.to_thread(server.kill)
        door.client.close()
        with serving(tmp_path / "data", SETTINGS) as second:
            second.token = server.token
            door = await asyncio.to_thread(Door, second)
            await receiver.until_called(2)
            delivery = await asyncio.to_thread(door.delivered, webhook)
            door.client.close()
    assert delivery["tries"] == 1
    before, after = receiver.calls
    assert before.body == after.body
    assert is_genuine(webhook["secret"], after)


async def test_the_inside_is_closed_unless_the_operator_opens_it(tmp_path: Path) -> None:
    async with receiving() as receiver:
        with serving(tmp_path / "data") as server:
            door = await asyncio.to_thread(Door, server)
            refused = await asyncio.to_thread(door.hook, receiver.url, 400)
            named = await asyncio.to_thread(door.hook, f"http://127.1:{receiver.port}/")
            await asyncio.to_thread(door.deploy)
            path = f"/projects/{door.project}/webhooks/{named['id']}/deliveries"
            deadline = time.monotonic() + DEADLINE
            while (
                not (delivery := (await asyncio.to_thread(door.client.get, path)).json()["deliveries"])
                or not (delivery[0]["tries"])
            ):
                assert time.monotonic() < deadline
                await asyncio.sleep(1)
            door.client.close()
    assert refused["error"]["code"] == "invalid_request"
    assert refused["error"]["details"]["field"] == "url"
    assert "QUINTA_WEBHOOK_ALLOW_PRIVATE" in delivery[0]["error"]
    assert not receiver.calls
