"""After the storm: the server's story beside the client's."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter, defaultdict
from typing import Any

import httpx2

from tests.chaos.databases import ChaosDatabase
from tests.chaos.house import OBJECTS, SCHEDULES, House
from tests.chaos.record import Record
from tests.dialects.ubiops.waiting import wait_for

_END_SECONDS = 180
Listed = dict[str, dict[str, Any]]
"""Requests by id, with data and result."""


class Checks:
    """Waits until everything has ended, and writes into ``record.wrong`` whatever is not as it must be."""

    def __init__(self, client: httpx2.Client, house: House, database: ChaosDatabase, record: Record) -> None:
        self._client = client
        self._database = database
        self._house = house
        self._record = record

    def run(self) -> None:
        wait_for(self._database.due, lambda due: not due, _END_SECONDS)
        listed = {kind: self._all_ended(kind) for kind in ("echo", "slow", "pipeline", "copy")}
        for kind, requests in listed.items():
            self._check_accepted(kind, requests)
            self._check_items(kind, requests)
            for request in requests.values():
                self._check_result(kind, request)
        self._check_due(listed)
        self._check_blobs(listed["copy"])
        self._check_upload()
        self._check_log()

    def _path(self, kind: str) -> str:
        house = self._house
        return house.pipeline(self._client).path if kind == "pipeline" else house.door(self._client, kind).path

    def _all_ended(self, kind: str) -> Listed:
        """Every request of the kind, once all have ended."""
        deadline = time.monotonic() + _END_SECONDS
        while True:
            ids, states = self._list(kind)
            if not states["pending"] + states["processing"]:
                break
            if time.monotonic() > deadline:
                self._record.complain(f"{kind}: still not ended: {dict(states)}")
                break
            time.sleep(0.2)
        found: Listed = {}
        for start in range(0, len(ids), 100):
            answer = self._client.post(f"{self._path(kind)}/request-batch-collect", json=ids[start : start + 100])
            assert answer.status_code == 200, answer.text
            found.update({item["id"]: item for item in answer.json()})
        return found

    def _list(self, kind: str) -> tuple[list[str], Counter[str]]:
        ids: list[str] = []
        states: Counter[str] = Counter()
        while True:
            query: dict[str, str | int] = {"limit": 500, "offset": len(ids), "sort": "asc"}
            page = self._client.get(f"{self._path(kind)}/request-batch", params=query).json()
            ids += [item["id"] for item in page]
            states.update(item["status"] for item in page)
            if len(page) < 500:
                return ids, states

    def _check_accepted(self, kind: str, listed: Listed) -> None:
        accepted = self._record.accepted(kind)
        lost = accepted.keys() - listed.keys() - self._record.perhaps_deleted
        if lost:
            self._record.complain(f"{kind}: accepted and lost: {sorted(lost)[:5]} and so on, {len(lost)} in all")
        back = self._record.deleted & listed.keys()
        if back:
            self._record.complain(f"{kind}: deleted and there again: {sorted(back)[:5]}")
        for key, seen in self._record.seen.items():
            if key in listed:
                request = listed[key]
                result = (
                    [run["result"] for run in request["model_requests"]] if kind == "pipeline" else request["result"]
                )
                if (request["status"], (result, request["error_message"])) != (seen.status, seen.result):
                    self._record.complain(f"{kind}: {key} was seen as {seen}, and is {request}")

    def _check_items(self, kind: str, listed: Listed) -> None:
        """Each item once; of a call without an answer all or none."""
        if kind == "copy":
            return
        there = Counter(request["request_data"]["item"] for request in listed.values())
        gone = {self._record.accepted(kind).get(key) for key in self._record.perhaps_deleted}
        known: set[str] = set()
        for call in self._record.sent:
            if call.kind != kind:
                continue
            known.update(call.items)
            counts = {there[item] for item in call.items if item not in gone}
            if not counts <= ({1} if call.ids is not None else {0, 1}) or len(counts) > 1:
                self._record.complain(
                    f"{kind}: a call of {len(call.items)} items ({call.ids and 'answered'}): {counts}"
                )
        strange = {item for item in there if item not in known and not item.startswith("schedule-")}
        if strange:
            self._record.complain(f"{kind}: items that nobody sent: {sorted(strange)[:5]}")

    def _check_result(self, kind: str, request: dict[str, Any]) -> None:
        if request["status"] not in ("completed", "failed"):
            return
        if kind == "pipeline":
            self._check_runs(request)
            return
        if request["status"] != "completed":
            self._record.complain(f"{kind}: {request['id']} failed: {request['error_message']}")
        elif kind != "copy" and request["result"]["item"] != request["request_data"]["item"]:
            self._record.complain(f"{kind}: the result of another request: {request}")

    def _check_runs(self, request: dict[str, Any]) -> None:
        """Each object once, each with what the one before it gave."""
        runs = request["model_requests"]
        given = request["request_data"]
        if request["status"] != "completed" or [run["pipeline_object"] for run in runs] != list(OBJECTS):
            self._record.complain(f"pipeline: not each object once: {request}")
            return
        for run in runs:
            if run["request_data"] != given or run["result"]["item"] != given["item"]:
                self._record.complain(f"pipeline: an object got what it should not: {request}")
            given = run["result"]

    def _check_due(self, listed: dict[str, Listed]) -> None:
        """Each due time of a schedule has made one request."""
        made: Counter[str] = Counter()
        for kind in ("echo", "pipeline"):
            made.update(request["request_data"]["item"] for request in listed[kind].values())
        for number in range(SCHEDULES):
            name = f"schedule-{number}"
            if made[name] != self._record.due[name]:
                self._record.complain(f"{name} was due {self._record.due[name]} times and made {made[name]} requests")

    def _check_blobs(self, copies: Listed) -> None:
        wanted = dict(self._record.blobs)
        digests = self._record.accepted("copy")
        for request in copies.values():
            if request["status"] == "completed" and request["id"] in digests:
                wanted[request["result"]["file"]] = digests[request["id"]]
        for blob, digest in wanted.items():
            answer = self._client.get(f"/v2.1/projects/{self._house.project}/blobs/{blob}")
            if answer.status_code != 200 or hashlib.sha256(answer.content).hexdigest() != digest:
                self._record.complain(f"the blob {blob} is not what it was: {answer.status_code}")

    def _check_upload(self) -> None:
        """What serves at the end is the last upload that was accepted, or one after it whose answer was lost."""
        door = self._house.door(self._client, "stamp")
        deadline = time.monotonic() + _END_SECONDS
        building = ("building", "available_building")
        while (status := self._client.get(door.path).json()["status"]) in building and time.monotonic() < deadline:
            time.sleep(0.1)
        uploads = [("0", "accepted"), *self._record.uploads]
        last = max(place for place, (_, accepted) in enumerate(uploads) if accepted is not None)
        good = [stamp for stamp, _ in uploads[last:]]
        answer = door.request("x")
        if status != "available" or answer["result"] not in good:
            self._record.complain(f"the version is {status} and answers {answer}; uploaded last: {good}")

    def _check_log(self) -> None:
        """No run began after its result was visible; a run that counts is the last one that the log knows."""
        started: defaultdict[str, list[float]] = defaultdict(list)
        for line in self._lines():
            if found := re.match(r"ran \S+ \w+ ([\d.]+)$", line["log"]):
                for key in {line.get("request_id"), line.get("pipeline_request_id")} - {None}:
                    started[str(key)].append(float(found[1]))
        if not started:
            self._record.complain("the log is empty")
        for key, seen in self._record.seen.items():
            late = [moment for moment in started[key] if moment > seen.at]
            if late:
                self._record.complain(
                    f"{key} ran again after its result had been seen: {late[0] - seen.at:.3f} s later"
                )
        runs = Counter(len(moments) for moments in started.values())
        self._record.answers["requests in the log"] = runs.total()
        self._record.answers["of these more than once"] = sum(n for many, n in runs.items() if many > 1)

    def _lines(self) -> list[dict[str, Any]]:
        path = f"/v2.1/projects/{self._house.project}/logs"
        found: dict[str, dict[str, Any]] = {}
        body: dict[str, Any] = {"filters": {}, "limit": 500, "date_range": -86_400}
        while True:
            answer = self._client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            page = answer.json()
            new = [line for line in page if line["id"] not in found]
            found.update({line["id"]: line for line in new})
            if not new:
                return list(found.values())
            body["id"] = page[-1]["id"]
