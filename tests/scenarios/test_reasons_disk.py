"""Requests on a server whose disk is full, by a whole server: their codes, and that space mends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from quinta.core.reasons import Reason
from tests.chaos.disks import can_mount, full, small_disk
from tests.models import ModelDoor, new_model, new_project
from tests.scenarios.test_reasons import FILE, KIND, PACKAGE, ask, check, upload
from tests.serving import RunningServer, serving


def faults(client: httpx2.Client, project: str, model: str, **settings: Any) -> ModelDoor:
    return new_model(client, PACKAGE, inputs=KIND, project=project, model=model, maximum_instances=1, **settings)


def story(server: RunningServer, client: httpx2.Client) -> None:
    project = new_project(client)
    warm = faults(client, project, "warm", outputs=FILE, maximum_idle_time=3_600)
    assert ask(warm, "return_ready_file", within=120)["success"]
    cold = faults(client, project, "cold", outputs={"number": "double"})
    check(ask(cold, "end", within=120), Reason.EXITED)  # and so it has no instance
    with full(server, mounted=True):
        check(ask(cold, "succeed", within=120), Reason.START_DISK_FULL)
        check(ask(warm, "return_ready_file", within=120), Reason.RESULT_NOT_KEPT)
    assert ask(warm, "return_ready_file", within=120)["success"]
    assert ask(cold, "succeed", within=120)["success"]
    assert upload(client, project)


def test_a_full_disk_has_its_codes(tmp_path: Path) -> None:
    if not can_mount(tmp_path / "try"):
        pytest.skip("this machine lets nobody here mount a disk, and no other one can be filled")
    with (
        small_disk(tmp_path / "disk") as disk,
        serving(disk / "data") as server,
        server.client() as client,
    ):
        story(server, client)
