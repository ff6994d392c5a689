"""Metrics and usage by the real client: members, formats, the document's examples, who may ask, bad calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import CoreApi

from quinta.core.observation.model import MetricPoint
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.dialects.ubiops.bodies import check_last, raw
from tests.dialects.ubiops.people import People, assign
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.serving import RunningServer

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
NOON = datetime(2019, 11, 13, 12, tzinfo=UTC)


def record(server: RunningServer, points: Iterable[MetricPoint]) -> None:
    """Adds points as another process beside the running server."""

    async def add() -> None:
        database = Database(f"sqlite:///{server.data / 'quinta.db'}", SystemClock())
        await database.start()
        async with database.begin() as work:
            await work.add_metric_points(list(points))
        await database.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(add())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def project_id(door: httpx2.Client, project: str) -> str:
    return str(door.get(f"/v2.1/projects/{project}").json()["id"])


MINUTES = {"2019-11-13 12:00": 100.0, "2019-11-13 12:01": 134.0, "2019-11-13 12:02": 112.5, "2019-11-14 11:59": 8.0}


@pytest.mark.parametrize(
    ("interval", "end", "expected"),
    [
        ("minute", "2019-11-13 12:03:00", [("13T12:00:00", 100), ("13T12:01:00", 134), ("13T12:02:00", 112.5)]),
        ("hour", "2019-11-13T14:00:00Z", [("13T12:00:00", 346.5), ("13T13:00:00", 0)]),
        (None, "2019-11-13T14:00:00+00:00", [("13T12:00:00", 346.5), ("13T13:00:00", 0)]),
        ("day", "2019-11-14T14:00:00.000001+02:00", [("13T00:00:00", 346.5), ("14T00:00:00", 8)]),
        ("month", "2019-11-30 00:00:00", [("01T00:00:00", 354.5)]),
    ],
)
def test_the_documents_examples(
    server: RunningServer,
    api: CoreApi,
    project: str,
    project_id: str,
    interval: str | None,
    end: str,
    expected: list[tuple[str, float]],
) -> None:
    points = [MetricPoint(project_id, "pipeline", UNKNOWN, "requests", at(text), n) for text, n in MINUTES.items()]
    record(server, points)
    more = {} if interval is None else {"interval": interval}
    api.metrics_get(project, "requests", "2019-11-13 12:00:00", end, "pipeline", **more)
    found = check_last(api, "Metrics")
    assert [(item["start_time"][8:-6], item["value"]) for item in found] == expected
    assert [type(item["value"]) for item in found] == [type(value) for _, value in expected]
    assert all(before["end_time"] == after["start_time"] for before, after in pairwise(found))


HALF = """
class Model:
    def request(self, data):
        if data["number"] < 0:
            raise ValueError("negative")
        return {"half": data["number"] / 2}
