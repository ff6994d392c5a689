"""A tenant that has one of everything, with names and ids that nobody else has."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2

from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.contract import PROMISES, Promise
from tests.dialects.ubiops.people import new_email
from tests.dialects.ubiops.waiting import wait_for
from tests.models import new_model

_MARK = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24}|[0-9a-f]{40}")
# What is the same for all tenants, or moves by itself while time passes.
_NOT_OF_A_TENANT = ("/status", "/permissions", "/config/connectors", "/subscriptions")
_MOVES = {"metrics_get", "project_usage_get", "organization_usage_get", "organization_usage_details_get"}
Dump = dict[str, tuple[int, bytes]]
"""Status and body of each answer, by the operation's name."""


@dataclass
class Tenant:
    """``values``: what stands for a parameter, by the path that ends with it."""

    client: httpx2.Client
    tag: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str:
        return self.values["/projects/{project_name}"]

    def path(self, promise: Promise, others: Tenant | None = None, own: int = 100) -> str:
        """Where the operation is: the first ``own`` parameters this tenant's, the following ones of ``others``."""
        segments: list[str] = []
        template, seen = "", 0
        for segment in promise.path.strip("/").split("/"):
            template += f"/{segment}"
            if segment.startswith("{"):
                tenant = self if others is None or seen < own else others
                segment, seen = tenant.values[template], seen + 1
            segments.append(segment)
        return "/v2.1/" + "/".join(segments)

    def dump(self) -> Dump:
        """What every GET shows of the tenant."""
        found = {}
        for promise in PROMISES.values():
            if promise.method == "GET" and promise.name not in _MOVES and is_of_a_tenant(promise):
                answer = self.client.get(self.path(promise))
                found[promise.name] = (answer.status_code, answer.content)
        return found


def is_of_a_tenant(promise: Promise) -> bool:
    return not promise.path.startswith(_NOT_OF_A_TENANT)


def marks(dump: Dump, tag: str) -> set[str]:
    """Ids, and names with the tenant's tag, in what was shown."""
    text = b"\n".join(content for _, content in dump.values()).decode("utf-8", "replace")
    return {found.group() for found in _MARK.finditer(text)} | set(re.findall(rf"[\w.@-]*{tag}[\w.@-]*", text))


def new_tenant(client: httpx2.Client) -> Tenant:
    """``client`` has signed in someone with a new account, who becomes administrator of a new organization."""
    tenant = Tenant(client, uuid.uuid4().hex[:12])
    for prefix, value in _made(tenant):
        tenant.values[prefix] = value
    return tenant


def _made(tenant: Tenant) -> Iterator[tuple[str, str]]:
    tag = tenant.tag
    organization = {"name": f"o-{tag}", "subscription": "professional", "subscription_agreed": True}
    _post(tenant, "/organizations", organization)
    yield "/organizations/{organization_name}", f"o-{tag}"
    colleague = _post(tenant, f"/organizations/o-{tag}/users", {"email": new_email()})
    yield "/organizations/{organization_name}/users/{user_id}", colleague["id"]
    _post(tenant, "/projects", {"name": f"p-{tag}", "organization_name": f"o-{tag}"})
    yield "/projects/{project_name}", f"p-{tag}"
    yield from _in_project(tenant)
    yield from _model(tenant)
    yield from _variables(tenant)
    version = tenant.client.get(tenant.path(PROMISES["model_versions_get"])).json()["id"]
    span = "start_time=2020-01-01&end_time=2020-01-02&interval=day"
    query = f"requests?{span}&object_type=model_version&object_id={version}"
    yield "/projects/{project_name}/metrics/{metric}", query
    yield from _connector(tenant)
    yield from _pipeline(tenant)
    yield from _schedules(tenant)


def _in_project(tenant: Tenant) -> Iterator[tuple[str, str]]:
    project, tag = f"/projects/p-{tenant.tag}", tenant.tag
    robot = _post(tenant, f"{project}/service-users", {"name": f"robot-{tag}"})
    yield "/projects/{project_name}/service-users/{service_user_id}", robot["id"]
    yield "/projects/{project_name}/users/{user_id}", robot["id"]
    _post(tenant, f"{project}/roles", {"name": f"r-{tag}", "permissions": ["models.list"]})
    yield "/projects/{project_name}/roles/{role_name}", f"r-{tag}"
    given = _post(tenant, f"{project}/role-assignments", {"user_id": robot["id"], "role": f"r-{tag}"})
    yield "/projects/{project_name}/role-assignments/{id}", given["id"]
    file = {"file": (f"{tag}.txt", tag.encode())}
    blob = tenant.client.post(f"/v2.1{project}/blobs", files=file).json()
    yield "/projects/{project_name}/blobs/{blob_id}", blob["id"]


