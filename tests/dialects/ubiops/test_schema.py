"""The face's own document: calls made from it, right and wrong, are answered as it says, and never by a fault.

schemathesis makes the calls: for each operation, values that fit the document and values that do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema

from tests.dialects.documents import CHECKS, few
from tests.dialects.ubiops.contract import PROMISES
from tests.dialects.ubiops.people import new_email, open_account, signed_in
from tests.dialects.ubiops.tenants import Tenant, new_tenant
from tests.serving import RunningServer, serving

OPERATIONS = [*sorted(PROMISES), "authorize", "model_requests_create_live", "projects_audit_list"]
CASES = [(name, mode) for name in OPERATIONS for mode in GenerationMode]
CASES.remove(("service_status", GenerationMode.NEGATIVE))  # it takes nothing that could be wrong
# A call with these names would take away what the others need, or the caller's own key.
ONLY_UNKNOWN = {"projects_delete", "projects_update", "organizations_update", "models_delete", "models_update"}
ONLY_UNKNOWN |= {"model_versions_delete", "model_versions_update", "model_versions_file_upload", "user_delete"}
ONLY_UNKNOWN |= {"pipelines_delete", "pipelines_update", "pipeline_objects_delete", "pipeline_objects_update"}
ONLY_UNKNOWN |= {"connectors_delete", "connectors_update", "credentials_delete", "credentials_update"}
FEW = few(5)


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this module's own: staff that calls at random may change what is there for all, as subscriptions."""
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def tenant(own_server: RunningServer) -> Iterator[Tenant]:
    email = new_email()
    open_account(own_server, email)
    with signed_in(own_server, email) as client:
        yield new_tenant(client)


@pytest.fixture(scope="module")
def schema(own_server: RunningServer) -> BaseSchema:
    with own_server.client() as client:
        return schemathesis.openapi.from_dict(client.get("/v2.1/openapi.json").json())


@pytest.fixture(scope="module")
def sessions(own_server: RunningServer, tenant: Tenant) -> Iterator[dict[str, requests.Session]]:
    """The tenant's administrator, and the server's staff."""
    keys = {"administrator": str(tenant.client.headers["authorization"]), "staff": f"Token {own_server.token}"}
    made = {}
    for name, key in keys.items():
        made[name] = requests.Session()
        made[name].trust_env = False
        made[name].headers["Authorization"] = key
    yield made
    for session in made.values():
        session.close()


@pytest.mark.parametrize(("name", "mode"), CASES, ids=lambda part: getattr(part, "value", part))
def test_calls_made_from_the_document(
    own_server: RunningServer,
    tenant: Tenant,
    schema: BaseSchema,
    sessions: dict[str, requests.Session],
    name: str,
    mode: GenerationMode,
) -> None:
    operation = schema.find_operation_by_id(name)
    known = {} if name in ONLY_UNKNOWN or name not in PROMISES else values(tenant, name)

    @FEW
    @given(
        case=operation.as_strategy(generation_mode=mode), names=st.booleans(), caller=st.sampled_from(sorted(sessions))
    )
    def call(case: Case, names: bool, caller: str) -> None:
        if names and known:
            case.path_parameters = {**(case.path_parameters or {}), **known}
        if name == "user_delete":
            caller = "nobody"
        response = case.call(base_url=f"{own_server.url}/v2.1", session=sessions.get(caller), timeout=60)
        case.validate_response(response, checks=CHECKS)

    call()


def values(tenant: Tenant, name: str) -> dict[str, Any]:
    """The tenant's own names and ids in the path of an operation."""
    found, template = {}, ""
    for segment in PROMISES[name].path.strip("/").split("/"):
        template += f"/{segment}"
        if segment.startswith("{") and template in tenant.values:
            found[segment[1:-1]] = tenant.values[template]
    return found
