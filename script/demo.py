"""The main job on a fresh server: a model package goes in, answers come out. Run by script/demo."""

from __future__ import annotations

import http.client
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

from examples.penguins.train import FEATURES, Bird, read_birds
from script.local_server import Api, ApiError, LocalServer, ServerFailed, remove_tree, zip_package

PACKAGE = Path("examples/penguins/model_package")
MODEL = {
    "name": "penguins",
    "description": "Names the species of a penguin from four measurements",
    "input_type": "structured",
    "output_type": "structured",
    "input_fields": [{"name": feature, "data_type": "double"} for feature in FEATURES],
    "output_fields": [{"name": "species", "data_type": "string"}, {"name": "probability", "data_type": "double"}],
}
VERSION = {"version": "v1", "language": "python3.8", "memory_allocation": 256, "maximum_instances": 2}
PROJECT_PATH = "/projects/demo"
VERSION_PATH = f"{PROJECT_PATH}/models/penguins/versions/v1"
BATCH_SIZE = 1000
BATCH_CALL = 250  # the most that one call takes (contract ubiops 5.5)
WARM_REQUESTS = 50
BUILD_SECONDS = 300.0
BATCH_SECONDS = 300.0
LOG_SECONDS = 30.0


class DemoFailed(Exception):
    """The server answered, but not what it should have."""


class Progress:
    """What is happening now: one line that is written over on a terminal, a line for each change elsewhere."""

    def __init__(self) -> None:
        self._on_terminal = sys.stdout.isatty()
        self._last = ""

    def show(self, text: str, seconds: float) -> None:
        if self._on_terminal:
            print(f"\r\033[K  {text} ... {seconds:.1f} s", end="", flush=True)
        elif text != self._last:
            print(f"  {text} ...", flush=True)
        self._last = text

    def done(self, text: str) -> None:
        print(f"\r\033[K  {text}" if self._on_terminal else f"  {text}", flush=True)


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


def measurements(bird: Bird) -> dict[str, float]:
    return dict(zip(FEATURES, bird.measurements, strict=True))


def deploy(api: Api) -> None:
    """Creates the organization if there is none, the project, the model and the version, and uploads the package."""
    heading("Deploy: project demo, model penguins, version v1")
    organizations = api.call("GET", "/organizations")
    if organizations:
        organization = organizations[0]["name"]
    else:
        organization = "demo"
        body = {"name": organization, "subscription": "professional", "subscription_agreed": True}
        api.call("POST", "/organizations", body)
    api.call("POST", "/projects", {"name": "demo", "organization_name": organization})
    api.call("POST", f"{PROJECT_PATH}/models", MODEL)
    api.call("POST", f"{PROJECT_PATH}/models/penguins/versions", VERSION)
    package = zip_package(PACKAGE)
    api.upload("PUT", f"{VERSION_PATH}/upload", "penguins.zip", package)
    print(f"  uploaded {PACKAGE} as a zip of {len(package):,} bytes", flush=True)


def wait_for_build(api: Api, progress: Progress) -> None:
    begun = time.perf_counter()
    while True:
        version = api.call("GET", VERSION_PATH)
        seconds = time.perf_counter() - begun
        if version["status"] == "available":
            progress.done(f"available after {seconds:.1f} s")
            return
        if "failed" in version["status"] or seconds > BUILD_SECONDS:
            raise DemoFailed(f"the version is {version['status']} after {seconds:.0f} s: {version['error_message']}")
        progress.show(version["status"], seconds)
        time.sleep(0.1)


def ask(api: Api, bird: Bird) -> tuple[dict[str, Any], float]:
    """One direct request: (the model's answer, milliseconds it took)."""
    begun = time.perf_counter()
    answer = api.call("POST", f"{VERSION_PATH}/request", measurements(bird))
    milliseconds = (time.perf_counter() - begun) * 1000
    if not answer["success"]:
        raise DemoFailed(f"a request failed: {answer['error_message']}")
    return dict(answer["result"]), milliseconds


def ask_directly(api: Api, birds: list[Bird]) -> None:
    heading("Direct requests")
    bird = birds[0]
    answer, first = ask(api, bird)
    print("  in:  " + ", ".join(f"{name} {value:g}" for name, value in measurements(bird).items()))
    print(f"  out: species {answer['species']}, probability {answer['probability']:.3f} (it is: {bird.species})")
    warm = [ask(api, birds[number % len(birds)])[1] for number in range(WARM_REQUESTS)]
    ordered = sorted(warm)
    print(
        f"  first request {first:.1f} ms; the next {WARM_REQUESTS}: median {statistics.median(warm):.1f} ms, ", end=""
    )
    print(f"slowest {ordered[-1]:.1f} ms", flush=True)


