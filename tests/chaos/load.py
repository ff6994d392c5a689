"""Callers that go on whatever happens to the server, and write down what they were told."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable
from itertools import count

import httpx2

from tests.chaos.databases import ChaosDatabase
from tests.chaos.house import SCHEDULES, House, stamped
from tests.chaos.record import Record
from tests.models import zipped

_NAP_SECONDS = 0.05
_MOST_OPEN = 600
"""Requests that have not ended: the load waits above that, so that the end of the run does not last for ever."""
PASSING = (429, 502, 503, 507)


class Load:
    """Each caller is a thread with a random sequence of its own; ``stop`` ends them all."""

    def __init__(self, house: House, record: Record, database: ChaosDatabase, url: str, token: str, seed: int) -> None:
        self._house = house
        self._record = record
        self._database = database
        self._url = url
        self._token = token
        self._stopping = threading.Event()
        self._full = threading.Event()
        callers: tuple[Callable[[httpx2.Client, random.Random], None], ...] = (
            self._batches,
            self._pipelines,
            self._blobs,
            self._uploads,
            self._direct,
            self._watch,
        )
        self._threads = [
            threading.Thread(target=self._run, args=(caller, random.Random(f"{seed} {number}")), name=caller.__name__)
            for number, caller in enumerate(callers)
        ]
        self._threads.append(threading.Thread(target=self._due, args=(random.Random(f"{seed} due"),), name="due"))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), f"the caller {thread.name} does not end"

    def _run(self, caller: Callable[[httpx2.Client, random.Random], None], choice: random.Random) -> None:
        headers = {"Authorization": f"Token {self._token}"}
        with httpx2.Client(base_url=self._url, headers=headers, timeout=45, trust_env=False) as client:
            try:
                caller(client, choice)
            except Exception as error:  # noqa: BLE001  # a thread's edge: whatever it is fails the run
                self._record.complain(f"{caller.__name__}: {type(error).__name__}: {error}")

    def _send(self, call: Callable[[], httpx2.Response], good: int) -> httpx2.Response | None:
        """The answer, if it is the good one; None when nobody knows what came of the call. Anything else is wrong."""
        while True:
            try:
                answer = call()
                break
            except httpx2.ConnectError:  # nothing was sent: the server is being started again
                self._record.count(self._record.answers, "not connected")
                if self._stopping.wait(0.2):
                    return None
            except httpx2.TransportError as error:
                self._record.count(self._record.answers, type(error).__name__)
                return None
        self._record.count(self._record.answers, str(answer.status_code))
        if answer.status_code == good:
            return answer
        if answer.status_code not in PASSING:
            self._record.complain(
                f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
            )
        self._stopping.wait(0.1)
        return None

    def _create(
        self, client: httpx2.Client, path: str, kind: str, body: list[dict[str, str]], items: list[str]
    ) -> None:
        answer = self._send(lambda: client.post(f"{path}/request-batch", json=body), 200)
        ids = None if answer is None else tuple(item["id"] for item in answer.json())
        self._record.send(kind, tuple(items), ids)

    def _nap(self, choice: random.Random) -> None:
        self._stopping.wait(choice.uniform(0, 8 * _NAP_SECONDS))
        while self._full.is_set() and not self._stopping.is_set():
            self._stopping.wait(_NAP_SECONDS)

    def _batches(self, client: httpx2.Client, choice: random.Random) -> None:
        numbers = count()
        while not self._stopping.is_set():
            model = choice.choice(("echo", "slow"))
            items = [f"{model}-{next(numbers)}" for _ in range(choice.randint(1, 40))]
            body = [{"item": item, "token": ""} for item in items]
            self._create(client, self._house.door(client, model).path, model, body, items)
            self._nap(choice)

    def _pipelines(self, client: httpx2.Client, choice: random.Random) -> None:
        numbers = count()
        while not self._stopping.is_set():
            items = [f"pipeline-{next(numbers)}" for _ in range(choice.randint(1, 8))]
            body = [{"item": item, "token": ""} for item in items]
            self._create(client, self._house.pipeline(client).path, "pipeline", body, items)
            self._nap(choice)

    def _blobs(self, client: httpx2.Client, choice: random.Random) -> None:
        path = f"/v2.1/projects/{self._house.project}/blobs"
        while not self._stopping.is_set():
            content = choice.randbytes(choice.randint(1, 200_000))
            digest = hashlib.sha256(content).hexdigest()
            answer = self._send(lambda: client.post(path, files={"file": ("file", content)}), 201)  # noqa: B023  # called at once
            if answer is not None:
                self._record.blobs[answer.json()["id"]] = digest
                body = [{"file": answer.json()["id"]}]
                self._create(client, self._house.door(client, "copy").path, "copy", body, [digest])
            self._nap(choice)

    def _uploads(self, client: httpx2.Client, choice: random.Random) -> None:
        path = f"{self._house.door(client, 'stamp').path}/upload"
        for number in count(1):
            stamp = str(number)
            archive = zipped(stamped(stamp))
            answer = self._send(lambda: client.put(path, files={"file": ("package.zip", archive)}), 200)  # noqa: B023
            self._record.uploads.append((stamp, None if answer is None else "accepted"))
            if self._stopping.wait(choice.uniform(0, 4)):
                return

    def _direct(self, client: httpx2.Client, choice: random.Random) -> None:
        for number in count():
            item = f"direct-{number}"
            path = f"{self._house.door(client, 'echo').path}/request"
            answer = self._send(lambda: client.post(path, json={"item": item, "token": ""}), 200)  # noqa: B023
            if answer is not None:
                told = answer.json()
                if told["success"] and told["result"]["item"] != item:
                    self._record.complain(f"the direct request {item} was answered {told}")
                self._record.count(self._record.answers, f"direct {told['success']}")
            if self._stopping.wait(choice.uniform(0, 4 * _NAP_SECONDS)):
                return

    def _watch(self, client: httpx2.Client, choice: random.Random) -> None:
        """Looks at requests again and again; deletes a few now and then."""
        while not self._stopping.is_set():
            open_requests = 0
            for kind in ("echo", "slow", "pipeline"):
                waiting = self._record.open_ids(kind)
                open_requests += len(waiting)
                again = [key for key in self._record.accepted(kind) if key not in self._record.perhaps_deleted]
                look = set(choice.sample(waiting, min(len(waiting), 60))) | set(
                    choice.sample(again, min(len(again), 20))
                )
                self.look(client, kind, sorted(look))
            self._full.set() if open_requests > _MOST_OPEN else self._full.clear()
            if choice.random() < 0.2:
                self._delete(client, choice)
            self._stopping.wait(2 * _NAP_SECONDS)

    def look(self, client: httpx2.Client, kind: str, ids: list[str]) -> None:
        """Asks for requests and notes what is shown."""
        if not ids:
            return
        path = f"{self._path(client, kind)}/request-batch-collect"
        answer = self._send(lambda: client.post(path, json=ids), 200)
        for item in [] if answer is None else answer.json():
            result = [run["result"] for run in item["model_requests"]] if kind == "pipeline" else item["result"]
            self._record.see(item["id"], item["status"], (result, item["error_message"]))

    def _delete(self, client: httpx2.Client, choice: random.Random) -> None:
        kind = choice.choice(("echo", "slow", "pipeline"))
        known = [key for key in self._record.accepted(kind) if key not in self._record.perhaps_deleted]
        chosen = choice.sample(known, min(len(known), 2))
        if not chosen:
            return
        self._record.perhaps_deleted.update(chosen)
        path = f"{self._path(client, kind)}/request-batch-delete"
        if self._send(lambda: client.post(path, json=chosen), 201) is not None:
            self._record.deleted.update(chosen)

    def _path(self, client: httpx2.Client, kind: str) -> str:
        return self._house.pipeline(client).path if kind == "pipeline" else self._house.door(client, kind).path

    def _due(self, choice: random.Random) -> None:
        """Lets a schedule be due now, once the last time of it was taken: as if the minute of its line had come."""
        while not self._stopping.wait(choice.uniform(0.2, 1.0)):
            name = f"schedule-{choice.randrange(SCHEDULES)}"
            if self._database.make_due(name):
                self._record.count(self._record.due, name)
