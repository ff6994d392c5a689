"""Two tenants side by side: nothing of one is shown to the other or changed by it, by any operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.contract import PROMISES, Promise
from tests.dialects.ubiops.operations import OPERATIONS, UNKNOWN
from tests.dialects.ubiops.people import new_email, newcomer
from tests.dialects.ubiops.tenants import Dump, Tenant, is_of_a_tenant, marks, new_tenant
from tests.serving import RunningServer

SERVED = [promise for promise in PROMISES.values() if is_of_a_tenant(promise)]
ADDRESSED = [promise for promise in SERVED if promise.parameters]
BODIES: dict[str, Any] = {operation.name: operation.body for operation in OPERATIONS} | {
    "organizations_update": {"name": "o-taken-over"},
    "organization_users_create": {"email": new_email()},
    "organization_users_update": {"admin": True},
}
FILES = {operation.name: operation.files for operation in OPERATIONS if operation.files is not None}


@pytest.fixture(scope="module")
def tenants(server: RunningServer) -> Iterator[tuple[Tenant, Tenant]]:
    """One with secrets, and one that would like to know."""
    with newcomer(server) as first, newcomer(server) as second:
        yield new_tenant(first), new_tenant(second)


@pytest.fixture(scope="module")
def untouched(tenants: tuple[Tenant, Tenant]) -> Dump:
    """All that the first tenant is shown, from the start to the end."""
    return tenants[0].dump()


@pytest.fixture(scope="module")
def secrets(tenants: tuple[Tenant, Tenant], untouched: Dump) -> set[str]:
    """What is shown to the first tenant and to no other: ids, names, addresses."""
    first, second = tenants
    shown = marks(untouched, first.tag)
    assert len(shown) > 20
    return shown - marks(second.dump(), second.tag)


def send(client: httpx2.Client, promise: Promise, path: str, body: Any = None) -> httpx2.Response:
    if promise.name in FILES:
        return client.request(promise.method, path, files=FILES[promise.name])
    if promise.method in ("GET", "DELETE"):
        return client.request(promise.method, path)
    return client.request(promise.method, path, json=BODIES.get(promise.name, {}) if body is None else body)


def told(answer: httpx2.Response, secrets: set[str]) -> set[str]:
    """Secrets in the answer that were not in the call."""
    asked = str(answer.request.url) + answer.request.read().decode("utf-8", "replace")
    text = answer.content.decode("utf-8", "replace") + str(answer.headers)
    return {secret for secret in secrets if secret in text and secret not in asked}


@pytest.mark.parametrize("promise", ADDRESSED, ids=lambda promise: promise.name)
def test_an_operation_on_what_another_tenant_has(
    tenants: tuple[Tenant, Tenant], secrets: set[str], untouched: Dump, promise: Promise
) -> None:
    """With all names and ids the other's, and with one's own up to each parameter: 404, and nothing has changed."""
    first, second = tenants
    for own in range(len(promise.parameters)):
        answer = send(second.client, promise, second.path(promise, first, own))
        assert answer.status_code == 404, (answer.request.url, answer.text)
        assert told(answer, secrets) == set()
    assert promise.method == "GET" or first.dump() == untouched


@pytest.mark.parametrize(
    "promise", [promise for promise in SERVED if promise.method == "GET"], ids=lambda row: row.name
)
def test_what_one_is_shown_has_nothing_of_another(
    tenants: tuple[Tenant, Tenant], secrets: set[str], promise: Promise
) -> None:
    answer = send(tenants[1].client, promise, tenants[1].path(promise))
    assert answer.status_code == 200, answer.text
    assert told(answer, secrets) == set()


def references(first: Tenant, second: Tenant) -> Iterator[tuple[str, Any, int]]:
    """Operations of the second tenant whose bodies name what the first one has: name, body, refusal."""
    values = first.values
    request = values["/projects/{project_name}/models/{model_name}/versions/{version}/request-batch/{request_id}"]
    blob = {"image": values["/projects/{project_name}/blobs/{blob_id}"]}
    robot = values["/projects/{project_name}/service-users/{service_user_id}"]
    colleague = values["/organizations/{organization_name}/users/{user_id}"]
    own_robot = second.values["/projects/{project_name}/service-users/{service_user_id}"]
    on_model = {"object_type": "model", "object_name": values["/projects/{project_name}/models/{model_name}"]}
    yield "projects_create", {"name": f"q-{second.tag}", "organization_name": f"o-{first.tag}"}, 400
    yield "role_assignments_create", {"user_id": robot, "role": "blob-viewer"}, 400
    yield "role_assignments_create", {"user_id": colleague, "role": "blob-viewer"}, 400
    yield "role_assignments_create", {"user_id": own_robot, "role": "model-viewer", **on_model}, 400
    yield "role_assignments_create", {"user_id": own_robot, "role": f"r-{first.tag}"}, 400
    yield "model_requests_create", blob, 400
    yield "batch_model_requests_create", [blob], 400
    yield "batch_model_requests_batch_collect", [request], 404
    yield "batch_model_requests_batch_delete", [request], 404
    pipeline = "/projects/{project_name}/pipelines/{pipeline_name}"
    run = values[f"{pipeline}/request-batch/{{pipeline_request_id}}"]
    yield "pipelines_request", blob, 400
    yield "batch_pipeline_requests_create", [blob], 400
    yield "batch_pipeline_requests_batch_collect", [run], 404
    yield "batch_pipeline_requests_batch_delete", [run], 404
    of_model = {"reference_type": "model", "reference_name": f"m-{first.tag}", "version": f"v-{first.tag}"}
    yield "pipeline_objects_create", {"name": "new", **of_model}, 400
    yield "pipeline_objects_create", {"name": "new", **of_model, "reference_name": f"m-{second.tag}"}, 400
    of_connector = {"reference_type": "connector", "reference_name": f"c-{first.tag}"}
    yield "pipeline_objects_create", {"name": "new", **of_connector}, 400
    yield "pipeline_objects_update", {"version": f"v-{first.tag}"}, 400
    attachment = {"source_name": f"a-{second.tag}", "destination_name": f"b-{first.tag}", "mapping": []}
    yield "pipeline_object_attachments_create", attachment, 400
    yield "connectors_update", {"credentials": f"k-{first.tag}"}, 400
    schedule = {"name": "new", "schedule": "0 0 1 1 *", "request_data": blob}
    of_model = {"object_type": "model", "object_name": f"m-{second.tag}", "version": f"v-{second.tag}"}
    yield "scheduled_requests_create", schedule | of_model, 400
    of_pipeline = {"object_type": "pipeline", "object_name": f"l-{first.tag}"}
    yield "scheduled_requests_create", schedule | of_pipeline, 400
    yield "scheduled_requests_update", {"request_data": blob}, 400


def test_bodies_that_name_what_another_tenant_has(
    tenants: tuple[Tenant, Tenant], secrets: set[str], untouched: Dump
) -> None:
    """Refused in the words for what is not there."""
    first, second = tenants
    before = second.dump()
    for name, body, status in references(first, second):
        answer = send(second.client, PROMISES[name], second.path(PROMISES[name]), body)
        assert answer.status_code == status, (name, answer.text)
        assert told(answer, secrets) == set()
    assert (first.dump(), second.dump()) == (untouched, before)


def test_logs_of_another_tenant(tenants: tuple[Tenant, Tenant]) -> None:
    """Filters and starting points that are another's find nothing."""
    first, second = tenants
    logs = PROMISES["projects_log_list"]
    lines = first.client.post(first.path(logs), json={"filters": {}}).json()
    assert lines
    for start in (1, -1):
        body = {"filters": {}, "id": lines[0]["id"], "date_range": start * 86_400}
        assert first.client.post(first.path(logs), json=body).json()[0]["id"] == lines[0]["id"]
        answer = second.client.post(second.path(logs), json=body)
        nowhere = second.client.post(second.path(logs), json=body | {"id": "0" * 24})
        assert (answer.status_code, nowhere.status_code) == (404, 404)
        assert answer.text.replace(lines[0]["id"], "0" * 24) == nowhere.text
    by_name = {"filters": {"model_name": f"m-{first.tag}"}}
    answer = second.client.post(second.path(logs), json=by_name)
    assert (answer.status_code, answer.json()) == (201, [])


