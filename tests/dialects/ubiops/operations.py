"""Every operation within a project: a call that reaches the access check and, let through, does no harm.

What it is made to fail on (a taken name, an unknown id) comes after the check: whoever may do it gets another answer
than 403.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx2

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
_MODEL = {"name": "one", "input_type": "plain", "output_type": "plain"}
_SCHEDULE = {"name": "s", "object_type": "model", "object_name": "{model}", "version": "v1", "schedule": "never"}
_FILE = {"file": ("a.txt", b"x")}


@dataclass(frozen=True)
class Operation:
    """``path`` is below the project; ``{model}`` in it or in the body is the model's name, if the operation is about
    one."""

    name: str
    permission: str
    method: str
    path: str
    body: Any = None
    files: Any = None

    @property
    def is_about_a_model(self) -> bool:
        return "{model}" in self.path + json.dumps(self.body)

    def call(self, client: httpx2.Client, project: str, model: str = "one") -> httpx2.Response:
        path = f"/v2.1/projects/{project}{self.path.format(model=model)}"
        if self.files is not None:
            return client.request(self.method, path, files=self.files)
        body = json.loads(json.dumps(self.body).replace("{model}", model))
        return client.request(self.method, path, json=body)


def _schedules(requests: str) -> list[Operation]:
    return [
        Operation("scheduled_requests_create", f"{requests}.create", "POST", "/schedules", _SCHEDULE),
        Operation("scheduled_requests_list", f"{requests}.list", "GET", "/schedules"),
        Operation("scheduled_requests_get", f"{requests}.get", "GET", "/schedules/never-was"),
        Operation("scheduled_requests_update", f"{requests}.create", "PATCH", "/schedules/never-was", {}),
        Operation("scheduled_requests_delete", f"{requests}.delete", "DELETE", "/schedules/never-was"),
    ]


def _operations() -> list[Operation]:
    version, requests = "/models/{model}/versions/v1", "models.versions.requests"
    batch = version + "/request-batch"
    return [
        Operation("projects_update", "projects.update", "PATCH", "", {}),
        Operation("projects_resource_usage", "projects.resources.get", "GET", "/resources"),
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


OPERATIONS = _operations()
HARMFUL = {"models_delete"}
"""Nothing in such a call can be wrong after the check but the name: let through, it must be of nothing."""
LISTS = {"models_list", "scheduled_requests_list"}
"""Whoever may see some of it gets those; nobody else is let in."""
ELSEWHERE = {"projects_get", "projects_delete"}
"""What every member may, and what would take the table away: tested beside it."""
