"""Releases rolled out and back under load: no request fails, and nobody meets a half-switched set of models."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scenarios.releases import (
    MODELS,
    UNBUILDABLE,
    Caller,
    Deployment,
    ReleasedProject,
    Switch,
    answers,
    check_order,
)
from tests.serving import RunningServer, start_server
from tests.storage.databases import BACKENDS, create_postgres_database, drop_postgres_database

SETTINGS = {"QUINTA_RATE_LIMIT": "0", "QUINTA_START_TIMEOUT_SECONDS": "15"}
RELEASES = ("v1", "v2", "v3")
BROKEN = {
    "raises": ("in its constructor", "start_constructor_error"),
    "dies": ("soon", "exited"),
    "imports": ("at import", "start_import_error"),
    "hangs": ("by hanging", "start_took_too_long"),
}
"""Releases whose second model breaks where nothing could tell before, how, and the reason that is said."""
REASONS = {**{name: reason for name, (_, reason) in BROKEN.items()}, "unbuilt": "no_model_file"}
STEPS = (
    *("v2", "raises", "v3", "dies", "back", "unbuilt", "v1", "v3", "back", "imports"),
    *("v2", "v3", "back", "raises", "v1", "hangs", "v2", "back", "dies", "v3"),
)
CALLERS = 8


@contextmanager
def serving_on(backend: str, folder: Path, **settings: str) -> Iterator[RunningServer]:
    """A server on a database of its own; whoever kills it starts it again at the same port."""
    url = create_postgres_database() if backend == "postgres" else None
    server = start_server(folder / "data", {**SETTINGS, **settings, **({"QUINTA_DATABASE_URL": url} if url else {})})
    try:
        yield server
    finally:
        assert server.stop() == 0
        if url:
            drop_postgres_database(url)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this module's own: the tests look at the number of its instances."""
    with serving_on("sqlite", tmp_path_factory.mktemp("rollouts")) as server:
        yield server


@pytest.fixture
def project(house: RunningServer) -> Iterator[ReleasedProject]:
    with ReleasedProject(house) as project:
        yield project


@contextmanager
def calling(server: RunningServer, project: ReleasedProject, number: int = CALLERS) -> Iterator[list[Caller]]:
    """Callers from the beginning of the block to its end; every other one's requests take a moment."""
    callers = [Caller(server, project.name, 0.01 * (index % 2)) for index in range(number)]
    for caller in callers:
        caller.start()
    try:
        yield callers
    finally:
        for caller in callers:
            caller.finish()


def check_calls(callers: list[Caller], switches: list[Switch]) -> None:
    """No call failed, none was behind another, and every caller got to the last release."""
    assert [failure for caller in callers for failure in caller.failures] == []
    said = [answer for caller in callers for answer in caller.answers]
    assert check_order(said, switches) == len(switches) - 1
    assert {caller.answers[-1].release for caller in callers} == {switches[-1].release}


def add_broken_releases(project: ReleasedProject, *names: str) -> None:
    """The first model has a good version of each, which must not be switched alone."""
    doors = [project.add_version(model, name) for name in names if name in BROKEN for model in MODELS]
    if "unbuilt" in names:
        doors.append(project.add_version(MODELS[0], "unbuilt"))
        project.add_version(MODELS[1], "unbuilt", UNBUILDABLE).wait("building_failed")
    for door in doors:
        door.wait()
    for name in names:
        if name in BROKEN:
            project.break_version(MODELS[1], name, BROKEN[name][0])


def take_step(project: ReleasedProject, step: str, live: Deployment, switches: list[Switch]) -> Deployment:
    """A failed rollout, a rollback or a rollout; the deployment that is live then."""
    asked = time.monotonic()
    if step in REASONS:
        failed = project.ended(project.deploy(step))
        assert (failed["status"], failed["reason"]) == ("failed", REASONS[step]), failed
    elif step == "back":
        before, live = live, project.completed(project.roll_back(live))
        assert project.get(before)["status"] == "rolled_back"
    else:
        live = project.completed(project.deploy(step))
        assert live["version"] == step
    if step not in REASONS:
        switches.append(Switch(live["version"], asked, time.monotonic()))
    assert project.ask_all() == [switches[-1].release] * len(MODELS)
    return live


