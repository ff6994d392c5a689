"""A supervisor with real processes, and what tests ask of it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quinta.core.models.model import DataType, Field, RunnableVersion, ValueType
from quinta.core.observation.model import LogLine
from quinta.core.requests.outcome import BlobInput, RunOutcome, RunRequest
from quinta.engine.sandbox.processes import scan
from quinta.engine.supervisor.snapshot import PoolSnapshot
from quinta.engine.supervisor.supervisor import Supervisor
from tests import serving

SHELF = Path(__file__).parents[2] / "naughty"
PATIENCE_SECONDS = 30.0


class Logs:
    """A log sink that keeps everything."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def write(self, line: LogLine) -> None:
        self.lines.append(line)

    def of(self, request_id: str | None, *, system: bool = False) -> list[str]:
        """Texts of the code's lines (or the platform's) that belong to a request, or to none."""
        return [line.text for line in self.lines if line.request_id == request_id and line.system is system]

    def said(self, text: str) -> bool:
        """Whether a line of the platform contains ``text``."""
        return any(line.system and text in line.text for line in self.lines)


class Meters:
    """A meter sink that adds up."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], float] = {}

    def add(self, project_id: str, object_type: str, object_id: str, values: Mapping[str, float]) -> None:
        assert (project_id, object_type) == ("project", "model_version")
        for metric, value in values.items():
            self.values[object_id, metric] = self.values.get((object_id, metric), 0.0) + value


def version_of(package: str, **changes: Any) -> RunnableVersion:
    """A version of a package of the shelf: one instance, 256 MB, structured fields x and y."""
    version = RunnableVersion(
        version_id=f"version-{package}",
        organization_id="organization",
        project_id="project",
        project_name="demo",
        model_name="shelf",
        version_name=package,
        revision=1,
        language="python3.8",
        package_digest=package,
        environment_digest="environment",
        model_file="model",
        memory_megabytes=256,
        minimum_instances=0,
        maximum_instances=1,
        maximum_idle_seconds=300,
        input_type=ValueType.STRUCTURED,
        output_type=ValueType.STRUCTURED,
        input_fields=(Field("x", DataType.DOUBLE),),
        output_fields=(Field("y", DataType.DOUBLE),),
    )
    return replace(version, **changes)


@dataclass
class World:
    """One supervisor and its surroundings."""

    supervisor: Supervisor
    logs: Logs
    meters: Meters
    root: Path
    requests: int = 0
    before: set[int] = field(default_factory=lambda: descendants())

    async def run(
        self,
        version: RunnableVersion | str,
        data: object,
        *,
        within: float = PATIENCE_SECONDS,
        id: str | None = None,
        blobs: tuple[BlobInput, ...] = (),
        batch: bool = False,
    ) -> RunOutcome:
        """One request; ``data`` is the whole input."""
        self.requests += 1
        target = version_of(version) if isinstance(version, str) else version
        request = RunRequest(id or f"request-{self.requests}", json.dumps(data).encode(), within, blobs, batch=batch)
        return await self.supervisor.run(target, request)

    async def ask(self, version: RunnableVersion | str, x: object, *, within: float = PATIENCE_SECONDS) -> RunOutcome:
        """One request with the field x."""
        return await self.run(version, {"x": x}, within=within)

    async def value(self, version: RunnableVersion | str, x: object) -> Any:
        """The field y of a successful answer."""
        outcome = await self.ask(version, x)
        assert outcome.success, outcome
        assert outcome.result is not None
        return json.loads(outcome.result)["y"]

    def pool(self, package: str) -> PoolSnapshot:
        return self.supervisor.snapshot()[f"version-{package}"]

    async def unharmed(self) -> None:
        """Others are answered as if nothing had happened."""
        assert await self.value("good", 21) == 42


def descendants(of: int | None = None) -> set[int]:
    """Processes that a process, by default this one, has started, and theirs, zombies too.

    The server that other tests of this process share, and what it starts, does not count.
    """
    root = os.getpid() if of is None else of
    # A session is shared with the shell that started the tests; only what descends from the root counts.
    table = scan()

    def counts(process_id: int) -> bool:
        while process_id not in (0, root) and process_id in table and process_id not in serving.running:
            process_id = table[process_id].parent
        return process_id == root

    return {process_id for process_id in table if process_id != root and counts(process_id)}


async def until(holds: Callable[[], object], what: str) -> None:
    """Waits until ``holds()`` is true; fails after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.005)


def texts(lines: Iterable[LogLine]) -> list[str]:
    return [line.text for line in lines]
