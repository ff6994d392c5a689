"""Every operation: a call that reaches the access check and, let through, does no harm.

What it is made to fail on (a taken name, an unknown id) comes after the check: whoever may do it gets another answer
than 403.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx2

OBJECT_TYPES = ("model", "pipeline")
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
_MODEL = {"name": "one", "input_type": "plain", "output_type": "plain"}
_HOUR = "object_type=model_version&start_time=2020-01-01T00:00:00Z&end_time=2020-01-01T01:00:00Z"
_SCHEDULE = {"name": "s", "object_type": "model", "object_name": "{model}", "version": "v1", "schedule": "never"}
_FILE = {"file": ("a.txt", b"x")}


@dataclass(frozen=True)
class Operation:
    """``path`` is below the project; ``{model}`` or ``{pipeline}`` in it, or in the body, is a name, if the operation
    is about one. For a list, holding ``other`` instead of ``permission`` will do; elsewhere both are needed, since what
    is not there could be of either kind."""

    name: str
    permission: str
    method: str
    path: str
    body: Any = None
    files: Any = None
    other: str | None = None

    @property
    def object_type(self) -> str | None:
        """What a role must be assigned on, if less than the project will do."""
        return next((kind for kind in OBJECT_TYPES if f"{{{kind}}}" in self.path + json.dumps(self.body)), None)

    def call(self, client: httpx2.Client, project: str, name: str = "one") -> httpx2.Response:
        path = f"/v2.1/projects/{project}{self.path.format(**dict.fromkeys(OBJECT_TYPES, name))}"
        if self.files is not None:
            return client.request(self.method, path, files=self.files)
        body = json.loads(json.dumps(self.body).replace("{model}", name))
        return client.request(self.method, path, json=body)


def _schedules(requests: str) -> list[Operation]:
    one = "/schedules/never-was"
    rows: list[tuple[str, str, str, str, Any]] = [
        ("list", "list", "GET", "/schedules", None),
        ("get", "get", "GET", one, None),
        ("update", "create", "PATCH", one, {}),
        ("delete", "delete", "DELETE", one, None),
    ]
    operations = [Operation("scheduled_requests_create", f"{requests}.create", "POST", "/schedules", _SCHEDULE)]
    for name, verb, method, path, body in rows:
        other = f"pipelines.requests.{verb}"
        operations.append(
            Operation(f"scheduled_requests_{name}", f"{requests}.{verb}", method, path, body, other=other)
        )
    return operations


def _operations() -> list[Operation]:
    version, requests = "/models/{model}/versions/v1", "models.versions.requests"
    batch = version + "/request-batch"
    return [
        Operation("projects_update", "projects.update", "PATCH", "", {}),
        Operation("projects_resource_usage", "projects.resources.get", "GET", "/resources"),
        Operation("project_usage_get", "projects.usage.get", "GET", "/usage"),
        Operation("metrics_get", "models.versions.metrics.get", "GET", f"/metrics/requests?{_HOUR}"),
        Operation("projects_log_list", "logs.list", "POST", "/logs", {"filters": {}}),
        Operation("models_create", "models.create", "POST", "/models", _MODEL),
        Operation("models_list", "models.list", "GET", "/models"),
        Operation("models_get", "models.get", "GET", "/models/{model}"),
        Operation("models_update", "models.update", "PATCH", "/models/{model}", {}),
        Operation("models_delete", "models.delete", "DELETE", "/models/{model}"),
        Operation("model_versions_create", "models.versions.create", "POST", version[:-3], {"version": "v1"}),
        Operation("model_versions_list", "models.versions.list", "GET", version[:-3]),
        Operation("model_versions_get", "models.versions.get", "GET", version),
        Operation("model_versions_update", "models.versions.update", "PATCH", version, {}),
        Operation("model_versions_delete", "models.versions.delete", "DELETE", version[:-1] + "2"),
        Operation(
            "model_versions_file_upload", "models.versions.files.create", "PUT", version + "/upload", None, _FILE
        ),
        Operation("model_versions_file_download", "models.versions.files.get", "GET", version + "/download"),
        Operation("model_requests_create", f"{requests}.create", "POST", version + "/request", "text"),
        Operation("batch_model_requests_create", f"{requests}.create", "POST", batch, ["text"]),
        Operation("batch_model_requests_list", f"{requests}.list", "GET", batch),
        Operation("batch_model_requests_get", f"{requests}.get", "GET", f"{batch}/{UNKNOWN}"),
        Operation("batch_model_requests_batch_collect", f"{requests}.get", "POST", batch + "-collect", [UNKNOWN]),
        Operation("batch_model_requests_batch_delete", f"{requests}.delete", "POST", batch + "-delete", [UNKNOWN]),
        Operation("batch_model_requests_delete", f"{requests}.delete", "DELETE", f"{batch}/{UNKNOWN}"),
        *_schedules(requests),
        Operation("blobs_create", "blobs.create", "POST", "/blobs", None, _FILE),
        Operation("blobs_list", "blobs.list", "GET", "/blobs"),
        Operation("blobs_get", "blobs.get", "GET", f"/blobs/{UNKNOWN}"),
        Operation("blobs_delete", "blobs.delete", "DELETE", f"/blobs/{UNKNOWN}"),
        *_about_connectors(),
        *_about_access(),
    ]


def _about_access() -> list[Operation]:
    return [
        Operation("roles_create", "roles.create", "POST", "/roles", {"name": "model-admin", "permissions": []}),
        Operation("roles_list", "roles.list", "GET", "/roles"),
        Operation("roles_get", "roles.get", "GET", "/roles/blob-admin"),
        Operation("roles_update", "roles.update", "PATCH", "/roles/never-was", {}),
        Operation("roles_delete", "roles.delete", "DELETE", "/roles/never-was"),
        Operation(
            "role_assignments_create",
            "roles.assignments.create",
            "POST",
            "/role-assignments",
            {"user_id": UNKNOWN, "role": "blob-admin"},
        ),
        Operation("role_assignments_get", "roles.assignments.get", "GET", f"/role-assignments/{UNKNOWN}"),
        Operation("role_assignments_delete", "roles.assignments.delete", "DELETE", f"/role-assignments/{UNKNOWN}"),
        Operation(
            "role_assignments_per_user_list", "roles.assignments.list", "GET", f"/users/{UNKNOWN}/role-assignments"
        ),
        Operation("service_users_create", "service_users.create", "POST", "/service-users", {}),
        Operation("service_users_list", "service_users.list", "GET", "/service-users"),
        Operation("service_users_get", "service_users.get", "GET", f"/service-users/{UNKNOWN}"),
        Operation("service_users_update", "service_users.update", "PATCH", f"/service-users/{UNKNOWN}", {}),
        Operation("service_users_token", "service_users.update", "PUT", f"/service-users/{UNKNOWN}/token", {}),
        Operation("service_users_delete", "service_users.delete", "DELETE", f"/service-users/{UNKNOWN}"),
    ]


def _on_variables() -> list[Operation]:
    levels = (
        ("project", "projects", ""),
        ("model", "models", "/models/{model}"),
        ("model_version", "models.versions", "/models/{model}/versions/v1"),
    )
    operations = []
    for level, owner, below in levels:
        every = f"{below}/environment-variables"
        for verb, method, path, body in (
            ("create", "POST", every, {"name": "_", "secret": False}),
            ("list", "GET", every, None),
            ("get", "GET", f"{every}/{UNKNOWN}", None),
            ("update", "PATCH", f"{every}/{UNKNOWN}", {}),
            ("delete", "DELETE", f"{every}/{UNKNOWN}", None),
        ):
            name, permission = f"{level}_environment_variables_{verb}", f"{owner}.environment_variables.{verb}"
            operations.append(Operation(name, permission, method, path, body))
    return operations


def _on_pipelines() -> list[Operation]:
    pipeline = "/pipelines/{pipeline}"
    item, source, batch = f"{pipeline}/objects/never-was", f"{pipeline}/objects/pipeline_start", "/request-batch"
    new = {"name": "one", "input_type": "plain"}
    new_object = {"name": "one", "reference_type": "model", "reference_name": "never-was", "version": "v1"}
    attachment = {"source_name": "pipeline_start", "destination_name": "never-was"}
    rows: list[tuple[str, str, str, str, Any]] = [
        ("pipelines_create", "create", "POST", "/pipelines", new),
        ("pipelines_list", "list", "GET", "/pipelines", None),
        ("pipelines_get", "get", "GET", pipeline, None),
        ("pipelines_update", "update", "PATCH", pipeline, {}),
        ("pipelines_delete", "delete", "DELETE", pipeline, None),
        ("pipeline_objects_create", "objects.create", "POST", pipeline + "/objects", new_object),
        ("pipeline_objects_list", "objects.list", "GET", pipeline + "/objects", None),
        ("pipeline_objects_get", "objects.get", "GET", item, None),
        ("pipeline_objects_update", "objects.update", "PATCH", item, {}),
        ("pipeline_objects_delete", "objects.delete", "DELETE", item, None),
        ("pipeline_object_environment_variables_list", "objects.get", "GET", item + "/environment-variables", None),
        ("pipeline_object_attachments_create", "attachments.create", "POST", pipeline + "/attachments", attachment),
        ("pipeline_object_attachments_list", "attachments.list", "GET", pipeline + "/attachments", None),
        ("pipeline_object_attachments_source_get", "attachments.list", "GET", source + "/attachments/", None),
        ("pipeline_object_attachments_get", "attachments.get", "GET", source + "/attachments/never-was", None),
        ("pipeline_object_attachments_delete", "attachments.delete", "DELETE", source + "/attachments/never-was", None),
        ("pipelines_request", "requests.create", "POST", pipeline + "/request", "text"),
        ("batch_pipeline_requests_create", "requests.create", "POST", pipeline + batch, ["text"]),
        ("batch_pipeline_requests_list", "requests.list", "GET", pipeline + batch, None),
        ("batch_pipeline_request_get", "requests.get", "GET", f"{pipeline}{batch}/{UNKNOWN}", None),
        ("batch_pipeline_requests_batch_collect", "requests.get", "POST", f"{pipeline}{batch}-collect", [UNKNOWN]),
        ("batch_pipeline_requests_batch_delete", "requests.delete", "POST", f"{pipeline}{batch}-delete", [UNKNOWN]),
        ("batch_pipeline_request_delete", "requests.delete", "DELETE", f"{pipeline}{batch}/{UNKNOWN}", None),
    ]
    return [Operation(name, f"pipelines.{verb}", method, path, body) for name, verb, method, path, body in rows]


def _about_connectors() -> list[Operation]:
    keys = {"access_key": "key", "secret_key": "secret", "region": "eu-central-1"}
    credentials = {"name": "taken", "type": "aws_s3", "configuration": keys}
    connector = {"name": "c", "type": "aws_s3", "credentials": "never-was", "configuration": {"bucket": "bucket"}}
    return [
        operation
        for noun, new in (("connectors", connector), ("credentials", credentials))
        for operation in (
            Operation(f"{noun}_create", f"{noun}.create", "POST", f"/{noun}", new),
            Operation(f"{noun}_list", f"{noun}.list", "GET", f"/{noun}"),
            Operation(f"{noun}_get", f"{noun}.get", "GET", f"/{noun}/never-was"),
            Operation(f"{noun}_update", f"{noun}.update", "PATCH", f"/{noun}/never-was", {}),
            Operation(f"{noun}_delete", f"{noun}.delete", "DELETE", f"/{noun}/never-was"),
        )
    ]


_LIVE = "/models/{model}/request"
_ADDITIONS = [
    Operation("projects_audit_list", "projects.update", "GET", "/audit"),
    Operation("model_requests_create_live", "models.versions.requests.create", "POST", _LIVE, "text"),
]
OPERATIONS = [*_operations(), *_on_variables(), *_on_pipelines(), *_ADDITIONS]
HARMFUL = {"models_delete", "pipelines_delete"}
"""Nothing in such a call can be wrong after the check but the name: let through, it must be of nothing."""
LISTS = {"models_list", "pipelines_list", "scheduled_requests_list"}
"""Whoever may see some of it gets those; nobody else is let in."""
ELSEWHERE = {"projects_get", "projects_delete"}
"""What every member may, and what would take the table away: tested beside it."""


@dataclass(frozen=True)
class Outside:
    """An operation that is about no project, with the status that each of ``CALLERS`` gets."""

    name: str
    statuses: tuple[int, int, int, int, int, int]
    method: str
    path: str
    body: Any = None

    def call(self, client: httpx2.Client) -> httpx2.Response:
        return client.request(self.method, f"/v2.1{self.path}", json=self.body)


CALLERS = ("nobody", "service user", "stranger", "member", "administrator", "staff")
"""Who calls: the last three belong to the organization, and the last one administers it too."""
_PUBLIC, _ANYONE = (200, 200, 200, 200, 200, 200), (401, 200, 200, 200, 200, 200)
_PERSON, _STAFF = (401, 403, 200, 200, 200, 200), (401, 403, 403, 403, 403, 200)
_MEMBER, _ADMINISTRATOR = (401, 403, 404, 200, 200, 200), (401, 403, 404, 403, 200, 200)
_LIMITS = {"max_projects": 1, "max_users": 1, "logs_retention_days": 1, "gb_seconds": 1, "resources": 1}


def outside(organization: str, user: Any) -> list[Outside]:
    """About ``organization``, and ``user`` of it as its list shows one."""
    new = {"name": organization, "subscription": "starter", "subscription_agreed": True}
    project = {"name": "No name", "organization_name": organization}
    path = f"/organizations/{organization}"
    return [
        Outside("service_status", _PUBLIC, "GET", "/status"),
        Outside("user_create", (400,) * 6, "POST", "/user", {}),
        Outside("user_get", _ANYONE, "GET", "/user"),
        Outside("user_update", _PERSON, "PATCH", "/user", {}),
        Outside("permissions_list", _ANYONE, "GET", "/permissions"),
        Outside("configurations_list", _ANYONE, "GET", "/config/connectors"),
        Outside("projects_list", _ANYONE, "GET", "/projects"),
        Outside("projects_create", (401, 403, 400, 403, 400, 400), "POST", "/projects", project),
        Outside("subscriptions_list", _ANYONE, "GET", "/subscriptions"),
        Outside("subscriptions_get", _ANYONE, "GET", "/subscriptions/free"),
        Outside("subscriptions_create", (*_STAFF[:5], 400), "POST", "/subscriptions", {"name": "free", **_LIMITS}),
        Outside("subscriptions_update", _STAFF, "PATCH", "/subscriptions/free", {}),
        Outside("subscriptions_delete", (*_STAFF[:5], 404), "DELETE", "/subscriptions/never-was"),
        Outside("organizations_create", (401, 403, 400, 400, 400, 400), "POST", "/organizations", new),
        Outside("organizations_list", _PERSON, "GET", "/organizations"),
        Outside("organizations_get", _MEMBER, "GET", path),
        Outside("organizations_update", _ADMINISTRATOR, "PATCH", path, {}),
        Outside("organizations_resource_usage", _MEMBER, "GET", f"{path}/resources"),
        Outside("organization_subscriptions_list", _ADMINISTRATOR, "GET", f"{path}/subscriptions"),
        Outside("organization_usage_get", _ADMINISTRATOR, "GET", f"{path}/usage"),
        Outside("organization_usage_details_get", _ADMINISTRATOR, "GET", f"{path}/usage/details"),
        Outside("organization_users_list", _MEMBER, "GET", f"{path}/users"),
        Outside(
            "organization_users_create",
            (401, 403, 404, 403, 400, 400),
            "POST",
            f"{path}/users",
            {"email": user["email"]},
        ),
        Outside("organization_users_get", _ADMINISTRATOR, "GET", f"{path}/users/{user['id']}"),
        Outside("organization_users_update", _ADMINISTRATOR, "PATCH", f"{path}/users/{user['id']}", {}),
        Outside("organization_users_delete", (401, 403, 404, 403, 404, 404), "DELETE", f"{path}/users/{UNKNOWN}"),
    ]
