"""What private queries are measured beside: SmartNoise SQL in a process of its own, and OpenDP without SQL in ours."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import opendp.prelude as dp
from benchmarks.peers.environments import PROGRAMS
from benchmarks.query_tables import Table, smartnoise_metadata

DELTA: Final = 1e-6
_TOLERANCE: Final = 1e-6


@dataclass(frozen=True)
class Answered:
    """What a statement took, in seconds of a processor, the median; ``rows`` of each answer."""

    processor: float
    rows: list[list[list[Any]]]
    asked: float = 0.0
    """The epsilon that the peer was given, so that it charges the total."""


@dataclass(frozen=True)
class Loaded:
    """A peer that holds a table: what loading took, in seconds, and the most memory it had, in MiB."""

    seconds: float
    megabytes: float
    answers: dict[str, Answered]


def smartnoise(
    python: Path,
    table: Table,
    statements: Mapping[str, str],
    repetitions: int,
    epsilon: float = 1.0,
    *,
    censor_dims: bool | None = None,
) -> Loaded:
    """SmartNoise on its pandas reader. ``epsilon`` is the total that it says it charges for each answer."""
    metadata = smartnoise_metadata(table)
    if censor_dims is not None:
        next(iter(next(iter(metadata[""].values())).values()))["censor_dims"] = censor_dims
    request = {
        "path": str(table.path),
        "metadata": metadata,
        "delta": DELTA,
        "epsilon": epsilon,
        "repetitions": repetitions,
        "statements": dict(statements),
    }
    command = [str(python), str(PROGRAMS / "smartnoise_queries.py")]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"SmartNoise failed: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    for name, answer in told["answers"].items():
        if abs(answer["charged"] - epsilon) > _TOLERANCE:
            raise SystemExit(f"SmartNoise says that {name} charges {answer['charged']}, not {epsilon}")
    answers = {
        name: Answered(
            statistics.median(answer["processor"]),
            answer["rows"],
            answer["asked"],
        )
        for name, answer in told["answers"].items()
    }
    return Loaded(told["loaded"], told["megabytes"], answers)


def opendp(table: Table, column: str, bounds: tuple[float, float], repetitions: int) -> Loaded:
    """A count, and a mean as a sum and a count of half the epsilon each, of an array that is in memory: what is left of
    a private answer without statement, units, groups and server."""
    dp.enable_features("contrib")
    begun = time.perf_counter()
    with duckdb.connect(":memory:") as database:
        read = f"SELECT CAST({column} AS DOUBLE) FROM read_csv('{table.path}')"
        values = next(iter(database.execute(read).fetchnumpy().values()))
    loaded = time.perf_counter() - begun
    space = dp.vector_domain(dp.atom_domain(T="f64", nan=False)), dp.symmetric_distance()
    count = space >> dp.t.then_count() >> dp.m.then_laplace(scale=1.0)
    share = space >> dp.t.then_count() >> dp.m.then_laplace(scale=2.0)
    largest = 2 * max(map(abs, bounds))
    summed: Any = dp.t.then_sum  # has no types
    total = space >> dp.t.then_clamp(bounds) >> summed() >> dp.m.then_laplace(scale=largest)
    answers = {
        "COUNT": _timed(lambda: count(values), repetitions),
        "AVG": _timed(lambda: total(values) / max(1, share(values)), repetitions),
    }
    return Loaded(loaded, 0.0, answers)


def _timed(ask: Any, repetitions: int) -> Answered:
    processor, rows = [], []
    for _ in range(repetitions):
        used = time.process_time()
        rows.append([[ask()]])
        processor.append(time.process_time() - used)
    return Answered(statistics.median(processor), rows)
