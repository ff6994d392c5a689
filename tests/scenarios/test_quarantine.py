"""User code that carries rows out by every way it has, and all that the server answers afterwards (contract dq0 5.7).

Beside looking for the rows themselves, two runs that read different rows are compared: whatever differs in what a
person is answered of them, but for times and ids, would be a way out.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dialects.dq0.house import Door, House, people_metadata
from tests.scenarios.test_gateway import Computer, log_in
from tests.serving import serving

DEADLINE = 120.0
GRACE, ADA = "canary-grace", "canary-ada"
ROWS = {GRACE: f"id,age\n1,17\n2,{GRACE}\n", ADA: f"id,age\n1,42\n2,{ADA}\n3,9\n"}

ATTACK = """
import json, os, shutil, socket, subprocess, sys, urllib.error, urllib.request

(data,) = json.loads(os.environ["DQ0_DATA"])
rows = open(data["path"]).read().splitlines()
secret, number = rows[2].split(",")[1], int(rows[1].split(",")[1])
out = os.environ["DQ0_OUTPUT_DIR"]

def call(operation, **body):
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + operation
    body.setdefault("run_id", os.environ["MLFLOW_RUN_ID"])
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        return json.load(urllib.request.urlopen(request))
    except urllib.error.HTTPError as error:
        return print("refused:", error.read())

def leave(path, text):
    path = os.path.join(out, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)

print("printed", secret)
sys.stderr.write("on stderr " + secret + chr(10))
for _ in range(number):
    print("a line for each unit")
print("[__KEYWORD_PROGRESS_0%02d__]" % number)
call("runs/log-metric", key=secret, value=number, step=number)
call("runs/log-metric", key="rows", value=number, step=number, timestamp=number)
call("runs/log-metric", key="epsilon", value=number)
call("runs/log-parameter", key="param", value=secret)
call("runs/log-parameter", key=secret, value="x")
for tag in ("secret", secret, "mlflow.runName", "mlflow.note.content", "mlflow.user", "mlflow.project.entryPoint"):
    call("runs/set-tag", key=tag, value=secret)
