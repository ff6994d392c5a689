"""The part of the walk about people, organizations, projects, roles and metering."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from ubiops import ApiClient, Configuration, CoreApi

from tests.dialects.ubiops.conftest import core_api
from tests.dialects.ubiops.people import PASSWORD, new_email, open_account
from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.ubiops.walk import Walk
from tests.serving import RunningServer


@dataclass
class Ground:
    """What the walk has made so far, by name."""

    server: RunningServer
    staff: CoreApi
    organization: str
    project: str

    @property
    def where(self) -> dict[str, Any]:
        return {"project_name": self.project}


def signed_in(server: RunningServer, email: str) -> CoreApi:
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        token = client.post("/v2.1/authorize", json={"email": email, "password": PASSWORD}).json()["access"]
    return core_api(server, token)


def account(walk: Walk, ground: Ground) -> None:
    nobody = CoreApi(ApiClient(Configuration(host=f"{ground.server.url}/v2.1")))
    walk("service_status", by=nobody)
    email = new_email()
    new = {"email": email, "password": PASSWORD, "terms_conditions": True, "name": "Ada", "surname": "Lovelace"}
    assert walk("user_create", by=nobody, data=new)["email"] == email
    person = signed_in(ground.server, email)
    assert walk("user_get", by=person)["surname"] == "Lovelace"
    assert walk("user_update", by=person, data={"surname": "King"})["surname"] == "King"
    walk("user_delete", by=person)


def subscriptions(walk: Walk, ground: Ground) -> None:
    """By the server's staff; everybody may look."""
    name = f"s-{uuid.uuid4().hex[:12]}"
    limits = {"max_projects": 2, "max_users": 3, "logs_retention_days": 4, "gb_seconds": 5, "resources": 6}
    texts = {"agreement": "", "terms_conditions": "none", "hidden": False}
    walk("subscriptions_create", by=ground.staff, data={"name": name, **limits, **texts})
    changed = walk("subscriptions_update", by=ground.staff, subscription_name=name, data={"max_users": None})
    assert changed["max_users"] is None
    assert walk("subscriptions_get", subscription_name=name) == changed
    assert name in [item["name"] for item in walk("subscriptions_list")]
    walk("subscriptions_delete", by=ground.staff, subscription_name=name)


def organizations(walk: Walk, ground: Ground) -> None:
    name = f"o-{ground.project}"
    new = {"name": f"{name}-first", "subscription": "professional", "subscription_agreed": True}
    made = walk("organizations_create", data=new)
    detail = walk("organizations_update", organization_name=f"{name}-first", data={"name": name})
    assert detail == made | {"name": name, "subscription": "professional", "status": "active"}
    ground.organization = name
    where = {"organization_name": name}
    assert walk("organizations_get", **where) == detail
    assert walk("organizations_list") == [made | {"name": name}]
    assert walk("organizations_resource_usage", **where)["users"] == 1
    assert walk("organization_subscriptions_list", **where)[0]["subscription"] == "professional"

    email = new_email()
    open_account(ground.server, email)
    user = walk("organization_users_create", **where, data={"email": email, "admin": True})
    at = {**where, "user_id": user["id"]}
    changed = walk("organization_users_update", **at, data={"admin": False})
    assert changed == user | {"admin": False}
    assert walk("organization_users_get", **at) == changed
    assert changed in walk("organization_users_list", **where)
    walk("organization_users_delete", **at)


def project(walk: Walk, ground: Ground) -> None:
    first = f"{ground.project}-first"
    made = walk("projects_create", data={"name": first, "organization_name": ground.organization})
    renamed = walk("projects_update", project_name=first, data={"name": ground.project})
    assert renamed == made | {"name": ground.project, "organization_name": ground.organization}
    assert walk("projects_get", **ground.where) == renamed
    assert walk("projects_list") == [renamed]
    assert walk("projects_resource_usage", **ground.where)["models"] == 0


def roles(walk: Walk, ground: Ground) -> None:
    names = [item["name"] for item in walk("permissions_list")]
    role = walk("roles_create", **ground.where, data={"name": "own", "permissions": names[:3]})
    at = {**ground.where, "role_name": "own"}
    changed = walk("roles_update", **at, data={"permissions": names[3:5]})
    assert changed == role | {"permissions": names[3:5]}
    assert walk("roles_get", **at) == changed
    assert len(walk("roles_list", **ground.where)) > 1

    robot = walk("service_users_create", **ground.where, data={"name": "robot"})
    at_robot = {**ground.where, "service_user_id": robot["id"]}
    assert walk("service_users_update", **at_robot, data={"name": "android"})["name"] == "android"
    assert walk("service_users_get", **at_robot)["name"] == "android"
    assert [item["id"] for item in walk("service_users_list", **ground.where)] == [robot["id"]]
    assert walk("service_users_token", **at_robot, data={})["token"] != robot["token"]

    new = {"user_id": robot["id"], "role": "blob-viewer"}
    given = walk("role_assignments_create", **ground.where, data=new)
    assert (given["object_type"], given["object_name"]) == ("project", ground.project)
    assert walk("role_assignments_get", **ground.where, id=given["id"]) == given
    assert walk("role_assignments_per_user_list", **ground.where, user_id=robot["id"]) == [given]
    walk("role_assignments_delete", **ground.where, id=given["id"])
    walk("service_users_delete", **at_robot)
    walk("roles_delete", **at)


def metering(walk: Walk, ground: Ground) -> None:
    """After requests were made: usage and metrics have something to show.

    Five requests to the model by themselves, four through the pipeline, both objects of which are its version; what
    was sent to the connector arrived nowhere.
    """
    version = ground.staff.model_versions_get(**ground.where, model_name="doubler", version="v1")
    pipeline = ground.staff.pipelines_get(**ground.where, pipeline_name="twice")
    table = ground.staff.connectors_get(**ground.where, connector_name="table")
    measured(walk, ground, 5 + 2 * 4, metric="requests", object_type="model_version", object_id=version.id)
    measured(walk, ground, 4, metric="requests", object_type="pipeline", object_id=pipeline.id)
    measured(walk, ground, 2 * 4, metric="object_requests", object_type="pipeline", object_id=pipeline.id)
    measured(walk, ground, 0, metric="requests", object_type="connector", object_id=table.id)
    now = datetime.now(UTC)
    walk("project_usage_get", **ground.where, start_month=now.strftime("%Y-%m"))
    of_organization = {"organization_name": ground.organization}
    walk("organization_usage_get", **of_organization, start_month=now.strftime("%Y-%m"))
    walk("organization_usage_details_get", **of_organization, month=now.strftime("%Y-%m"))


def measured(walk: Walk, ground: Ground, count: int, **about: str) -> None:
    """Waits until the metric of this hour and its neighbours has the sum; it is stored every few seconds."""
    now = datetime.now(UTC)
    span = {"start_time": (now - timedelta(hours=1)).isoformat(), "end_time": (now + timedelta(hours=1)).isoformat()}
    found = wait_for(
        lambda: walk("metrics_get", **ground.where, interval="hour", **span, **about),
        lambda buckets: sum(bucket["value"] for bucket in buckets) == count,
    )
    assert len(found) in (2, 3)
