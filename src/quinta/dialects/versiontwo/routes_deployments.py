"""Deployments: releases rolled out and back (contract versiontwo 5.3)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.deployments.deployments import MAXIMUM_VERSION
from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.unset import Unset
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.calls import Authenticated, Call, Deploying
from quinta.dialects.versiontwo.convert import deployment_body, deployment_item
from quinta.dialects.versiontwo.documentation import CONFIG, STATUSES, Schema, paged, takes, takes_object
from quinta.dialects.versiontwo.errors import invalid
from quinta.dialects.versiontwo.identifiers import Noun, row_id, wire_id
from quinta.dialects.versiontwo.messages import Problem
from quinta.dialects.versiontwo.pages import next_part, page_of

_VERSION = {"type": "string", "minLength": 1, "maxLength": MAXIMUM_VERSION}
_FILTERS: dict[str, Schema] = {"status": {"enum": STATUSES}, "environment": {"type": "string"}}

router = APIRouter(prefix="/projects/{project_id}/deployments", tags=["Deployments"])


@router.get("", openapi_extra=paged(**_FILTERS), response_model_exclude_unset=True)
async def deployments_list(call: Authenticated, project_id: str) -> shapes.Deployments:
    """The project's deployments, newest first."""
    page = page_of(call.query)
    found = await call.services.deployments.find(
        call.actor,
        row_id(Noun.PROJECT, project_id),
        status=_status(call.query.get("status")),
        environment=call.query.get("environment"),
        limit=page.asked,
        before=page.before,
    )
    shown, cursor = page.shown(found, lambda deployment: deployment.id)
    return shapes.Deployments(deployments=[deployment_item(item) for item in shown], **next_part(cursor))


@router.post("", status_code=201, openapi_extra=takes({"version": _VERSION, "config": CONFIG}, "version"))
async def deployments_create(call: Deploying, project_id: str, response: Response) -> shapes.Deployment:
    """Begins to roll out a release: every model of the project that has a version of this name gets it as its live
    one, all at once. Without a configuration, the project's stands."""
    members = await call.members()
    version = members.required_text("version", longest=MAXIMUM_VERSION, trimmed=False)
    if not version.isprintable() or version != version.strip():
        raise invalid("version", Problem.INVALID_VALUE)
    config = members.config()
    made = await call.services.deployments.create(
        call.actor, row_id(Noun.PROJECT, project_id), version, {} if isinstance(config, Unset) else config
    )
    return _made(call, made, response)


@router.get("/{deployment_id}")
async def deployments_get(call: Authenticated, project_id: str, deployment_id: str) -> shapes.Deployment:
    """One deployment."""
    project, deployment = row_id(Noun.PROJECT, project_id), row_id(Noun.DEPLOYMENT, deployment_id)
    return deployment_body(await call.services.deployments.get(call.actor, project, deployment))


@router.post(
    "/{deployment_id}/rollback", status_code=201, openapi_extra=takes_object({"type": "object"}, required=False)
)
async def deployments_roll_back(
    call: Deploying, project_id: str, deployment_id: str, response: Response
) -> shapes.Deployment:
    """Begins the return to a deployment, or from the live one to the one before it; the answer is the new
    deployment."""
    await call.object_text(may_be_empty=True)
    project, deployment = row_id(Noun.PROJECT, project_id), row_id(Noun.DEPLOYMENT, deployment_id)
    return _made(call, await call.services.deployments.roll_back(call.actor, project, deployment), response)


def _made(call: Call, deployment: Deployment, response: Response) -> shapes.Deployment:
    project, own = wire_id(Noun.PROJECT, deployment.project_id), wire_id(Noun.DEPLOYMENT, deployment.id)
    response.headers.update(call.location("projects", project, "deployments", own))
    return deployment_body(deployment)


def _status(text: str | None) -> DeploymentStatus | None:
    if text is None:
        return None
    if text not in STATUSES:
        raise invalid("status", Problem.INVALID_VALUE)
    return DeploymentStatus(text)