@pytest.mark.parametrize("backend", BACKENDS)
def test_rollouts_and_rollbacks_under_load(tmp_path: Path, backend: str) -> None:
    """Twenty on SQLite, the first ten of these on PostgreSQL. Old instances go after ten seconds, so that some releases
    come back to warm ones and some do not."""
    steps = STEPS if backend == "sqlite" else STEPS[:10]
    with serving_on(backend, tmp_path) as server, ReleasedProject(server) as project:
        project.add_models(*RELEASES, maximum_idle_time=10)
        add_broken_releases(project, *(step for step in dict.fromkeys(steps) if step in REASONS))
        asked = time.monotonic()
        live = project.completed(project.deploy("v1"))
        switches = [Switch("v1", asked, time.monotonic())]
        with calling(server, project) as callers:
            for step in steps:
                live = take_step(project, step, live, switches)
        check_calls(callers, switches)
        assert sum(caller.cut for caller in callers) == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_server_goes_on_with_its_rollouts(tmp_path: Path, backend: str) -> None:
    """Killed while a bad release is being warmed, and while a good one is: callers meet the old set until the good one
    has ended. On PostgreSQL, where a lease takes its 30 s to run out, only the good one."""
    kills = [("hangs", "failed"), ("v2", "completed")]
    with serving_on(backend, tmp_path) as server, ReleasedProject(server) as project:
        project.add_models("v1")
        for model in MODELS:
            project.add_version(model, "v2", answers("v2", 2)).wait()
            project.add_version(model, "hangs").wait()
        project.break_version(MODELS[1], "hangs", "by hanging")
        for model in MODELS:  # what the builds have started is old now
            project.client.patch(project.door(model, "v2").path, json={"memory_allocation": 300})
        asked = time.monotonic()
        project.completed(project.deploy("v1"))
        switches = [Switch("v1", asked, time.monotonic())]
        with calling(server, project, 2) as callers:
            for release, end in kills if backend == "sqlite" else kills[1:]:
                asked = time.monotonic()
                deployment = project.reached(project.deploy(release), "in_progress")
                server.kill()
                server.start_again()
                ended = project.ended(deployment)
                assert ended["status"] == end, ended
                if end == "completed":
                    switches.append(Switch(release, asked, time.monotonic()))
                assert project.ask_all() == [switches[-1].release] * len(MODELS)
        check_calls(callers, switches)


def test_a_new_set_that_has_no_room_beside_the_old_one(tmp_path: Path) -> None:
    """Memory for two instances, and a release needs two. Nobody's request fails; some wait for a start."""
    with serving_on("sqlite", tmp_path, QUINTA_INSTANCE_MEMORY_MB="512") as server, ReleasedProject(server) as project:
        project.add_models("v1", "v2")
        asked = time.monotonic()
        live = project.completed(project.deploy("v1"))
        switches = [Switch("v1", asked, time.monotonic())]
        with calling(server, project) as callers:
            for step in ("v2", "back"):
                live = take_step(project, step, live, switches)
        check_calls(callers, switches)
        assert sum(caller.cut for caller in callers) == 0


def test_why_a_rollout_failed_is_said(project: ReleasedProject) -> None:
    project.add_models("v1")
    add_broken_releases(project, "raises", "unbuilt")
    said = [project.ended(project.deploy(name)) for name in ("raises", "unbuilt")]
    assert [deployment["reason"] for deployment in said] == [REASONS["raises"], REASONS["unbuilt"]]
    assert all("model 'two': " in deployment["error"] for deployment in said)
    assert "told to" in said[0]["error"]
    unknown = project.answer("POST", f"/projects/{project.id}/deployments", {"version": "v9"})
    assert (unknown.status_code, unknown.json()["error"]["details"]["field"]) == (400, "version")
    assert project.ask() == "unbuilt", "the newest that serves, as no rollout has completed"
    line = project.door("two").wait_for_log("the rollout of raises failed", system=True)
    assert "[start_constructor_error]" in line["log"]


def test_the_configuration_says_how_many_instances_the_live_version_has(project: ReleasedProject) -> None:
    project.add_models("v1", "v2", models=("one",), maximum_idle_time=10)
    project.configure({"scaling": {"min_instances": 2, "max_instances": 3}})
    project.completed(project.deploy("v1"))
    project.wait_for_instances(2)
    project.configure({"scaling": {"min_instances": 3}})
    project.wait_for_instances(3)
    project.completed(project.deploy("v2"))
    project.wait_for_instances(3)  # those of v1 go
    assert project.ask() == "v2"
    project.configure({"scaling": {"min_instances": 1, "max_instances": 1}})
    project.wait_for_instances(1)
    assert project.ask() == "v2"


def test_the_live_version_stays_and_one_deployment_is_in_flight(project: ReleasedProject) -> None:
    project.add_models("v1", "v2")
    one = project.completed(project.deploy("v1"))
    live, other = project.door("one"), project.door("one", "v2")
    refused = project.client.delete(live.path)
    assert (refused.status_code, project.client.delete(other.path).status_code) == (400, 204), refused.text
    deployments = f"/projects/{project.id}/deployments"
    nothing = project.answer("POST", f"{deployments}/{one['id']}/rollback")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "conflict")
    project.add_version("one", "slow", answers("slow", 3))
    waiting = project.deploy("slow")
    assert project.answer("POST", deployments, {"version": "v1"}).status_code == 409
    elsewhere = project.deploy("v1", environment="dev")
    found = project.call("GET", f"{deployments}?environment=dev")["deployments"]
    assert [item["id"] for item in found] == [elsewhere["id"]]
    project.completed(waiting)
    project.completed(elsewhere)
    assert project.client.delete(f"/v2.1/projects/{project.name}/models/two").status_code == 204
