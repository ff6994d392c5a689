"""Random calls about pipelines, schedules and variables, for the random walk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.dialects.ubiops.operations import UNKNOWN
from tests.dialects.ubiops.reference import Reference, ReferencePipeline
from tests.dialects.ubiops.reference_pipelines import (
    START,
    ReferencePipelines,
    ReferenceSchedules,
    ReferenceVariables,
    gives,
    object_of,
    takes,
)

if TYPE_CHECKING:
    from tests.dialects.ubiops.random_walk import RandomWalk

Step = Callable[[], None]
GOOD_NAMES = ["a", "b", "c-1", "d" * 64]
BAD_NAMES = ["Upper", "1st", "under_score", "e" * 65, "-dash", "ü", "a b", "a\n"]
FIELDS = [
    [],
    [{"name": "x", "data_type": "int"}],
    [{"name": "x", "data_type": "int"}, {"name": "Y-1_z", "data_type": "array_string"}],
    [{"name": "x", "data_type": "int"}, {"name": "x", "data_type": "blob"}],
    [{"name": "1x", "data_type": "timestamp"}],
    [{"name": "x", "data_type": "float"}],
]
_CRONTABS = ["0 0 1 1 *"] * 3 + ["*/5 8-18 * * mon-fri", "@daily", "* * * *", "0 0 31 2 *"]
_VARIABLES = ["COLOUR"] * 3 + ["a_b", "x", "Y" * 64, "_A", "B_", "A1", "Z" * 65]
_VALUES: dict[str, Any] = {"x": 1, "Y-1_z": ["a"]}


def pipeline_steps(walk: RandomWalk, reference: Reference) -> list[Step]:
    """Steps that make and change pipelines, with what is in them."""
    steps = _PipelineSteps(walk, reference)
    return [
        steps.create, steps.create, steps.change, steps.add, steps.add, steps.add, steps.change_object, steps.attach,
        steps.attach, steps.attach, steps.detach, steps.look,
    ]  # fmt: skip


def look_at_pipelines(walk: RandomWalk, reference: Reference) -> None:
    """Every list, at the end."""
    pipelines, schedules = ReferencePipelines(reference), ReferenceSchedules(reference)
    for project, found in reference.projects.items():
        walk.compare("GET", f"/projects/{project}/pipelines", pipelines.list(project))
        walk.compare("GET", f"/projects/{project}/schedules", schedules.list(project))
        for name in found.pipelines:
            path = f"/projects/{project}/pipelines/{name}"
            walk.compare("GET", f"{path}/objects", pipelines.list_objects(project, name))
            walk.compare("GET", f"{path}/attachments", pipelines.list_attachments(project, name))


def other_steps(walk: RandomWalk, reference: Reference) -> list[Step]:
    """Steps that make and change schedules and variables."""
    steps = _OtherSteps(walk, reference)
    return [
        steps.create_schedule, steps.create_schedule, steps.change_schedule,
        steps.create_variable, steps.create_variable, steps.change_variable,
    ]  # fmt: skip


class _PipelineSteps:
    def __init__(self, walk: RandomWalk, reference: Reference) -> None:
        self._walk = walk
        self._reference = reference
        self._pipelines = ReferencePipelines(reference)

    def create(self) -> None:
        project, *_ = self._walk.where()
        body = {"name": self._walk.name(), "input_type": self._walk.one(["plain"] * 3 + ["structured"] * 4 + ["blob"])}
        if body["input_type"] != "plain" or self._walk.chance(0.1):
            body["input_fields"] = self._walk.one(FIELDS[:3] * 4 + FIELDS)
        body |= self._walk.some({"description": ["", "text", "d" * 200, "d" * 201]})
        self._walk.compare("POST", f"/projects/{project}/pipelines", self._pipelines.create(project, body), body)

    def change(self) -> None:
        project, name = self._where()
        path = f"/projects/{project}/pipelines/{name}"
        if self._walk.chance(0.15):
            self._walk.compare("DELETE", path, self._pipelines.delete(project, name))
            return
        kinds = ["plain", "structured", "structured"]
        body = self._walk.some({"name": [self._walk.name()], "input_type": kinds, "input_fields": FIELDS[:3]})
        self._walk.compare("PATCH", path, self._pipelines.update(project, name, body), body)

    def add(self) -> None:
        project, name = self._where()
        _, model, version = self._walk.where(project)
        about = {"reference_type": "model", "reference_name": model, "version": version}
        body = {"name": self._walk.name(), **about}
        path = f"/projects/{project}/pipelines/{name}/objects"
        self._walk.compare("POST", path, self._pipelines.add_object(project, name, body), body)

    def change_object(self) -> None:
        project, name = self._where()
        item = self._object(self._pipelines.find(project, name))
        path = f"/projects/{project}/pipelines/{name}/objects/{item}"
        if self._walk.chance(0.25):
            self._walk.compare("DELETE", path, self._pipelines.delete_object(project, name, item))
            return
        _, model, version = self._walk.where(project)
        body = self._walk.some({"name": [self._walk.name()], "version": [version], "reference_name": [model]})
        self._walk.compare("PATCH", path, self._pipelines.change_object(project, name, item, body), body)

    def attach(self) -> None:
        project, name = self._where()
        pipeline = self._pipelines.find(project, name)
        source = START if self._walk.chance(0.4) else self._object(pipeline)
        body = {"source_name": source, "destination_name": self._object(pipeline)}
        mapping = _matching(pipeline, source, body["destination_name"])
        if mapping and self._walk.chance(0.2):
            mapping = self._walk.one([mapping[1:], mapping * 2, [{**mapping[0], "source_field_name": "none"}]])
        path = f"/projects/{project}/pipelines/{name}/attachments"
        body |= {"mapping": mapping}
        self._walk.compare("POST", path, self._pipelines.attach(project, name, body), body)

    def detach(self) -> None:
        project, name = self._where()
        pipeline = self._pipelines.find(project, name)
        source, destination = self._walk.one([START, self._object(pipeline)]), self._object(pipeline)
        path = f"/projects/{project}/pipelines/{name}/objects/{source}/attachments/{destination}"
        self._walk.compare("DELETE", path, self._pipelines.detach(project, name, source, destination))

    def look(self) -> None:
        project, name = self._where()
        path = f"/projects/{project}/pipelines"
        expected = [
            (path, self._pipelines.list(project)),
            (f"{path}/{name}/objects", self._pipelines.list_objects(project, name)),
            (f"{path}/{name}/attachments", self._pipelines.list_attachments(project, name)),
        ]
        where, outcome = self._walk.one(expected)
        self._walk.compare("GET", where, outcome)

    def _where(self) -> tuple[str, str]:
        project, *_ = self._walk.where()
        found = self._reference.projects.get(project)
        names = [] if found is None else [*found.pipelines]
        return project, self._walk.one(names or ["none"]) if self._walk.chance(0.85) else self._walk.name()

    def _object(self, pipeline: ReferencePipeline | None) -> str:
        names = [] if pipeline is None else [item.name for item in pipeline.objects]
        return str(self._walk.one(names or ["none"]) if self._walk.chance(0.9) else self._walk.name())


class _OtherSteps:
    def __init__(self, walk: RandomWalk, reference: Reference) -> None:
        self._walk = walk
        self._reference = reference
        self._schedules = ReferenceSchedules(reference)
        self._variables = ReferenceVariables(reference)

    def create_schedule(self) -> None:
        project, model, version = self._walk.where()
        body = {"name": self._walk.name(), "object_type": "model", "object_name": model, "version": version}
        found = self._reference.projects.get(project)
        if self._walk.chance(0.5):
            name = self._walk.one([*found.pipelines, "none"] if found is not None else ["none"])
            body = {"name": body["name"], "object_type": "pipeline", "object_name": name}
            body |= {"version": version} if self._walk.chance(0.1) else {}
        rows: dict[str, Any] = {}
        if found is not None:
            rows = dict(found.models if body["object_type"] == "model" else found.pipelines)
        target = rows.get(body["object_name"])
        shown = {} if target is None else target.shown
        body |= {"schedule": self._walk.one(_CRONTABS), "request_data": self._data(shown)}
        body |= self._walk.some({"batch": [True, False], "timeout": [9, 10, 60, 3600], "enabled": [True, False]})
        self._walk.compare("POST", f"/projects/{project}/schedules", self._schedules.create(project, body), body)

    def change_schedule(self) -> None:
        project, *_ = self._walk.where()
        found = self._reference.projects.get(project)
        names = [] if found is None else [*found.schedules]
        name = self._walk.one(names or ["none"])
        path = f"/projects/{project}/schedules/{name}"
        if self._walk.chance(0.2):
            self._walk.compare("DELETE", path, self._schedules.delete(project, name))
            return
        shown = {} if found is None or name not in found.schedules else found.schedules[name].target.shown
        choices = {"name": [self._walk.name()], "schedule": _CRONTABS, "request_data": [self._data(shown)]}
        body = self._walk.some({**choices, "timeout": [9, 60, 3601], "enabled": [True, False]})
        self._walk.compare("PATCH", path, self._schedules.update(project, name, body), body)
        self._walk.compare("GET", f"/projects/{project}/schedules", self._schedules.list(project))

    def create_variable(self) -> None:
        place, path = self._place()
        body = {"name": self._walk.one(_VARIABLES), "secret": self._walk.chance(0.3)}
        body |= self._walk.some({"value": ["", "red", "ü\n"]})
        self._walk.compare("POST", path, self._variables.create(place, body), body)

    def change_variable(self) -> None:
        """The list tells the id: an inherited one is none of the place's own."""
        place, path = self._place()
        expected = self._variables.list(place)
        listed = self._walk.compare("GET", path, expected)
        names = {item["name"]: item["id"] for item in listed} if expected[0] == 200 else {}
        name = self._walk.one([*names] * 3 + ["never-was"])
        path = f"{path}/{names.get(name, UNKNOWN)}"
        if self._walk.chance(0.3):
            self._walk.compare("DELETE", path, self._variables.delete(place, name))
            return
        body = self._walk.some({"name": _VARIABLES, "secret": [True, False], "value": ["", "blue"]})
        self._walk.compare("PATCH", path, self._variables.update(place, name, body), body)

    def _data(self, shown: dict[str, Any]) -> Any:
        """Mostly what the object takes."""
        if self._walk.chance(0.1):
            return self._walk.one(["text", {"x": 1}, {}])
        if shown.get("input_type", "plain") == "plain":
            return "text"
        return {item["name"]: _VALUES[item["name"]] for item in shown["input_fields"]}

    def _place(self) -> tuple[tuple[str, ...], str]:
        place = self._walk.where()[: self._walk.one([1, 2, 3])]
        nouns = ("projects", "models", "versions")
        path = "".join(f"/{noun}/{name}" for noun, name in zip(nouns, place, strict=False))
        return place, f"{path}/environment-variables"


def _matching(pipeline: ReferencePipeline | None, source: str, destination: str) -> list[dict[str, str]]:
    """Each field of the destination from one of its type, if the source has it."""
    wanted = None if pipeline is None else object_of(pipeline, destination)
    given = None if pipeline is None else object_of(pipeline, source)
    if pipeline is None or wanted is None or (given is None and source != START):
        return []
    sources = {item["data_type"]: item["name"] for item in gives(pipeline, given)[1]}
    return [
        {"source_field_name": sources[item["data_type"]], "destination_field_name": item["name"]}
        for item in takes(wanted)[1]
        if item["data_type"] in sources
    ]
