"""Requests that fail, each in another way, by a whole server: the code, its phase, and what the log says of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from quinta.core.events import Event, EventName
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, OrganizationStatus
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.models import ModelDoor, new_model, new_project
from tests.pipelines import PipelineDoor, new_pipeline
from tests.serving import RunningServer, serving

PACKAGE = {"model.py": (Path(__file__).parents[1] / "packages" / "faults" / "model.py").read_text()}
KIND = {"kind": "string"}
KIND_TO_KIND = {"kind": "kind"}
NUMBER = {"number": "double"}
FILE = {"file": "blob"}
PATIENCE_SECONDS = 120
LEAST_TIMEOUT = 10  # seconds: the shortest that a caller may ask for

IN_A_RUN = {
    "throw": Reason.MODEL_ERROR,
    "call_exit": Reason.MODEL_CALLED_EXIT,
    "return_nan": Reason.RESULT_NOT_JSON,
    "return_object": Reason.RESULT_NOT_JSON,
    "return_text": Reason.RESULT_WRONG_TYPE,
    "return_wrong_field": Reason.RESULT_WRONG_TYPE,
    "return_nothing": Reason.RESULT_MISSING_FIELD,
    "return_too_much": Reason.RESULT_TOO_LARGE,
    "leak": Reason.MEMORY,
    "end": Reason.EXITED,
    "crash": Reason.KILLED_BY_SIGNAL,
    "babble": Reason.PROTOCOL_BROKEN,
    "hang_up": Reason.CONNECTION_CLOSED,
    "start_threads": Reason.PROCESSES,
    "write_too_much": Reason.DISK,
    "hang": Reason.RUN_TIMEOUT,
}
WITH_FILES = {"return_no_file": Reason.RESULT_BAD_FILE, "return_number_for_file": Reason.RESULT_BAD_FILE}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("reasons") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


def faults(client: httpx2.Client, project: str, model: str, **settings: Any) -> ModelDoor:
    """A model of the package, being built."""
    outputs = settings.pop("outputs", NUMBER)
    inputs = settings.pop("inputs", KIND)
    return new_model(
        client, PACKAGE, inputs=inputs, outputs=outputs, project=project, model=model, wait=False, **settings
    )


def ask(door: ModelDoor, kind: str, *, within: int = LEAST_TIMEOUT, **more: str) -> dict[str, Any]:
    answer = door.client.post(f"{door.path}/request", json={"kind": kind, **more}, params={"timeout": within})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def until(done: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def check(found: dict[str, Any], reason: Reason) -> None:
    """Code and phase stand beside a sentence."""
    assert (found.get("error_code"), found.get("error_phase")) == (reason, reason.phase), found
    assert found["error_message"]


def check_log(door: ModelDoor, request_id: str, reason: Reason, said: str | None = None) -> None:
    """The last lines of the code are there, and the platform's line that ends with the code."""
    door.wait_for_log(f"[{reason}]", request_id=request_id, system=True)
    if said is not None:
        door.wait_for_log(said, request_id=request_id, system=False)


def test_each_failure_of_a_request_has_its_code(server: RunningServer, client: httpx2.Client) -> None:
    project = new_project(client)
    door = faults(client, project, "faults", maximum_instances=2)
    files = faults(client, project, "files", inputs={**KIND, **FILE}, outputs=FILE, maximum_instances=1)
    with ThreadPoolExecutor(max_workers=6) as pool:
        door.wait()
        good = ask(door, "succeed", within=120)
        assert (good["success"], "error_code" in good, "error_phase" in good) == (True, False, False)
        asked = {
            kind: pool.submit(ask, door, kind, within=LEAST_TIMEOUT if kind == "hang" else 120) for kind in IN_A_RUN
        }
        files.wait()
        blob = upload(client, project)
        asked |= {kind: pool.submit(ask, files, kind, within=120, file=blob) for kind in WITH_FILES}
        answers = {kind: future.result() for kind, future in asked.items()}
    found = {kind: (answer.get("error_code"), answer.get("error_phase")) for kind, answer in answers.items()}
    assert found == {kind: (reason, reason.phase) for kind, reason in (IN_A_RUN | WITH_FILES).items()}
    for kind, answer in answers.items():
        assert answer["error_message"], kind
        where = files if kind in WITH_FILES else door
        check_log(where, answer["request_id"], (IN_A_RUN | WITH_FILES)[kind], f"about to {kind}")
    page = client.get("/metrics").text
    for reason in IN_A_RUN.values():
        labels = f'{{code="{reason}",phase="{reason.phase}",subject="request"}}'
        assert f"quinta_failures_total{labels}" in page, reason
    a_blob_that_is_gone(files)
    a_blob_whose_content_is_gone(server, files)


