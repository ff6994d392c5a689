"""What a log line and a metric point are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class LogLevel(StrEnum):
    """How grave a line is, lowest first (contract versiontwo 5.5)."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a project's log. ``system`` lines come from the platform, the others from user code.

    Names are those at the time of writing: a log is a record of what was. ``id`` has 24 hexadecimal characters and
    sorts by time (contract ubiops 5.5); the writer assigns it. ``level`` is what the line says it is (core.observation.
    levels), None where code said nothing, and of lines from before there were levels.
    """

    project_id: str
    time: datetime
    text: str
    system: bool
    model_name: str | None = None
    version_name: str | None = None
    request_id: str | None = None
    connector_name: str | None = None
    pipeline_name: str | None = None
    pipeline_object_name: str | None = None
    pipeline_request_id: str | None = None
    id: str = ""
    level: LogLevel | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Where in a pipeline a model request belongs: what its log lines say beside the model."""

    pipeline_name: str
    pipeline_object_name: str
    pipeline_request_id: str

    def on(self, line: LogLine) -> LogLine:
        """The line with these names."""
        return replace(
            line,
            pipeline_name=self.pipeline_name,
            pipeline_object_name=self.pipeline_object_name,
            pipeline_request_id=self.pipeline_request_id,
        )


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """The sum of one metric of one object within the minute that starts at ``time``.

    The store sets ``organization_id`` from the project: what an organization used stays when a project is deleted.
    """

    project_id: str
    object_type: str
    object_id: str
    metric: str
    time: datetime
    value: float
    organization_id: str = ""
