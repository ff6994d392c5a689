"""A table of Quinta and its peers: requests a second, latency, processor time for each request, memory.

All run the same function on this machine, one after the other in each round, so that what else the machine does hits
all; medians over the rounds.
``.venv/bin/python -m benchmarks.peers`` from the repository's root.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.servers import SERVERS, NotStarted
from benchmarks.serve import WARM_UP_SECONDS, Row, load, median

NAPS = (1, 4, 16)
NAP_SECONDS = 0.01


@dataclass(frozen=True)
class Work:
    """One line of the comparison: what is sent, over how many connections, to how many instances."""

    name: str
    data: Mapping[str, Any]
    connections: int
    instances: int = 1


TRIVIAL = [Work("trivial", {"input": 123.5}, connections) for connections in (1, 32)]
PAYLOADS = [
    Work("1 KB in", {"text": "x" * 1_000}, 8),
    Work("100 KB in", {"text": "x" * 100_000}, 8),
    Work("10 MB in", {"text": "x" * 10_000_000}, 2),
]
SLEEPS = [Work(f"sleeps 10 ms, {count} instances", {"seconds": NAP_SECONDS}, 32, count) for count in NAPS]
# Goals at 32 connections: requests a second as a multiple of the peer's. At one: the median latency.
GOALS = {"LitServe": 3.0, "MLServer": 1.5, "BentoML": 5.0, "Ray Serve": 8.0}

Rows = dict[tuple[str, str, int], list[Row]]


def measure(peer: str, works: list[Work], seconds: float, rows: Rows, memory: dict[str, float]) -> None:
    """One round of one peer: started for each number of instances, warmed up, loaded, ended."""
    for instances in sorted({work.instances for work in works}):
        with SERVERS[peer](instances) as running:
            for work in (work for work in works if work.instances == instances):
                target = running.target(work.data)
                load(target, work.connections, WARM_UP_SECONDS)
                row = load(target, work.connections, seconds)
                rows.setdefault((work.name, running.name, work.connections), []).append(row)
            if instances == 1:
                memory[running.name] = running.megabytes()


def report(rows: Rows, memory: Mapping[str, float], arguments: argparse.Namespace, busy: float) -> None:
    print(f"Medians of {arguments.rounds} rounds of {arguments.seconds:g} s, in turn.")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load average before the run {busy:.1f}.")
    print("p50, p99: milliseconds. processor: microseconds of all the server's processes for one request.\n")
    print(
        "| work | connections | server | requests/s | p50 | p99 | processor | Quinta's requests/s to it | p50 to it |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    medians = {key: median(measured) for key, measured in rows.items()}
    for (work, name, connections), row in medians.items():
        ours = medians.get((work, "Quinta", connections), row)
        ratios = f"{ours.requests_per_second / row.requests_per_second:.2f} | {ours.p50 / row.p50:.2f}"
        measured = f"{row.requests_per_second:,.0f} | {row.p50:.3f} | {row.p99:.3f} | {row.processor:,.0f}"
        print(f"| {work} | {connections} | {name} | {measured} | {ratios} |")
    print("\nMemory after the run, MB (proportional set size of all processes): ", end="")
    print(", ".join(f"{name} {megabytes:.0f}" for name, megabytes in memory.items()))
    for name, goal in GOALS.items():
        if ("trivial", name, 32) in medians and ("trivial", "Quinta", 32) in medians:
            ours, theirs = medians["trivial", "Quinta", 32], medians["trivial", name, 32]
            times = ours.requests_per_second / theirs.requests_per_second
            print(f"{name}: {times:.1f} times its requests a second at 32 connections (goal: at least {goal:g})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(SERVERS), help="names, apart by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--only", choices=("trivial", "payloads", "sleeps"), help="one part of the table")
    arguments = parser.parse_args()
    peers = arguments.peers.split(",")
    if unknown := set(peers) - set(SERVERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(SERVERS)}")
    parts = {"trivial": TRIVIAL, "payloads": PAYLOADS, "sleeps": SLEEPS}
    works = parts[arguments.only] if arguments.only else [*TRIVIAL, *PAYLOADS, *SLEEPS]
    rows: Rows = {}
    memory: dict[str, float] = {}
    busy = os.getloadavg()[0]
    for number in range(arguments.rounds):
        for peer in peers:
            print(f"round {number + 1} of {arguments.rounds}: {peer}", file=sys.stderr, flush=True)
            try:
                measure(peer, works, arguments.seconds, rows, memory)
            except NotStarted as failure:
                print(failure, file=sys.stderr)
    report(rows, memory, arguments, busy)


if __name__ == "__main__":
    main()
