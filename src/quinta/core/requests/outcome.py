"""What the engine is asked to run, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from quinta.core.observation.model import Trace


class Reason(StrEnum):
    """Why a run ended as it did: a stable code, one for each cause."""

    COMPLETED = "completed"
    MODEL_ERROR = "model_error"  # the user's code raised
    INVALID_RESULT = "invalid_result"  # the user's code returned what cannot be an answer
    DEADLINE = "deadline"  # the time-out passed, in the queue, during the start or in the run
    CRASHED = "crashed"  # the instance's process ended during the run
    MEMORY = "memory"  # the instance used more memory than its allocation
    DISK = "disk"  # the instance wrote more to the disk than it may
    START_FAILED = "start_failed"  # no instance could be started
    CRASH_LOOPING = "crash_looping"  # instances fail again and again; no new one is tried before the pause ends
    INVALID_INPUT = "invalid_input"  # a blob of the input is gone by the time the request runs
    GIVEN_UP = "given_up"  # the server ended several times while it worked on this
    RETIRED = "retired"  # the version was deleted, its organization suspended, or the server stops


@dataclass(frozen=True, slots=True)
class BlobInput:
    """A file that the code gets as a local path: ``fetch(path)`` writes its content to ``path``."""

    field: str
    blob_id: str
    file_name: str
    fetch: Callable[[Path], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One call of the user's code.

    ``data`` is the JSON text of the input (an object, or a string for plain models), already validated;
    ``timeout`` is in seconds and covers waiting, a cold start and the run. ``trace`` is set for a run in a pipeline.
    """

    id: str
    data: bytes
    timeout: float
    blobs: tuple[BlobInput, ...] = ()
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. ``result`` is JSON text when ``reason`` is COMPLETED, ``error_message`` is set otherwise.

    ``files`` maps output fields of type blob to regular files outside the sandbox's reach; whoever receives the
    outcome moves or deletes them. ``seconds`` is the time the code itself ran.
    """

    reason: Reason
    result: bytes | None = None
    error_message: str | None = None
    seconds: float = 0.0
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        return self.reason is Reason.COMPLETED
