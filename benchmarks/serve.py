"""Requests a second and latency of a direct request through the full path, beside a bare ASGI echo.

Full path: token, access, validation, an isolated process that runs the code, logs and metrics on. The echo runs on the
same server software with the same options. Both are up during the whole run and are measured in turn, round by round,
so that what else the machine does hits both. Run from the repository's root: ``.venv/bin/python -m benchmarks.serve``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.models import deploy, kept_running, new_project
from benchmarks.processes import processor_seconds
from script.local_server import HOST, Api, LocalServer, free_port, remove_tree, zip_package

PACKAGE = Path("benchmarks/trivial/model_package")
VERSION_PATH = "/projects/benchmark/models/trivial/versions/v1"
CONNECTIONS = (1, 32)
WARM_UP_SECONDS = 1.0
INPUT = json.dumps({"input": 123.5})
# One eighth of the echo's requests a second at 32 connections; six times its median latency at one.
TARGET_SHARE = 8
TARGET_LATENCY = 6


@dataclass(frozen=True)
class Target:
    """What is measured: process ``pid`` with its children; ``expect`` must be in each answer."""

    name: str
    pid: int
    port: int
    request: str
    expect: str


@dataclass(frozen=True)
class Row:
    """One round, or medians over the rounds.

    Latencies in milliseconds; ``processor`` is what the server and its instances used for one request, in microseconds;
    ``generator`` is the share of a core that the load generator used.
    """

    requests_per_second: float
    p50: float
    p99: float
    processor: float
    generator: float


def request_text(path: str, token: str) -> str:
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        f"Authorization: Token {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(INPUT)}",
    ]
    return "\r\n".join(lines) + "\r\n\r\n" + INPUT


@contextmanager
def quinta(instances: int) -> Iterator[Target]:
    """A new server with the trivial model deployed and ``instances`` of it kept running."""
    server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-benchmark-")))
    try:
        server.start()
        with Api(server) as api:
            deploy_trivial(api, instances)
        path = f"/v2.1{VERSION_PATH}/request"
        assert server.pid is not None
        yield Target("Quinta", server.pid, server.port, request_text(path, server.token), '"success":true')
    finally:
        server.stop()
        remove_tree(server.folder)


def deploy_trivial(api: Api, instances: int) -> None:
    """The model of ``trivial/``, with so many instances kept running."""
    new_project(api)
    deploy(api, "trivial", zip_package(PACKAGE), kept_running(instances))


@contextmanager
def echo() -> Iterator[Target]:
    """The bare echo, on uvicorn with the options of ``quinta serve``."""
    port = free_port()
    options = ["--lifespan", "off", "--no-access-log", "--no-server-header", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.echo:app", "--host", HOST, "--port", str(port), *options]
    process = subprocess.Popen(command)
    try:
        deadline = time.perf_counter() + 30
        while not answers(port):
            if process.poll() is not None or time.perf_counter() > deadline:
                raise SystemExit("the echo did not start")
            time.sleep(0.05)
        yield Target("echo", process.pid, port, request_text("/", "0" * 40), INPUT)
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def load(target: Target, connections: int, seconds: float) -> Row:
    """One round, by a load generator in a process of its own."""
    order = {"host": HOST, "port": target.port, "connections": connections, "seconds": seconds}
    order |= {"request": target.request, "expect": target.expect}
    command = [sys.executable, "-m", "benchmarks.load"]
    before = processor_seconds(target.pid)
    run = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, timeout=seconds + 120)
    if run.returncode != 0:
        raise SystemExit(f"{target.name}, {connections} connections: {run.stderr.strip().splitlines()[-1]}")
    result = json.loads(run.stdout)
    used = (processor_seconds(target.pid) - before) / result["requests"] * 1e6
    share = result["processor"] / result["seconds"]
    return Row(result["requests"] / result["seconds"], result["p50"], result["p99"], used, share)


def median(rows: list[Row]) -> Row:
    columns = ([getattr(row, name) for row in rows] for name in Row.__dataclass_fields__)
    return Row(*(statistics.median(column) for column in columns))


def measure(targets: list[Target], rounds: int, seconds: float) -> dict[tuple[str, int], Row]:
    for target in targets:
        load(target, max(CONNECTIONS), WARM_UP_SECONDS)
    rows: dict[tuple[str, int], list[Row]] = {}
    for number in range(rounds):
        for connections in CONNECTIONS:
            for target in targets:
                if sys.stderr.isatty():
                    print(f"\r\033[Kround {number + 1} of {rounds}", end="\r", file=sys.stderr, flush=True)
                rows.setdefault((target.name, connections), []).append(load(target, connections, seconds))
    return {key: median(measured) for key, measured in rows.items()}


def report(rows: dict[tuple[str, int], Row], arguments: argparse.Namespace, busy: float) -> None:
    print(
        f"Medians of {arguments.rounds} rounds of {arguments.seconds:g} s, in turn; {arguments.instances} instance(s);"
    )
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load average before the run {busy:.1f}.")
    print("p50, p99: milliseconds. processor: microseconds that the server and its instances used for one request.")
    print("generator: the share of a core that the load generator itself used.\n")
    print(
        "| connections | server | requests/s | p50 | p99 | processor | generator | requests/s to echo | p50 to echo |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for (name, connections), row in rows.items():
        base = rows["echo", connections]
        share, latency = row.requests_per_second / base.requests_per_second, row.p50 / base.p50
        measured = f"{row.requests_per_second:,.0f} | {row.p50:.3f} | {row.p99:.3f} | {row.processor:.0f}"
        print(f"| {connections} | {name} | {measured} | {row.generator:.0%} | {share:.3f} | {latency:.2f} |")
    share = rows["Quinta", 32].requests_per_second / rows["echo", 32].requests_per_second
    latency = rows["Quinta", 1].p50 / rows["echo", 1].p50
    print(f"\n32 connections: 1/{1 / share:.1f} of the echo's requests a second (target: at least 1/{TARGET_SHARE})")
    print(f"1 connection: {latency:.1f} times the echo's median latency (target: under {TARGET_LATENCY})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement; four to a round")
    parser.add_argument("--instances", type=int, default=1, help="of the model")
    arguments = parser.parse_args()
    with echo() as bare, quinta(arguments.instances) as server:
        busy = os.getloadavg()[0]
        report(measure([bare, server], arguments.rounds, arguments.seconds), arguments, busy)


if __name__ == "__main__":
    main()
