"""A small reference model of projects, models and versions, written from contract ubiops 3.4 and 5.2-5.5.

Each operation answers the status that the server must give, and what its answer must show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_TYPES = {"int", "double", "string", "bool", "timestamp", "array_int", "array_double", "array_string", "blob"}
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


@dataclass
class ReferenceModel:
    shown: dict[str, Any]
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Reference:
    """One organization with its limits: projects, and versions over all of them."""

    organization: str
    most_projects: int
    most_resources: int
    projects: dict[str, dict[str, ReferenceModel]] = field(default_factory=dict)

    def create_project(self, body: dict[str, Any]) -> Outcome:
        if body["organization_name"] != self.organization or not _named(_NAME, body) or body["name"] in self.projects:
            return 400, None
        if len(self.projects) >= self.most_projects:
            return 403, None
        self.projects[body["name"]] = {}
        return 201, {"name": body["name"], "organization_name": self.organization}

    def rename_project(self, project: str, body: dict[str, Any]) -> Outcome:
        status = _rename(self.projects, project, body)
        return status, {"name": body.get("name", project)} if status == 200 else None

    def delete_project(self, project: str) -> Outcome:
        return (404, None) if self.projects.pop(project, None) is None else (204, None)

    def list_projects(self) -> Outcome:
        return 200, [{"name": name} for name in sorted(self.projects)]

    def resources(self, project: str) -> Outcome:
        if project not in self.projects:
            return 404, None
        models = self.projects[project].values()
        return 200, {"models": len(models), "versions": sum(len(model.versions) for model in models)}

    def create_model(self, project: str, body: dict[str, Any]) -> Outcome:
        if not _formed(body):
            return 400, None
        if project not in self.projects:
            return 404, None
        shown = {"description": "", "input_fields": [], "output_fields": [], **body}
        if not (_named(_NAME, body) and len(shown["description"]) <= 200 and all(map(_side, _sides(shown)))):
            return 400, None
        if body["name"] in self.projects[project]:
            return 400, None
        self.projects[project][body["name"]] = ReferenceModel(shown)
        return 201, shown

    def list_models(self, project: str) -> Outcome:
        if project not in self.projects:
            return 404, None
        return 200, [self._model_shown(project, name) for name in sorted(self.projects[project])]

    def get_model(self, project: str, model: str) -> Outcome:
        return (200, self._model_shown(project, model)) if self._has(project, model) else (404, None)

    def update_model(self, project: str, model: str, body: dict[str, Any]) -> Outcome:
        if not self._has(project, model):
            return 404, None
        shown = self.projects[project][model].shown
        if any(name in body and body[name] != shown[name] for name in _FIXED) or len(body.get("description", "")) > 200:
            return 400, None
        status = _rename(self.projects[project], model, body)
        if status == 200:
            shown |= body
            return 200, self._model_shown(project, shown["name"])
        return status, None

    def delete_model(self, project: str, model: str) -> Outcome:
        if not self._has(project, model):
            return 404, None
        del self.projects[project][model]
        return 204, None

    def create_version(self, project: str, model: str, body: dict[str, Any]) -> Outcome:
        if not self._has(project, model):
            return 404, None
        versions, version = self.projects[project][model].versions, _DEFAULTS | body
        if not _fits(version) or body["version"] in versions:
            return 400, None
        if sum(self.resources(name)[1]["versions"] for name in self.projects) >= self.most_resources:
            return 403, None
        versions[body["version"]] = version
        return 201, version

    def list_versions(self, project: str, model: str) -> Outcome:
        if not self._has(project, model):
            return 404, None
        return 200, list(self.projects[project][model].versions.values())

    def get_version(self, project: str, model: str, version: str) -> Outcome:
        if not self._has(project, model, version):
            return 404, None
        return 200, self.projects[project][model].versions[version]

    def update_version(self, project: str, model: str, version: str, body: dict[str, Any]) -> Outcome:
        if not self._has(project, model, version):
            return 404, None
        versions = self.projects[project][model].versions
        changed = versions[version] | body
        if not _fits(changed) or (changed["version"] != version and changed["version"] in versions):
            return 400, None
        # Lists are oldest first: a new name keeps the place.
        kept = {changed["version"] if name == version else name: item for name, item in versions.items()}
        kept[changed["version"]] = changed
        self.projects[project][model].versions = kept
        return 200, changed

    def delete_version(self, project: str, model: str, version: str) -> Outcome:
        if not self._has(project, model, version):
            return 404, None
        del self.projects[project][model].versions[version]
        return 204, None

    def _has(self, project: str, model: str, version: str | None = None) -> bool:
        found = self.projects.get(project, {}).get(model)
        return found is not None and (version is None or version in found.versions)

    def _model_shown(self, project: str, model: str) -> dict[str, Any]:
        found = self.projects[project][model]
        return {**found.shown, "project": project, "number_of_versions": len(found.versions)}


def _named(pattern: re.Pattern[str], body: dict[str, Any]) -> bool:
    return pattern.fullmatch(body["name"]) is not None


def _rename(rows: dict[str, Any], name: str, body: dict[str, Any]) -> int:
    """The status by the common rule of a new name: its own is no duplicate (contract ubiops 10.29)."""
    if name not in rows:
        return 404
    new = body.get("name", name)
    if new != name:
        if not _named(_NAME, body) or new in rows:
            return 400
        rows[new] = rows.pop(name)
    return 200


def _formed(body: dict[str, Any]) -> bool:
    """Whether words from a fixed list are of it: looked at before the call reaches what its path names."""
    fields = [*body.get("input_fields", []), *body.get("output_fields", [])]
    kinds = {body["input_type"], body["output_type"]}
    return kinds <= {"structured", "plain"} and {item["data_type"] for item in fields} <= _TYPES


def _sides(model: dict[str, Any]) -> list[tuple[str, list[dict[str, str]]]]:
    return [(model["input_type"], model["input_fields"]), (model["output_type"], model["output_fields"])]


def _side(side: tuple[str, list[dict[str, str]]]) -> bool:
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
