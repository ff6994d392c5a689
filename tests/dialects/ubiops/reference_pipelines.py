"""The reference model of pipelines, schedules and variables, from contract ubiops 3.4, 5.3, 5.6, 10.28-10.32."""

from __future__ import annotations

import re
from typing import Any

from tests.dialects.ubiops.reference import (
    NAME,
    TYPES,
    Outcome,
    Reference,
    ReferenceModel,
    ReferenceObject,
    ReferencePipeline,
    ReferenceProject,
    ReferenceSchedule,
    ReferenceVersion,
    is_named,
    is_side,
    renamed,
)

START = "pipeline_start"
_VARIABLE = re.compile(r"[A-Za-z]([A-Za-z_]{0,62}[A-Za-z])?")
_CRONTABS = {"0 0 1 1 *", "*/5 8-18 * * mon-fri", "@daily"}
MISSING: Outcome = (404, None)
REFUSED: Outcome = (400, None)
GONE: Outcome = (204, None)
Variables = dict[str, dict[str, Any]]


class ReferencePipelines:
    """On the projects of ``reference``."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def find(self, project: str, pipeline: str) -> ReferencePipeline | None:
        found = self._reference.projects.get(project)
        return None if found is None else found.pipelines.get(pipeline)

    def create(self, project: str, body: dict[str, Any]) -> Outcome:
        if not _formed(body):
            return REFUSED
        if project not in self._reference.projects:
            return MISSING
        pipelines = self._reference.projects[project].pipelines
        shown = {"description": "", "input_fields": [], **body}
        if not (is_named(NAME, body) and _fits(shown)) or body["name"] in pipelines:
            return REFUSED
        if self._reference.is_full():
            return 403, None
        pipelines[body["name"]] = ReferencePipeline(shown)
        return 201, {**shown, "project": project}

    def list(self, project: str) -> Outcome:
        if project not in self._reference.projects:
            return MISSING
        found = self._reference.projects[project].pipelines
        return 200, [{**found[name].shown, "project": project} for name in sorted(found)]

    def update(self, project: str, name: str, body: dict[str, Any]) -> Outcome:
        pipeline = self.find(project, name)
        if not _formed(body):
            return REFUSED
        if pipeline is None:
            return MISSING
        changed = pipeline.shown | body
        if body.get("input_type") == "plain" and "input_fields" not in body:
            changed["input_fields"] = []
        if not _fits(changed) or not _keeps_mapped(pipeline, changed):
            return REFUSED
        status = renamed(self._reference.projects[project].pipelines, name, body)
        if status == 200:
            pipeline.shown = changed
        return status, {**changed, "project": project} if status == 200 else None

    def delete(self, project: str, name: str) -> Outcome:
        pipeline = self.find(project, name)
        if pipeline is None:
            return MISSING
        found = self._reference.projects[project]
        found.drop_schedules(found.pipelines.pop(name))
        return GONE

    def add_object(self, project: str, name: str, body: dict[str, Any]) -> Outcome:
        pipeline = self.find(project, name)
        if pipeline is None:
            return MISSING
        model = self._reference.projects[project].models.get(body["reference_name"])
        version = None if model is None else model.versions.get(body["version"])
        if model is None or version is None or not is_named(NAME, body) or object_of(pipeline, body["name"]):
            return REFUSED
        pipeline.objects.append(ReferenceObject(body["name"], model, version))
        return 201, _object_shown(pipeline.objects[-1])

    def list_objects(self, project: str, name: str) -> Outcome:
        pipeline = self.find(project, name)
        return MISSING if pipeline is None else (200, [_object_shown(item) for item in pipeline.objects])

    def change_object(self, project: str, name: str, item: str, body: dict[str, Any]) -> Outcome:
        pipeline = self.find(project, name)
        found = None if pipeline is None else object_of(pipeline, item)
        if pipeline is None or found is None:
            return MISSING
        new = body.get("name", item)
        if new != item and (not is_named(NAME, body) or object_of(pipeline, new)):
            return REFUSED
        if body.get("reference_name", found.model.shown["name"]) != found.model.shown["name"]:
            return REFUSED
        version = found.model.versions.get(body.get("version", found.version.shown["version"]))
        if version is None:
            return REFUSED
        found.name, found.version = new, version
        return 200, _object_shown(found)

    def delete_object(self, project: str, name: str, item: str) -> Outcome:
        pipeline = self.find(project, name)
        found = None if pipeline is None else object_of(pipeline, item)
        if pipeline is None or found is None:
            return MISSING
        pipeline.objects.remove(found)
        pipeline.attachments = {ends: links for ends, links in pipeline.attachments.items() if found not in ends}
        return GONE

    def attach(self, project: str, name: str, body: dict[str, Any]) -> Outcome:
        pipeline = self.find(project, name)
        if pipeline is None:
            return MISSING
        source, destination = object_of(pipeline, body["source_name"]), object_of(pipeline, body["destination_name"])
        if destination is None or (source is None and body["source_name"] != START):
            return REFUSED
        if (source, destination) in pipeline.attachments or _leads(pipeline, destination, source):
            return REFUSED
        if not _maps(*gives(pipeline, source), *takes(destination), body["mapping"]):
            return REFUSED
        pipeline.attachments[source, destination] = body["mapping"]
        return 201, body

    def detach(self, project: str, name: str, source: str, destination: str) -> Outcome:
        pipeline = self.find(project, name)
        if pipeline is None:
            return MISSING
        ends = object_of(pipeline, source), object_of(pipeline, destination)
        if ends[1] is None or (ends[0] is None and source != START):
            return MISSING
        return MISSING if pipeline.attachments.pop((ends[0], ends[1]), None) is None else GONE

    def list_attachments(self, project: str, name: str) -> Outcome:
        pipeline = self.find(project, name)
        if pipeline is None:
            return MISSING
        return 200, [
            {
                "source_name": START if source is None else source.name,
                "destination_name": destination.name,
                "mapping": links,
            }
            for (source, destination), links in pipeline.attachments.items()
        ]


class ReferenceSchedules:
    """On the projects of ``reference``."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def create(self, project: str, body: dict[str, Any]) -> Outcome:
        found = self._reference.projects.get(project)
        if found is None:
            return MISSING
        of_model = body["object_type"] == "model"
        target = (found.models if of_model else found.pipelines).get(body["object_name"])
        if target is None or (not of_model and body.get("version") is not None):
            return REFUSED
        version = target.versions.get(body.get("version", "")) if isinstance(target, ReferenceModel) else None
        if of_model and version is None:
            return REFUSED
        shown = {"batch": True, "timeout": 300, "enabled": True, **body}
        if target.shown["input_type"] == "plain":
            shown.setdefault("request_data", "")
        if not is_named(NAME, body) or body["name"] in found.schedules or not _runs(shown, target):
            return REFUSED
        found.schedules[body["name"]] = ReferenceSchedule(shown, target, version)
        return 201, _schedule_shown(found.schedules[body["name"]])

    def list(self, project: str) -> Outcome:
        found = self._reference.projects.get(project)
        if found is None:
            return MISSING
        return 200, [_schedule_shown(found.schedules[name]) for name in sorted(found.schedules)]

    def update(self, project: str, name: str, body: dict[str, Any]) -> Outcome:
        found = self._reference.projects.get(project)
        schedule = None if found is None else found.schedules.get(name)
        if found is None or schedule is None:
            return MISSING
        changed = schedule.shown | body
        # Data that was right when it was given stays, whatever became of the fields.
        if not _runs(changed, schedule.target, data="request_data" in body):
            return REFUSED
        status = renamed(found.schedules, name, body)
        if status == 200:
            schedule.shown = changed
        return status, _schedule_shown(schedule) if status == 200 else None

    def delete(self, project: str, name: str) -> Outcome:
        found = self._reference.projects.get(project)
        return MISSING if found is None or found.schedules.pop(name, None) is None else GONE


