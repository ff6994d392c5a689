"""What the engine is asked to run, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quinta.core.observation.model import Trace
from quinta.core.reasons import Reason


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
    ``timeout`` is in seconds and covers waiting, a cold start and the run; where ``run_timeout`` is given, that one
    covers the run. ``trace`` is set for a run in a pipeline, and ``batch`` where nobody waits for the answer.
    """

    id: str
    data: bytes
    timeout: float
    blobs: tuple[BlobInput, ...] = ()
    trace: Trace | None = None
    batch: bool = False
    run_timeout: float | None = None


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
