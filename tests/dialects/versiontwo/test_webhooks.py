"""Webhooks: what comes to a receiver, and what is told about it (contract versiontwo 5.8)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.versiontwo.house import Door, House
from tests.serving import serving


class Receiver(ThreadingHTTPServer):
    """Keeps what it is called with, and answers with the statuses in ``answers``, then with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.server.calls.append((dict(self.headers), body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def hook(door: Door, project: str, url: str, *events: str) -> dict[str, Any]:
    body = {"url": url, "events": list(events or ("deployment.completed", "deployment.failed"))}
    made: dict[str, Any] = door.ok("POST", f"/projects/{project}/webhooks", 201, json=body)
    return made


def delivered(door: Door, webhook: dict[str, Any], status: str = "delivered") -> dict[str, Any]:
    path = f"/projects/{webhook['project_id']}/webhooks/{webhook['id']}/deliveries"
    found = wait_for(
        lambda: door.ok("GET", path)["deliveries"], lambda items: any(i["status"] == status for i in items)
    )
    detail: dict[str, Any] = door.ok("GET", f"{path}/{found[0]['id']}")
    assert detail | found[0] == detail
    return detail


def test_a_deployment_is_told_once_and_signed(door: Door, receiver: Receiver) -> None:
    project = door.new_project()["id"]
    webhook = hook(door, project, receiver.url)
    deployment = door.deploy(project)
    detail = delivered(door, webhook)
    ((headers, body),) = receiver.calls
    sign = hmac.new(webhook["secret"].encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-VersionTwo-Signature"] == f"sha256={sign}"
    assert headers["X-VersionTwo-Event"] == "deployment.completed"
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert told["id"] == headers["X-VersionTwo-Delivery"] == detail["event_id"]
    assert (told["event"], told["project_id"]) == ("deployment.completed", project)
    assert told["data"]["deployment"].items() <= deployment.items()  # as the API answers it
    assert (detail["tries"], detail["response_status"], detail["body"]) == (1, 200, told)


def test_a_receiver_that_is_down_then_up_and_redelivery(door: Door, receiver: Receiver) -> None:
    project = door.new_project()["id"]
    receiver.answers += [500, 503]
    webhook = hook(door, project, receiver.url, "deployment.started", "deployment.completed", "deployment.completed")
    assert webhook["events"] == ["deployment.started", "deployment.completed"]
    door.deploy(project)
    path = f"/projects/{project}/webhooks/{webhook['id']}/deliveries"
    items = wait_for(
        lambda: door.ok("GET", path)["deliveries"],
        lambda found: len(found) == 2 and all(item["status"] == "delivered" for item in found),
    )
    assert sum(item["tries"] for item in items) == 4
    again = door.ok("POST", f"{path}/{items[0]['id']}/redeliver", 202)
    assert again["event_id"] == items[0]["event_id"]
    wait_for(lambda: len(receiver.calls), lambda count: count == 5)
    door.ok("DELETE", f"/projects/{project}/webhooks/{webhook['id']}", 204)
    assert door.refused("GET", path)[:2] == (404, "not_found")
    door.deploy(project)
    assert len(receiver.calls) == 5


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "url", "required"),
        ({"url": 5}, "url", "invalid_type"),
        ({"url": ""}, "url", "too_short"),
        ({"url": "http://a/" + "x" * 2_048}, "url", "too_long"),
        ({"url": "ftp://a/"}, "events", "required"),
        ({"url": "ftp://a/", "events": ["deployment.failed"]}, "url", "invalid_value"),
        ({"url": "nonsense", "events": ["deployment.failed"]}, "url", "invalid_value"),
        ({"url": "http://user:word@a/", "events": ["deployment.failed"]}, "url", "invalid_value"),
        ({"url": "http://a/", "events": []}, "events", "too_short"),
        ({"url": "http://a/", "events": "deployment.failed"}, "events", "invalid_type"),
        ({"url": "http://a/", "events": ["deployment.failed", "odd"]}, "events", "unknown"),
    ],
)
def test_what_a_webhook_cannot_be(door: Door, body: dict[str, Any], field: str, reason: str) -> None:
    project = door.new_project()["id"]
    refused = door.refused("POST", f"/projects/{project}/webhooks", json=body)
    assert refused == (400, "invalid_request", field, reason)


def test_only_ones_own(door: Door, stranger: Door, receiver: Receiver) -> None:
    project, other = door.new_project()["id"], door.new_project()["id"]
    webhook = hook(door, project, receiver.url)
    shown = {name: value for name, value in webhook.items() if name != "secret"}
    path = f"/projects/{project}/webhooks/{webhook['id']}"
    assert door.ok("GET", path) == shown
    assert door.ok("GET", f"/projects/{project}/webhooks") == {"webhooks": [shown]}
    for who, where in ((stranger, path), (door, path.replace(project, other))):
        for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("GET", "/deliveries/whd_1")):
            assert who.refused(method, where + rest)[:2] == (404, "not_found")
    assert stranger.refused("GET", f"/projects/{project}/webhooks")[0] == 404
    assert door.refused("POST", f"{path}/deliveries/whd_{'a' * 26}/redeliver")[:2] == (404, "not_found")


def test_private_targets_are_refused_unless_allowed(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        house = House(running)
        door = house.person()
        project = door.new_project()["id"]
        for url in ("http://127.0.0.1:9/", "http://169.254.169.254/latest", "http://[::1]/", "http://10.1.2.3/"):
            body = {"url": url, "events": ["deployment.failed"]}
            answer = door.refused("POST", f"/projects/{project}/webhooks", json=body)
            assert answer == (400, "invalid_request", "url", "invalid_value")
        assert hook(door, project, "https://example.com/webhook")["url"] == "https://example.com/webhook"
        house.close()
