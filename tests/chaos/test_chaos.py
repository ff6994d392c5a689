"""A short storm on each database. A longer one by hand: ``python -m tests.chaos --seconds 300``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.storm import storm
from tests.storage.databases import BACKENDS

SECONDS = 15
SEED = 167_365  # met a fault once; other seeds by hand, where somebody looks at what they find
LEAST_ACCEPTED = 20  # on a busy machine; some hundred on a free one


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_lost(tmp_path: Path, backend: str) -> None:
    seed = int(os.environ.get("QUINTA_TEST_CHAOS_SEED") or SEED)
    record = storm(tmp_path, backend, seconds=SECONDS, seed=seed)
    told = f"seed {seed}: {record.summary()}"
    assert not record.wrong, told + "\n" + "\n".join(record.wrong[:20])
    assert record.faults["kill server"] >= 1, told
    assert record.summary()["accepted"].total() >= LEAST_ACCEPTED, told
