"""What a project's instances use and say (contract versiontwo 5.4, 5.5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.versiontwo.house import Door

TALKS = """
class Model:
    def request(self, data):
        print("ERROR went wrong: " + data)
        print("WARNING take care")
        print("INFO all is well")
        print("DEBUG looked at it")
        print("plain words")
        return data
"""


@pytest.fixture
def project(door: Door) -> str:
    return str(door.new_project()["id"])


def messages(body: dict[str, Any]) -> list[str]:
    return [row["message"] for row in body["logs"]]


def test_logs_by_level_component_and_text(door: Door, project: str) -> None:
    model = door.new_model("speaker", "v1")
    with door.ubiops() as client:
        path = f"/v2.1/projects/{model.project}/models/speaker/versions"
        assert client.post(path, json={"version": "v2", "memory_allocation": 256}).status_code == 201
        talking = type(model)(client, model.project, "speaker", "v2")
        talking.upload({"model.py": TALKS})
        talking.wait()
        talking.request("hello")
        talking.wait_for_log("plain words")
    path = f"/projects/{project}/logs"

    def logs(**query: object) -> dict[str, Any]:
        found: dict[str, Any] = door.ok("GET", path, params=query)
        return found

    said = logs(component="speaker", search="E", limit=1000)
    for row in said["logs"]:
        assert set(row) == {"timestamp", "level", "component", "message", "id"}
        assert (row["component"], len(row["timestamp"])) == ("speaker", 20)
    levels = {level: {row["level"] for row in logs(level=level, component="speaker")["logs"]} for level in LEVELS}
    assert levels["error"] == {"error"}
    assert levels["warn"] == levels["warning"] == {"warn", "error"}
    assert levels["info"] == {"info", "warn", "error"}
    assert levels["debug"] == {"debug", "info", "warn", "error"}
    assert all("went wrong" in text for text in messages(logs(search="WENT wrong")))
    assert messages(logs(search="went wrong"))
    assert logs(component="nobody") == {"logs": []}
    assert {row["component"] for row in logs(component="platform")["logs"]} == {"platform"}
    everything = logs(limit=1000)["logs"]
    assert [row["id"] for row in everything] == sorted(row["id"] for row in everything)
    newest = logs(limit=3)
    assert newest["logs"] == everything[-3:]
    in_parts, cursor = newest["logs"], newest.get("next_cursor")
    while cursor is not None:
        part = logs(limit=3, cursor=cursor)
        in_parts, cursor = part["logs"] + in_parts, part.get("next_cursor")
    assert in_parts == everything


LEVELS = ("debug", "info", "warn", "warning", "error")


def test_times(door: Door, project: str) -> None:
    door.deploy(project)
    for path in (f"/projects/{project}/logs", f"/projects/{project}/metrics"):
        for start, end in (
            ("2024-02-26T12:00:00Z", "2024-02-26T13:00:00Z"),
            ("2024-02-26T12:00:00.25-03:00", "2024-02-26T18:00:00+02:00"),
            ("2024-02-26t12:00:00z", "2024-02-26T13:00:00Z"),
            ("2024-02-26", "2024-02-26T01:00"),
        ):
            assert door.ok("GET", path, params={"start_time": start, "end_time": end})
        for bad in ("yesterday", "", "0", "2024-13-01", "9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00"):
            for name in ("start_time", "end_time"):
                refused = door.refused("GET", path, params={name: bad})
                assert refused == (400, "invalid_request", name, "invalid_value"), bad
        turned = {"start_time": "2024-02-26T12:00:00Z", "end_time": "2024-02-26T12:00:00Z"}
        assert door.refused("GET", path, params=turned)[0::3] == (400, "out_of_range")
    plus = door.ok(
        "GET", f"/projects/{project}/logs?start_time=2024-02-26T12:00:00+02:00&end_time=2024-02-26T13:00:00Z"
    )
    assert plus == {"logs": []}


def test_metrics_are_of_the_real_instances(door: Door, project: str) -> None:
    door.new_model("worker", "v1")
    assert door.deploy(project, "v1", scaling={"min_instances": 1})["status"] == "completed"
    with door.ubiops() as client:
        path = f"/v2.1/projects/{door.ubiops_name()}/models/worker/request"
        assert client.post(path, json="x").json()["result"] == "v1"

    def measured() -> dict[str, Any]:
        found: dict[str, Any] = door.ok("GET", f"/projects/{project}/metrics")["metrics"]
        return found

    found = wait_for(measured, lambda metrics: bool(metrics["memory"]["values"]))
    assert set(found) == {"cpu", "memory"}
    now = datetime.now(UTC)
    for values in found.values():
        for item in values["values"]:
            moment = datetime.fromisoformat(item["timestamp"])
            assert (moment.second, now - moment < timedelta(minutes=5)) == (0, True)
    assert all(1 < item["value"] < 2_000 for item in found["memory"]["values"])
    assert all(0 <= item["value"] < 10_000 for item in found["cpu"]["values"])
    hour = door.ok("GET", f"/projects/{project}/metrics", params={"interval": "1h"})["metrics"]["memory"]["values"]
    assert hour
    assert all(item["timestamp"][14:] == "00:00Z" for item in hour)


def test_questions_that_cannot_be_answered(door: Door, project: str, stranger: Door) -> None:
    metrics, logs = f"/projects/{project}/metrics", f"/projects/{project}/logs"
    for bad in ("2m", "", "60", "1M"):
        assert door.refused("GET", metrics, params={"interval": bad})[2:] == ("interval", "invalid_value")
    wide = {"start_time": "2020-01-01", "end_time": "2024-01-01", "interval": "1m"}
    assert door.refused("GET", metrics, params=wide)[2:] == ("interval", "invalid_value")
    assert door.refused("GET", logs, params={"level": "fatal"})[2:] == ("level", "invalid_value")
    assert door.refused("GET", logs, params={"limit": "1001"})[2:] == ("limit", "out_of_range")
    assert door.refused("GET", logs, params={"cursor": "x"})[2:] == ("cursor", "invalid_value")
    assert door.ok("GET", logs, params={"search": "", "component": "", "limit": "1000"}) == {"logs": []}
    for path in (metrics, logs):
        assert stranger.refused("GET", path)[:2] == (404, "not_found")
