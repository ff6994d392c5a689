"""Logs of a project by the real client: members, filters, start points, order (contract ubiops 8.5, 10)."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.bodies import MICROSECONDS, raw
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor

WORDS = ("one", "two", "three", "four")


def lines(api: CoreApi, door: ModelDoor, **data: Any) -> list[dict[str, Any]]:
    """What the client is sent; that the client can read it is part of the test."""
    api.projects_log_list(project_name=door.project, data={"filters": {}, "limit": 500, **data})
    assert api.api_client.last_response.status == 201
    return list(raw(api))


@pytest.fixture(scope="module")
def requests(plain: ModelDoor) -> list[str]:
    """Ids of four requests, each of which printed a line and logged one; all of that is stored."""
    ids = [plain.request(word)["request_id"] for word in WORDS]
    for request_id in ids:
        wait_for(partial(plain.logs, request_id=request_id), lambda found: len(found) >= 2)
    return ids


def test_members(api: CoreApi, plain: ModelDoor, requests: list[str]) -> None:
    found = lines(api, plain, filters={"request_id": requests[2]})
    texts = [line["log"] for line in found]
    assert any("echo of 5 characters" in text for text in texts)
    assert any("logged" in text for text in texts)
    for line in found:
        names = {"model_name": plain.model, "model_version": plain.version, "request_id": requests[2], "system": False}
        assert {name: line[name] for name in names} == names
        assert line.keys() == names.keys() | {"id", "log", "date"}
        assert re.fullmatch(r"[0-9a-f]{24}", line["id"])
        assert re.fullmatch(MICROSECONDS, line["date"])
        assert line["log"]


def test_lines_of_the_platform_have_no_request(api: CoreApi, plain: ModelDoor, requests: list[str]) -> None:
    found = lines(api, plain, filters={"system": True})
    assert found
    assert all(line["system"] for line in found)
    assert not any(line.get("request_id") for line in found)
    assert not any(line["system"] for line in lines(api, plain, filters={"system": False}))


def test_nearest_to_the_start_point_first(api: CoreApi, plain: ModelDoor, requests: list[str]) -> None:
    newest_first = lines(api, plain)
    ids = [line["id"] for line in newest_first]
    assert len(ids) >= 2 * len(WORDS)
    assert ids == sorted(ids, reverse=True)
    assert [line["date"] for line in newest_first] == sorted((line["date"] for line in newest_first), reverse=True)
    oldest = newest_first[-1]
    assert [line["id"] for line in lines(api, plain, date=oldest["date"], date_range=86_400)] == ids[::-1]
    assert [line["id"] for line in lines(api, plain, limit=3)] == ids[:3]


@pytest.mark.parametrize("date_range", [-86_400, 86_400])
def test_a_line_as_start_point_is_the_first(
    api: CoreApi, plain: ModelDoor, requests: list[str], date_range: int
) -> None:
    """As the command-line client gets one line: by its id and a limit of 1 (contract ubiops 8.5)."""
    ids = [line["id"] for line in lines(api, plain)]
    middle = len(ids) // 2
    found = [line["id"] for line in lines(api, plain, id=ids[middle], date_range=date_range)]
    assert found == (ids[middle:] if date_range < 0 else ids[middle::-1])
    assert [line["id"] for line in lines(api, plain, id=ids[middle], limit=1)] == [ids[middle]]


def test_dates(api: CoreApi, plain: ModelDoor, requests: list[str]) -> None:
    """With a zone, without one (then UTC), and with a blank as the command-line client writes it."""
    now = datetime.now(UTC) + timedelta(seconds=2)  # one of the formats below cuts the fraction off
    elsewhere = (now + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    for date in (now.isoformat(), now.strftime("%Y-%m-%d %H:%M:%S.%f"), now.strftime("%Y-%m-%dT%H:%M:%SZ"), elsewhere):
        assert len(lines(api, plain, date=date, date_range=-86_400)) >= 2 * len(WORDS), date
    assert lines(api, plain, date=(now + timedelta(days=2)).isoformat(), date_range=-100) == []


def test_filters_that_nothing_matches(api: CoreApi, plain: ModelDoor, requests: list[str]) -> None:
    for filters in (
        {"model_name": "another"},
        {"model_name": plain.model, "model_version": "v9"},
        {"request_id": str(uuid.uuid4())},
        {"pipeline_name": "p", "pipeline_object_name": "o"},
        {"connector_name": "c"},
        {"pipeline_request_id": str(uuid.uuid4())},
    ):
        assert lines(api, plain, filters=filters) == [], filters
    assert lines(api, plain, filters={"model_name": plain.model, "model_version": plain.version})


def test_a_line_that_is_not_there(api: CoreApi, plain: ModelDoor, echo: ModelDoor, requests: list[str]) -> None:
    """Never was, or in another project: the same words."""
    foreign = lines(api, plain)[0]["id"]
    for line_id in ("0" * 24, foreign):
        with pytest.raises(ubiops.ApiException) as caught:
            lines(api, echo, id=line_id)
        assert caught.value.status == 404
        assert f"there is no log line with the id '{line_id}'" in caught.value.body
