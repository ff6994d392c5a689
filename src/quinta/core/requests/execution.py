"""Running one request and making an answer of what comes back: the same for direct and batch requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quinta.core.errors import InvalidInput, QuintaError
from quinta.core.files.blobs import Blobs
from quinta.core.files.model import Blob
from quinta.core.models.model import RunnableVersion, ValueType
from quinta.core.observation.model import LogLine, Trace
from quinta.core.ports import LogSink, MeterSink, ModelRunner
from quinta.core.requests.outcome import BlobInput, Reason, RunOutcome, RunRequest
from quinta.core.requests.values import blob_fields, check_fields, check_value, read_json, write_json
from quinta.kit.clock import Clock
from quinta.kit.ids import parse_id


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


class Execution:
    """Hands requests to instances, checks what comes back, and counts."""

    def __init__(self, runner: ModelRunner, blobs: Blobs, logs: LogSink, meters: MeterSink, clock: Clock) -> None:
        self._runner = runner
        self._blobs = blobs
        self._logs = logs
        self._meters = meters
        self._clock = clock

    async def run(
        self,
        version: RunnableVersion,
        request_id: str,
        data: bytes,
        value: Any,
        blobs: Mapping[str, Blob],
        time_limit: float,
        trace: Trace | None = None,
    ) -> Answer:
        """Runs validated input: ``data`` is the JSON text of ``value``; ``blobs`` has every blob it names.

        ``time_limit`` is in seconds; ``trace`` says where in a pipeline the request belongs.
        """
        inputs: tuple[BlobInput, ...] = ()
        if blobs:
            fields = blob_fields(version.input_fields)
            inputs = tuple(self._blobs.as_input(blobs[parse_id(value[field]) or ""], field) for field in fields)
        outcome = await self._runner.run(version, RunRequest(request_id, data, time_limit, inputs, trace))
        answer = await self._answer(version, request_id, outcome, trace)
        self._count(version, len(data), answer)
        return answer

    async def run_kept(
        self, version: RunnableVersion, request_id: str, text: str, time_limit: float, trace: Trace | None = None
    ) -> Answer:
        """Runs input that was checked before: when it was accepted, or as another model's result. Only a blob that it
        names may be gone since."""
        value = read_json(text)
        try:
            blobs = await self._blobs.present(version.project_id, value, blob_fields(version.input_fields))
        except InvalidInput as error:
            return Answer(request_id, Reason.INVALID_INPUT, None, error.message)
        return await self.run(version, request_id, text.encode(), value, blobs, time_limit, trace)

    async def _answer(
        self, version: RunnableVersion, request_id: str, outcome: RunOutcome, trace: Trace | None
    ) -> Answer:
        if outcome.reason is not Reason.COMPLETED or outcome.result is None:
            return Answer(request_id, outcome.reason, None, outcome.error_message or outcome.reason, outcome.seconds)
        try:
            result = await self._checked_result(version, request_id, outcome.result, outcome.files, trace)
        except QuintaError as error:
            self._log(version, request_id, error.message, trace)
            return Answer(request_id, Reason.INVALID_RESULT, None, error.message, outcome.seconds)
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
        value = read_json(text)
        if version.output_type is ValueType.PLAIN:
            check_value(value, version.output_type, (), "the result")
            return text.decode()
        if not isinstance(value, dict):
            check_value(value, version.output_type, version.output_fields, "the result")
        changed = False
        for field, path in files.items():
            if field in value:
                value[field] = (await self._blobs.keep(version.project_id, path, path.name)).id
                changed = True
        check_fields(value, version.output_fields, "the result")
        if len(value) > len(version.output_fields):
            known = {field.name for field in version.output_fields}
            extra = sorted(name for name in value if name not in known)
            text_of_line = f"the result has fields that the model does not declare: {', '.join(extra)}"
            self._log(version, request_id, text_of_line, trace)
            value = {name: item for name, item in value.items() if name in known}
            changed = True
        return write_json(value) if changed else text.decode()

    def _count(self, version: RunnableVersion, input_bytes: int, answer: Answer) -> None:
        values: dict[str, float] = {"requests": 1, "input_volume": input_bytes}
        if answer.result is None:
            values["failed_requests"] = 1
        else:
            values["output_volume"] = len(answer.result)
            values["outputs"] = 1
            values["compute_seconds"] = answer.seconds
        self._meters.add(version.project_id, "model_version", version.version_id, values)

    def _log(self, version: RunnableVersion, request_id: str, text: str, trace: Trace | None) -> None:
        line = LogLine(
            project_id=version.project_id,
            time=self._clock.now(),
            text=text,
            system=True,
            model_name=version.model_name,
            version_name=version.version_name,
            request_id=request_id,
        )
        self._logs.write(line if trace is None else trace.on(line))
