"""What the load runs on: a few models and a pipeline that echo what they get, with a token that no other run has."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2

from tests.models import ModelDoor, new_model
from tests.pipelines import PipelineDoor, new_pipeline

FIELDS = {"item": "string", "token": "string"}
OBJECTS = ("first", "second")
SCHEDULES = 6
NEVER = "0 0 1 1 *"

ECHO = """
import time
import uuid


class Model:
    def request(self, data):
        token = uuid.uuid4().hex
        print("ran", data["item"], token, time.time())
        time.sleep(SECONDS)
        return {"item": data["item"], "token": data["token"] + token}
"""
COPY = """
import os
import uuid


class Model:
    def request(self, data):
        name = uuid.uuid4().hex
        with open(data["file"], "rb") as source, open(name, "wb") as target:
            target.write(source.read())
        return {"file": os.path.abspath(name)}
"""


@dataclass(frozen=True)
class House:
    """Doors by name; all in one project."""

    project: str

    def door(self, client: httpx2.Client, model: str) -> ModelDoor:
        return ModelDoor(client, self.project, model)

    def pipeline(self, client: httpx2.Client) -> PipelineDoor:
        return PipelineDoor(client, self.project, "pipeline")


def package(seconds: float = 0.0, stamp: str = "") -> dict[str, str]:
    """An echo that takes its time; ``stamp`` makes it differ from every other upload."""
    return {"model.py": f"SECONDS = {seconds}\nSTAMP = {stamp!r}\n" + ECHO}


def stamped(stamp: str) -> dict[str, str]:
    """A plain model that answers its stamp."""
    return {"model.py": f"class Model:\n    def request(self, data):\n        return {stamp!r}\n"}


def build(client: httpx2.Client) -> House:
    """Makes everything and waits until it serves."""
    project = new_model(client, package(), inputs=FIELDS, outputs=FIELDS, model="echo", maximum_instances=2).project
    new_model(client, package(0.03), inputs=FIELDS, outputs=FIELDS, project=project, model="slow", maximum_instances=2)
    blob = {"file": "blob"}
    new_model(client, {"model.py": COPY}, inputs=blob, outputs=blob, project=project, model="copy")
    new_model(client, stamped("0"), project=project, model="stamp")
    pipeline = new_pipeline(client, project, FIELDS)
    assert client.patch(pipeline.path, json={"name": "pipeline"}).status_code == 200
    pipeline = PipelineDoor(client, project, "pipeline")
    for name, model in zip(OBJECTS, ("echo", "slow"), strict=True):
        pipeline.add(name, model)
    links = {name: name for name in FIELDS}
    for source, destination in zip(("pipeline_start", *OBJECTS), OBJECTS, strict=False):
        pipeline.attach(source, destination, links)
    for number in range(SCHEDULES):
        _schedule(client, project, number)
    return House(project)


def _schedule(client: httpx2.Client, project: str, number: int) -> None:
    target = (
        {"object_type": "model", "object_name": "echo", "version": "v1"}
        if number % 2
        else {"object_type": "pipeline", "object_name": "pipeline"}
    )
    name = f"schedule-{number}"
    body = {"name": name, "schedule": NEVER, "request_data": {"item": name, "token": ""}, **target}
    answer = client.post(f"/v2.1/projects/{project}/schedules", json=body)
    assert answer.status_code == 201, answer.text
