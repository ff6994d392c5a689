"""One chaos run from start to verdict."""

from __future__ import annotations

import random
from pathlib import Path

from tests.chaos.checks import Checks
from tests.chaos.databases import ChaosDatabase, ChaosPostgres, ChaosSqlite
from tests.chaos.faults import Faults
from tests.chaos.house import build
from tests.chaos.load import Load
from tests.chaos.record import Record

BACKENDS = ("sqlite", "postgres")


def storm(folder: Path, backend: str, *, seconds: float, seed: int, longest_gap: float = 2.5) -> Record:
    """Load and faults for ``seconds``, then the checks. ``record.wrong`` of the answer is empty when all is well."""
    data = folder / "data"
    database: ChaosDatabase = ChaosPostgres() if backend == "postgres" else ChaosSqlite(data)
    record = Record()
    try:
        faults = Faults(data, database, record, random.Random(f"{seed} faults"))
        try:
            with faults.server.client() as client:
                house = build(client)
            load = Load(house, record, database, faults.server.url, faults.server.token, seed)
            load.start()
            try:
                faults.go_on(seconds, longest_gap)
            finally:
                load.stop()
            with faults.server.client() as client:
                Checks(client, house, database, record).run()
        finally:
            if faults.close() != 0:
                record.complain("the server did not end with 0")
    finally:
        database.close()
    return record