def ask_in_a_batch(api: Api, birds: list[Bird], progress: Progress) -> None:
    heading(f"Batch of {BATCH_SIZE:,} ({BATCH_SIZE // BATCH_CALL} calls of {BATCH_CALL})")
    asked = [birds[number % len(birds)] for number in range(BATCH_SIZE)]
    begun = time.perf_counter()
    ids: list[str] = []
    for start in range(0, BATCH_SIZE, BATCH_CALL):
        inputs = [measurements(bird) for bird in asked[start : start + BATCH_CALL]]
        ids += [created["id"] for created in api.call("POST", f"{VERSION_PATH}/request-batch", inputs)]
    accepted = time.perf_counter() - begun
    results = collect(api, ids, progress, begun)
    seconds = time.perf_counter() - begun
    failed = [result for result in results.values() if not result["success"]]
    if failed:
        raise DemoFailed(f"{len(failed)} of {BATCH_SIZE} requests failed, one with: {failed[0]['error_message']}")
    progress.done(
        f"accepted in {accepted:.2f} s, all answered after {seconds:.2f} s: {BATCH_SIZE / seconds:,.0f} a second"
    )
    for number in (0, 200, 300):
        answer = results[ids[number]]["result"]
        print(f"  item {number}: {answer['species']} ({answer['probability']:.3f}); it is: {asked[number].species}")
    pairs = zip(ids, asked, strict=True)
    right = sum(results[request_id]["result"]["species"] == bird.species for request_id, bird in pairs)
    print(f"  {right} of {BATCH_SIZE:,} named rightly", flush=True)


def collect(api: Api, ids: list[str], progress: Progress, begun: float) -> dict[str, dict[str, Any]]:
    """Waits until every request has ended; returns them by id."""
    results: dict[str, dict[str, Any]] = {}
    while len(results) < len(ids):
        waiting = [request_id for request_id in ids if request_id not in results][:BATCH_CALL]
        collected = api.call("POST", f"{VERSION_PATH}/request-batch-collect", waiting)
        ended = {item["id"]: item for item in collected if item["status"] in ("completed", "failed")}
        results |= ended
        seconds = time.perf_counter() - begun
        if seconds > BATCH_SECONDS:
            raise DemoFailed(f"only {len(results)} of {len(ids)} requests had ended after {seconds:.0f} s")
        progress.show(f"{len(results) // 100 * 100:,} of {len(ids):,} answered", seconds)
        if len(ended) < len(waiting):
            time.sleep(0.05)
    return results


def show_logs(api: Api) -> None:
    """Asks for something odd, waits until the model's word about it is stored, and shows the project's log."""
    ask(api, Bird("none", (44.0, 17.2, 200.0, 30000.0)))
    deadline = time.perf_counter() + LOG_SECONDS
    lines: list[dict[str, Any]] = []
    while not any("standard deviations" in line["log"] for line in lines):
        if time.perf_counter() > deadline:
            raise DemoFailed(f"the model's log line was not stored within {LOG_SECONDS:.0f} s")
        time.sleep(0.1)
        lines = api.call("POST", f"{PROJECT_PATH}/logs", {"filters": {"model_name": "penguins"}, "limit": 100})
    heading("Log of the project (the last line is about a bird of 30 kg)")
    for line in sorted(lines, key=lambda line: str(line["date"])):
        writer = "platform" if line["system"] else "model"
        print(f"  {line['date'][11:23]}  {writer:<8}  {line['log'].strip()}", flush=True)


def say_where_to_look(server: LocalServer, keep: bool) -> None:
    heading("Where to look further")
    print("  README.md, docs/README.md    what there is, and how it is built")
    print("  examples/penguins/           the model that just ran, its data and its training script")
    if not keep:
        print(
            "  ./script/demo --keep         the same, and the server keeps running: its API is described at /v2.1/docs"
        )
        return
    print(f"  {server.address}/v2.1/docs   every operation of the API")
    print(f"  {server.log_file}   what the server says")
    heading("The server keeps running")
    print(f"  address  {server.address}\n  header   Authorization: Token {server.token}")
    print(f"  data     {server.data_folder}\n  process  {server.pid}")
    # Environments are read-only, so rm alone would not do.
    print(f"  stop it  kill {server.pid}")
    print(f"  remove   chmod -R u+w {server.folder} && rm -r {server.folder}", flush=True)


def tell(server: LocalServer, keep: bool) -> None:
    """The whole story on a new server."""
    heading("Start: a new server on its embedded default, in a temporary folder")
    seconds = server.start()
    print(f"  ready after {seconds:.1f} s at {server.address}", flush=True)
    birds = read_birds()
    progress = Progress()
    with Api(server) as api:
        deploy(api)
        wait_for_build(api, progress)
        ask_directly(api, birds)
        ask_in_a_batch(api, birds, progress)
        show_logs(api)
    say_where_to_look(server, keep)


def main() -> int:
    keep = "--keep" in sys.argv[1:]

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-demo-")))
    finished = False
    try:
        tell(server, keep)
        finished = True
    except KeyboardInterrupt:
        print("\ndemo: interrupted; stopping the server", file=sys.stderr)
        return 130
    except (DemoFailed, ServerFailed, ApiError, OSError, http.client.HTTPException) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        print(f"the server's last lines:\n{server.log_tail()}", file=sys.stderr)
        return 1
    finally:
        if not (keep and finished):
            server.stop()
            remove_tree(server.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
