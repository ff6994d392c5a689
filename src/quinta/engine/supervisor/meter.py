"""What running instances cost: gigabyte-seconds, instance-seconds and time with at least one instance."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.core.models.model import RunnableVersion
from quinta.core.ports import MeterSink


@dataclass(slots=True)
class _Running:
    project_id: str
    since: float
    instances: int = 0
    megabytes: int = 0


class Meter:
    """Adds up from the moment an instance is launched until it is gone, start-up and idle time included.

    Metrics of object type ``model_version``: ``gb_seconds`` (allocated MB / 1024 x seconds), ``instance_seconds``
    and ``active_time`` (seconds).
    """

    def __init__(self, sink: MeterSink) -> None:
        self._sink = sink
        self._running: dict[str, _Running] = {}

    def change(self, version: RunnableVersion, difference: int, now: float) -> None:
        """One instance of ``version`` more (1) or less (-1)."""
        running = self._running.setdefault(version.version_id, _Running(version.project_id, now))
        self._settle(version.version_id, running, now)
        running.instances += difference
        running.megabytes += difference * version.memory_megabytes
        if running.instances == 0:
            del self._running[version.version_id]

    def settle(self, now: float) -> None:
        """Hands over what has come together since the last time."""
        for version_id, running in self._running.items():
            self._settle(version_id, running, now)

    def _settle(self, version_id: str, running: _Running, now: float) -> None:
        seconds, running.since = now - running.since, now
        if seconds <= 0 or not running.instances:
            return
        values = {
            "gb_seconds": running.megabytes / 1024 * seconds,
            "instance_seconds": running.instances * seconds,
            "active_time": seconds,
        }
        self._sink.add(running.project_id, "model_version", version_id, values)