def test_a_service_user_of_another_tenant(tenants: tuple[Tenant, Tenant], secrets: set[str], untouched: Dump) -> None:
    """Holding every permission there is, in its own project."""
    first, second = tenants
    robot = second.client.post(f"/v2.1/projects/{second.project}/service-users", json={}).json()
    role = {"user_id": robot["id"], "role": "service-user-project-admin"}
    assert second.client.post(f"/v2.1/projects/{second.project}/role-assignments", json=role).status_code == 201
    with httpx2.Client(
        base_url=second.client.base_url, headers={"Authorization": f"Token {robot['token']}"}, trust_env=False
    ) as client:
        assert client.get(f"/v2.1/projects/{second.project}/models").status_code == 200
        for promise in ADDRESSED:
            answer = send(client, promise, first.path(promise))
            of_project = promise.path.startswith("/projects/")
            assert answer.status_code == (404 if of_project else 403), (promise.name, answer.text)
            assert told(answer, secrets) == set()
    assert first.dump() == untouched
    assert second.client.delete(f"/v2.1/projects/{second.project}/service-users/{robot['id']}").status_code == 204


def test_every_body_is_one_that_would_be_read(tenants: tuple[Tenant, Tenant]) -> None:
    """The refusals above are not those of a missing body: each operation that reads one has one here."""
    reads = {promise.name for promise in ADDRESSED if promise.method in ("POST", "PATCH", "PUT")}
    assert reads <= BODIES.keys()
    assert UNKNOWN not in tenants[0].values.values()
