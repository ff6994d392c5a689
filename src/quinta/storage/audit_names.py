"""What things are called at the moment of an audit entry: one statement for all that a transaction is about."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Select, String, cast, func, null, select, union_all

from quinta.core.events import Event, EventName
from quinta.core.observation.audit_entry import AuditNote
from quinta.storage.connector_tables import connectors, credentials, verifications
from quinta.storage.dataset_tables import datasets, device_keys, platform_roles, role_grants, role_holders
from quinta.storage.deployment_tables import deployments, webhook_deliveries, webhooks, workspaces
from quinta.storage.job_tables import applications, blobs, clients, jobs, repositories
from quinta.storage.many_rows import PARAMETER, many_rows
from quinta.storage.observation_tables import audit_entries
from quinta.storage.pipeline_tables import pipelines
from quinta.storage.record_tables import data_records, groups
from quinta.storage.session import Session
from quinta.storage.tables import (
    api_keys,
    builds,
    environment_variables,
    invitations,
    memberships,
    model_versions,
    models,
    organizations,
    projects,
    role_assignments,
    roles,
    schedules,
    subscriptions,
    users,
)
from quinta.storage.tracking_tables import commits, data_jobs, experiments, named_models, registered_models, runs

_NOTHING = cast(null(), String)


class Named(NamedTuple):
    """A name, and the organization that the thing belongs to by itself; None where nobody knows."""

    name: str | None
    organization_id: str | None


Names = Mapping[str, Named]
"""By id: ids are unique among all tables (kit.ids)."""


class _Source(NamedTuple):
    """Where rows of a kind have their id, their name, and the organization they belong to without a project."""

    rows: FromClause
    identity: ColumnElement[Any]
    name: ColumnElement[Any]
    organization_id: ColumnElement[Any] = _NOTHING


_VERSIONS = model_versions.join(models, models.c.id == model_versions.c.model_id)
_VERSION_NAME = models.c.name + "/" + model_versions.c.name
_OF_ASSIGNMENT = role_assignments.join(users, users.c.id == role_assignments.c.user_id)
_HOLDERS = (
    role_holders.join(platform_roles, platform_roles.c.id == role_holders.c.role_id)
    .outerjoin(users, users.c.id == role_holders.c.user_id)
    .outerjoin(groups, groups.c.id == role_holders.c.group_id)
)
_GRANTS = (
    role_grants.join(platform_roles, platform_roles.c.id == role_grants.c.role_id)
    .outerjoin(datasets, datasets.c.id == role_grants.c.object_id)
    .outerjoin(projects, projects.c.id == role_grants.c.object_id)
)
_GRANTED_ON = func.coalesce(datasets.c.name, projects.c.name, role_grants.c.object_id)

_SOURCES: Mapping[str, tuple[_Source, ...]] = MappingProxyType(
    {
        "application": (_Source(applications, applications.c.id, applications.c.name, applications.c.organization_id),),
        "blob": (_Source(blobs, blobs.c.id, blobs.c.file_name),),
        "budget": (_Source(datasets, datasets.c.id, datasets.c.name),),
        "build": (
            _Source(
                builds.join(_VERSIONS, model_versions.c.id == builds.c.version_id),
                builds.c.id,
                _VERSION_NAME,
            ),
        ),
        "charge": (_Source(datasets, datasets.c.id, datasets.c.name),),
        "client": (_Source(clients, clients.c.id, clients.c.name, clients.c.organization_id),),
        "commit": (_Source(commits, commits.c.id, commits.c.name),),
        "connector": (_Source(connectors, connectors.c.id, connectors.c.name),),
        "credentials": (_Source(credentials, credentials.c.id, credentials.c.name),),
        "data_job": (_Source(data_jobs, data_jobs.c.id, data_jobs.c.number),),
        "dataset": (_Source(datasets, datasets.c.id, datasets.c.name),),
        "deployment": (_Source(deployments, deployments.c.id, deployments.c.version),),
        "device_key": (_Source(device_keys, device_keys.c.id, device_keys.c.device),),
        "experiment": (_Source(experiments, experiments.c.id, experiments.c.name),),
        "grant": (
            _Source(
                _GRANTS,
                role_grants.c.id,
                platform_roles.c.name
                + ": level "
                + cast(role_grants.c.level, String)
                + " on "
                + role_grants.c.kind
                + " "
                + _GRANTED_ON,
            ),
        ),
        "group": (_Source(groups, groups.c.id, groups.c.name),),
        "invitation": (_Source(invitations, invitations.c.id, invitations.c.email, invitations.c.organization_id),),
        "job": (_Source(jobs, jobs.c.id, jobs.c.number),),
        "key": (_Source(api_keys, api_keys.c.id, api_keys.c.name),),  # a replaced one is told by its user
        "mask": (_Source(datasets, datasets.c.id, datasets.c.name),),
        "membership": (
            _Source(
                memberships.join(users, users.c.id == memberships.c.user_id),
                memberships.c.id,
                users.c.email,
                memberships.c.organization_id,
            ),
        ),
        "model": (_Source(models, models.c.id, models.c.name),),
        "named_model": (_Source(named_models, named_models.c.id, named_models.c.name),),
        "organization": (_Source(organizations, organizations.c.id, organizations.c.name, organizations.c.id),),
        "pipeline": (_Source(pipelines, pipelines.c.id, pipelines.c.name),),
        "platform_role": (
            _Source(platform_roles, platform_roles.c.id, platform_roles.c.name),
            _Source(
                _HOLDERS,
                role_holders.c.id,
                platform_roles.c.name + ": " + func.coalesce(users.c.email, groups.c.name),
            ),
        ),
        "profile": (),  # looked up for every event, as users
        "project": (),  # looked up for every event
        "record": (_Source(data_records, data_records.c.id, data_records.c.name),),
        "registered_model": (_Source(registered_models, registered_models.c.id, registered_models.c.name),),
        "repository": (_Source(repositories, repositories.c.id, repositories.c.number),),
        "requests": (
            _Source(_VERSIONS, model_versions.c.id, _VERSION_NAME),
            _Source(pipelines, pipelines.c.id, pipelines.c.name),
        ),
        "role": (
            _Source(roles, roles.c.id, roles.c.name),
            _Source(_OF_ASSIGNMENT, role_assignments.c.id, users.c.email),
        ),
        "run": (_Source(runs, runs.c.id, runs.c.name),),
        "schedule": (_Source(schedules, schedules.c.id, schedules.c.name),),
        "service_user": (),  # looked up for every event, as users
        "subscription": (_Source(subscriptions, subscriptions.c.id, subscriptions.c.name),),
        "threshold": (_Source(datasets, datasets.c.id, datasets.c.name),),
        "user": (),
        "variable": (_Source(environment_variables, environment_variables.c.id, environment_variables.c.name),),
        "verification": (
            _Source(
                verifications.outerjoin(connectors, connectors.c.id == verifications.c.connector_id).outerjoin(
                    credentials, credentials.c.id == verifications.c.credentials_id
                ),
                verifications.c.id,
                func.coalesce(connectors.c.name, credentials.c.name),
            ),
        ),
        "version": (_Source(_VERSIONS, model_versions.c.id, _VERSION_NAME),),
        "webhook": (_Source(webhooks, webhooks.c.id, webhooks.c.url),),
        "webhook_delivery": (_Source(webhook_deliveries, webhook_deliveries.c.id, webhook_deliveries.c.event),),
        "workspace": (_Source(workspaces, workspaces.c.id, workspaces.c.name, workspaces.c.organization_id),),
    }
)
"""By the noun of an event's name; a test looks for a row for each."""
_ALWAYS = (
    _Source(users, users.c.id, users.c.email),
    _Source(projects, projects.c.id, projects.c.name, projects.c.organization_id),
)


