"""A short storm on each database. A longer one by hand: ``python -m tests.chaos --seconds 300``."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chaos.storm import storm
from tests.storage.databases import BACKENDS

SECONDS = 15
LEAST_ACCEPTED = 100


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_lost(tmp_path: Path, backend: str) -> None:
    seed = int(os.environ.get("QUINTA_TEST_CHAOS_SEED") or random.randrange(1_000_000))
    record = storm(tmp_path, backend, seconds=SECONDS, seed=seed)
    told = f"seed {seed}: {record.summary()}"
    assert not record.wrong, told + "\n" + "\n".join(record.wrong[:20])
    assert record.faults["kill server"] >= 1, told
    assert record.summary()["accepted"].total() >= LEAST_ACCEPTED, told
