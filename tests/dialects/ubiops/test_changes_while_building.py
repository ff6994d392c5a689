"""A version is changed while its package is built: the command-line client does so after each overwriting upload, with
the whole set of settings (contract ubiops 3.4, 8.3, 12.6)."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model

SETTINGS: dict[str, Any] = {
    "version": "v1",
    "language": "python3.7",
    "memory_allocation": 512,
    "maximum_instances": 2,
    "minimum_instances": 0,
    "maximum_idle_time": 60,
}
MODEL = """
class Model:
    def request(self, data):
        return "%s " + data
"""


def change_until_it_ends(door: ModelDoor) -> list[str]:
    """Changes the version again and again; the statuses that the answers showed, the last one of a build that ended."""
    statuses: list[str] = []
    while not statuses or "ing" in statuses[-1].removesuffix("_failed"):
        settings = SETTINGS | {"maximum_idle_time": 60 + len(statuses) % 2}
        answer = door.client.patch(door.path, json=settings)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert {name: found[name] for name in settings} == settings
        statuses.append(found["status"])
    return statuses


def builds(door: ModelDoor, ended: int) -> int:
    """How often a build of the version began, once the log has that many ends: it is written a moment after."""
    lines = wait_for(
        lambda: [line["log"] for line in door.logs(system=True)],
        lambda told: sum("the version is available" in line for line in told) >= ended,
    )
    return sum(line.startswith("building package.zip") for line in lines)


def test_neither_fails_nor_restarts_the_build(door: httpx2.Client) -> None:
    made = new_model(door, {"model.py": MODEL % "first"}, wait=False)
    statuses = change_until_it_ends(made)
    assert (statuses[0], statuses[-1]) == ("building", "available")
    assert made.request("text")["result"] == "first text"
    assert builds(made, ended=1) == 1

    made.upload({"model.py": MODEL % "second"})
    statuses = change_until_it_ends(made)
    assert set(statuses[:-1]) == {"available_building"}
    assert statuses[-1] == "available"
    assert made.request("text")["result"] == "second text"
    assert builds(made, ended=2) == 2


def test_another_language_builds_again(door: httpx2.Client) -> None:
    """The twin: this change supersedes the build that runs."""
    made = new_model(door, package("echo"), wait=False)
    changed = door.patch(made.path, json=SETTINGS | {"language": "python3.8"}).json()
    assert (changed["language"], changed["status"]) == ("python3.8", "building")
    assert made.wait()["language"] == "python3.8"
    made.wait_for_log("for python3.8")
    assert made.request("text")["result"] == "text"