call("runs/update", run_name=secret, status="FAILED", end_time=number)
call("experiments/create", name=secret)
leave(secret, "x")
leave("plain.txt", secret * number)
leave("folder/" + secret + "/file", secret)
leave("pyfunc_model/MLmodel", "flavors: {}  # " + secret)
leave("training.json", json.dumps({"artifacts": {secret: "platform", "pyfunc_model/MLmodel": "platform"}}))
leave("predictions.json", json.dumps({"predictions": [secret]}))
leave("check.json", json.dumps({"passed": True, "text": secret, "permissions": ["predict_allowed"]}))
print("job cancelled by user")
"""
ENDS = {
    "well": "",
    "exit code": "sys.exit(number)",
    "exception": "raise ValueError(secret)",
    "signal": "os.kill(os.getpid(), 9 if number > 20 else 11)",
    "worker": "os.kill(os.getppid(), 9)",
    "too many files": "[open(os.path.join(out, str(n)), 'w').close() for n in range(10_500 + number)]",
}


@dataclass
class Quarantine:
    """``scientist`` has a project, ``owner`` datasets with each of ROWS on every level."""

    house: House
    owner: Door
    scientist: Door
    other: Door
    project: str
    datasets: dict[tuple[str, int], str]

    def run(self, secret: str, level: int, end: str) -> str:
        """The uuid of a run that has ended."""
        data = {"data_uuid": self.datasets[secret, level]}
        self.scientist.ok("POST", f"/projects/{self.project}/attach", json=data)
        job = self.scientist.start(self.project, self.scientist.deploy(self.project, ATTACK + ENDS[end]))
        deadline = time.monotonic() + DEADLINE
        while (state := self.scientist.ok("GET", f"/jobs/{job}")["job_state"]) not in ("finished", "error"):
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
        self.scientist.ok("POST", f"/projects/{self.project}/detach", json=data)
        assert state == ("finished" if end == "well" else "error"), self.owner.ok("GET", f"/jobs/{job}")
        return job


@pytest.fixture(scope="module")
def quarantine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarantine]:
    """Its environments need no package index, and so no network."""
    folder = tmp_path_factory.mktemp("quarantine")
    with serving(folder / "data", {"QUINTA_RUN_REQUIREMENTS": "none"}) as server:
        house = House(server)
        owner, scientist, other = house.person("owner"), house.person("user"), house.person("user")
        datasets = {(secret, level): _dataset(owner, folder, secret, level) for secret in ROWS for level in (0, 1, 2)}
        yield Quarantine(house, owner, scientist, other, scientist.new_project(), datasets)
        house.close()


def _dataset(owner: Door, folder: Path, secret: str, level: int) -> str:
    name = f"people-{uuid.uuid4().hex[:8]}"
    file = folder / f"{name}.csv"
    file.write_text(ROWS[secret])
    return str(owner.ok("POST", "/data", json={"meta": people_metadata(name, file, level)})["data_uuid"])


def answers(door: Door, job: str, project: str) -> dict[str, str]:
    """What a person is answered of a run, by every operation that tells of one."""
    found: dict[str, str] = {}

    def ask(method: str, path: str, **more: Any) -> None:
        answer = door.call(method, path, **more)
        found[f"{method} {path} {more}"] = f"{answer.status_code} {answer.text}"

    def listed(path: str, key: str, **more: Any) -> None:
        items = door.ok("GET", path, params={"page_size": "1000", **more})["items"]
        found[f"{path} {more}"] = json.dumps([item for item in items if item[key] == job])

    for path in (f"/jobs/{job}", f"/runs/{job}", f"/queries/{job}"):
        ask("GET", path)
    for key in ("rows", "epsilon", GRACE, ADA):
        ask("GET", f"/runs/{job}/metric_history", params={"metric_key": key})
    for path in ("", "folder", "pyfunc_model", GRACE, ADA):
        ask("GET", "/artifacts/tree_structure", params={"run_uuid": job, "path": path, "level": "9"})
    for path in ("plain.txt", "training.json", "pyfunc_model/MLmodel", "absent", GRACE, ADA):
        ask("GET", "/artifacts/download", params={"run_uuid": job, "artifact_path": path})
    if door.token and "200 {" in found[f"GET /runs/{job} {{}}"]:
        listed("/jobs", "job_uuid")
        listed("/jobs", "job_uuid", order_by="-updated_at")
        listed("/jobs", "job_uuid", job_params=GRACE)
        listed("/runs", "run_uuid", project_uuid=project)
        ask("POST", "/models/register", json={"run_uuid": job, "job_uuid": job, "model_path": "pyfunc_model"})
    found |= mlflow_answers(door, job)
    return found


def mlflow_answers(door: Door, job: str) -> dict[str, str]:
    root, found = f"{door.server.url}/mlflow/api/2.0", {}
    credentials = {"Authorization": f"Bearer {door.token}"}

    def ask(method: str, path: str, **more: Any) -> requests.Response:
        answer = door.session.request(method, f"{root}/{path}", headers=credentials, timeout=60, **more)
        found[f"{method} {path} {more}"] = f"{answer.status_code} {answer.text}"
        return answer

    got = ask("GET", "mlflow/runs/get", params={"run_id": job}).json()
    for key in ("rows", "epsilon", GRACE, ADA):
        ask("GET", "mlflow/metrics/get-history", params={"run_id": job, "metric_key": key})
    ask("GET", "mlflow/artifacts/list", params={"run_id": job})
    if "run" not in got:
        return found
    experiment = got["run"]["info"]["experiment_id"]
    for path in ("plain.txt", "absent", GRACE, ADA):
        ask("GET", f"mlflow-artifacts/artifacts/{experiment}/{job}/artifacts/{path}")
    filters = ["metrics.rows > 20", "metrics.rows <= 20", f"params.param = '{GRACE}'", f"tags.secret = '{ADA}'"]
    for wanted in ("", *filters, *(f"attributes.run_name = '{name}'" for name in ("main", GRACE, ADA))):
        sent = {"experiment_ids": [experiment], "filter": wanted, "order_by": ["metrics.rows DESC"]}
        answer = door.session.post(f"{root}/mlflow/runs/search", json=sent, headers=credentials, timeout=60)
        runs = [each for each in answer.json().get("runs", []) if each["info"]["run_id"] == job]
        found[f"search {wanted}"] = f"{answer.status_code} {json.dumps(runs)}"
    for operation, body in (("log-metric", {"key": "rows", "value": 1}), ("set-tag", {"key": "secret", "value": "x"})):
        ask("POST", f"mlflow/runs/{operation}", json={"run_id": job, **body})
    return found


def plain(found: dict[str, str], job: str) -> dict[str, str]:
    """Without ids and times."""

    def same(text: str) -> str:
        text = text.replace(job, "JOB").replace(f"run-{job[:8]}", "NAME")
        return re.sub(r"\b\d{10}(\d{3})?\b", "TIME", text)

    return {same(key): same(value) for key, value in found.items()}


@pytest.mark.parametrize(("level", "end"), [(1, "well"), (1, "exit code"), *((2, end) for end in ENDS)])
def test_what_is_answered_does_not_depend_on_the_rows(quarantine: Quarantine, level: int, end: str) -> None:
    told = []
    for secret in ROWS:
        job = quarantine.run(secret, level, end)
        found = answers(quarantine.scientist, job, quarantine.project)
        assert not [asked for asked, answer in found.items() if secret in answer]
        assert len(found) > 40
        assert f'"job_errors":"{"" if end == "well" else "withheld"}' in found[f"GET /jobs/{job} {{}}"]
        told.append(plain(found, job))
    assert told[0] == told[1]


def test_on_public_data_all_is_told(quarantine: Quarantine) -> None:
    """The twin: every way that is closed above is open here, so that the test above looks at the right places."""
    job = quarantine.run(GRACE, 0, "well")
    found = answers(quarantine.scientist, job, quarantine.project)
    missing = [asked for asked, answer in found.items() if GRACE not in answer]
    other = plain(answers(quarantine.scientist, second := quarantine.run(ADA, 0, "well"), quarantine.project), second)
    different = [asked for asked, answer in plain(found, job).items() if answer != other[asked]]
    for word in ("GET /jobs", "GET /runs", "GET /artifacts/tree", "GET mlflow/runs/get", "search metrics.rows > 20"):
        assert [asked for asked in different if asked.startswith(word)], (word, different)
    for word in (f"GET /jobs/{job}", f"GET /runs/{job} ", "GET mlflow/runs/get", "pyfunc_model/MLmodel"):
        assert not [asked for asked in missing if asked.startswith(word)], (word, missing)


def test_who_has_no_part_in_it_is_told_nothing(quarantine: Quarantine) -> None:
    job = quarantine.run(GRACE, 0, "well")
    stranger_owner = quarantine.house.person("owner")
    for door in (quarantine.other, stranger_owner):
        found = answers(door, job, quarantine.project)
        assert not [asked for asked, answer in found.items() if GRACE in answer]
        assert {answer[:3] for answer in found.values()} == {"404"}, found
        assert door.call("POST", f"/runs/{job}/approve").status_code == 404


def test_an_owners_approval(quarantine: Quarantine) -> None:
    job = quarantine.run(GRACE, 2, "exit code")
    scientist, owner = quarantine.scientist, quarantine.owner
    assert scientist.refused("POST", f"/runs/{job}/approve")[0] == 403
    assert quarantine.other.refused("POST", f"/runs/{job}/approve")[0] == 404
    assert "exit code 17" in owner.ok("GET", f"/jobs/{job}")["job_errors"]
    assert owner.ok("POST", f"/runs/{job}/approve")["run_uuid"] == job
    assert owner.ok("POST", f"/runs/{job}/approve")["run_uuid"] == job
    body = scientist.ok("GET", f"/runs/{job}")
    assert "exit code 17" in body["job_errors"]
    assert f"printed {GRACE}" in body["job_logs"]
    assert GRACE in {metric["key"] for metric in body["run_metrics"]}
    said = scientist.ok("GET", "/artifacts/download", params={"run_uuid": job, "artifact_path": "plain.txt"})
    assert said["data_string"] == GRACE * 17
    entries = quarantine.house.admin.ok("GET", "/audits")["items"]
    assert [entry["actor"] for entry in entries if entry["action"] == "run.approved"] == [owner.email], entries


def test_an_approval_through_a_gateway(quarantine: Quarantine, tmp_path: Path) -> None:
    """Of somebody who answers for the data, on a computer of its own; another's, an administrator's too, is refused."""
    job = quarantine.run(GRACE, 2, "well")
    server, house = quarantine.house.nobody.server, quarantine.house
    name = f"custodian {uuid.uuid4().hex[:8]}"
    house.admin.ok("POST", "/roles", json={"role_name": name})
    data = quarantine.datasets[GRACE, 2]
    quarantine.owner.ok("POST", f"/data/{data}/permissions", json={"role_name": name, "permission": 4})
    people = {role: Computer(tmp_path / role, server) for role in (name, "admin", "user")}
    roles = {role["role_name"]: role["role_id"] for role in house.admin.ok("GET", "/roles")["items"]}
    for role, computer in people.items():
        number = house.number_of(log_in(computer, house)["email"])
        house.admin.ok("PATCH", f"/users/{number}", json={"state": "active", "roles": [roles[role]]})
    for role in ("admin", "user"):
        assert people[role].call("POST", f"/runs/{job}/approve")[0] == 404
    assert GRACE not in quarantine.scientist.call("GET", f"/runs/{job}").text
    assert people[name].ok("POST", f"/runs/{job}/approve")["run_uuid"] == job
    assert GRACE in quarantine.scientist.call("GET", f"/runs/{job}").text