def noun_of(name: EventName) -> str:
    return name.value.partition(".")[0]


async def read_names(session: Session, events: Sequence[Event], notes: Sequence[AuditNote]) -> Names:
    """The names of what the events and notes are about, of who did it, and of the projects.

    What is gone, perhaps by this very transaction, has the name that the trail knows last: of a user its own entries,
    of a project its own too.
    """
    wanted = {event.subject_id for event in events}
    wanted |= {event.actor_id for event in events if event.actor_id is not None}
    wanted |= {event.project_id for event in events if event.project_id is not None}
    wanted |= {note.project_id for note in notes if note.project_id is not None}
    if not wanted:
        return {}
    nouns = tuple(sorted({noun_of(event.name) for event in events}))
    names = _by_id(await session.fetch(_present(nouns, session.dialect), _parameter(wanted)))
    if missing := wanted - names.keys():
        names |= _by_id(await session.fetch(_last_known(session.dialect), _parameter(missing)))
    return names


def _parameter(ids: Collection[str]) -> dict[str, str]:
    return {PARAMETER: json.dumps([[item] for item in sorted(ids)])}


def _by_id(rows: Iterable[Any]) -> dict[str, Named]:
    return {row[0]: Named(row[1], row[2]) for row in rows}


@cache
def _present(nouns: tuple[str, ...], dialect: str) -> CompoundSelect[Any]:
    sources = {*_ALWAYS, *(source for noun in nouns for source in _SOURCES[noun])}
    return union_all(*[_named(source, dialect) for source in sorted(sources, key=lambda item: str(item.identity))])


def _named(source: _Source, dialect: str) -> Select[Any]:
    many = many_rows((audit_entries.c.subject_id,), dialect)
    rows = select(source.identity, source.name, source.organization_id).select_from(source.rows)
    return rows.where(source.identity.in_(select(many.c.subject_id)))


@cache
def _last_known(dialect: str) -> Select[Any]:
    many = many_rows((audit_entries.c.subject_id,), dialect)
    own = audit_entries.alias("own")
    last = select(own.c.sequence).where(own.c.subject_id == many.c.subject_id).order_by(own.c.sequence.desc()).limit(1)
    columns = audit_entries.c.subject_id, audit_entries.c.subject, audit_entries.c.organization_id
    return select(*columns).where(audit_entries.c.sequence.in_(select(last.scalar_subquery()).select_from(many)))
