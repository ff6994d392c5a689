"""Projects and their configuration (contract versiontwo 5.1, 5.6)."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.errors import NotFound
from quinta.core.tenancy.release_projects import NewReleaseProject
from quinta.core.unset import Unset
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.bodies import LONGEST_NAME, Members, check_kinds
from quinta.dialects.versiontwo.calls import Authenticated
from quinta.dialects.versiontwo.convert import project_body, project_item
from quinta.dialects.versiontwo.documentation import CONFIG, NAME, NO_CONTENT, paged, takes, takes_object
from quinta.dialects.versiontwo.errors import invalid, of_members
from quinta.dialects.versiontwo.identifiers import Noun, row_id, wire_id
from quinta.dialects.versiontwo.messages import Problem
from quinta.dialects.versiontwo.pages import next_part, page_of

_MEMBERS = {"name": NAME, "config": CONFIG, "workspace_id": {"type": ["string", "null"]}}

router = APIRouter(tags=["Projects"])


@router.get("/projects", openapi_extra=paged(workspace_id={"type": "string"}), response_model_exclude_unset=True)
async def projects_list(call: Authenticated) -> shapes.Projects:
    """The projects that the key's user sees, newest first."""
    page = page_of(call.query)
    workspace = call.query.get("workspace_id")
    found = await call.services.release_projects.list(
        call.actor,
        workspace_id=None if workspace is None else _workspace(workspace),
        limit=page.asked,
        before=page.before,
    )
    shown, cursor = page.shown(found, lambda project: project.id)
    return shapes.Projects(projects=[project_item(project) for project in shown], **next_part(cursor))


@router.post("/projects", status_code=201, openapi_extra=takes(_MEMBERS, "name"))
async def projects_create(call: Authenticated, response: Response) -> shapes.Project:
    """Makes a project."""
    members = await call.members()
    name = members.required_text("name", longest=LONGEST_NAME)
    config = members.config()
    workspace = _workspace_in(members)
    new = NewReleaseProject(
        name, {} if isinstance(config, Unset) else config, None if isinstance(workspace, Unset) else workspace
    )
    project = await call.services.release_projects.create(call.actor, new)
    response.headers.update(call.location("projects", wire_id(Noun.PROJECT, project.id)))
    return project_body(project)


@router.get("/projects/{project_id}")
async def projects_get(call: Authenticated, project_id: str) -> shapes.Project:
    """One project, with its configuration."""
    return project_body(await call.services.release_projects.get(call.actor, row_id(Noun.PROJECT, project_id)))


@router.patch("/projects/{project_id}", openapi_extra=takes(_MEMBERS))
async def projects_update(call: Authenticated, project_id: str) -> shapes.Project:
    """Changes what is given: the configuration by a merge patch (RFC 7386), where null removes a member."""
    members = await call.members()
    title = members.text("name", longest=LONGEST_NAME)
    config = members.config()
    workspace = _workspace_in(members)
    project = await call.services.release_projects.update(
        call.actor, row_id(Noun.PROJECT, project_id), title=title, config_patch=config, workspace_id=workspace
    )
    return project_body(project)


@router.delete("/projects/{project_id}", status_code=204, response_class=Response, responses=NO_CONTENT)
async def projects_delete(call: Authenticated, project_id: str) -> Response:
    """Deletes a project with everything in it, while no deployment of it is in flight."""
    await call.services.release_projects.delete(call.actor, row_id(Noun.PROJECT, project_id))
    return Response(status_code=204)


@router.get("/projects/{project_id}/config", tags=["Configuration"])
async def config_get(call: Authenticated, project_id: str) -> dict[str, Any]:
    """The project's configuration."""
    found: dict[str, Any] = await call.services.release_projects.config(call.actor, row_id(Noun.PROJECT, project_id))
    return found


@router.patch("/projects/{project_id}/config", tags=["Configuration"], openapi_extra=takes_object(CONFIG))
async def config_update(call: Authenticated, project_id: str) -> dict[str, Any]:
    """Merges a patch into the project's configuration; the answer is the whole of it."""
    patch: dict[str, Any] = json.loads(await call.object_text())
    check_kinds(patch)
    with of_members("config"):
        found: dict[str, Any] = await call.services.release_projects.patch_config(
            call.actor, row_id(Noun.PROJECT, project_id), patch
        )
    return found


def _workspace_in(members: Members) -> str | Unset | None:
    text = members.optional_text("workspace_id")
    return _workspace(text) if isinstance(text, str) else text


def _workspace(text: str) -> str:
    try:
        return row_id(Noun.WORKSPACE, text)
    except NotFound:
        raise invalid("workspace_id", Problem.UNKNOWN) from None
