"""``GET /metrics`` through the door: totals for everybody, names of tenants for staff only (decision 0020)."""

from __future__ import annotations

import uuid

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.models import ModelDoor, new_model
from tests.serving import RunningServer

ECHO = {"model.py": "class Model:\n    def request(self, data):\n        return data\n"}


@pytest.fixture
def used(server: RunningServer) -> ModelDoor:
    """A model of a project that nobody else has, asked twice."""
    with server.client() as client:
        door = new_model(client, ECHO)
        assert door.request("one")["success"]
        assert door.request("two")["success"]
        return door


def page(server: RunningServer, authorization: str | None = None) -> httpx2.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        return client.get("/metrics", headers=headers)


def value(text: str, name: str, **labels: str) -> float:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    (found,) = [sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]
    return float(found)


@pytest.mark.parametrize("keyword", ["Bearer", "Token"])
def test_staff_sees_series_by_version(server: RunningServer, used: ModelDoor, keyword: str) -> None:
    answer = page(server, f"{keyword} {server.token}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    version = {"project": used.project, "model": used.model, "version": used.version}
    assert value(answer.text, "quinta_version_request_seconds_count", part="whole", **version) == 2
    assert value(answer.text, "quinta_version_cold_start_seconds_count", **version) == 1
    assert value(answer.text, "quinta_version_instances", state="ready", **version) == 1
    assert value(answer.text, "quinta_version_requests_waiting", **version) == 0


def test_without_a_key_the_page_has_totals_and_no_names(server: RunningServer, used: ModelDoor) -> None:
    answer = page(server)
    assert answer.status_code == 200
    assert used.project not in answer.text
    assert value(answer.text, "quinta_request_seconds_count", part="whole") >= 2
    for status in ("pending", "processing"):
        assert value(answer.text, "quinta_queue_items", queue="batch_requests", status=status) >= 0
    for name in (
        "quinta_build_info",
        "quinta_database_up",
        "quinta_event_loop_lag_seconds_count",
        "quinta_instances_ready",
        "quinta_log_lines_buffered",
        "quinta_log_lines_dropped_total",
        "quinta_large_json_waiting_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_resident_memory_bytes",
    ):
        assert value(answer.text, name) >= 0


def test_other_keys_are_refused(server: RunningServer) -> None:
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    account = {"email": email, "password": "long enough", "terms_conditions": True}
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        assert client.post("/v2.1/user", json=account).status_code == 201
        key = client.post("/v2.1/authorize", json={"email": email, "password": "long enough"}).json()["access"]
    ordinary = page(server, f"Token {key}")
    assert (ordinary.status_code, list(ordinary.json())) == (403, ["error"])
    for header in ("Token unknown", "Basic a b c", "Token"):
        assert page(server, header).status_code == 401
