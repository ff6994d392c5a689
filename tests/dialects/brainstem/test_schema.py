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

from tests.dialects.brainstem.house import Door, House
from tests.dialects.documents import CHECKS, few
from tests.serving import serving

RECORDS = [f"data_repositories_{word}" for word in ("list", "create", "get", "update", "replace", "delete", "groups")]
GROUPS = [f"groups_{word}" for word in ("list", "create", "get", "update", "replace", "delete", "join", "leave")]
PLACES = [
    f"group_membership_{kind}_{word}"
    for kind in ("invitations", "requests")
    for word in ("list", "get", "accept", "reject", "cancel")
]
CASES = [(name, mode) for name in (*RECORDS, *GROUPS, *PLACES) for mode in GenerationMode]
FEW = few(6)


@pytest.fixture(scope="module")
def own_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """On a server of this module's own: staff that calls at random may change what is there for all."""
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        house = House(running)
        yield house
        house.close()
        assert [line for line in running.output if "request_failed" in line] == []


@pytest.fixture(scope="module")
def owner(own_house: House) -> Door:
    return own_house.person()


@pytest.fixture(scope="module")
def known(owner: Door) -> dict[str, Any]:
    group = owner.new_group()
    return {"record_id": owner.new(group)["id"], "group_id": str(group)}


@pytest.fixture(scope="module")
def schema(owner: Door) -> BaseSchema:
    return schemathesis.openapi.from_dict(owner.ok("GET", "/api/openapi.json"))


@pytest.mark.parametrize(("name", "mode"), CASES, ids=lambda part: getattr(part, "value", part))
def test_calls_made_from_the_document(
    own_house: House, owner: Door, schema: BaseSchema, known: dict[str, Any], name: str, mode: GenerationMode
) -> None:
    operation = schema.find_operation_by_id(name)
    keys = {"owner": owner.key, "staff": own_house.staff.key, "nobody": ""}

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode), right=st.booleans(), caller=st.sampled_from(sorted(keys)))
    def call(case: Case, right: bool, caller: str) -> None:
        if right and not name.endswith("_delete"):
            given = case.path_parameters or {}
            case.path_parameters = {**given, **{part: known[part] for part in known if part in given}}
        headers = {"Authorization": f"Bearer {keys[caller]}"} if keys[caller] else {}
        response = case.call(base_url=f"{owner.url}/api", session=own_house.session, headers=headers, timeout=60)
        case.validate_response(response, checks=CHECKS)

    call()
