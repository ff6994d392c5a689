"""One of everything that the reference speaks of, and new ones for calls that use one up."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.dialects.dq0.house import Door, House
from tests.dialects.ubiops.people import PASSWORD, new_email

MODEL_PATH = "pyfunc_model"
_SECONDS = 60.0


@dataclass
class Town:
    """``values`` fill the places of operations' paths and bodies."""

    house: House
    owner: Door
    scientist: Door
    folder: Path
    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made: dict[str, Any] = {"user_id": self.scientist.number, "password": PASSWORD}
        for kind in ("data", "project", "role", "group", "person", "job", "run", "model", "experiment"):
            made |= self.new(kind)
        self.scientist.ok("POST", f"/projects/{made['project_uuid']}/attach", json={"data_uuid": made["data_uuid"]})
        made["commit_uuid"] = self.scientist.deploy(made["project_uuid"])
        self.values = made | self._query(made["project_uuid"])

    def new(self, kind: str) -> dict[str, Any]:
        """The values of a new thing."""
        makers: Mapping[str, Callable[[], dict[str, Any]]] = {
            "data": self._data,
            "experiment": self._experiment,
            "group": lambda: self._named("group"),
            "job": self._job,
            "model": self._model,
            "newcomer": lambda: {"email": new_email()},
            "person": self._person,
            "project": lambda: {"project_uuid": self.scientist.new_project()},
            "role": lambda: self._named("role"),
            "run": self._run,
            "session": self._session,
            "word": lambda: {"word": f"word-{uuid.uuid4().hex[:12]}"},
        }
        return makers[kind]()

    def _data(self) -> dict[str, Any]:
        body = self.owner.new_data(self.folder)
        return {name: body[name] for name in ("data_id", "data_name", "data_uuid")}

    def _named(self, noun: str) -> dict[str, Any]:
        name = f"{noun}-{uuid.uuid4().hex[:12]}"
        message = self.house.admin.ok("POST", f"/{noun}s", json={f"{noun}_name": name})["message"]
        return {f"{noun}_id": int(message.rpartition(" ")[2]), f"{noun}_name": name}

    def _person(self) -> dict[str, Any]:
        person = self.house.person("user")
        return {"person_id": person.number, "person_email": person.email, "token": person.token}

    def _session(self) -> dict[str, Any]:
        person = self._person()
        return {"token": person["token"], "session_email": person["person_email"]}

    def _experiment(self) -> dict[str, Any]:
        project, name = self.scientist.new_project(), f"experiment {uuid.uuid4().hex[:8]}"
        body = self.scientist.ok(
            "POST", "/experiments", params={"project_uuid": project}, json={"experiment_name": name}
        )
        return {"experiment_uuid": body["experiment_uuid"], "experiment_project": project}

    def _job(self) -> dict[str, Any]:
        """One that waits: its environment is never made, for it is cancelled soon."""
        project = self.scientist.new_project()
        commit = self.scientist.deploy(project)
        job = self.scientist.start(project, commit)
        self.scientist.ok("POST", f"/jobs/{job}/cancel", json={"force": True})
        return {"job_uuid": job, "job_commit": commit}

    def _run(self) -> dict[str, Any]:
        """One of an outside client, with a metric and a model among its files."""
        experiment = self.mlflow("POST", "experiments/create", name=f"tries-{uuid.uuid4().hex[:8]}")["experiment_id"]
        run = self.mlflow("POST", "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
        for step, value in enumerate((0.5, 0.25)):
            self.mlflow("POST", "runs/log-metric", run_id=run, key="loss", value=value, timestamp=1_000, step=step)
        self.mlflow("POST", "runs/log-parameter", run_id=run, key="epochs", value="3")
        for path, content in ((f"{MODEL_PATH}/MLmodel", b"flavors: {}\n"), ("note.txt", b"hello"), ("raw", b"\xff")):
            self._put(f"{experiment}/{run}/artifacts/{path}", content)
        return {"run_uuid": str(uuid.UUID(run)), "run_experiment": experiment}

    def _query(self, project: str) -> dict[str, Any]:
        """One that has been answered, for nothing."""
        sent = {"query": "SELECT COUNT(*) AS n FROM LR.people WHERE 1 = 0", "project_uuid": project}
        query = self.scientist.ok("POST", "/queries", json=sent)["query_uuid"]
        end = time.monotonic() + _SECONDS
        while (found := self.scientist.ok("GET", f"/queries/{query}"))["job_state"] != "finished":
            assert time.monotonic() < end, found
            time.sleep(0.02)
        return {"query_uuid": query}

    def _model(self) -> dict[str, Any]:
        run = self._run()["run_uuid"]
        body = self.scientist.ok("POST", "/models/register", json={"run_uuid": run, "model_path": MODEL_PATH})
        return {"model_uuid": body["model_uuid"]}

    def mlflow(self, method: str, path: str, **body: Any) -> Any:
        address = f"{self.scientist.server.url}/mlflow/api/2.0/mlflow/{path}"
        answer = self.scientist.session.request(method, address, json=body, headers=self._credentials, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _put(self, path: str, content: bytes) -> None:
        address = f"{self.scientist.server.url}/mlflow/api/2.0/mlflow-artifacts/artifacts/{path}"
        answer = self.scientist.session.put(address, data=content, headers=self._credentials, timeout=60)
        assert answer.status_code == 200, answer.text

    @property
    def _credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.scientist.token}"}