def upload(client: httpx2.Client, project: str) -> str:
    answer = client.post(f"/v2.1/projects/{project}/blobs", files={"file": ("a.txt", b"content")})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def a_blob_that_is_gone(files: ModelDoor) -> None:
    """Batch requests: the second waits for the first, and its blob is deleted meanwhile."""
    kept, lost = upload(files.client, files.project), upload(files.client, files.project)
    items = [{"kind": "return_file", "file": blob} for blob in (kept, kept, kept, lost)]
    answer = files.client.post(f"{files.path}/request-batch", json=items)
    assert answer.status_code == 200, answer.text
    first, *_, last = (item["id"] for item in answer.json())
    assert files.client.delete(f"/v2.1/projects/{files.project}/blobs/{lost}").status_code == 204
    check(batch_result(files, last), Reason.INPUT_BLOB_GONE)
    check_log(files, last, Reason.INPUT_BLOB_GONE)
    done = batch_result(files, first)
    assert (done["status"], "error_code" in done) == ("completed", False)


def a_blob_whose_content_is_gone(server: RunningServer, files: ModelDoor) -> None:
    before = set((server.data / "objects").rglob("*"))
    blob = upload(files.client, files.project)
    (content,) = (path for path in set((server.data / "objects").rglob("*")) - before if path.is_file())
    content.unlink()
    check(ask(files, "return_file", file=blob), Reason.INPUT_BLOB_GONE)


def batch_result(door: ModelDoor, request_id: str) -> dict[str, Any]:
    path = f"{door.path}/request-batch/{request_id}"
    until(lambda: door.client.get(path).json()["status"] in ("completed", "failed"))
    return dict(door.client.get(path).json())


def test_a_batch_request_and_the_parts_of_a_pipeline_have_it_too(client: httpx2.Client) -> None:
    project = new_project(client)
    door = faults(client, project, "faults", maximum_instances=2)
    door.wait()
    made = client.post(f"{door.path}/request-batch", json=[{"kind": "throw"}, {"kind": "succeed"}]).json()
    failed, fine = (batch_result(door, item["id"]) for item in made)
    check(failed, Reason.MODEL_ERROR)
    assert "error_code" not in fine

    pipeline = new_pipeline(client, project, KIND)
    pipeline.add("object", "faults")
    pipeline.attach("pipeline_start", "object", KIND_TO_KIND)
    (run,) = pipeline.request({"kind": "return_nothing"})
    check(run, Reason.RESULT_MISSING_FIELD)
    (run,) = pipeline.request({"kind": "hang"}, pipeline_timeout=LEAST_TIMEOUT)
    check(run, Reason.PIPELINE_TIMEOUT)
    door.wait_for_log(f"[{Reason.RUN_TIMEOUT}]", request_id=run["request_id"], system=True)
    (run,) = pipeline.request({"kind": "succeed"})
    assert "error_code" not in run
    whole = pipeline_result(pipeline, {"kind": "end"})
    check(whole, Reason.EXITED)
    check(whole["model_requests"][0], Reason.EXITED)
    assert "error_code" not in pipeline_result(pipeline, {"kind": "succeed"})


def test_a_result_that_is_too_large_for_those_that_get_it(client: httpx2.Client) -> None:
    """12 MiB for six objects are more than one result may come to; for one they are not."""
    project = new_project(client)
    text = {"text": "string"}
    faults(client, project, "large", outputs=text, maximum_instances=1).wait()
    pipeline = new_pipeline(client, project, KIND)
    pipeline.add("object", "large")
    pipeline.attach("pipeline_start", "object", KIND_TO_KIND)
    assert "error_code" not in pipeline.request({"kind": "return_large"})[0]
    for number in range(6):
        pipeline.add(f"taker-{number}", "large")
        pipeline.attach("object", f"taker-{number}", {"kind": "text"})
    (run,) = pipeline.request({"kind": "return_large"})
    check(run, Reason.RESULT_TOO_LARGE_TO_HAND_ON)
    whole = pipeline_result(pipeline, {"kind": "return_large"})
    check(whole, Reason.RESULT_TOO_LARGE_TO_HAND_ON)
    check(whole["model_requests"][0], Reason.RESULT_TOO_LARGE_TO_HAND_ON)