"""


def values_of(api: CoreApi, door: ModelDoor, **more: Any) -> dict[str, float]:
    """Every metric of versions since an hour ago, by day."""
    now = datetime.now(UTC)
    time = ((now - timedelta(hours=1)).isoformat(), (now + timedelta(minutes=1)).isoformat())
    names = ("requests", "input_volume", "output_volume", "outputs", "compute", "instances", "gb_seconds")
    values = {}
    for name in (*names, "active_time"):
        found = api.metrics_get(door.project, name, *time, "model_version", interval="day", **more)
        values[name] = sum(item.value for item in found)
    return values


def test_what_requests_leave_behind(api: CoreApi, door: httpx2.Client) -> None:
    """Two requests that end well and one that fails, by a real instance; then the version goes."""
    model = new_model(door, {"model.py": HALF}, inputs={"number": "double"}, outputs={"half": "double"})
    version_id = door.get(model.path).json()["id"]
    assert [model.request({"number": number})["success"] for number in (2.5, 10.25, -1.5)] == [True, True, False]
    values = wait_for(partial(values_of, api, model), lambda found: found["requests"] == 3 and found["instances"] > 0)
    sent = sum(len(json.dumps({"number": number}, separators=(",", ":"))) for number in (2.5, 10.25, -1.5))
    assert (values["outputs"], values["input_volume"]) == (2, sent)
    assert values["output_volume"] > 0
    assert 0 < values["compute"] < 60
    assert 0 < values["instances"] < 1
    assert 0 < values["gb_seconds"] < values["active_time"]
    assert values_of(api, model, object_id=version_id)["requests"] == 3
    assert door.delete(model.path).status_code == 204
    with pytest.raises(ubiops.ApiException) as gone:
        values_of(api, model, object_id=version_id)
    assert gone.value.status == 404
    assert values_of(api, model)["requests"] == 3

    api.project_usage_get(model.project)
    usage = {item["metric"]: item["usage"] for item in check_last(api, "UsagePerMonth")}
    assert list(usage) == ["gb_seconds", "requests", "input_volume", "output_volume"]
    assert [item["value"] for item in usage["requests"]] == [0] * 12 + [3]
    month = datetime.now(UTC).strftime("%Y-%m")
    assert usage["requests"][-1]["month"] == f"{month}-01T00:00:00Z"
    api.organization_usage_get(f"o-{model.project}", start_month=month)
    usage = {item["metric"]: item["usage"] for item in check_last(api, "UsagePerMonth")}
    assert [item["value"] for item in usage["requests"]] == [3]
    api.organization_usage_details_get(f"o-{model.project}")
    days = {item["metric"]: item["usage"] for item in check_last(api, "UsagePerDay")}
    assert sum(item["value"] for item in days["requests"]) == 3
    api.organization_usage_details_get(f"o-{model.project}", month="2020-02")
    assert raw(api) == []


def test_days_of_a_month(server: RunningServer, api: CoreApi, project: str, project_id: str) -> None:
    times = ("2020-06-30 23:59", "2020-07-01 00:00", "2020-07-30 12:00", "2020-07-30 13:00", "2020-08-01 00:00")
    record(server, [MetricPoint(project_id, "connector", UNKNOWN, "volume", at(time), 4) for time in times])
    api.organization_usage_details_get(f"o-{project}", month="2020-07")
    (found,) = check_last(api, "UsagePerDay")
    days = [{"day": "2020-07-01T00:00:00Z", "value": 4}, {"day": "2020-07-30T00:00:00Z", "value": 8}]
    assert found == {"object_type": "connector", "metric": "volume", "usage": days}


GOOD = {"start_time": "2020-01-01T00:00:00Z", "end_time": "2020-01-02T00:00:00Z", "object_type": "model_version"}


@pytest.mark.parametrize(
    ("metric", "change", "status", "text"),
    [
        ("volume", {}, 400, "no metric 'volume' of a model_version"),
        ("failed_requests", {}, 400, "its metrics are requests, input_volume"),
        ("requests", {"object_type": "model"}, 400, "model_version, pipeline, connector"),
        ("requests", {"object_type": None}, 400, "object_type"),
        ("requests", {"start_time": None}, 400, "start_time"),
        ("requests", {"end_time": None}, 400, "end_time"),
        ("requests", {"end_time": "2019-12-31T23:59:59Z"}, 400, "before start_time"),
        ("requests", {"start_time": "yesterday"}, 400, "ISO 8601"),
        ("requests", {"start_time": "1577836800"}, 400, "'start_time'"),
        ("requests", {"interval": "week"}, 400, "'minute', 'hour', 'day' or 'month'"),
        ("requests", {"interval": "Hour"}, 400, "'interval'"),
        ("requests", {"interval": "minute", "end_time": "2020-03-01T00:00:00Z"}, 400, "more than 50000"),
        ("requests", {"object_id": "5"}, 400, "object_id must be the id"),
        ("requests", {"object_id": ""}, 400, "object_id must be the id"),
        ("requests", {"object_id": UNKNOWN}, 404, "no model_version with the id"),
        ("requests", {"object_type": "connector", "object_id": UNKNOWN}, 404, "no connector with the id"),
    ],
    ids=str,
)
def test_bad_calls(
    door: httpx2.Client, project: str, metric: str, change: dict[str, str | None], status: int, text: str
) -> None:
    path = f"/v2.1/projects/{project}/metrics"
    sent = {name: value for name, value in (GOOD | change).items() if value is not None}
    answer = door.get(f"{path}/{metric}", params=sent)
    assert (answer.status_code, text in answer.json()["error"]) == (status, True), answer.text
    answer = door.get(f"{path}/requests", params=GOOD)
    assert (answer.status_code, len(answer.json())) == (200, 24)


def test_a_month_of_minutes(door: httpx2.Client, project: str) -> None:
    sent = GOOD | {"interval": "minute", "end_time": "2020-02-01T00:00:00Z"}
    answer = door.get(f"/v2.1/projects/{project}/metrics/requests", params=sent)
    assert (answer.status_code, len(answer.json())) == (200, 31 * 24 * 60)


@pytest.mark.parametrize(
    "month", ["2020-13", "2020-1", "202001", "2020-01-01", "1969-12", "9001-01", "", "\uff12\uff10\uff12\uff10-01"]
)
def test_bad_months(door: httpx2.Client, project: str, month: str) -> None:
    for path, name in (
        (f"/v2.1/projects/{project}/usage", "start_month"),
        (f"/v2.1/organizations/o-{project}/usage", "start_month"),
        (f"/v2.1/organizations/o-{project}/usage/details", "month"),
    ):
        answer = door.get(path, params={name: month})
        assert (answer.status_code, f"'{name}'" in answer.json()["error"]) == (400, True), answer.text
        for good in ({name: "1970-01"}, {name: "9000-12"}, {}):
            answer = door.get(path, params=good)
            assert (answer.status_code, answer.json()) == (200, [])


def test_who_may_ask(door: httpx2.Client, stranger: httpx2.Client, server: RunningServer, project: str) -> None:
    paths = (
        f"/v2.1/projects/{project}/metrics/requests?start_time=2020-01-01&end_time=2020-01-02&object_type=pipeline",
        f"/v2.1/projects/{project}/usage",
        f"/v2.1/organizations/o-{project}/usage",
        f"/v2.1/organizations/o-{project}/usage/details",
    )
    with httpx2.Client(base_url=server.url, trust_env=False) as nobody:
        for path in paths:
            assert door.get(path).status_code == 200
            assert nobody.get(path).status_code == 401
            answer = stranger.get(path)
            unknown = stranger.get(path.replace(project, "never-was"))
            assert (answer.status_code, unknown.status_code) == (404, 404)
            assert answer.json()["error"].replace(project, "never-was") == unknown.json()["error"]


def test_metrics_of_one_version_by_a_role_on_its_model(door: httpx2.Client, people: People, project: str) -> None:
    """Contract ubiops 6.3. What the role does not cover is as what is not there; all together need a project's role."""
    path = f"/v2.1/projects/{project}"
    ids = {}
    for model in ("one", "two"):
        new = {"name": model, "input_type": "plain", "output_type": "plain"}
        assert door.post(f"{path}/models", json=new).status_code == 201
        ids[model] = door.post(f"{path}/models/{model}/versions", json={"version": "v1"}).json()["id"]
    person = people.member(project)

    def ask(object_id: str | None) -> tuple[int, str]:
        sent = GOOD if object_id is None else GOOD | {"object_id": object_id}
        answer = person.client.get(f"{path}/metrics/requests", params=sent)
        return answer.status_code, "" if answer.is_success else answer.json()["error"]

    needed = f"the permission models.versions.metrics.get on project '{project}' is needed for this"
    assert [ask(identifier) for identifier in (ids["one"], UNKNOWN, None)] == [(403, needed)] * 3
    assign(door, project, person.id, "model-viewer", object_name="one", object_type="model")
    assert (ask(ids["one"]), ask(None)) == ((200, ""), (403, needed))
    for identifier in (ids["two"], UNKNOWN):
        assert ask(identifier) == (404, f"there is no model_version with the id '{identifier}' in the project")
    assign(door, project, person.id, "model-viewer")
    assert [ask(identifier)[0] for identifier in (ids["one"], ids["two"], UNKNOWN, None)] == [200, 200, 404, 200]
