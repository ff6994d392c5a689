"""From the core's types to bodies."""

from __future__ import annotations

import json

from quinta.core.deployments.model import Deployment
from quinta.core.tenancy.model import ApiKey
from quinta.core.tenancy.release_projects import ReleaseProject
from quinta.core.tenancy.workspaces import WorkspaceView
from quinta.core.webhooks.model import Webhook, WebhookDelivery
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.dates import optional_seconds, seconds
from quinta.dialects.versiontwo.identifiers import Noun, wire_id


def project_item(project: ReleaseProject) -> shapes.ProjectItem:
    return shapes.ProjectItem(
        id=wire_id(Noun.PROJECT, project.id),
        name=project.title,
        created_at=seconds(project.created_at),
        updated_at=seconds(project.updated_at),
        workspace_id=_optional_id(Noun.WORKSPACE, project.workspace_id),
    )


def project_body(project: ReleaseProject) -> shapes.Project:
    return shapes.Project(**project_item(project).model_dump(), config=project.config)


def workspace_item(workspace: WorkspaceView) -> shapes.WorkspaceItem:
    return shapes.WorkspaceItem(
        id=wire_id(Noun.WORKSPACE, workspace.id), name=workspace.name, created_at=seconds(workspace.created_at)
    )


def workspace_body(workspace: WorkspaceView) -> shapes.Workspace:
    return shapes.Workspace(
        **workspace_item(workspace).model_dump(),
        updated_at=seconds(workspace.updated_at),
        config=workspace.config,
    )


def deployment_item(deployment: Deployment) -> shapes.DeploymentItem:
    return shapes.DeploymentItem(
        id=wire_id(Noun.DEPLOYMENT, deployment.id),
        version=deployment.version,
        environment=deployment.environment,
        status=deployment.status,
        created_at=seconds(deployment.created_at),
    )


def deployment_body(deployment: Deployment) -> shapes.Deployment:
    return shapes.Deployment(
        **deployment_item(deployment).model_dump(),
        project_id=wire_id(Noun.PROJECT, deployment.project_id),
        config=json.loads(deployment.config),
        started_at=optional_seconds(deployment.started_at),
        finished_at=optional_seconds(deployment.finished_at),
        error=deployment.error_message,
        reason=deployment.reason,
        rollback_of=_optional_id(Noun.DEPLOYMENT, deployment.rollback_of),
    )


def key_body(key: ApiKey) -> shapes.ApiKey:
    return shapes.ApiKey(
        id=wire_id(Noun.KEY, key.id),
        name=key.name,
        permissions=[str(permission) for permission in key.permissions],
        created_at=seconds(key.created_at),
        last_used_at=optional_seconds(key.last_used_at),
        prefix=key.prefix,
    )


def webhook_body(webhook: Webhook) -> shapes.Webhook:
    return shapes.Webhook(
        id=wire_id(Noun.WEBHOOK, webhook.id),
        project_id=wire_id(Noun.PROJECT, webhook.project_id),
        url=webhook.url,
        events=[str(event) for event in webhook.events],
        created_at=seconds(webhook.created_at),
    )


def delivery_item(delivery: WebhookDelivery) -> shapes.DeliveryItem:
    return shapes.DeliveryItem(
        id=wire_id(Noun.DELIVERY, delivery.id),
        event_id=wire_id(Noun.EVENT, delivery.event_id),
        event=delivery.event,
        status=delivery.shown_status,
        tries=delivery.tries,
        response_status=delivery.response_status,
        error=delivery.error_message,
        created_at=seconds(delivery.created_at),
        delivered_at=optional_seconds(delivery.delivered_at),
        next_try_at=optional_seconds(delivery.next_try_at),
    )


def delivery_body(delivery: WebhookDelivery) -> shapes.Delivery:
    return shapes.Delivery(
        **delivery_item(delivery).model_dump(),
        webhook_id=wire_id(Noun.WEBHOOK, delivery.webhook_id),
        project_id=wire_id(Noun.PROJECT, delivery.project_id),
        reason=delivery.reason,
        body=json.loads(delivery.body),
    )


def _optional_id(noun: Noun, row_id: str | None) -> str | None:
    return None if row_id is None else wire_id(noun, row_id)
