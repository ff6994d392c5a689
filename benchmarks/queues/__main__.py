"""Batch requests beside task queues: the same function, one worker, in one run. See benchmarks/README.md.

Run from the repository's root: ``.venv/bin/python -m benchmarks.queues``. Needs Debian's redis-server and postgresql;
installs each peer in an environment of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.queues.contenders import KILL_JOBS, Contender, Peer, Speed, Survival
from benchmarks.queues.quinta import Quinta
from benchmarks.queues.services import create_database, environment, postgresql, redis

ON_REDIS = ("celery", "dramatiq", "rq")
ON_POSTGRESQL = ("procrastinate", "dbos")
DATABASES = ("sqlite", "postgresql")


def contenders(stack: ExitStack, peers: list[str], databases: list[str], cache: Path) -> list[Contender]:
    """Everything that was asked for, up and ready. Peers are installed before anything is started."""
    pythons = {name: environment(name, cache) for name in peers}
    found: list[Contender] = []
    if "sqlite" in databases:
        found.append(stack.enter_context(closing(Quinta("Quinta, SQLite", None, None))))
    if "postgresql" in databases or set(peers) & set(ON_POSTGRESQL):
        cluster = stack.enter_context(postgresql())
        if "postgresql" in databases:
            url = create_database(cluster, "quinta")
            found.append(stack.enter_context(closing(Quinta("Quinta, PostgreSQL", url, cluster))))
        for name in ON_POSTGRESQL:
            if name in peers:
                url = create_database(cluster, name)
                found.append(stack.enter_context(closing(Peer(name, pythons[name], url, cluster))))
    if set(peers) & set(ON_REDIS):
        for name in ON_REDIS:
            if name in peers:  # one each, so that none finds what another has left
                service = stack.enter_context(redis())
                found.append(stack.enter_context(closing(Peer(name, pythons[name], service.url, service))))
    return found


def measure(found: list[Contender], rounds: int, jobs: int) -> dict[str, Speed]:
    speeds: dict[str, list[Speed]] = {}
    for number in range(rounds):
        for contender in found:
            speed = contender.speed(jobs)
            line = f"round {number + 1}: {contender.name}: {speed.finished:,.0f} finished/s"
            print(line, file=sys.stderr, flush=True)
            speeds.setdefault(contender.name, []).append(speed)
    return {name: _median(measured) for name, measured in speeds.items()}


def _median(speeds: list[Speed]) -> Speed:
    bulks = [speed.bulk for speed in speeds if speed.bulk is not None]
    return Speed(
        statistics.median(speed.accepted for speed in speeds),
        statistics.median(speed.finished for speed in speeds),
        statistics.median(speed.processor for speed in speeds),
        statistics.median(bulks) if bulks else None,
    )


def report(speeds: dict[str, Speed]) -> None:
    print("| queue | accepted/s, one by one | 250 in one call | finished/s | processor a job |")
    print("| --- | --- | --- | --- | --- |")
    for name, speed in speeds.items():
        bulk = "" if speed.bulk is None else f"{speed.bulk:.0f} ms"
        print(f"| {name} | {speed.accepted:,.0f} | {bulk} | {speed.finished:,.0f} | {speed.processor:,.0f} µs |")


def report_survival(found: list[Contender], wait: float) -> None:
    print(f"\n| queue | killed | ended of {KILL_JOBS} | twice | after, s |")
    print("| --- | --- | --- | --- | --- |")
    for contender in found:
        for what, survival in contender.survival(wait):
            print(f"| {contender.name} | {what} | {_row(survival)} |", flush=True)


def _row(survival: Survival) -> str:
    return f"{survival.ended} | {survival.twice} | {survival.seconds:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=",".join((*ON_REDIS, *ON_POSTGRESQL)), help="apart by commas; may be empty")
    parser.add_argument("--database", choices=DATABASES, help="of Quinta; both unless given")
    parser.add_argument("--kill-wait", type=float, default=75.0, help="seconds to wait after a kill; 0: no kills")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "quinta-benchmark-queues")
    arguments = parser.parse_args()
    peers = [name for name in arguments.peers.split(",") if name]
    if unknown := set(peers) - {*ON_REDIS, *ON_POSTGRESQL}:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    with ExitStack() as stack:
        databases = [arguments.database] if arguments.database else list(DATABASES)
        found = contenders(stack, peers, databases, arguments.cache)
        print(f"{arguments.requests:,} jobs, medians of {arguments.rounds} rounds in turn; {os.cpu_count()} cores,")
        print(f"Python {platform.python_version()}, load average before the run {os.getloadavg()[0]:.1f}.\n")
        report(measure(found, arguments.rounds, arguments.requests))
        if arguments.kill_wait:
            report_survival(found, arguments.kill_wait)


if __name__ == "__main__":
    main()
