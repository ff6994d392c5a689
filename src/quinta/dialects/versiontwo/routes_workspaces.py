"""Workspaces: shelves for projects (contract versiontwo 5.2)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.tenancy.workspaces import NewWorkspace
from quinta.core.unset import Unset
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.bodies import LONGEST_NAME
from quinta.dialects.versiontwo.calls import Authenticated
from quinta.dialects.versiontwo.convert import workspace_body, workspace_item
from quinta.dialects.versiontwo.documentation import CONFIG, NAME, NO_CONTENT, paged, takes
from quinta.dialects.versiontwo.identifiers import Noun, row_id, wire_id
from quinta.dialects.versiontwo.pages import next_part, page_of

_MEMBERS = {"name": NAME, "config": CONFIG}

router = APIRouter(tags=["Workspaces"])


@router.get("/workspaces", openapi_extra=paged(), response_model_exclude_unset=True)
async def workspaces_list(call: Authenticated) -> shapes.Workspaces:
    """The workspaces that the key's user sees, newest first."""
    page = page_of(call.query)
    found = await call.services.workspaces.list(call.actor, limit=page.asked, before=page.before)
    shown, cursor = page.shown(found, lambda workspace: workspace.id)
    return shapes.Workspaces(workspaces=[workspace_item(workspace) for workspace in shown], **next_part(cursor))


@router.post("/workspaces", status_code=201, openapi_extra=takes(_MEMBERS, "name"))
async def workspaces_create(call: Authenticated, response: Response) -> shapes.Workspace:
    """Makes a workspace."""
    members = await call.members()
    name = members.required_text("name", longest=LONGEST_NAME)
    config = members.config()
    workspace = await call.services.workspaces.create(
        call.actor, NewWorkspace(name, {} if isinstance(config, Unset) else config)
    )
    response.headers.update(call.location("workspaces", wire_id(Noun.WORKSPACE, workspace.id)))
    return workspace_body(workspace)


@router.get("/workspaces/{workspace_id}")
async def workspaces_get(call: Authenticated, workspace_id: str) -> shapes.Workspace:
    """One workspace."""
    return workspace_body(await call.services.workspaces.get(call.actor, row_id(Noun.WORKSPACE, workspace_id)))


@router.patch("/workspaces/{workspace_id}", openapi_extra=takes(_MEMBERS))
async def workspaces_update(call: Authenticated, workspace_id: str) -> shapes.Workspace:
    """Changes what is given: the configuration by a merge patch (RFC 7386), where null removes a member."""
    members = await call.members()
    name = members.text("name", longest=LONGEST_NAME)
    config = members.config()
    workspace = await call.services.workspaces.update(
        call.actor, row_id(Noun.WORKSPACE, workspace_id), name=name, config_patch=config
    )
    return workspace_body(workspace)


@router.delete("/workspaces/{workspace_id}", status_code=204, response_class=Response, responses=NO_CONTENT)
async def workspaces_delete(call: Authenticated, workspace_id: str) -> Response:
    """Deletes a workspace that no project refers to."""
    await call.services.workspaces.delete(call.actor, row_id(Noun.WORKSPACE, workspace_id))
    return Response(status_code=204)
