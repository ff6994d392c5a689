"""A small reference model of projects, models and versions, written from contract ubiops 3.4 and 5.2-5.5.

Each operation answers the status that the server must give, and what its answer must show. What stands on models is in
reference_pipelines; it refers to them as the same objects, so that new names show everywhere (contract ubiops 10.52).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
TYPES = {"int", "double", "string", "bool", "timestamp", "array_int", "array_double", "array_string", "blob"}
_DEFAULTS = {
    "description": "",
    "language": "python3.7",
    "memory_allocation": 2048,
    "maximum_instances": 5,
    "minimum_instances": 0,
    "maximum_idle_time": 300,
}
_FIXED = ("input_type", "output_type", "input_fields", "output_fields")
Outcome = tuple[int, Any]
"""The status, and members of the answer or the whole list; None where the answer does not matter."""


@dataclass(eq=False)
class ReferenceVersion:
    shown: dict[str, Any]
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(eq=False)
class ReferenceModel:
    shown: dict[str, Any]
    versions: dict[str, ReferenceVersion] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(eq=False)
class ReferenceObject:
    """An object of a pipeline, which refers to a model version."""

    name: str
    model: ReferenceModel
    version: ReferenceVersion


@dataclass(eq=False)
class ReferencePipeline:
    """``attachments``: mappings by source (None: the start) and destination, oldest first."""

    shown: dict[str, Any]
    objects: list[ReferenceObject] = field(default_factory=list)
    attachments: dict[tuple[ReferenceObject | None, ReferenceObject], list[dict[str, str]]] = field(
        default_factory=dict
    )


@dataclass(eq=False)
class ReferenceSchedule:
    shown: dict[str, Any]
    target: ReferenceModel | ReferencePipeline
    version: ReferenceVersion | None


@dataclass(eq=False)
class ReferenceProject:
    models: dict[str, ReferenceModel] = field(default_factory=dict)
    pipelines: dict[str, ReferencePipeline] = field(default_factory=dict)
    schedules: dict[str, ReferenceSchedule] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)

    def users_of(self, versions: list[ReferenceVersion]) -> list[ReferenceObject]:
        """The objects of pipelines that refer to one of the versions."""
        objects = [item for pipeline in self.pipelines.values() for item in pipeline.objects]
        return [item for item in objects if item.version in versions]

    def drop_schedules(self, target: ReferenceModel | ReferencePipeline | ReferenceVersion) -> None:
        """They go with what they are for."""
        for name, schedule in list(self.schedules.items()):
            if target in (schedule.target, schedule.version):
                del self.schedules[name]


@dataclass
class Reference:
    """One organization with its limits: projects, and resources (versions and pipelines) over all of them."""

    organization: str
    most_projects: int
    most_resources: int
    projects: dict[str, ReferenceProject] = field(default_factory=dict)

    def create_project(self, body: dict[str, Any]) -> Outcome:
        if body["organization_name"] != self.organization or not is_named(NAME, body) or body["name"] in self.projects:
            return 400, None
        if len(self.projects) >= self.most_projects:
            return 403, None
        self.projects[body["name"]] = ReferenceProject()
        return 201, {"name": body["name"], "organization_name": self.organization}

    def rename_project(self, project: str, body: dict[str, Any]) -> Outcome:
        status = renamed(self.projects, project, body)
        return status, {"name": body.get("name", project)} if status == 200 else None

    def delete_project(self, project: str) -> Outcome:
        return (404, None) if self.projects.pop(project, None) is None else (204, None)

    def list_projects(self) -> Outcome:
        return 200, [{"name": name} for name in sorted(self.projects)]

    def resources(self, project: str) -> Outcome:
        if project not in self.projects:
            return 404, None
        found = self.projects[project]
        versions = sum(len(model.versions) for model in found.models.values())
        return 200, {"models": len(found.models), "versions": versions, "pipelines": len(found.pipelines)}

    def is_full(self) -> bool:
        counts = [self.resources(name)[1] for name in self.projects]
        return sum(count["versions"] + count["pipelines"] for count in counts) >= self.most_resources

    def create_model(self, project: str, body: dict[str, Any]) -> Outcome:
        if not _formed(body):
            return 400, None
        if project not in self.projects:
            return 404, None
        shown = {"description": "", "input_fields": [], "output_fields": [], **body}
        if not (is_named(NAME, body) and len(shown["description"]) <= 200 and all(map(is_side, _sides(shown)))):
            return 400, None
        if body["name"] in self.projects[project].models:
            return 400, None
        self.projects[project].models[body["name"]] = ReferenceModel(shown)
        return 201, shown

    def list_models(self, project: str) -> Outcome:
        if project not in self.projects:
            return 404, None
        return 200, [self._model_shown(project, name) for name in sorted(self.projects[project].models)]

    def get_model(self, project: str, model: str) -> Outcome:
        return (200, self._model_shown(project, model)) if self._has(project, model) else (404, None)

    def update_model(self, project: str, model: str, body: dict[str, Any]) -> Outcome:
        if not self._has(project, model):
            return 404, None
        shown = self.projects[project].models[model].shown
        if any(name in body and body[name] != shown[name] for name in _FIXED) or len(body.get("description", "")) > 200:
            return 400, None
        status = renamed(self.projects[project].models, model, body)
        if status == 200:
            shown |= body
            return 200, self._model_shown(project, shown["name"])
        return status, None

    def delete_model(self, project: str, model: str) -> Outcome:
        if not self._has(project, model):
            return 404, None
        found = self.projects[project]
        if found.users_of(list(found.models[model].versions.values())):
            return 400, None
        found.drop_schedules(found.models.pop(model))
        return 204, None

    def create_version(self, project: str, model: str, body: dict[str, Any]) -> Outcome:
        if not self._has(project, model):
            return 404, None
        versions, version = self.projects[project].models[model].versions, _DEFAULTS | body
        if not _fits(version) or body["version"] in versions:
            return 400, None
        if self.is_full():
            return 403, None
        versions[body["version"]] = ReferenceVersion(version)
        return 201, version

    def list_versions(self, project: str, model: str) -> Outcome:
        if not self._has(project, model):
            return 404, None
        return 200, [version.shown for version in self.projects[project].models[model].versions.values()]

    def get_version(self, project: str, model: str, version: str) -> Outcome:
        if not self._has(project, model, version):
            return 404, None
        return 200, self.projects[project].models[model].versions[version].shown

    def update_version(self, project: str, model: str, version: str, body: dict[str, Any]) -> Outcome:
        if not self._has(project, model, version):
            return 404, None
        versions = self.projects[project].models[model].versions
        changed = versions[version].shown | body
        if not _fits(changed) or (changed["version"] != version and changed["version"] in versions):
            return 400, None
        # Lists are oldest first: a new name keeps the place.
        kept = {changed["version"] if name == version else name: item for name, item in versions.items()}
        versions[version].shown = changed
        self.projects[project].models[model].versions = kept
        return 200, changed

    def delete_version(self, project: str, model: str, version: str) -> Outcome:
        if not self._has(project, model, version):
            return 404, None
        found = self.projects[project]
        versions = found.models[model].versions
        if found.users_of([versions[version]]):
            return 400, None
        found.drop_schedules(versions.pop(version))
        return 204, None

    def _has(self, project: str, model: str, version: str | None = None) -> bool:
        found = self.projects[project].models.get(model) if project in self.projects else None
        return found is not None and (version is None or version in found.versions)

    def _model_shown(self, project: str, model: str) -> dict[str, Any]:
        found = self.projects[project].models[model]
        return {**found.shown, "project": project, "number_of_versions": len(found.versions)}


def is_named(pattern: re.Pattern[str], body: dict[str, Any]) -> bool:
    return pattern.fullmatch(body["name"]) is not None


def renamed(rows: dict[str, Any], name: str, body: dict[str, Any]) -> int:
    """The status by the common rule of a new name: its own is no duplicate (contract ubiops 10.29)."""
    if name not in rows:
        return 404
    new = body.get("name", name)
    if new != name:
        if not is_named(NAME, body) or new in rows:
            return 400
        rows[new] = rows.pop(name)
    return 200


def _formed(body: dict[str, Any]) -> bool:
    """Whether words from a fixed list are of it: looked at before the call reaches what its path names."""
    fields = [*body.get("input_fields", []), *body.get("output_fields", [])]
    kinds = {body["input_type"], body["output_type"]}
    return kinds <= {"structured", "plain"} and {item["data_type"] for item in fields} <= TYPES


def _sides(model: dict[str, Any]) -> list[tuple[str, list[dict[str, str]]]]:
    return [(model["input_type"], model["input_fields"]), (model["output_type"], model["output_fields"])]


def is_side(side: tuple[str, list[dict[str, str]]]) -> bool:
    kind, fields = side
    names = [item["name"] for item in fields]
    if kind == "plain":
        return not fields
    return bool(fields) and all(_FIELD.fullmatch(name) for name in names) and len(set(names)) == len(names)


def _fits(version: dict[str, Any]) -> bool:
    return (
        _VERSION.fullmatch(version["version"]) is not None
        and len(version["description"]) <= 200
        and version["language"] in ("python3.5", "python3.6", "python3.7", "python3.8")
        and 256 <= version["memory_allocation"] <= 32_768
        and 1 <= version["maximum_instances"] <= 20
        and 0 <= version["minimum_instances"] <= version["maximum_instances"]
        and 10 <= version["maximum_idle_time"] <= 3600
    )
