"""What running instances cost: gigabyte-seconds, instance-seconds and time with at least one instance."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.core.models.model import RunnableVersion
from quinta.core.ports import MeterSink


@dataclass(slots=True)
class _Running:
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
        # By project and version: jobs run the same version for several projects.
        self._running: dict[tuple[str, str], _Running] = {}

    def change(self, version: RunnableVersion, difference: int, now: float) -> None:
        """One instance of ``version`` more (1) or less (-1)."""
        key = version.project_id, version.version_id
        running = self._running.setdefault(key, _Running(now))
        self._settle(key, running, now)
        running.instances += difference
        running.megabytes += difference * version.memory_megabytes
        if running.instances == 0:
            del self._running[key]

    def settle(self, now: float) -> None:
        """Hands over what has come together since the last time."""
        for key, running in self._running.items():
            self._settle(key, running, now)

    def _settle(self, key: tuple[str, str], running: _Running, now: float) -> None:
        seconds, running.since = now - running.since, now
        if seconds <= 0 or not running.instances:
            return
        values = {
            "gb_seconds": running.megabytes / 1024 * seconds,
            "instance_seconds": running.instances * seconds,
            "active_time": seconds,
        }
        project_id, version_id = key
        self._sink.add(project_id, "model_version", version_id, values)
