"""Long random histories: the server and a small reference model agree on every answer."""

from __future__ import annotations

import uuid

import httpx2
import pytest

from tests.dialects.ubiops.people import newcomer
from tests.dialects.ubiops.random_walk import RandomWalk
from tests.dialects.ubiops.reference import Reference
from tests.serving import RunningServer


def walk(client: httpx2.Client, seed: int, steps: int) -> Reference:
    """In a new organization of ``client``, on a plan with 3 projects and 25 resources."""
    tag = f"w{uuid.uuid4().hex[:10]}"
    organization = {"name": f"o-{tag}", "subscription": "starter", "subscription_agreed": True}
    assert client.post("/v2.1/organizations", json=organization).status_code == 201
    reference = Reference(f"o-{tag}", most_projects=3, most_resources=25)
    RandomWalk(client, reference, tag, seed).run(steps)
    return reference


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_walk(server: RunningServer, seed: int) -> None:
    with newcomer(server) as client:
        reference = walk(client, seed, steps=600)
    assert reference.projects
