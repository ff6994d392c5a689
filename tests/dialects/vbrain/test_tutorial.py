"""The tutorial: a script as its reader would write it down, with host, names and key filled in (contract vbrain 6)."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.dialects.vbrain.house import House
from tests.serving import RunningServer

SCRIPT = """
import json, sys, time
import requests

host, headers = sys.argv[1], json.loads(sys.argv[2])

repository_id = requests.post(f"{host}/api/v1/repository", headers=headers).json()["repository_id"]
headers["repository_id"] = repository_id
print("repository", repository_id)

params = {"a": 10, "b": 20}
job_id = requests.post(f"{host}/api/v1/job/execute", headers=headers, json={"params": params}).json()["job_id"]
print("job", job_id)

response = requests.get(f"{host}/api/v1/job/{job_id}", headers=headers)
attempt = 0
while response.status_code != 200:
    if attempt >= 1200:
        raise Exception(f"no end of {job_id}")
    print(response.status_code, response.json()["job_status"])
    time.sleep(0.1)
    response = requests.get(f"{host}/api/v1/job/{job_id}", headers=headers)
    attempt += 1
print(response.status_code, response.json()["job_status"])

response = requests.get(f"{host}/api/v1/job/{job_id}/result", headers=headers)
if response.ok:
    print("result", response.json()["output"])
else:
    print("failed")
"""


def test_the_tutorial_prints_200(server: RunningServer, house: House) -> None:
    """``Tutorial`` ships with the server: making a client of it is enough. The names are in ASCII so that they can be
    words of a command."""
    house.admin("client", "create", house.organization, "Tutorial", "Meu Client", "--leader", house.owner.email)
    names = {"organization_id": house.organization, "application_id": "Tutorial", "client_id": "Meu Client"}
    headers = {**names, "username": house.owner.email, "x-api-key": house.owner.key}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, server.url, json.dumps(headers)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[-2:] == ["200 finished", "result 200"]
    waiting = lines[2:-2]
    assert set(waiting) <= {"202 queued", "202 started"}
    assert waiting == sorted(waiting), "never back from started to queued"