class ReferenceVariables:
    """Of projects, models and versions: ``place`` is the names of these, as many as there are."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def levels(self, place: tuple[str, ...]) -> list[tuple[str, str, Variables]] | None:
        """Type, name and variables of the project, and so on down to the place; None if there is no such place."""
        project = self._reference.projects.get(place[0])
        if project is None:
            return None
        owners: list[ReferenceProject | ReferenceModel | ReferenceVersion] = [project]
        if len(place) > 1:
            model = project.models.get(place[1])
            version = model.versions.get(place[2]) if model is not None and len(place) > 2 else None
            if model is None or (len(place) > 2 and version is None):
                return None
            owners += [model] if version is None else [model, version]
        kinds = ("project", "model", "model_version")
        return [(kind, name, owner.variables) for kind, name, owner in zip(kinds, place, owners, strict=False)]

    def create(self, place: tuple[str, ...], body: dict[str, Any]) -> Outcome:
        levels = self.levels(place)
        if levels is None:
            return MISSING
        own = levels[-1][2]
        if not is_named(_VARIABLE, body) or body["name"] in own:
            return REFUSED
        own[body["name"]] = {"value": "", **body}
        return 201, _variable_shown(own[body["name"]])

    def list(self, place: tuple[str, ...]) -> Outcome:
        levels = self.levels(place)
        if levels is None:
            return MISSING
        reaching = {name: (kind, owner, found) for kind, owner, own in levels for name, found in own.items()}
        if len(levels) == 1:
            return 200, [_variable_shown(reaching[name][2]) for name in sorted(reaching)]
        shown = []
        for name in sorted(reaching):
            kind, owner, found = reaching[name]
            inherited = {"inheritance_type": kind, "inheritance_name": owner}
            own = {"inheritance_type": None, "inheritance_name": None}
            value = _variable_shown(found)["value"] or None
            shown.append({**_variable_shown(found), "value": value, **(own if kind == levels[-1][0] else inherited)})
        return 200, shown

    def update(self, place: tuple[str, ...], name: str, body: dict[str, Any]) -> Outcome:
        levels = self.levels(place)
        if levels is None or name not in levels[-1][2]:
            return MISSING
        own = levels[-1][2]
        if own[name]["secret"] and body.get("secret") is False:
            return REFUSED
        new = body.get("name", name)
        if new != name and (not is_named(_VARIABLE, body) or new in own):
            return REFUSED
        own[new] = own.pop(name) | body
        return 200, _variable_shown(own[new])

    def delete(self, place: tuple[str, ...], name: str) -> Outcome:
        levels = self.levels(place)
        return MISSING if levels is None or levels[-1][2].pop(name, None) is None else GONE


def object_of(pipeline: ReferencePipeline, name: str) -> ReferenceObject | None:
    return next((item for item in pipeline.objects if item.name == name), None)


def gives(pipeline: ReferencePipeline, source: ReferenceObject | None) -> tuple[str, list[dict[str, str]]]:
    """Type and fields of what comes from an object, or from the start."""
    if source is None:
        return pipeline.shown["input_type"], pipeline.shown["input_fields"]
    return source.model.shown["output_type"], source.model.shown["output_fields"]


def takes(destination: ReferenceObject) -> tuple[str, list[dict[str, str]]]:
    return destination.model.shown["input_type"], destination.model.shown["input_fields"]


def _maps(
    given_type: str,
    given_fields: list[dict[str, str]],
    wanted_type: str,
    wanted_fields: list[dict[str, str]],
    mapping: list[dict[str, str]],
) -> bool:
    given = {item["name"]: item["data_type"] for item in given_fields}
    wanted = {item["name"]: item["data_type"] for item in wanted_fields}
    pairs = [(link["source_field_name"], link["destination_field_name"]) for link in mapping]
    return (
        given_type == wanted_type
        and sorted(to for _, to in pairs) == sorted(wanted)
        and all(name in given and given[name] == wanted[to] for name, to in pairs)
    )


def _leads(pipeline: ReferencePipeline, start: ReferenceObject, goal: ReferenceObject | None) -> bool:
    """Whether ``goal`` is ``start`` or comes behind it."""
    return start is goal or any(
        _leads(pipeline, destination, goal) for source, destination in pipeline.attachments if source is start
    )


def _formed(body: dict[str, Any]) -> bool:
    kinds = {item["data_type"] for item in body.get("input_fields", [])}
    return body.get("input_type", "plain") in ("plain", "structured") and kinds <= TYPES


def _fits(shown: dict[str, Any]) -> bool:
    return len(shown["description"]) <= 200 and is_side((shown["input_type"], shown["input_fields"]))


def _keeps_mapped(pipeline: ReferencePipeline, changed: dict[str, Any]) -> bool:
    """What is attached to the start gets what it got (contract ubiops 10.54)."""
    attached = [links for (source, _), links in pipeline.attachments.items() if source is None]
    if attached and changed["input_type"] != pipeline.shown["input_type"]:
        return False
    kept = [item for item in pipeline.shown["input_fields"] if item in changed["input_fields"]]
    mapped = {link["source_field_name"] for links in attached for link in links}
    return mapped <= {item["name"] for item in kept}


def _object_shown(item: ReferenceObject) -> dict[str, Any]:
    return {
        "name": item.name,
        "reference_type": "model",
        "reference_name": item.model.shown["name"],
        "version": item.version.shown["version"],
        "input_type": item.model.shown["input_type"],
        "output_fields": item.model.shown["output_fields"],
    }


def _runs(shown: dict[str, Any], target: ReferenceModel | ReferencePipeline, data: bool = True) -> bool:
    if shown["schedule"] not in _CRONTABS or not 10 <= shown["timeout"] <= 3600:
        return False
    given = shown.get("request_data")
    if not data:
        return True
    if target.shown["input_type"] == "plain":
        return isinstance(given, str)
    # Values are made right for the field of each name, or left out.
    return isinstance(given, dict) and given.keys() == {item["name"] for item in target.shown["input_fields"]}


def _schedule_shown(schedule: ReferenceSchedule) -> dict[str, Any]:
    version = None if schedule.version is None else schedule.version.shown["version"]
    return {**schedule.shown, "object_name": schedule.target.shown["name"], "version": version}


def _variable_shown(variable: dict[str, Any]) -> dict[str, Any]:
    return {**variable, "value": None if variable["secret"] else variable["value"]}
