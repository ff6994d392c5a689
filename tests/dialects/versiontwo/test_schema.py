"""The face's own document: calls made from it, right and wrong, are answered as it says, and never by a fault.

schemathesis makes the calls: for each operation, values that fit the document and values that do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema

from tests.dialects.documents import CHECKS, few
from tests.dialects.versiontwo.conftest import SETTINGS
from tests.dialects.versiontwo.house import Door, House
from tests.serving import serving

NAMES = [
    *(f"projects_{word}" for word in ("list", "create", "get", "update", "delete")),
    *("config_get", "config_update"),
    *(f"workspaces_{word}" for word in ("list", "create", "get", "update", "delete")),
    *(f"deployments_{word}" for word in ("list", "create", "get", "roll_back")),
    *("metrics_get", "logs_get"),
    *(f"api_keys_{word}" for word in ("list", "create", "delete")),
    *(f"webhooks_{word}" for word in ("list", "create", "get", "delete")),
    *(f"deliveries_{word}" for word in ("list", "get", "redeliver")),
]
CASES = [(name, mode) for name in NAMES for mode in GenerationMode]
FEW = few(6)


@pytest.fixture(scope="module")
def own_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """On a server of this module's own: calls at random may change what is there for all."""
    with serving(tmp_path_factory.mktemp("server") / "data", SETTINGS) as running:
        house = House(running)
        yield house
        house.close()
        assert [line for line in running.output if "request_failed" in line] == []


@pytest.fixture(scope="module")
def owner(own_house: House) -> Door:
    return own_house.person()


@pytest.fixture(scope="module")
def known(owner: Door) -> dict[str, str]:
    project = owner.new_project()["id"]
    hook = {"url": "http://127.0.0.1:9/", "events": ["deployment.completed"]}
    webhook = owner.ok("POST", f"/projects/{project}/webhooks", 201, json=hook)["id"]
    deployment = owner.deploy(project)["id"]
    (delivery,) = owner.ok("GET", f"/projects/{project}/webhooks/{webhook}/deliveries")["deliveries"]
    return {
        "project_id": project,
        "workspace_id": owner.ok("POST", "/workspaces", 201, json={"name": "a"})["id"],
        "deployment_id": deployment,
        "webhook_id": webhook,
        "delivery_id": delivery["id"],
        "key_id": "key_1",
    }


@pytest.fixture(scope="module")
def schema(owner: Door) -> BaseSchema:
    return schemathesis.openapi.from_dict(owner.ok("GET", "/openapi.json"))


def test_every_operation_is_called(owner: Door) -> None:
    paths = owner.ok("GET", "/openapi.json")["paths"].values()
    assert {operation["operationId"] for path in paths for operation in path.values()} == set(NAMES)


@pytest.mark.parametrize(("name", "mode"), CASES, ids=lambda part: getattr(part, "value", part))
def test_calls_made_from_the_document(
    own_house: House, owner: Door, schema: BaseSchema, known: dict[str, str], name: str, mode: GenerationMode
) -> None:
    operation = schema.find_operation_by_id(name)
    keys: dict[str, str] = {"owner": owner.key, "nobody": ""}

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode), right=st.booleans(), caller=st.sampled_from(sorted(keys)))
    def call(case: Case, right: bool, caller: str) -> None:
        if right and not name.endswith("_delete"):
            given: dict[str, Any] = case.path_parameters or {}
            case.path_parameters = {**given, **{part: known[part] for part in known if part in given}}
        headers = {"Authorization": f"Bearer {keys[caller]}"} if keys[caller] else {}
        response = case.call(base_url=f"{owner.server.url}/v1", session=own_house.session, headers=headers, timeout=60)
        case.validate_response(response, checks=CHECKS)

    call()
