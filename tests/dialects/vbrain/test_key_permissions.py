"""Every operation with a key of each kind, of someone who may do all: refusals beside their twins that succeed."""

from __future__ import annotations

import json

import pytest

from tests.dialects.vbrain.house import Door, House, Person, refusal_of
from tests.dialects.vbrain.operations import OPERATIONS, Operation

MAY_WRITE = {"read": False, "deploy": False, "write": True, "*": True}


@pytest.fixture(scope="module")
def doors(house: House, waiting: Door) -> dict[str, Door]:
    """The owner's, with a key of each kind."""
    words = ("key", "create", "--user", house.owner.email, "--permissions")
    keys = {kind: json.loads(house.admin(*words, kind))["key"] for kind in MAY_WRITE}
    return {kind: house.door_of(waiting, Person(house.owner.email, key)) for kind, key in keys.items()}


@pytest.mark.parametrize("kind", MAY_WRITE)
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_what_a_key_is_good_for(waiting: Door, doors: dict[str, Door], operation: Operation, kind: str) -> None:
    repository = waiting.new_repository()
    answer = operation.call(doors[kind], repository, waiting.new_job(repository))
    if operation.method == "GET" or MAY_WRITE[kind]:
        assert answer.status_code == operation.status, answer.text
    else:
        assert refusal_of(answer) == (403, "Permission denied")