def pipeline_result(pipeline: PipelineDoor, data: dict[str, str]) -> dict[str, Any]:
    (request_id,) = pipeline.batch([data])
    return dict(
        until(lambda: found if (found := pipeline.get(request_id))["status"] in ("completed", "failed") else {})
    )


def test_waiting_starting_and_ending_have_codes(server: RunningServer, client: httpx2.Client) -> None:
    """What becomes of requests that no instance can take: each version here is brought into trouble of its own."""
    project = new_project(client)
    names = ("busy", "slow", "broken", "doomed")
    doors = {name: faults(client, project, name, maximum_instances=1) for name in names}
    elsewhere = faults(client, new_project(client), "suspended", maximum_instances=1)
    for door in (*doors.values(), elsewhere):
        door.wait()
    with ThreadPoolExecutor(max_workers=6) as pool:
        ends = {
            Reason.QUEUE_TIMEOUT: pool.submit(behind_another, doors["busy"]),
            Reason.COLD_START_TIMEOUT: pool.submit(while_it_starts, doors["slow"]),
            Reason.CRASH_LOOPING: pool.submit(after_failed_starts, doors["broken"]),
            Reason.VERSION_DELETED: pool.submit(while_it_is_deleted, doors["doomed"]),
            Reason.ORGANIZATION_SUSPENDED: pool.submit(while_it_is_suspended, server, elsewhere),
        }
        for reason, answer in ends.items():
            check(answer.result(), reason)


def running(pool: ThreadPoolExecutor, door: ModelDoor, kind: str, within: int) -> Future[dict[str, Any]]:
    """A request that is known to run."""
    before = len(door.logs(model_name=door.model, system=False))
    future = pool.submit(ask, door, kind, within=within)
    until(lambda: len(door.logs(model_name=door.model, system=False)) > before)
    return future


def behind_another(door: ModelDoor) -> dict[str, Any]:
    with ThreadPoolExecutor(max_workers=1) as pool:
        first = running(pool, door, "hang", 2 * LEAST_TIMEOUT)
        second = ask(door, "succeed", within=LEAST_TIMEOUT)
        check(first.result(), Reason.RUN_TIMEOUT)
    return second


def change_start(door: ModelDoor, how: str) -> None:
    """Lets new instances do something else when they start, and ends the one that is there."""
    variable = {"name": "WHILE_STARTING", "value": how, "secret": False}
    assert door.client.post(f"{door.path}/environment-variables", json=variable).status_code == 201
    check(ask(door, "end", within=120), Reason.EXITED)


def while_it_starts(door: ModelDoor) -> dict[str, Any]:
    change_start(door, "hang")
    return ask(door, "succeed", within=LEAST_TIMEOUT)


def after_failed_starts(door: ModelDoor) -> dict[str, Any]:
    change_start(door, "raise")

    def refused() -> dict[str, Any] | None:
        answer = ask(door, "succeed", within=120)
        assert answer["error_code"] in (Reason.START_IMPORT_ERROR, Reason.CRASH_LOOPING), answer
        return answer if answer["error_code"] == Reason.CRASH_LOOPING else None

    return dict(until(refused))


def while_it_is_deleted(door: ModelDoor) -> dict[str, Any]:
    with ThreadPoolExecutor(max_workers=1) as pool:
        asked = running(pool, door, "hang", 120)
        assert door.client.delete(door.path).status_code == 204
        return asked.result()


def while_it_is_suspended(server: RunningServer, door: ModelDoor) -> dict[str, Any]:
    organization = door.client.get(f"/v2.1/organizations/o-{door.project}").json()["id"]

    async def suspend() -> None:
        database = Database(f"sqlite:///{server.data / 'quinta.db'}", SystemClock())
        await database.start()
        async with database.begin() as work:
            await work.of(Organization, EVERYTHING).change(organization, status=OrganizationStatus.SUSPENDED)
            work.emit(Event(EventName.ORGANIZATION_CHANGED, organization, (f"organization:{organization}",)))
        await database.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        asked = running(pool, door, "hang", 120)
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(suspend())
        return asked.result()
