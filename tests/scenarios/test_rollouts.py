"""Releases rolled out and back under load: no request fails, and nobody meets a half-switched set of models."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from quinta.core.access.authentication import Authenticator
from quinta.core.deployments.deployments import Deployments
from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.errors import InvalidInput, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.clock import SystemClock
from quinta.settings import read_settings
from quinta.storage.database import Database
from tests.models import ModelDoor, new_model, new_project
from tests.serving import RunningServer, start_server

ANSWERS = """
class Model:
    def request(self, data):
        return "{name}"
"""
RAISES_WHEN_TOLD = """
import os

class Model:
    def __init__(self):
        if "BROKEN" in os.environ:
            raise RuntimeError("told to")

    def request(self, data):
        return "raises"
"""
DIES_SOON = """
import os
import threading

class Model:
    def __init__(self):
        threading.Timer(0.4, os._exit, (9,)).start()

    def request(self, data):
        return "dies"
"""
SLOW = {
    "model.py": """
import time

class Model:
    def __init__(self):
        time.sleep(3)

    def request(self, data):
        return "slow"
"""
}
MODELS = ("one", "two")
RELEASES = ("v1", "v2", "v3")
BAD = {1: ("raises", "start_constructor_error"), 3: ("dies", "exited"), 5: ("unbuilt", "no_model_file")}
"""Releases that fail at these steps of seven, and why."""
STEPS = 20
PATIENCE_SECONDS = 90


class Desk:
    """The use cases on a server's own database, as an operator's command has them; the server follows soon."""

    def __init__(self, server: RunningServer, project: str) -> None:
        self._token = server.token
        self._name = project
        self._runner = asyncio.Runner()
        self._database = Database(read_settings(server.data).database_url, SystemClock())
        self._deployments = Deployments(self._database, SystemClock())

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._runner.run(self._open())
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._database.close())
        self._runner.close()

    async def _open(self) -> None:
        await self._database.start()
        self._actor = await Authenticator(self._database, SystemClock()).authenticate(self._token)
        async with self._database.read() as work:
            project = await work.of(Project, EVERYTHING).get(name=self._name)
        assert project is not None
        self._project_id = project.id

    def deploy(self, version: str, **config: Any) -> Deployment:
        return self._runner.run(self._deployments.create(self._actor, self._project_id, version, config))

    def roll_back(self, deployment: Deployment) -> Deployment:
        return self._runner.run(self._deployments.roll_back(self._actor, self._project_id, deployment.id))

    def get(self, deployment: Deployment) -> Deployment:
        return self._runner.run(self._deployments.get(self._actor, self._project_id, deployment.id))

    def find(self, **filters: Any) -> list[Deployment]:
        return self._runner.run(self._deployments.find(self._actor, self._project_id, **filters))

    def ended(self, deployment: Deployment) -> Deployment:
        """The deployment once it is not in flight any more."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while deployment.status.in_flight:
            assert time.monotonic() < deadline, deployment
            time.sleep(0.1)
            deployment = self.get(deployment)
        return deployment

    def completed(self, deployment: Deployment) -> Deployment:
        ended = self.ended(deployment)
        assert ended.status is DeploymentStatus.COMPLETED, ended
        return ended

    def configure(self, config: dict[str, Any]) -> None:
        """Sets the project's configuration."""
        self._runner.run(self._configure(json.dumps(config)))

    async def _configure(self, config: str) -> None:
        project_id = self._project_id
        async with self._database.begin() as work:
            await work.of(Project, EVERYTHING).change(project_id, config=config)
            work.emit(Event(EventName.PROJECT_CHANGED, project_id, (f"project:{project_id}",), None, project_id))


class Caller(threading.Thread):
    """Asks the live version of the first model, then of the second, over and over."""

    def __init__(self, server: RunningServer, project: str) -> None:
        super().__init__(daemon=True)
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._enough = threading.Event()
        self._server = server
        self._project = project

    def run(self) -> None:
        with self._server.client() as client:
            while not self._enough.is_set():
                for model in MODELS:
                    answer = client.post(f"/v2.1/projects/{self._project}/models/{model}/request", json="")
                    if answer.status_code == 200 and answer.json()["success"]:
                        self.answers.append(answer.json()["result"])
                    else:
                        self.failures.append(answer.text)

    def finish(self) -> None:
        self._enough.set()
        self.join(timeout=60)
        assert not self.is_alive()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this module's own: the tests look at the number of its instances."""
    server = start_server(tmp_path_factory.mktemp("rollouts") / "data")
    yield server
    server.stop()


