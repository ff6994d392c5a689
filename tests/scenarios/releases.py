"""A project of two models that is released over VersionTwo's door, and callers who ask its live versions meanwhile."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import httpx2

from tests.models import ModelDoor, new_model, new_project
from tests.serving import RunningServer

MODELS = ("one", "two")
PATIENCE_SECONDS = 120
_BETWEEN_SECONDS = 0.01
"""Between two requests of a caller: eight that never rest would take both cores from whatever else is tested."""

Deployment = dict[str, Any]

_ANSWERS = """
import os
import threading
import time

if os.environ.get("BROKEN") == "at import":
    raise RuntimeError("told to")


class Model:
    def __init__(self):
        told = os.environ.get("BROKEN")
        if told == "in its constructor":
            raise RuntimeError("told to")
        if told == "soon":
            threading.Timer(0.4, os._exit, (9,)).start()
        time.sleep(3600 if told == "by hanging" else {start_seconds})

    def request(self, data):
        time.sleep(float(data or 0))
        return "{name}"
"""
UNBUILDABLE = {"another.py": ""}


def answers(name: str, start_seconds: float = 0) -> dict[str, str]:
    """A package that answers ``name``, after as many seconds as it is asked to take. A variable BROKEN of its version
    breaks it, after its build found it sound."""
    return {"model.py": _ANSWERS.format(name=name, start_seconds=start_seconds)}


class ReleasedProject:
    """A new project on ``server``, whose address and key stay the same should it be started again."""

    def __init__(self, server: RunningServer) -> None:
        self.client = server.client()
        self._headers = {"Authorization": f"Bearer {server.token}"}
        self.name = new_project(self.client)
        self.id = self._found_id()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def _found_id(self) -> str:
        query = "limit=100"
        while True:
            page = self.call("GET", f"/projects?{query}")
            for item in page["projects"]:
                if item["name"] == self.name:
                    return str(item["id"])
            query = f"limit=100&cursor={page['next_cursor']}"

    def answer(self, method: str, path: str, body: object = None) -> httpx2.Response:
        """What VersionTwo answers, a refusal too."""
        json = {} if body is None else {"json": body}
        return self.client.request(method, f"/v1{path}", headers=self._headers, **json)  # type: ignore[arg-type]

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.answer(method, path, body)
        assert answer.is_success, answer.text
        return answer.json()

    def door(self, model: str, version: str = "v1") -> ModelDoor:
        return ModelDoor(self.client, self.name, model, version)

    def add_models(self, *releases: str, models: Sequence[str] = MODELS, **settings: Any) -> None:
        """Models with a version that answers its name for each of the releases. All are built at once."""
        doors = [self.add_model(model, releases[0], **settings) for model in models]
        doors += [self.add_version(model, name, **settings) for model in models for name in releases[1:]]
        for door in doors:
            door.wait()

    def add_model(self, model: str, version: str, **settings: Any) -> ModelDoor:
        """A model with its first version, on its way to be built."""
        door = new_model(
            self.client, answers(version), project=self.name, model=model, wait=False, version=version, **settings
        )
        return ModelDoor(door.client, door.project, door.model, version)

    def add_version(self, model: str, version: str, files: dict[str, str] | None = None, **settings: Any) -> ModelDoor:
        """Another version of a model, on its way to be built."""
        body = {"version": version, "memory_allocation": 256, **settings}
        answer = self.client.post(f"/v2.1/projects/{self.name}/models/{model}/versions", json=body)
        assert answer.status_code == 201, answer.text
        door = self.door(model, version)
        door.upload(files or answers(version))
        return door

    def break_version(self, model: str, version: str, how: str) -> None:
        """From now on every new instance of the version breaks: ``in its constructor``, ``soon`` … (see the code)."""
        variable = {"name": "BROKEN", "value": how, "secret": False}
        answer = self.client.post(f"{self.door(model, version).path}/environment-variables", json=variable)
        assert answer.status_code == 201, answer.text

    def deploy(self, version: str, **config: Any) -> Deployment:
        made: Deployment = self.call("POST", f"/projects/{self.id}/deployments", {"version": version, "config": config})
        return made

    def roll_back(self, deployment: Deployment) -> Deployment:
        made: Deployment = self.call("POST", f"/projects/{self.id}/deployments/{deployment['id']}/rollback")
        return made

    def get(self, deployment: Deployment) -> Deployment:
        found: Deployment = self.call("GET", f"/projects/{self.id}/deployments/{deployment['id']}")
        return found

    def reached(self, deployment: Deployment, *statuses: str) -> Deployment:
        """The deployment once it has one of the statuses."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while deployment["status"] not in statuses:
            assert time.monotonic() < deadline, deployment
            time.sleep(0.05)
            deployment = self.get(deployment)
        return deployment

    def ended(self, deployment: Deployment) -> Deployment:
        return self.reached(deployment, "completed", "failed", "rolled_back")

    def completed(self, deployment: Deployment) -> Deployment:
        ended = self.ended(deployment)
        assert ended["status"] == "completed", ended
        return ended

    def configure(self, config: object) -> None:
        self.call("PATCH", f"/projects/{self.id}/config", config)

    def ask(self, model: str = MODELS[0]) -> str:
        """What the live version of a model answers."""
        answer = self.client.post(f"/v2.1/projects/{self.name}/models/{model}/request", json="")
        assert answer.status_code == 200, answer.text
        assert answer.json()["success"], answer.text
        return str(answer.json()["result"])

    def ask_all(self) -> list[str]:
        return [self.ask(model) for model in MODELS]

    def instances(self, state: str = "ready") -> int:
        """How many instances of the project are in the state now."""
        lines = self.client.get("/metrics").text.splitlines()
        mine = [line for line in lines if line.startswith("quinta_version_instances{") and f'"{self.name}"' in line]
        return sum(int(float(line.split()[-1])) for line in mine if f'state="{state}"' in line)

    def wait_for_instances(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.instances() != count:
            assert time.monotonic() < deadline, self.client.get("/metrics").text
            time.sleep(0.1)


class Answer(NamedTuple):
    """``release`` is what a caller was answered; ``begun`` and ``ended`` are moments of the monotonic clock."""

    begun: float
    ended: float
    model: str
    release: str


class Caller(threading.Thread):
    """Asks the live version of the first model, then of the second, over and over; each takes ``seconds``."""

    def __init__(self, server: RunningServer, project: str, seconds: float = 0) -> None:
        super().__init__(daemon=True)
        self.answers: list[Answer] = []
        self.failures: list[str] = []
        self.cut = 0  # requests that a killed server never answered, or whose connection it refused
        self._enough = threading.Event()
        self._server = server
        self._project = project
        self._body = str(seconds)

    def run(self) -> None:
        with self._server.client() as client:
            while not self._enough.is_set():
                for model in MODELS:
                    try:
                        self._ask(client, model)
                    except httpx2.TransportError:
                        self.cut += 1
                        self._enough.wait(0.2)
                    self._enough.wait(_BETWEEN_SECONDS)

    def _ask(self, client: httpx2.Client, model: str) -> None:
        begun = time.monotonic()
        answer = client.post(f"/v2.1/projects/{self._project}/models/{model}/request", json=self._body)
        ended = time.monotonic()
        if answer.status_code == 200 and answer.json()["success"]:
            self.answers.append(Answer(begun, ended, model, answer.json()["result"]))
        else:
            self.failures.append(answer.text)

    def finish(self) -> None:
        self._enough.set()
        self.join(timeout=PATIENCE_SECONDS)
        assert not self.is_alive()


@dataclass
class Switch:
    """A release that became the live one: after ``asked``, and before ``seen``."""

    release: str
    asked: float
    seen: float


def check_order(answers: Iterable[Answer], switches: Sequence[Switch]) -> int:
    """That no answer is of a release before one that somebody had been answered by, from whichever model, when its
    request began, nor of one whose rollout had not begun; how far along the switches the last answers are.

    It judges all callers together: what one has been answered, the next request of any other is after.
    """
    floor = 0
    given: list[tuple[float, int]] = []  # the moment of an answer, and which switch it is after
    for answer in sorted(answers):
        while given and given[0][0] <= answer.begun:
            floor = max(floor, heapq.heappop(given)[1])
        while floor + 1 < len(switches) and switches[floor + 1].seen <= answer.begun:
            floor += 1
        after = range(floor, len(switches))
        fits = (i for i in after if switches[i].release == answer.release and switches[i].asked <= answer.ended)
        place = next(fits, None)
        assert place is not None, f"{answer} is older than what was answered before: {switches[floor]}"
        heapq.heappush(given, (answer.ended, place))
    return max([floor, *(place for _, place in given)])
