"""The page of measurements over a real supervisor and a real database: which series there are, and how many."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.queues import Queue
from quinta.core.reasons import Reason
from quinta.engine.measurements import MOST_LABELLED, Measurements, Sources
from quinta.engine.observation.pulse import Pulse
from quinta.engine.observation.queues import QueueReader
from quinta.engine.observation.status import StatusReport
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.recorder import Recorder
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.engine.supervisor.conftest import environments, open_world, sandbox
from tests.engine.supervisor.harness import World, version_of

__all__ = ["environments", "sandbox"]


Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def sources_of(world: World, database: Database) -> Sources:
    clock = SystemClock()
    supervisor = world.supervisor
    return Sources(
        supervisor=supervisor,
        recorder=Recorder(database, clock),
        failures=FailureCounts(),
        reading=ReadingProcess(),
        queues=QueueReader(database, clock),
        pulse=Pulse(supervisor.tally, supervisor.versions, clock),
        clock=clock,
        gauges=lambda: {"builds_in_flight": 1},
        build={"version": "0", "python": "3"},
    )


class ComesMeanwhile(QueueReader):
    """A version comes while the queues are read."""

    def __init__(self, world: World, database: Database) -> None:
        super().__init__(database, SystemClock())
        self._world = world

    async def read(self) -> list[Queue] | None:
        await self._world.value("good", 21)
        return await super().read()


@asynccontextmanager
async def measured(root: Path, environments: Path, sandbox: Sandbox) -> AsyncIterator[tuple[World, Measurements]]:
    async with open_world(root, environments, sandbox) as world:
        store = Database(f"sqlite:///{root / 'quinta.db'}", SystemClock())
        await store.start()
        try:
            yield world, Measurements(sources_of(world, store))
        finally:
            await store.close()


async def page(measurements: Measurements, *, by_version: bool = False) -> Samples:
    text = (await measurements.text(by_version=by_version)).decode()
    found: defaultdict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found[sample.name], "a series comes twice"
            found[sample.name][labels] = sample.value
    return found


def whole(found: Samples, model_version: str) -> float:
    (value,) = (
        value
        for labels, value in found["quinta_version_request_seconds_count"].items()
        if ("version", model_version) in labels and ("part", "whole") in labels
    )
    return value


async def test_what_an_instance_does_is_counted(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    async with measured(tmp_path, environments, sandbox) as (world, measurements):
        assert await world.value("good", 21) == 42
        assert not (await world.ask("kills_itself_in_request", -1)).success
        found = await page(measurements, by_version=True)
        assert whole(found, "good") == whole(found, "kills_itself_in_request") == 1
        assert found["quinta_request_seconds_count"][(("part", "whole"),)] == 2
        died = found["quinta_version_instance_ends_total"]
        assert [dict(labels)["version"] for labels in died] == ["kills_itself_in_request"]
        failed = found["quinta_version_request_failures_total"]
        assert [dict(labels)["version"] for labels in failed] == ["kills_itself_in_request"]
        starts = {dict(k)["version"]: v for k, v in found["quinta_version_cold_start_seconds_count"].items()}
        assert starts["good"] == 1
        ready = {dict(k)["version"]: v for k, v in found["quinta_version_instances"].items() if ("state", "ready") in k}
        assert ready["good"] == 1
        assert found["quinta_builds_in_flight"] == {(): 1}
        without = await page(measurements)
        assert not [name for name in without if name.startswith("quinta_version_")]
        assert without["quinta_request_seconds_count"] == found["quinta_request_seconds_count"]


async def test_a_version_that_comes_meanwhile_is_in_the_status(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    async with open_world(tmp_path, environments, sandbox) as world:
        store = Database(f"sqlite:///{tmp_path / 'quinta.db'}", SystemClock())
        await store.start()
        try:
            sources = replace(sources_of(world, store), queues=ComesMeanwhile(world, store))
            found = await StatusReport(sources, store, dict).read()
            assert [row["version"] for row in found["versions"]] == ["good"]
        finally:
            await store.close()


async def test_the_number_of_series_is_bounded_and_a_version_keeps_its_own(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    async with measured(tmp_path, environments, sandbox) as (world, measurements):
        supervisor = world.supervisor

        def use(number: int, times: int) -> None:
            for _ in range(times):
                supervisor.tally.request(f"id-{number}", Reason.COMPLETED, 0.0, 0.001, 0.001)

        for number in range(MOST_LABELLED + 10):
            supervisor.apply(version_of("good", version_id=f"id-{number}", version_name=f"v{number}"))
            use(number, number + 1)
        names = {f"v{number}" for number in range(10, MOST_LABELLED + 10)}
        found = await page(measurements, by_version=True)
        shown = {dict(labels)["version"] for labels in found["quinta_version_request_seconds_count"]}
        assert shown == {*names, "_other"}
        assert whole(found, "_other") == sum(range(1, 11))
        use(0, 1_000)
        again = await page(measurements, by_version=True)
        assert {dict(labels)["version"] for labels in again["quinta_version_request_seconds_count"]} == shown
        await supervisor.retire("id-59", Reason.VERSION_DELETED)
        after = await page(measurements, by_version=True)
        shown = {dict(labels)["version"] for labels in after["quinta_version_request_seconds_count"]}
        assert shown == {*names, "v0", "_other"} - {"v59"}
        everything = sum(
            value
            for labels, value in after["quinta_version_request_seconds_count"].items()
            if ("part", "whole") in labels
        )
        assert everything == after["quinta_request_seconds_count"][(("part", "whole"),)]


async def test_the_page_comes_without_a_database(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    async with measured(tmp_path, environments, sandbox) as (world, measurements):
        assert (await page(measurements))["quinta_database_up"] == {(): 1}
        gone = Measurements(sources_of(world, Database(f"sqlite:///{tmp_path / 'no' / 'such.db'}", SystemClock())))
        found = await page(gone, by_version=True)
        assert found["quinta_database_up"] == {(): 0}
        assert "quinta_queue_items" not in found


async def test_a_stalled_loop_shows(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    clock = SystemClock()
    async with open_world(tmp_path, environments, sandbox) as world:
        pulse = Pulse(world.supervisor.tally, world.supervisor.versions, clock)
        beating = asyncio.create_task(pulse.run())
        await asyncio.sleep(0)
        stop = clock.monotonic() + 0.6
        while clock.monotonic() < stop:  # what must not happen on the loop
            pass
        while not pulse.lag.count:  # noqa: ASYNC110  # the pulse tells nobody
            await asyncio.sleep(0.01)
        assert pulse.worst_lag > 0.3
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
