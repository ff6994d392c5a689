"""Whether memory and open files stay flat: a server under load for an hour, looked at every few seconds.

Direct requests on several connections all the time, a batch of 250 in every round. After each round the resident
memory of the server and of all processes that it has started is read from /proc, and the server's open files. The table
has one line a round, or about 60 in all; then come the slopes, by least squares over what follows the first fifth.
Run from the repository's root: ``.venv/bin/python -m benchmarks.soak --minutes 60``.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import family_of
from benchmarks.serve import VERSION_PATH, Target, deploy_trivial, load, request_text
from script.local_server import Api, LocalServer, remove_tree

LINES = 60
BATCH = 250
WARM_UP_SHARE = 0.2


@dataclass(frozen=True)
class Sample:
    """After a round: ``minutes`` since the start, ``requests`` answered so far, memory in KiB, processes besides the
    server, the round's requests a second."""

    minutes: float
    requests: int
    server_kib: int
    others_kib: int
    others: int
    open_files: int
    rate: float


def resident_kib(pid: int) -> int:
    """0 when the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """How much y grows with x, by least squares; 0 when x stands still."""
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def soak(
    server: LocalServer, minutes: float, connections: int, round_seconds: float, rest_seconds: float
) -> Iterator[Sample]:
    """One sample a round until the time is over."""
    assert server.pid is not None
    request = request_text(f"/v2.1{VERSION_PATH}/request", server.token)
    target = Target("Quinta", server.pid, server.port, request, '"success":true')
    begun, answered = time.perf_counter(), 0
    while (minutes_so_far := (time.perf_counter() - begun) / 60) < minutes:
        with Api(server) as api:
            api.call("POST", f"{VERSION_PATH}/request-batch", [{"input": 1.5}] * BATCH)
        row = load(target, connections, round_seconds)
        answered += int(row.requests_per_second * round_seconds) + BATCH
        others = family_of(server.pid).keys() - {server.pid}
        yield Sample(
            minutes=minutes_so_far,
            requests=answered,
            server_kib=resident_kib(server.pid),
            others_kib=sum(map(resident_kib, others)),
            others=len(others),
            open_files=len(os.listdir(f"/proc/{server.pid}/fd")),
            rate=row.requests_per_second,
        )
        time.sleep(rest_seconds)


def line(sample: Sample) -> str:
    return (
        f"| {sample.minutes:.1f} | {sample.requests:,} | {sample.rate:,.0f} | {sample.server_kib / 1024:.1f} "
        f"| {sample.others} | {sample.others_kib / 1024:.1f} | {sample.open_files} |"
    )


def report(samples: list[Sample]) -> None:
    settled = samples[int(len(samples) * WARM_UP_SHARE) :]
    hours = [sample.minutes / 60 for sample in settled]
    requests = [float(sample.requests) for sample in settled]
    server = [float(sample.server_kib) for sample in settled]
    others = [float(sample.others_kib) for sample in settled]
    files = [float(sample.open_files) for sample in settled]
    print(f"\nAfter the warm-up ({len(samples) - len(settled)} of {len(samples)} rounds left out):")
    print(
        f"server: {slope(hours, server) / 1024:+.1f} MiB an hour, {slope(requests, server) * 1024:+.2f} bytes a request"
    )
    print(f"what it has started: {slope(hours, others) / 1024:+.1f} MiB an hour")
    print(f"open files of the server: {slope(hours, files):+.1f} an hour")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--instances", type=int, default=2, help="of the model")
    parser.add_argument("--round-seconds", type=float, default=10.0, help="between two looks")
    parser.add_argument("--rest-seconds", type=float, default=0.0, help="without load after each round")
    arguments = parser.parse_args()
    server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-soak-")))
    seconds, rest = arguments.round_seconds, arguments.rest_seconds
    every = max(1, round(arguments.minutes * 60 / (seconds + rest) / LINES))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {arguments.connections} connections.\n")
    print("| minutes | requests | requests/s | server, MiB | processes | their MiB | open files |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    samples: list[Sample] = []
    try:
        server.start()
        with Api(server) as api:
            deploy_trivial(api, arguments.instances)
        for sample in soak(server, arguments.minutes, arguments.connections, seconds, rest):
            samples.append(sample)
            if len(samples) % every == 0:
                print(line(sample), flush=True)
    except KeyboardInterrupt:  # an hour is long: what there is by now is worth its slope
        print("interrupted")
    finally:
        server.stop()
        remove_tree(server.folder)
    if len(samples) > 1:
        report(samples)


if __name__ == "__main__":
    main()
