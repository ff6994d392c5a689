"""The real SDK, unmodified (contract dq0 8, 10.1, 10.4, 10.5): a checkout of dq0-sdk 1.2.0 at ``DQ0_SDK_PATH``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.dialects.dq0.house import House
from tests.dialects.dq0.test_queries import Town
from tests.dialects.ubiops.people import PASSWORD
from tests.gateway.relays import outer_half
from tests.serving import RunningServer

ROOT = Path(__file__).resolve().parents[2]
CENSUS = ROOT / "examples" / "census"
SDK = os.environ.get("DQ0_SDK_PATH")
"""It has no licence that would let it be kept here."""
_OWN_NETWORK = ("unshare", "--map-root-user", "--net", "--")

pytestmark = pytest.mark.skipif(SDK is None, reason="DQ0_SDK_PATH is not set")


def run_program(module: str, folder: Path, *words: str, given: object = None) -> None:
    """Runs a program of this folder's in a network of its own, where port 9000 is free, if the machine has such."""
    can_part = subprocess.run([*_OWN_NETWORK, "true"], capture_output=True, check=False).returncode == 0
    before, after = (_OWN_NETWORK, ("--loopback",)) if can_part else ((), ())
    done = subprocess.run(
        [*before, sys.executable, "-m", f"tests.gateway.{module}", *words, *after],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), str(SDK), *sys.path[1:]])},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_notebook_of_queries(server: RunningServer, tmp_path: Path) -> None:
    """``masked`` lacks a column for who asks, and tells groups of 150 people or more."""
    house = House(server)
    owner, scientist = house.person("owner"), house.person("user")
    plain, masked = (Town(owner, scientist, tmp_path) for _ in range(2))
    owner.ok("POST", "/privacy/budgets", json={"data_name": plain.name, "current": 150.0})
    mask = {"data_name": masked.name, "mask_data": {"hidden": ["town"]}, "user_email": scientist.email}
    owner.ok("POST", "/privacy/masks", json=mask)
    threshold = {"data_name": masked.name, "field": "id", "threshold": 150, "user_email": scientist.email}
    owner.ok("POST", "/privacy/thresholds", json=threshold)
    work, place = tmp_path / "work", tmp_path / "way"
    work.mkdir()
    given = {"email": scientist.email, "password": PASSWORD, "plain": plain.name, "masked": masked.name}
    with outer_half(place, int(server.url.rpartition(":")[2])) as seen:
        run_program("sdk_queries", work, str(place), given=given)
    assert plain.left() == 0.5
    house.close()
    wire = b"".join(seen)
    for secret in ("SELECT", "nurse", plain.name, "finished", "Ainsa"):
        assert secret.encode() not in wire


def test_the_quickstart_runs(tmp_path: Path) -> None:
    run_program("sdk_session", tmp_path)


def test_the_quickstart_trains_on_a_real_server(server: RunningServer, tmp_path: Path) -> None:
    house = House(server)
    owner, scientist = house.person("owner"), house.person("user")
    names = [f"census-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    for name in names:
        text = (CENSUS / "census.yaml").read_text()
        text = text.replace("uri: census.csv", f"uri: {CENSUS / 'census.csv'}").replace(
            "{name: census,", f"{{name: {name},"
        )
        owner.ok("POST", "/data", json={"meta": text})
    house.close()
    work, place = tmp_path / "work", tmp_path / "way"
    work.mkdir()
    given = {"email": scientist.email, "password": PASSWORD, "datasets": names}
    with outer_half(place, int(server.url.rpartition(":")[2])) as seen:
        run_program("sdk_quickstart", work, str(place), given=given)
    wire = b"".join(seen)
    assert len(wire) > 10_000
    for secret in (scientist.email, PASSWORD, *names, "quickstart", "UserModel", "FINISHED", "Bearer"):
        assert secret.encode() not in wire
