"""Running one request and making an answer of what comes back: the same for direct and batch requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quinta.core.errors import InvalidInput, NotFound, QuintaError, TooLarge, Unavailable
from quinta.core.files.blobs import Blobs
from quinta.core.files.model import Blob
from quinta.core.models.model import RunnableVersion
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLevel, LogLine, Trace
from quinta.core.ports import LogSink, MeterSink, ModelRunner
from quinta.core.reasons import Failure, Reason
from quinta.core.requests.outcome import RunOutcome, RunRequest
from quinta.core.requests.reading import MOST_NAMED, Reader
from quinta.core.requests.values import blob_fields
from quinta.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended. ``result`` is JSON text when it succeeded; ``error_message`` is set when it did not.

    ``seconds`` is the time the code itself ran.
    """

    request_id: str
    reason: Reason
    result: str | None
    error_message: str | None
    seconds: float = 0.0

    @property
    def success(self) -> bool:
        return self.reason is Reason.COMPLETED

    @property
    def failure(self) -> Failure | None:
        return None if self.success else Failure(self.reason, self.error_message or self.reason)


class Execution:
    """Hands requests to instances, checks what comes back, and counts."""

    def __init__(
        self,
        runner: ModelRunner,
        reader: Reader,
        blobs: Blobs,
        logs: LogSink,
        meters: MeterSink,
        failures: FailureCounts,
        clock: Clock,
    ) -> None:
        self._runner = runner
        self._reader = reader
        self._blobs = blobs
        self._logs = logs
        self._meters = meters
        self._failures = failures
        self._clock = clock

    async def run(
        self,
        version: RunnableVersion,
        request_id: str,
        data: bytes,
        blobs: Mapping[str, Blob],
        time_limit: float,
        trace: Trace | None = None,
        *,
        batch: bool = False,
    ) -> Answer:
        """Runs validated input: ``data`` is its JSON text; ``blobs`` has every blob it names, by field.

        ``time_limit`` is in seconds, ``trace`` says where in a pipeline the request belongs, and ``batch`` that nobody
        waits for the answer.
        """
        inputs = tuple(self._blobs.as_input(blob, field) for field, blob in blobs.items()) if blobs else ()
        try:
            outcome = await self._runner.run(version, RunRequest(request_id, data, time_limit, inputs, trace, batch))
        except NotFound:  # deleted since its row was read
            failure = Failure(Reason.INPUT_BLOB_GONE, "a blob that the input names does not exist any more")
            return self.failed(version, request_id, failure, trace)
        answer = await self._answer(version, request_id, outcome, trace)
        self._count(version, len(data), answer)
        return answer

    async def run_kept(
        self,
        version: RunnableVersion,
        request_id: str,
        text: str,
        time_limit: float,
        trace: Trace | None = None,
        *,
        batch: bool = False,
    ) -> Answer:
        """Runs input that was checked before: when it was accepted, or as another model's result. Only a blob that it
        names may be gone since."""
        data, blobs = text.encode(), {}
        if blob_fields(version.input_fields):
            try:
                blob_ids = await self._reader.input(data, version.input_type, version.input_fields)
                blobs = await self._blobs.present(version.project_id, blob_ids)
            except InvalidInput as error:
                return self.failed(version, request_id, Failure(Reason.INPUT_BLOB_GONE, error.message), trace)
        return await self.run(version, request_id, data, blobs, time_limit, trace, batch=batch)

    def failed(
        self,
        version: RunnableVersion,
        request_id: str,
        failure: Failure,
        trace: Trace | None = None,
        seconds: float = 0.0,
    ) -> Answer:
        """The answer of a request that failed; it is counted, and the log tells of it. Of one that found the queue full
        only its caller is told: a line for each would be a flood of its own."""
        self._failures.add(Subject.REQUEST, failure.reason)
        if failure.reason is not Reason.QUEUE_FULL:
            self.say(version, request_id, f"the request failed: {failure}", trace)
        return Answer(request_id, failure.reason, None, failure.message, seconds)

    async def _answer(
        self, version: RunnableVersion, request_id: str, outcome: RunOutcome, trace: Trace | None
    ) -> Answer:
        if outcome.reason is not Reason.COMPLETED or outcome.result is None:
            failure = Failure(outcome.reason, outcome.error_message or outcome.reason)
            return self.failed(version, request_id, failure, trace, outcome.seconds)
        try:
            result = await self._checked_result(version, request_id, outcome.result, outcome.files, trace)
        except Unavailable:
            raise  # nothing is wrong with the result: it could not be read or kept now
        except QuintaError as error:
            reason = Reason.RESULT_TOO_LARGE if isinstance(error, TooLarge) else error.reason or Reason.RESULT_NOT_KEPT
            return self.failed(version, request_id, Failure(reason, error.message), trace, outcome.seconds)
        finally:
            for path in outcome.files.values():
                path.unlink(missing_ok=True)
        return Answer(request_id, Reason.COMPLETED, result, None, outcome.seconds)

    async def _checked_result(
        self,
        version: RunnableVersion,
        request_id: str,
        text: bytes,
        files: Mapping[str, Path],
        trace: Trace | None,
    ) -> str:
        """The result as JSON text, with ids for blobs and without members that the model does not declare."""
        kept = {field: await self._blobs.keep(version.project_id, path, path.name) for field, path in files.items()}
        blob_ids = {field: blob.id for field, blob in kept.items()}
        result = await self._reader.result(text, version.output_type, version.output_fields, blob_ids)
        if result.undeclared:
            names = ", ".join(result.undeclared) + (" …" if len(result.undeclared) == MOST_NAMED else "")
            said = f"the result has fields that the model does not declare: {names}"
            self.say(version, request_id, said, trace, LogLevel.WARN)
        return result.text

    def _count(self, version: RunnableVersion, input_bytes: int, answer: Answer) -> None:
        values: dict[str, float] = {"requests": 1, "input_volume": input_bytes}
        if answer.result is None:
            values["failed_requests"] = 1
        else:
            values["output_volume"] = len(answer.result)
            values["outputs"] = 1
            values["compute_seconds"] = answer.seconds
        self._meters.add(version.project_id, "model_version", version.version_id, values)

    def say(
        self,
        version: RunnableVersion,
        request_id: str,
        text: str,
        trace: Trace | None,
        level: LogLevel | None = None,
    ) -> None:
        """Writes a line of the platform about a request; without ``level`` the text says which it has."""
        line = LogLine(
            project_id=version.project_id,
            time=self._clock.now(),
            text=text,
            system=True,
            model_name=version.model_name,
            version_name=version.version_name,
            request_id=request_id,
            level=level,
        )
        self._logs.write(line if trace is None else trace.on(line))
