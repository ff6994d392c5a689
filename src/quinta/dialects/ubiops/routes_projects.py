"""Projects, their logs, and what happened in them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from quinta.core.observation.audit import AuditQuery
from quinta.dialects.ubiops import convert, convert_access
from quinta.dialects.ubiops.answers import AuditEntryList, LogLineBody, ProjectList, ProjectResourceUsage
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.parameters import WholeNumber
from quinta.dialects.ubiops.shapes import LogsCreate, ProjectCreate, ProjectUpdate

router = APIRouter(prefix="/projects", tags=["Projects"])


@router.post("", status_code=201, openapi_extra=takes(ProjectCreate))
async def projects_create(call: Authenticated) -> ProjectList:
    """Makes a project in an organization that the caller administers."""
    body = await call.read(ProjectCreate)
    return convert.project(await call.services.projects.create(call.actor, body.organization_name, body.name))


@router.get("")
async def projects_list(call: Authenticated) -> list[ProjectList]:
    """The projects of the caller's organizations."""
    return [convert.project(view) for view in await call.services.projects.list(call.actor)]


@router.get("/{project_name}")
async def projects_get(call: Authenticated, project_name: str) -> ProjectList:
    """One project."""
    return convert.project(await call.services.projects.get(call.actor, project_name))


@router.patch("/{project_name}", openapi_extra=takes(ProjectUpdate))
async def projects_update(call: Authenticated, project_name: str) -> ProjectList:
    """Gives the project another name."""
    body = await call.read(ProjectUpdate)
    return convert.project(await call.services.projects.rename(call.actor, project_name, body.name))


@router.delete("/{project_name}", status_code=204)
async def projects_delete(call: Authenticated, project_name: str) -> None:
    """Deletes the project and everything in it."""
    await call.services.projects.delete(call.actor, project_name)


@router.get("/{project_name}/resources")
async def projects_resource_usage(call: Authenticated, project_name: str) -> ProjectResourceUsage:
    """How many models, versions, connectors and pipelines the project has."""
    return convert_access.project_resources(await call.services.resources.of_project(call.actor, project_name))


@router.post("/{project_name}/logs", status_code=201, response_model_exclude_none=True, openapi_extra=takes(LogsCreate))
async def projects_log_list(call: Authenticated, project_name: str) -> list[LogLineBody]:
    """Log lines that match the filters, nearest to the start point first."""
    body = await call.read(LogsCreate)
    lines = await call.services.logs.find(call.actor, project_name, convert.log_query(body))
    return [convert.log_line(line) for line in lines]


@router.get("/{project_name}/audit")
async def projects_audit_list(
    call: Authenticated,
    project_name: str,
    limit: WholeNumber = 50,
    before: Annotated[WholeNumber | None, Query(description="Only entries with a smaller sequence.")] = None,
    action: Annotated[str | None, Query(description="Such as model.created or access.refused.")] = None,
    actor: Annotated[str | None, Query(description="An e-mail, system or anonymous.")] = None,
) -> list[AuditEntryList]:
    """Who did what in the project and who was refused, newest first. An addition of Quinta's."""
    entries = await call.services.audit.find(call.actor, project_name, AuditQuery(limit, before, action, actor))
    return [convert_access.audit_entry(entry) for entry in entries]
