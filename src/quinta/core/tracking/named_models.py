"""Names of models for MLflow's clients (mlflow 3.17, protos/model_registry.proto; docs/dialects/mlflow.md).

``NAME`` is of the caller's own project, as an experiment without a slash is; ``PROJECT.NAME`` of a project that the
caller may know of (MLflow allows no slash in the name of a model).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from quinta.core.access.levels import project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import AlreadyExists, InvalidInput, LimitReached, NotFound
from quinta.core.events import Event, EventName
from quinta.core.names import check_description
from quinta.core.pages import MOST_ON_PAGE, Page
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.core.tracking.conditions import Kind, Subject, Value, holds, sort_key
from quinta.core.tracking.experiments import readable_projects, require_own
from quinta.core.tracking.filters import Language, parse_filter, parse_order
from quinta.core.tracking.model import NamedModel, NamedVersion, RegisteredModel
from quinta.core.tracking.outside_projects import OutsideProjects, own_name
from quinta.core.tracking.registry import ModelView, model_views
from quinta.core.tracking.rules import LONGEST_TAG, check_key, check_value
from quinta.core.tracking.search import milliseconds
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

LONGEST_NAME: Final = 256
MOST_TAGS: Final = 100
MOST_ALIASES: Final = 100
MOST_NAMES: Final = 10_000
"""That a search looks at."""
_ALIAS = re.compile(r"[\w\-]{1,255}")
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)
_TIMES = {"creation_timestamp": "creation_timestamp", "last_updated_timestamp": "last_updated_timestamp"}
NAMES = Language(
    {"name": "name", "timestamp": "last_updated_timestamp", **_TIMES}, frozenset(_TIMES), frozenset({Kind.TAG})
)


@dataclass(frozen=True, slots=True)
class VersionView:
    """``name`` is the model's as the caller says it, ``model`` what is registered, ``aliases`` its other names."""

    name: str
    version: NamedVersion
    model: ModelView
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedModelView:
    """``name`` as the caller says it; the newest version of each stage; ``aliases``: numbers of versions by name."""

    name: str
    model: NamedModel
    newest: tuple[VersionView, ...]
    aliases: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RegistryQuery:
    """In MLflow's language; ``offset``: what came before."""

    filter: str = ""
    orders: Sequence[str] = ()
    limit: int = 100
    offset: int = 0