def add_version(door: ModelDoor, name: str, files: dict[str, str]) -> ModelDoor:
    """Another version of the door's model, on its way to be built."""
    body = {"version": name, "memory_allocation": 256}
    path = f"/v2.1/projects/{door.project}/models/{door.model}/versions"
    answer = door.client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    other = ModelDoor(door.client, door.project, door.model, name)
    other.upload(files)
    return other


def new_release_project(client: Any, releases: tuple[str, ...] = RELEASES) -> str:
    """A project of two models, each with a version for every release that answers its name."""
    project = new_project(client)
    for model in MODELS:
        files = {"model.py": ANSWERS.format(name="v1")}
        first = new_model(client, files, project=project, model=model, wait=False)
        doors = [first]
        for name in releases[1:]:
            doors.append(add_version(first, name, {"model.py": ANSWERS.format(name=name)}))
        for door in doors:
            door.wait()
    return project


def ask(client: Any, project: str, model: str = "one") -> str:
    answer = client.post(f"/v2.1/projects/{project}/models/{model}/request", json="")
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"], answer.text
    return str(answer.json()["result"])


def add_bad_releases(client: Any, project: str) -> None:
    """``raises``, ``dies`` and ``unbuilt`` of the second model: what fails where nothing could tell before. The first
    model has a good version of each, which must not be switched alone."""
    doors = [ModelDoor(client, project, model) for model in MODELS]
    for name in ("raises", "dies", "unbuilt"):
        add_version(doors[0], name, {"model.py": ANSWERS.format(name=name)}).wait()
    raises = add_version(doors[1], "raises", {"model.py": RAISES_WHEN_TOLD})
    raises.wait()
    variable = {"name": "BROKEN", "value": "yes", "secret": False}
    answer = client.post(f"{raises.path}/environment-variables", json=variable)
    assert answer.status_code == 201, answer.text
    add_version(doors[1], "dies", {"model.py": DIES_SOON}).wait()
    add_version(doors[1], "unbuilt", {"another.py": ""}).wait("building_failed")


def walk(answers: list[str], releases: list[str]) -> int:
    """How far along the sequence of live releases the answers of one caller go, if each is the next one's or the one's
    before; fails where an answer can be neither."""
    position = 0
    for answer in answers:
        while releases[position] != answer:
            position += 1
            assert position < len(releases), f"{answer} came back after it was replaced"
    return position


def test_twenty_rollouts_and_rollbacks_under_load(house: RunningServer) -> None:
    with house.client() as client:
        project = new_release_project(client)
        add_bad_releases(client, project)
        callers = [Caller(house, project) for _ in range(3)]
        with Desk(house, project) as desk:
            live = desk.completed(desk.deploy("v1"))
            assert ask(client, project) == "v1"
            for caller in callers:
                caller.start()
            releases = ["v1"]
            for step in range(STEPS):
                live = take_step(desk, step, live, releases)
                assert [ask(client, project, model) for model in MODELS] == [releases[-1]] * 2
        for caller in callers:
            caller.finish()
    assert [caller.failures for caller in callers] == [[], [], []]
    for caller in callers:
        assert walk(caller.answers, releases) == len(releases) - 1


def take_step(desk: Desk, step: int, live: Deployment, releases: list[str]) -> Deployment:
    """A failed rollout, a rollback or a rollout, in turns; the deployment that is live then."""
    if step % 7 in BAD:
        name, reason = BAD[step % 7]
        failed = desk.ended(desk.deploy(name))
        assert (failed.status, failed.reason) == (DeploymentStatus.FAILED, reason), failed
        return live
    if step % 7 == 4:
        back = desk.completed(desk.roll_back(live))
        assert desk.get(live).status is DeploymentStatus.ROLLED_BACK
    else:
        back = desk.completed(desk.deploy(next(name for name in RELEASES if name not in releases[-2:])))
    releases.append(back.version)
    return back


