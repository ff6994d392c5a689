"""From zero to the first answer: cold starts through the full path, beside what a bare interpreter costs.

Versions that are used by nobody else are asked one after the other, then left alone until all have scaled to zero, and
asked again: 20 versions in 10 rounds are 200 cold starts. Before each, the environment's own interpreter is started
without any of this and imports what the model imports, so that what else the machine does hits both. Every answer must
be right. Run from the repository's root: ``.venv/bin/python -m benchmarks.cold``; for a package that has requirements,
which are installed once from the package index, with ``--requirement scikit-learn --module sklearn.linear_model``.
"""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.models import Deployed, await_build, deploy, new_project
from script.local_server import HOST, Api, LocalServer, remove_tree, zip_files

IDLE_SECONDS = 10  # the least that the API allows
PATIENCE_SECONDS = 120.0
STARTED = re.compile(r"an instance started in ([0-9.]+) s")


def code(module: str) -> str:
    return (
        f"import {module}\n\n\nclass Model:\n    def request(self, data):\n        return {{'output': data['input']}}\n"
    )


def interpreter(server: LocalServer) -> Path:
    """The interpreter of the one environment that all versions share."""
    (environment,) = (
        path for path in (server.data_folder / "environments").iterdir() if (path / "bin/python").exists()
    )
    return environment / "bin" / "python"


def bare_start(python: Path, module: str) -> float:
    begun = time.perf_counter()
    subprocess.run([str(python), "-I", "-c", f"import json, {module}"], check=True, env={})
    return time.perf_counter() - begun


def cold_start(api: Api, version: Deployed, number: int) -> float:
    begun = time.perf_counter()
    answer = api.call("POST", version.request, {"input": float(number)})
    seconds = time.perf_counter() - begun
    if not answer["success"] or answer["result"] != {"output": float(number)}:
        raise SystemExit(f"cold start {number}: {answer}")
    return seconds


def gauge(server: LocalServer, name: str) -> float:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"quinta_{name}"))


def await_zero(server: LocalServer) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while any(gauge(server, f"instances_{state}") for state in ("ready", "busy", "starting")):
        if time.perf_counter() > deadline:
            raise SystemExit("the instances do not stop")
        time.sleep(0.2)
    time.sleep(1.0)  # the last ones are on their way out


def measure(server: LocalServer, arguments: argparse.Namespace) -> tuple[list[float], list[float], list[float]]:
    """Seconds of cold starts, of the instances' own starts in them, and of bare interpreters."""
    files = {"package/model.py": code(arguments.module).encode()}
    if arguments.requirement:
        files["package/requirements.txt"] = f"{arguments.requirement}\n".encode()
    package = zip_files(files)
    with Api(server) as api:
        new_project(api)
        settings = {"maximum_idle_time": IDLE_SECONDS, "memory_allocation": 512}
        settings |= {"minimum_instances": 0, "maximum_instances": 1}
        versions = [deploy(api, f"cold-{n}", package, settings, wait=n == 0) for n in range(arguments.versions)]
        for version in versions:
            await_build(api, version)
        python, cold, bare = interpreter(server), list[float](), list[float]()
        bare_start(python, arguments.module)
    for round in range(arguments.rounds):
        await_zero(server)
        for version in versions:
            bare.append(bare_start(python, arguments.module))
            with Api(server) as api:  # a connection of its own: the server closes one that is idle for 5 s
                cold.append(cold_start(api, version, len(cold)))
        print(f"round {round + 1}: median {statistics.median(cold):.3f} s", flush=True)
    with Api(server) as api:
        lines = api.call("POST", "/projects/benchmark/logs", {"filters": {"system": True}, "limit": 500})
        own = [float(found[1]) for line in lines if (found := STARTED.search(line["log"]))]
        return cold, own[: len(cold)], bare


def row(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    marks = (ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)], ordered[-1])
    return f"| {name} | {len(ordered)} | " + " | ".join(f"{mark:.3f}" for mark in marks) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--requirement", default="", help="a line of requirements.txt")
    parser.add_argument("--module", default="json", help="what the model imports")
    arguments = parser.parse_args()
    server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-benchmark-")))
    busy = os.getloadavg()[0]
    try:
        server.start()
        cold, own, bare = measure(server, arguments)
    finally:
        server.stop()
        remove_tree(server.folder)
    print(f"\n{os.cpu_count()} cores, Python {platform.python_version()}, load average before the run {busy:.1f}.")
    print(f"The model imports {arguments.module}. Seconds; every answer was right.\n")
    print("| what | number | p50 | p95 | longest |\n| --- | --- | --- | --- | --- |")
    print(row("from the request to its answer", cold))
    print(row("of it, the instance's start", own))
    print(row("a bare interpreter's start and the import", bare))
    more = statistics.median(cold) - statistics.median(bare)
    print(f"\nThe median cold start takes {more:.3f} s more than a bare interpreter's.")


if __name__ == "__main__":
    main()
