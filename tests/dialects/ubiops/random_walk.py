"""Random calls, valid and invalid, whose answers are compared with the reference model: of projects and models here."""

from __future__ import annotations

import random
from typing import Any

import httpx2

from tests.dialects.ubiops.random_steps import (
    BAD_NAMES,
    FIELDS,
    GOOD_NAMES,
    Step,
    look_at_pipelines,
    other_steps,
    pipeline_steps,
)
from tests.dialects.ubiops.reference import Outcome, Reference

_SETTINGS: dict[str, list[Any]] = {
    "description": ["", "text", "d" * 200, "d" * 201],
    "language": ["python3.5", "python3.8", "python3.9", "r4.0"],
    "memory_allocation": [255, 256, 512, 32_768, 32_769],
    "maximum_instances": [0, 1, 5, 20, 21],
    "minimum_instances": [-1, 0, 1, 5, 20],
    "maximum_idle_time": [9, 10, 300, 3600, 3601],
}


class RandomWalk:
    """``tag`` keeps the names of projects apart from those of others: they are unique over all users."""

    def __init__(self, client: httpx2.Client, reference: Reference, tag: str, seed: int) -> None:
        self._client = client
        self._reference = reference
        self._tag = tag
        self._random = random.Random(seed)
        self._history: list[str] = []
        self._steps: list[Step] = [
            self._create_project, self._change_project, self._create_model, self._create_model, self._change_model,
            self._create_version, self._create_version, self._create_version, self._change_version,
            self._change_version, self._look, self._look,
            *pipeline_steps(self, reference), *other_steps(self, reference),
        ]  # fmt: skip

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._random.choice(self._steps)()
        for project, found in self._reference.projects.items():
            self.compare("GET", f"/projects/{project}/models", self._reference.list_models(project))
            for model in found.models:
                path = f"/projects/{project}/models/{model}/versions"
                self.compare("GET", path, self._reference.list_versions(project, model))
        look_at_pipelines(self, self._reference)

    def _create_project(self) -> None:
        organization = self.one([self._reference.organization] * 5 + ["never-was"])
        body = {"name": self._project(), "organization_name": organization}
        self.compare("POST", "/projects", self._reference.create_project(body), body)

    def _change_project(self) -> None:
        project = self._project()
        if self.chance(0.9):
            body = {"name": self._project()} if self.chance(0.9) else {}
            self.compare("PATCH", f"/projects/{project}", self._reference.rename_project(project, body), body)
        else:
            self.compare("DELETE", f"/projects/{project}", self._reference.delete_project(project))

    def _create_model(self) -> None:
        project, *_ = self.where()
        body = {"name": self.name()}
        for side in ("input", "output"):
            body[f"{side}_type"] = self.one(["plain"] * 4 + ["structured"] * 4 + ["blob"])
            if body[f"{side}_type"] != "plain" or self.chance(0.1):
                body[f"{side}_fields"] = self.one(FIELDS[:3] * 4 + FIELDS)
        body |= self.some({"description": _SETTINGS["description"]})
        self.compare("POST", f"/projects/{project}/models", self._reference.create_model(project, body), body)

    def _change_model(self) -> None:
        project, model, _ = self.where()
        path = f"/projects/{project}/models/{model}"
        if self.chance(0.2):
            self.compare("DELETE", path, self._reference.delete_model(project, model))
            return
        body = self.some({"name": [self.name()], "input_type": ["plain"], "output_fields": FIELDS[:3]})
        body |= self.some({"description": _SETTINGS["description"]})
        self.compare("PATCH", path, self._reference.update_model(project, model, body), body)

    def _create_version(self) -> None:
        project, model, _ = self.where()
        body = {"version": self.name(), **self._settings()}
        path = f"/projects/{project}/models/{model}/versions"
        self.compare("POST", path, self._reference.create_version(project, model, body), body)

    def _change_version(self) -> None:
        where = self.where()
        path = "/projects/{}/models/{}/versions/{}".format(*where)
        if self.chance(0.2):
            self.compare("DELETE", path, self._reference.delete_version(*where))
            return
        body = self._settings() | self.some({"version": [self.name()]})
        self.compare("PATCH", path, self._reference.update_version(*where, body), body)

    def _look(self) -> None:
        project, model, version = self.where()
        path = f"/projects/{project}"
        expected: list[tuple[str, Outcome]] = [
            ("/projects", self._reference.list_projects()),
            (f"{path}/resources", self._reference.resources(project)),
            (f"{path}/models", self._reference.list_models(project)),
            (f"{path}/models/{model}", self._reference.get_model(project, model)),
            (f"{path}/models/{model}/versions", self._reference.list_versions(project, model)),
            (f"{path}/models/{model}/versions/{version}", self._reference.get_version(project, model, version)),
        ]
        where, outcome = self.one(expected)
        self.compare("GET", where, outcome)

    def compare(self, method: str, path: str, expected: Outcome, body: Any = None) -> Any:
        """Makes the call; what it answers, as JSON, if that is as expected."""
        status, shown = expected
        self._history.append(f"{method} {path} {body if body is not None else ''}")
        quoted = path.replace("\n", "%0A")
        answer = self._client.request(method, f"/v2.1{quoted}", **({} if body is None else {"json": body}))
        context = "\n".join([*self._history[-20:], f"expected {expected}", f"got {answer.status_code} {answer.text}"])
        assert answer.status_code == status, context
        if status >= 400:
            assert list(answer.json()) == ["error"], context
        elif isinstance(shown, list):
            found = answer.json()
            assert len(found) == len(shown), context
            assert all(_shows(item, wanted) for item, wanted in zip(found, shown, strict=True)), context
        elif shown is not None:
            assert _shows(answer.json(), shown), context
        return answer.json() if answer.content else None

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def one(self, choices: list[Any]) -> Any:
        return self._random.choice(choices)

    def name(self) -> str:
        return str(self.one(GOOD_NAMES[:2] * 6 + GOOD_NAMES * 2 + BAD_NAMES))

    def _project(self) -> str:
        known = [f"{self._tag}-{number}" for number in range(4)]
        return str(self.one(known * 5 + [f"{self._tag}-Upper", "1st", f"{self._tag}{'a' * 64}"]))

    def where(self, project: str | None = None) -> tuple[str, str, str]:
        """Mostly what is there: behind a wrong name, nothing more can be found."""
        rows = self._reference.projects
        if project is None:
            project = str(self.one([*rows] or [self._project()]) if self.chance(0.85) else self._project())
        models = rows[project].models if project in rows else {}
        model = self.one([*models] or [self.name()]) if self.chance(0.85) else self.name()
        versions = models[model].versions if model in models else {}
        version = self.one([*versions] or [self.name()]) if self.chance(0.85) else self.name()
        return project, model, version

    def _settings(self) -> dict[str, Any]:
        """Mostly right: a wrong one hides whatever else could be found."""
        good = {name: values[1:3] for name, values in _SETTINGS.items()} | {"language": ["python3.5", "python3.8"]}
        return self.some(good) if self.chance(0.7) else self.some(_SETTINGS)

    def some(self, choices: dict[str, list[Any]]) -> dict[str, Any]:
        return {name: self.one(values) for name, values in choices.items() if self.chance(0.4)}


def _shows(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(name in found and found[name] == value for name, value in wanted.items())