def test_why_a_rollout_failed_is_said(house: RunningServer) -> None:
    with house.client() as client:
        project = new_release_project(client, ("v1",))
        add_bad_releases(client, project)
        with Desk(house, project) as desk:
            said = [desk.ended(desk.deploy(name)) for name, _ in BAD.values()]
            assert [deployment.reason for deployment in said] == [reason for _, reason in BAD.values()]
            assert "model 'two': " in (said[0].error_message or "")
            assert "told to" in (said[0].error_message or "")
            with pytest.raises(InvalidInput) as unknown:
                desk.deploy("v9")
        assert unknown.value.field == "version"
        assert ask(client, project) == "unbuilt", "the newest that serves, as no rollout has completed"
        line = ModelDoor(client, project, "two").wait_for_log("the rollout of dies failed", system=True)
        assert "[exited]" in line["log"]


def test_a_killed_server_goes_on_with_its_rollout(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    with server.client() as client:
        project = new_release_project(client, ("v1",))
        doors = [add_version(ModelDoor(client, project, model), "v2", SLOW) for model in MODELS]
        for door in doors:
            door.wait()
        with Desk(server, project) as desk:
            desk.completed(desk.deploy("v1"))
            client.patch(doors[0].path, json={"memory_allocation": 300})  # what the build has started is old now
            deployment = desk.deploy("v2")
            deadline = time.monotonic() + PATIENCE_SECONDS
            while deployment.status is not DeploymentStatus.IN_PROGRESS:
                assert time.monotonic() < deadline, deployment
                deployment = desk.get(deployment)
    server.kill()
    again = start_server(tmp_path / "data", token=server.token)
    try:
        with again.client() as client, Desk(again, project) as desk:
            pair = [ask(client, project, model) for model in MODELS]
            assert pair in (["v1", "v1"], ["v1", "slow"], ["slow", "slow"])
            ended = desk.completed(deployment)
            assert [ask(client, project, model) for model in MODELS] == ["slow", "slow"]
        assert ended.started_at is not None
        assert ended.attempts >= 2
    finally:
        assert again.stop() == 0


def ready_instances(client: Any, project: str) -> int:
    """How many instances of the project are up and have nothing to do."""
    lines = client.get("/metrics").text.splitlines()
    mine = [line for line in lines if line.startswith("quinta_version_instances{") and f'"{project}"' in line]
    return sum(int(float(line.split()[-1])) for line in mine if 'state="ready"' in line)


def test_the_configuration_says_how_many_instances_the_live_version_has(house: RunningServer) -> None:
    with house.client() as client:
        project = new_project(client)
        files = {"model.py": ANSWERS.format(name="v1")}
        new_model(client, files, project=project, model="one", maximum_idle_time=10)

        def wait_for(count: int) -> None:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while ready_instances(client, project) != count:
                assert time.monotonic() < deadline, client.get("/metrics").text
                time.sleep(0.1)

        with Desk(house, project) as desk:
            desk.configure({"scaling": {"min_instances": 2, "max_instances": 3}})
            desk.completed(desk.deploy("v1"))
            wait_for(2)
            desk.configure({"scaling": {"min_instances": 3, "max_instances": 3}})
            wait_for(3)
            desk.configure({"scaling": {"min_instances": 1, "max_instances": 1}})
            wait_for(1)
        assert ask(client, project) == "v1"


def test_the_live_version_stays_and_one_deployment_is_in_flight(house: RunningServer) -> None:
    with house.client() as client, Desk(house, project := new_release_project(client, ("v1", "v2"))) as desk:
        one = desk.completed(desk.deploy("v1"))
        assert ask(client, project) == "v1"
        live, other = (ModelDoor(client, project, "one", name) for name in RELEASES[:2])
        refused = client.delete(live.path)
        assert (refused.status_code, client.delete(other.path).status_code) == (400, 204), refused.text
        with pytest.raises(StateConflict) as nothing:
            desk.roll_back(one)
        assert nothing.value.field == "deployment"
        add_version(live, "slow", SLOW)
        waiting = desk.deploy("slow")
        with pytest.raises(StateConflict):
            desk.deploy("v1")
        elsewhere = desk.deploy("v1", environment="dev")
        assert [item.id for item in desk.find(environment="dev")] == [elsewhere.id]
        desk.completed(waiting)
        desk.completed(elsewhere)
        assert client.delete(f"/v2.1/projects/{project}/models/two").status_code == 204
