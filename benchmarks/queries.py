"""What private queries cost, and how far their answers are from the truth: ``python -m benchmarks.queries``.

Speed: generated tables, brought to a real ``quinta serve`` on SQLite in a temporary folder, asked over HTTP; the first
question about a table, which imports its file, stands apart. Beside it OpenDP on an array in memory, and with
``--smartnoise`` SmartNoise SQL on its pandas reader, in an environment of its own, which is made in the temporary
folder (``--smartnoise FOLDER`` keeps it). Utility, which needs SmartNoise: see query_utility. What the processor took
says what is left of the time where other work runs beside. ``--only speed --rows 50000`` is a quick look. Exits with 1
when a median is over its limit, or an error or a time over its share of SmartNoise's.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.peers.environments import python_of
from benchmarks.query_peers import Answered, Loaded, opendp, smartnoise
from benchmarks.query_server import Asked, Asker, megabytes
from benchmarks.query_tables import Table, generated
from benchmarks.query_utility import MOST_ERROR, MOST_TIME, Compared, compare
from script.local_server import LocalServer

STATEMENTS: Final = {
    "COUNT": "SELECT COUNT(*) AS n FROM work.people",
    "AVG": "SELECT AVG(income) AS m FROM work.people",
    "two keys, three aggregates": "SELECT job, region, COUNT(*) AS n, SUM(income) AS s, AVG(age) AS m"
    " FROM work.people GROUP BY job, region",
}
LIMITS: Final = {
    ("COUNT", 50_000): 0.1,
    ("AVG", 50_000): 0.1,
    ("COUNT", 1_000_000): 0.4,
    ("AVG", 1_000_000): 0.4,
    ("two keys, three aggregates", 2_000_000): 1.2,
}
"""Seconds from the request to the answer, the median."""
BOUNDS: Final = (0.0, 200_000.0)
"""Of the income."""
_ROUNDS_OF_SMARTNOISE: Final = 5
_WARM_UP: Final = 3


@dataclass(frozen=True)
class Speed:
    question: str
    table: Table
    rows_per_unit: int
    first: float
    p50: float
    p95: float
    processor: float

    @property
    def limit(self) -> float | None:
        return LIMITS.get((self.question, self.table.rows))


def speeds(folder: Path, tables: Mapping[Table, int], rounds: int) -> list[Speed]:
    """Of each statement about each table, whose rows of a unit stand beside it."""
    server = LocalServer(folder, {"QUINTA_DATASET_FOLDERS": str(folder)})
    server.start()
    found = []
    try:
        asker = Asker(server)
        for table, rows_per_unit in tables.items():
            asker.bring(table)
            for question, statement in STATEMENTS.items():
                first = asker.ask(table, statement)
                for _ in range(_WARM_UP):
                    asker.ask(table, statement)
                asked = [asker.ask(table, statement) for _ in range(rounds)]
                found.append(_speed(question, table, rows_per_unit, first, asked))
                print(f"{question}, {table.rows:,} rows: {found[-1].p50 * 1e3:.0f} ms", file=sys.stderr, flush=True)
        asker.close()
        held = ", ".join(f"{now:.0f} (at most {most:.0f})" for now, most in megabytes(server))
        print(f"\nMemory of the processes that compute costs and answer queries, MiB: {held}.\n")
    finally:
        server.stop()
    return found


def _speed(question: str, table: Table, rows_per_unit: int, first: Asked, asked: list[Asked]) -> Speed:
    seconds = sorted(one.seconds for one in asked)
    processor = statistics.median(one.processor for one in asked)
    p95 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))]
    return Speed(question, table, rows_per_unit, first.seconds, statistics.median(seconds), p95, processor)


def report_speed(found: list[Speed], peers: Mapping[Table, Mapping[str, Loaded]]) -> bool:
    """Whether every median is within its limit. Peers have one thread: their milliseconds are those of a processor, so
    that what else the machine does counts against us alone."""
    print(
        "| question | rows | rows a unit | first, s | p50, ms | p95 | processor | p50 of the limit | SmartNoise |"
        " p50 to it | OpenDP | p50 to it |"
    )
    print("| --- |" + " ---: |" * 11)
    within = True
    for speed in found:
        within = within and (speed.limit is None or speed.p50 <= speed.limit)
        share = "" if speed.limit is None else f"{speed.p50 / speed.limit:.2f}"
        cells = [f"{speed.table.rows:,}", str(speed.rows_per_unit), f"{speed.first:.1f}"]
        cells += [f"{value * 1e3:.0f}" for value in (speed.p50, speed.p95, speed.processor)] + [share]
        for name in ("SmartNoise", "OpenDP"):
            loaded = peers[speed.table].get(name)
            answer = None if loaded is None else loaded.answers.get(speed.question)
            cells += ["", ""] if answer is None else _beside(speed, answer)
        print(f"| {speed.question} | {' | '.join(cells)} |")
    for table, loaded_ones in peers.items():
        for name, loaded in loaded_ones.items():
            memory = f", {loaded.megabytes:,.0f} MiB at most" if loaded.megabytes else ""
            print(f"\n{name}, {table.rows:,} rows: {loaded.seconds:.1f} s to load{memory}.", end="")
    print("\n")
    return within


def _beside(speed: Speed, answer: Answered) -> list[str]:
    return [f"{answer.processor * 1e3:,.1f}", f"{speed.p50 / answer.processor:,.2f}"]


def report_utility(found: list[Compared], epsilon: float, repetitions: int, *, censor_dims: bool) -> bool:
    """Whether errors and times are within their shares of SmartNoise's."""
    print(f"Total epsilon {epsilon:g}, {repetitions} answers each, SmartNoise with censor_dims {censor_dims}.\n")
    print(
        "| statement | relative error, median | SmartNoise | to it | processor, ms | SmartNoise | to it | its epsilon |"
    )
    print("| --- |" + " ---: |" * 7)
    for one in found:
        errors = f"{one.error:.2e} | {one.their_error:.2e} | {_ratio(one.error, one.their_error)}"
        times = f"{one.seconds * 1e3:.1f} | {one.their_seconds * 1e3:.1f} | {_ratio(one.seconds, one.their_seconds)}"
        print(f"| {one.name} | {errors} | {times} | {one.asked:.3f} |")
    error, their_error = (
        statistics.median(values) for values in ([o.error for o in found], [o.their_error for o in found])
    )
    seconds, their_seconds = sum(one.seconds for one in found), sum(one.their_seconds for one in found)
    print(f"\nMedian of the set: {error:.2e}, SmartNoise {their_error:.2e}: {_ratio(error, their_error)}", end=" ")
    print(
        f"of it (goal: {MOST_ERROR}); time of the set {_ratio(seconds, their_seconds)} of it (goal: {MOST_TIME:.2f}).\n"
    )
    return error <= MOST_ERROR * their_error and seconds <= MOST_TIME * their_seconds


