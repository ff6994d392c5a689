"""What answers look like (contract versiontwo 5)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Details(BaseModel):
    model_config = ConfigDict(extra="allow")

    field: str | None = None
    reason: str | None = None
    request_id: str | None = None
    limit: int | None = None
    reset: int | None = None


class Problem(BaseModel):
    code: str
    message: str
    details: Details | None = None


class Error(BaseModel):
    """A refusal."""

    error: Problem


class ProjectItem(BaseModel):
    """A project in a list. Times are RFC 3339 in UTC."""

    id: str
    name: str
    created_at: str
    updated_at: str
    workspace_id: str | None


class Project(ProjectItem):
    config: dict[str, Any]


class Projects(BaseModel):
    projects: list[ProjectItem]
    next_cursor: str | None = None


class WorkspaceItem(BaseModel):
    id: str
    name: str
    created_at: str


class Workspace(WorkspaceItem):
    updated_at: str
    config: dict[str, Any]


class Workspaces(BaseModel):
    workspaces: list[WorkspaceItem]
    next_cursor: str | None = None


class DeploymentItem(BaseModel):
    id: str
    version: str
    environment: str
    status: str
    created_at: str


class Deployment(DeploymentItem):
    """``error`` says why it failed, ``reason`` is the code of that; ``rollback_of`` is the deployment whose version it
    restores."""

    project_id: str
    config: dict[str, Any]
    started_at: str | None
    finished_at: str | None
    error: str | None
    reason: str | None
    rollback_of: str | None


class Deployments(BaseModel):
    deployments: list[DeploymentItem]
    next_cursor: str | None = None


class Value(BaseModel):
    """The mean over the interval that begins at ``timestamp``."""

    timestamp: str
    value: float


class Values(BaseModel):
    values: list[Value]


class MetricsByName(BaseModel):
    """``cpu`` in percent of one core, ``memory`` in MB."""

    cpu: Values
    memory: Values


class Metrics(BaseModel):
    metrics: MetricsByName


class LogRow(BaseModel):
    timestamp: str
    level: str
    component: str
    message: str
    id: str


class Logs(BaseModel):
    logs: list[LogRow]
    next_cursor: str | None = None


class ApiKey(BaseModel):
    """``prefix`` is how the secret begins."""

    id: str
    name: str
    permissions: list[str]
    created_at: str
    last_used_at: str | None
    prefix: str | None


class NewApiKey(ApiKey):
    """``key`` is the secret, which is told only now."""

    key: str


class ApiKeys(BaseModel):
    api_keys: list[ApiKey]
    next_cursor: str | None = None


class Webhook(BaseModel):
    id: str
    project_id: str
    url: str
    events: list[str]
    created_at: str


class NewWebhook(Webhook):
    """``secret`` signs the calls, and is told only now."""

    secret: str


class Webhooks(BaseModel):
    webhooks: list[Webhook]
    next_cursor: str | None = None


class DeliveryItem(BaseModel):
    """``tries`` counts the calls that were made, ``response_status`` is what the last one was answered with."""

    id: str
    event_id: str
    event: str
    status: str
    tries: int
    response_status: int | None
    error: str | None
    created_at: str
    delivered_at: str | None
    next_try_at: str | None


class Delivery(DeliveryItem):
    """``body`` is what is sent."""

    webhook_id: str
    project_id: str
    reason: str | None
    body: dict[str, Any]


class Deliveries(BaseModel):
    deliveries: list[DeliveryItem]
    next_cursor: str | None = None