class NamedModels:
    """Use cases about names. Reading needs level USE on the project, writing WRITE."""

    def __init__(self, store: Store, clock: Clock, projects: OutsideProjects) -> None:
        self._store = store
        self._clock = clock
        self._projects = projects

    async def create(
        self, actor: Actor, name: str, description: str = "", tags: Mapping[str, str] | None = None
    ) -> NamedModelView:
        """AlreadyExists (``name``): there is one of that name already."""
        prefix, dot, rest = name.partition(".")
        async with self._store.read() as work:
            known = await _known_project(work, actor, prefix) if dot and rest else None
        project = await self._projects.own(actor) if known is None else await self._projects.named(actor, prefix)
        wanted = _check_name(name if known is None else rest)
        now = self._clock.now()
        row = NamedModel(
            id=new_id(),
            project_id=project.id,
            name=wanted,
            description=check_description(description),
            tags=json.dumps(with_tags({}, tags or {})),
            aliases="{}",
            newest=0,
            created_by=actor.user_id,
            created_at=now,
            updated_at=now,
        )
        async with self._store.begin() as work:
            await work.of(Project, EVERYTHING).lock(project.id)
            await _require_free(work, project, wanted)
            await work.of(NamedModel, in_project(project.id)).add(row)
            work.emit(event(EventName.NAMED_MODEL_CREATED, row, actor))
            return await _view(work, actor, row, project)

    async def get(self, actor: Actor, name: str) -> NamedModelView:
        async with self._store.read() as work:
            row, project = await named_model_at(work, actor, name, PermissionLevel.USE)
            return await _view(work, actor, row, project)

    async def search(self, actor: Actor, query: RegistryQuery) -> Page[NamedModelView]:
        """Those that the actor may read and the filter holds for, by name unless said otherwise. InvalidInput as of
        ``OutsideExperiments.search``."""
        conditions = parse_filter(query.filter, NAMES)
        orders = [parse_order(text, NAMES) for text in (*query.orders, "name")]
        check_page(query)
        async with self._store.read() as work:
            projects = await readable_projects(work, actor, None)
            rows = await work.of(NamedModel, EVERYTHING).find(project_id=list(projects), limit=MOST_NAMES)
            found = []
            for row in rows:
                subject = _subject(row, shown_name(actor, row, projects[row.project_id]))
                if holds(conditions, subject):
                    found.append((sort_key(orders, subject), row))
            found.sort(key=lambda item: item[0])
            shown = [row for _, row in found[query.offset : query.offset + query.limit]]
            return Page(tuple([await _view(work, actor, row, projects[row.project_id]) for row in shown]), len(found))

    async def change(
        self, actor: Actor, name: str, *, new_name: str | None = None, description: str | None = None
    ) -> NamedModelView:
        """InvalidInput (``name``): a name of another project. AlreadyExists as of ``create``."""
        async with self._store.begin() as work:
            row, project = await self._to_write(work, actor, name)
            values: dict[str, Any] = {}
            if new_name is not None:
                prefix = f"{project.name}."
                wanted = _check_name(new_name.removeprefix(prefix) if name.startswith(prefix) else new_name)
                if wanted != row.name:
                    await _require_free(work, project, wanted)
                    values["name"] = wanted
            if description is not None:
                values["description"] = check_description(description)
            return await _view(work, actor, await self.write(work, actor, row, values), project)

    async def delete(self, actor: Actor, name: str) -> None:
        """With its versions; the runs keep their files. NotPermitted for who neither made it nor manages the
        project."""
        async with self._store.begin() as work:
            row, project = await self._to_write(work, actor, name)
            await require_own(work, actor, row.created_by, project)
            models = await work.of(NamedVersion, EVERYTHING).values("model_id", named_model_id=row.id)
            for model_id in models:
                await work.of(RegisteredModel, in_project(project.id)).remove(id=model_id)
                work.emit(Event(EventName.REGISTERED_MODEL_DELETED, str(model_id), (), actor.user_id, project.id))
            await work.of(NamedModel, in_project(project.id)).remove(id=row.id)
            work.emit(event(EventName.NAMED_MODEL_DELETED, row, actor))

    async def tag(self, actor: Actor, name: str, key: str, value: str | None) -> None:
        """None removes the tag; one that is not there is no error."""
        async with self._store.begin() as work:
            row, _ = await self._to_write(work, actor, name)
            await self.write(work, actor, row, {"tags": json.dumps(with_tags(json.loads(row.tags), {key: value}))})

    async def alias(self, actor: Actor, name: str, alias: str, number: int | None) -> None:
        """Calls a version by another name; None takes it away. InvalidInput (``alias``): what is none."""
        if not _ALIAS.fullmatch(alias) or _RESERVED.fullmatch(alias):
            raise InvalidInput(
                f"'{alias[:80]}' cannot name a version: letters, digits, underscores and dashes, neither 'latest' nor "
                "'v' and a number",
                field="alias",
            )
        async with self._store.begin() as work:
            row, _ = await self._to_write(work, actor, name)
            aliases = json.loads(row.aliases)
            aliases.pop(alias, None)
            if number is not None:
                await version_at(work, row, number)
                aliases[alias] = number
            if len(aliases) > MOST_ALIASES:
                raise LimitReached(f"a model has at most {MOST_ALIASES} aliases")
            await self.write(work, actor, row, {"aliases": json.dumps(aliases)})

    async def write(self, work: UnitOfWork, actor: Actor, row: NamedModel, values: Mapping[str, Any]) -> NamedModel:
        """Within a transaction: the row with these values, written."""
        changes = {**values, "updated_at": self._clock.now()}
        await work.of(NamedModel, in_project(row.project_id)).change(row.id, **changes)
        work.emit(event(EventName.NAMED_MODEL_CHANGED, row, actor))
        return replace(row, **changes)

    async def _to_write(self, work: UnitOfWork, actor: Actor, name: str) -> tuple[NamedModel, Project]:
        row, project = await named_model_at(work, actor, name, PermissionLevel.WRITE)
        return await work.of(NamedModel, EVERYTHING).lock(row.id), project


async def named_model_at(
    work: UnitOfWork, actor: Actor, name: str, level: PermissionLevel
) -> tuple[NamedModel, Project]:
    """The model of that name with its project. NotFound where the actor may not know of one; NotPermitted."""
    prefix, dot, rest = name.partition(".")
    refusal = False
    for project_name, own in ((prefix, rest) if dot else ("", ""), (None, name)):
        project = await _project(work, actor, project_name)
        row = None if project is None else await work.of(NamedModel, in_project(project.id)).get(name=own)
        if project is None or row is None:
            continue
        try:
            return row, await project_at(work, actor, project.id, level)
        except NotFound as hidden:
            refusal = refusal or hidden.is_refusal
    raise NotFound(f"there is no registered model named '{name[:80]}'", refusal=refusal)