def _model(tenant: Tenant) -> Iterator[tuple[str, str]]:
    door = new_model(
        tenant.client,
        package("blobs"),
        inputs={"image": "blob"},
        outputs={"report": "blob", "size": "int", "name": "string"},
        project=f"p-{tenant.tag}",
        model=f"m-{tenant.tag}",
    )
    renamed = tenant.client.patch(door.path, json={"version": f"v-{tenant.tag}"})
    assert renamed.status_code == 200, renamed.text
    version = door.path.removeprefix("/v2.1").replace("/v1", f"/v-{tenant.tag}")
    model = "/projects/{project_name}/models/{model_name}"
    yield model, f"m-{tenant.tag}"
    yield f"{model}/versions/{{version}}", f"v-{tenant.tag}"
    blob = tenant.values["/projects/{project_name}/blobs/{blob_id}"]
    request = _post(tenant, f"{version}/request-batch", {"image": blob})[0]["id"]
    ended = wait_for(
        lambda: tenant.client.get(f"/v2.1{version}/request-batch/{request}").json(),
        lambda found: found["status"] in ("completed", "failed"),
    )
    assert ended["success"], ended
    yield f"{model}/versions/{{version}}/request-batch/{{request_id}}", request


def _variables(tenant: Tenant) -> Iterator[tuple[str, str]]:
    for level in ("project", "model", "model_version"):
        promise = PROMISES[f"{level}_environment_variables_create"]
        variable = {"name": level.upper(), "value": f"value-{tenant.tag}", "secret": False}
        made = _post(tenant, tenant.path(promise).removeprefix("/v2.1"), variable)
        yield f"{promise.path}/{{id}}", made["id"]


def _connector(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """To where nobody listens; verified in vain, so that nothing of it changes any more."""
    project, tag = f"/projects/p-{tenant.tag}", tenant.tag
    sign_in = {"username": f"user-{tag}", "password": f"word-{tag}", "host": "127.0.0.1", "port": "1"}
    new = {"type": "postgresql", "name": f"k-{tag}", "configuration": sign_in}
    _post(tenant, f"{project}/credentials", new)
    yield "/projects/{project_name}/credentials/{credentials_name}", f"k-{tag}"
    place = {"database": "d", "table": f"t-{tag}"}
    new |= {"name": f"c-{tag}", "credentials": f"k-{tag}", "configuration": place}
    _post(tenant, f"{project}/connectors", new | {"input_fields": [{"name": "size", "data_type": "int"}]})
    yield "/projects/{project_name}/connectors/{connector_name}", f"c-{tag}"
    for path in (f"credentials/k-{tag}", f"connectors/c-{tag}"):
        get = partial(tenant.client.get, f"/v2.1{project}/{path}")
        wait_for(get, lambda answer: answer.json()["status"] == "failed_verification")


def _pipeline(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Start to model to connector, with one request that has ended."""
    prefix, tag = "/projects/{project_name}/pipelines/{pipeline_name}", tenant.tag
    pipeline = f"/projects/p-{tag}/pipelines/l-{tag}"
    image = [{"name": "image", "data_type": "blob"}]
    new = {"name": f"l-{tag}", "input_type": "structured", "input_fields": image}
    _post(tenant, f"/projects/p-{tag}/pipelines", new)
    yield prefix, f"l-{tag}"
    of_model = {"reference_type": "model", "reference_name": f"m-{tag}", "version": f"v-{tag}"}
    of_connector = {"reference_type": "connector", "reference_name": f"c-{tag}"}
    _post(tenant, f"{pipeline}/objects", {"name": f"a-{tag}", **of_model})
    _post(tenant, f"{pipeline}/objects", {"name": f"b-{tag}", **of_connector})
    for source, destination, name in (("pipeline_start", f"a-{tag}", "image"), (f"a-{tag}", f"b-{tag}", "size")):
        mapping = [{"source_field_name": name, "destination_field_name": name}]
        new_attachment = {"source_name": source, "destination_name": destination, "mapping": mapping}
        _post(tenant, f"{pipeline}/attachments", new_attachment)
    yield f"{prefix}/objects/{{name}}", f"a-{tag}"
    yield f"{prefix}/objects/{{source_name}}", f"a-{tag}"
    yield f"{prefix}/objects/{{source_name}}/attachments/{{destination_name}}", f"b-{tag}"
    blob = tenant.values["/projects/{project_name}/blobs/{blob_id}"]
    request = _post(tenant, f"{pipeline}/request-batch", {"image": blob})[0]["id"]
    wait_for(
        lambda: tenant.client.get(f"/v2.1{pipeline}/request-batch/{request}").json(),
        lambda found: found["status"] == "completed",
    )
    yield f"{prefix}/request-batch/{{pipeline_request_id}}", request


def _schedules(tenant: Tenant) -> Iterator[tuple[str, str]]:
    tag, blob = tenant.tag, tenant.values["/projects/{project_name}/blobs/{blob_id}"]
    new = {"schedule": "0 0 1 1 *", "request_data": {"image": blob}}
    for name, about in (
        (f"h-{tag}", {"object_type": "model", "object_name": f"m-{tag}", "version": f"v-{tag}"}),
        (f"i-{tag}", {"object_type": "pipeline", "object_name": f"l-{tag}"}),
    ):
        _post(tenant, f"/projects/p-{tag}/schedules", {"name": name, **about, **new})
    yield "/projects/{project_name}/schedules/{schedule_name}", f"h-{tag}"


def _post(tenant: Tenant, path: str, body: object) -> Any:
    answer = tenant.client.post(f"/v2.1{path}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()