def _ratio(ours: float, theirs: float) -> str:
    return "" if theirs == 0 else f"{ours / theirs:.2f}"


def machine() -> str:
    cores = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return f"{cores}; Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}"


def measure_speed(folder: Path, python: Path | None, rows: list[int], rounds: int) -> bool:
    tables = {generated(folder, count): 1 for count in rows}
    tables |= {generated(folder, count, 4): 4 for count in rows if count == 1_000_000}
    print(f"Medians of {rounds}; {machine()}.")
    found = speeds(folder, tables, rounds)
    peers: dict[Table, dict[str, Loaded]] = {}
    for table in tables:
        peers[table] = {"OpenDP": opendp(table, "income", BOUNDS, rounds)}
        if python is not None:
            peers[table]["SmartNoise"] = smartnoise(python, table, STATEMENTS, _ROUNDS_OF_SMARTNOISE)
    return report_speed(found, peers)


def measure_utility(folder: Path, python: Path, repetitions: int, epsilons: list[float]) -> bool:
    """What the metadata say decides; that SmartNoise is told not to protect groups is for comparison."""
    within = True
    for epsilon in epsilons:
        for censor_dims in (True, False):
            found = compare(python, folder, repetitions, epsilon, censor_dims=censor_dims)
            met = report_utility(found, epsilon, repetitions, censor_dims=censor_dims)
            within = within and (met or not censor_dims)
    return within


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="50000,1000000,2000000", help="sizes of tables, apart by commas")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--smartnoise", nargs="?", const="", metavar="FOLDER", help="measure it too")
    parser.add_argument("--repetitions", type=int, default=50, help="answers of each statement, for errors")
    parser.add_argument("--epsilon", default="1,0.1", help="totals, apart by commas, for errors")
    parser.add_argument("--only", choices=("speed", "utility"))
    given = parser.parse_args()
    if given.only == "utility" and given.smartnoise is None:
        parser.error("utility is measured beside SmartNoise: say --smartnoise")
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), None
        if given.smartnoise is not None:
            python = python_of("smartnoise", Path(given.smartnoise or folder / "environments").absolute())
        within = True
        if given.only != "utility":
            within = measure_speed(folder, python, [int(count) for count in given.rows.split(",")], given.rounds)
        if given.only != "speed" and python is not None:
            epsilons = [float(epsilon) for epsilon in given.epsilon.split(",")]
            within = measure_utility(folder, python, given.repetitions, epsilons) and within
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