async def version_at(work: UnitOfWork, row: NamedModel, number: int) -> NamedVersion:
    found = await work.of(NamedVersion, EVERYTHING).get(named_model_id=row.id, number=number)
    if found is None:
        raise NotFound(f"the registered model has no version {number}")
    return found


async def version_views(
    work: UnitOfWork, actor: Actor, name: str, row: NamedModel, versions: Iterable[NamedVersion]
) -> list[VersionView]:
    """Of a model of that name."""
    listed = list(versions)
    ids = [version.model_id for version in listed]
    models = await work.of(RegisteredModel, EVERYTHING).find(id=ids) if ids else []
    views = {view.model.id: view for view in await model_views(work, actor, models)}
    aliases: dict[str, int] = json.loads(row.aliases)
    return [
        VersionView(
            name,
            version,
            views[version.model_id],
            tuple(alias for alias, number in aliases.items() if number == version.number),
        )
        for version in listed
    ]


def shown_name(actor: Actor, row: NamedModel, project: Project) -> str:
    own = project.id == actor.project_id if actor.is_service_user else project.name == own_name(actor)
    return row.name if own else f"{project.name}.{row.name}"


def with_tags(tags: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The tags after the changes, of which None removes one; InvalidInput, TooLarge and LimitReached."""
    found = dict(tags)
    for key, value in changes.items():
        check_key(key, "tag")
        found.pop(key, None)
        if value is not None:
            check_value(value, "tag", LONGEST_TAG)
            found[key] = value
    if len(found) > MOST_TAGS:
        raise LimitReached(f"a model, or a version of one, has at most {MOST_TAGS} tags")
    return found


def searched_tags(text: str) -> dict[str, str]:
    """Tags as conditions see them: MLflow's clients ask for models that are no prompts, which none has to say."""
    return {"mlflow.prompt.is_prompt": "false", **json.loads(text)}


def check_page(query: RegistryQuery) -> None:
    if not 1 <= query.limit <= MOST_ON_PAGE or query.offset < 0:
        raise InvalidInput(f"max_results must be from 1 to {MOST_ON_PAGE}", field="max_results")


def event(name: EventName, row: NamedModel, actor: Actor) -> Event:
    return Event(name, row.id, (), actor.user_id, row.project_id)


def _check_name(name: str) -> str:
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip() or set(name) & set("/:"):
        raise InvalidInput(
            f"'{name[:80]}' cannot name a model: 1 to {LONGEST_NAME} printable characters without slashes and colons, "
            "and no blanks at the ends",
            field="name",
        )
    return name


async def _project(work: UnitOfWork, actor: Actor, name: str | None) -> Project | None:
    """The project of that name; None: the actor's own, where it has one."""
    wanted = own_name(actor) if name is None else name
    known = {"id": actor.project_id} if wanted is None else {"name": wanted}
    return await work.of(Project, EVERYTHING).get(**known)


async def _known_project(work: UnitOfWork, actor: Actor, name: str) -> Project | None:
    """The project of that name, if the actor may know of it."""
    project = await _project(work, actor, name)
    try:
        return None if project is None else await project_at(work, actor, project.id, PermissionLevel.USE)
    except NotFound:
        return None


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await work.of(NamedModel, in_project(project.id)).count(name=name):
        raise AlreadyExists(f"there is a registered model named '{name[:80]}' already", field="name")


async def _view(work: UnitOfWork, actor: Actor, row: NamedModel, project: Project) -> NamedModelView:
    versions = await work.of(NamedVersion, EVERYTHING).find(named_model_id=row.id, order=("number",))
    newest = {version.stage: version for version in versions}
    name = shown_name(actor, row, project)
    views = await version_views(work, actor, name, row, newest.values())
    numbers = {version.number for version in versions}
    aliases = {alias: number for alias, number in json.loads(row.aliases).items() if number in numbers}
    return NamedModelView(name, row, tuple(views), aliases)


def _subject(row: NamedModel, name: str) -> Subject:
    attributes: dict[str, Value] = {
        "name": name,
        "creation_timestamp": float(milliseconds(row.created_at)),
        "last_updated_timestamp": float(milliseconds(row.updated_at)),
    }
    return Subject(attributes, tags=searched_tags(row.tags))
