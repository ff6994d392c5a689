"""All operations of the contract: each is served as promised, and succeeds for an administrator by the real client."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ubiops import CoreApi

from tests.dialects.ubiops import walk_administration as administration
from tests.dialects.ubiops import walk_models as models
from tests.dialects.ubiops import walk_pipelines as pipelines
from tests.dialects.ubiops.contract import PROMISES
from tests.dialects.ubiops.people import new_email, open_account
from tests.dialects.ubiops.walk import Walk
from tests.dialects.ubiops.walk_administration import Ground, signed_in
from tests.serving import RunningServer

OURS = {"authorize", "model_requests_create_live", "projects_audit_list"}
"""Served beyond the 125: the command-line client signs in with the first (contract ubiops 1.2); the others are
additions of ours (decisions 0024 and 0030)."""


@pytest.fixture(scope="module")
def served(door: httpx2.Client) -> dict[str, dict[str, Any]]:
    """Each operation of the face's document by its name, with its method and path."""
    document = door.get("/v2.1/openapi.json").json()
    return {
        operation["operationId"]: {**operation, "call": (method.upper(), path)}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_contract_has_125_operations_of_the_client() -> None:
    assert len(PROMISES) == 125
    assert {name for name in PROMISES if hasattr(CoreApi, name)} == set(PROMISES)


def test_what_is_served_is_what_was_promised(served: dict[str, dict[str, Any]]) -> None:
    assert served.keys() - OURS == PROMISES.keys()


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_an_operation_is_where_it_was_promised(served: dict[str, dict[str, Any]], name: str) -> None:
    promise, operation = PROMISES[name], served[name]
    assert operation["call"] == (promise.method, promise.path.rstrip("/"))
    in_path = [item["name"] for item in operation["parameters"] if item["in"] == "path"] if promise.parameters else []
    assert sorted(in_path) == sorted(promise.parameters)
    assert [status for status in operation["responses"] if status.startswith("2")] == [str(promise.status)]


def test_every_operation_by_an_administrator(server: RunningServer, api: CoreApi, tmp_path: Path) -> None:
    """In an order in which everything succeeds: the status and every member of each answer are as documented."""
    email, project = new_email(), f"p-{uuid.uuid4().hex[:12]}"
    open_account(server, email)
    walk, ground = Walk(signed_in(server, email)), Ground(server, api, "", project)
    administration.account(walk, ground)
    administration.subscriptions(walk, ground)
    administration.organizations(walk, ground)
    administration.project(walk, ground)
    administration.roles(walk, ground)
    add_to = {"organization_name": ground.organization, "data": {"email": api.user_get().email, "admin": True}}
    walk.administrator.organization_users_create(**add_to)
    models.models(walk, ground, tmp_path)
    models.variables(walk, ground)
    models.requests(walk, ground)
    models.blobs(walk, ground, tmp_path)
    pipelines.connectors(walk, ground)
    pipelines.pipelines(walk, ground)
    pipelines.requests(walk, ground)
    pipelines.schedules(walk, ground)
    administration.metering(walk, ground)
    pipelines.away(walk, ground)
    models.clear(walk, ground)
    assert set(walk.walked) == PROMISES.keys()
