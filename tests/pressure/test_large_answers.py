"""Answers that are larger than the server may hold, and a reading process that stands still."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from quinta.core.errors import Unavailable
from quinta.core.requests.pieces import MOST_BYTES, in_pieces
from quinta.core.requests.reading import read_bounded
from quinta.engine.reading_process import ReadingProcess
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.pipelines import PipelineDoor, new_pipeline
from tests.scenarios.test_blob_memory import forget_peak, memory
from tests.scenarios.test_kill import processes_below
from tests.serving import serving

MEGABYTES = 6
REQUESTS = 26
EXTRA_MEGABYTES = 180
"""A piece is held several times on its way: as a row, as a text, as bytes. The whole would be, too: 600 MB and more."""
LARGE = {"model.py": f"class Model:\n    def request(self, data):\n        return data * ({MEGABYTES} << 20)\n"}


def completed(door: ModelDoor | PipelineDoor) -> int:
    return len(door.client.get(f"{door.path}/request-batch", params={"status": "completed", "limit": 500}).json())


def test_large_results_are_collected_in_bounded_memory(tmp_path: Path) -> None:
    """156 MB of results, of the model's requests and then of the pipeline's, in the order asked for."""
    with serving(tmp_path / "data", fresh=True) as server, server.client() as client:
        door = new_model(client, LARGE, maximum_instances=1)
        pipeline = new_pipeline(client, door.project, None)
        pipeline.add("large", door.model)
        pipeline.attach("pipeline_start", "large")
        letters = [chr(ord("a") + number) for number in range(REQUESTS)]
        answer = client.post(f"{door.path}/request-batch", json=letters)
        asked: dict[ModelDoor | PipelineDoor, list[str]] = {
            door: [item["id"] for item in answer.json()][::-1],
            pipeline: pipeline.batch(list(letters))[::-1],
        }
        for where, ids in asked.items():
            wait_for(lambda: completed(where), lambda count: count == REQUESTS, 240)  # noqa: B023  # asked at once
            before = memory(server, "VmRSS")
            forget_peak(server)
            found = client.post(f"{where.path}/request-batch-collect", json=ids).json()
            assert [item["id"] for item in found] == ids
            results = [item["result"] if where is door else item["model_requests"][0]["result"] for item in found]
            assert [(text[0], len(text)) for text in results] == [(one, MEGABYTES << 20) for one in letters[::-1]]
            assert memory(server, "VmHWM") - before < EXTRA_MEGABYTES
            unknown = [*ids, "00000000-0000-7000-8000-000000000000"]
            assert client.post(f"{where.path}/request-batch-collect", json=unknown).status_code == 404


def test_pieces() -> None:
    sizes = {"a": 1, "b": MOST_BYTES - 1, "c": 1, "d": 3 * MOST_BYTES, "e": 0}
    assert in_pieces(list(sizes), sizes) == [["a", "b"], ["c"], ["d"], ["e"]]
    assert in_pieces(["a", "c"], sizes) == [["a", "c"]]
    assert in_pieces([], sizes) == []


async def test_a_reading_process_that_stands_still_is_replaced() -> None:
    before = processes_below(os.getpid())
    reading = ReadingProcess()
    try:
        assert await reading.call(read_bounded, b"[1]", 10) == [1]
        (pid,) = processes_below(os.getpid()).keys() - before.keys()
        os.kill(pid, signal.SIGSTOP)
        reading.limit_seconds = 0.2
        with pytest.raises(Unavailable, match="try again"):
            await reading.call(read_bounded, b"[2]", 10)
        assert pid not in processes_below(os.getpid())
        reading.limit_seconds = ReadingProcess.limit_seconds
        assert await reading.call(read_bounded, b"[3]", 10) == [3]
    finally:
        await asyncio.to_thread(reading.close)
