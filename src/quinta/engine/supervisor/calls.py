"""One call of ``run``, and the files that go with it: inputs are made ready before an instance is taken for them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from quinta.core.reasons import Reason
from quinta.core.requests.outcome import RunOutcome, RunRequest
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.supervisor.folders import ExchangeError, move_in, read_file, safe_name, take_file
from quinta.engine.supervisor.states import Ticket
from quinta.wire.messages import MAX_PAYLOAD_BYTES, MAX_PAYLOAD_IN_FRAME, Done

_DATA_FILE: Final = "data.json"


class Call(Ticket):
    """A request on its way. ``number`` stands for it on the wire; ``folder`` holds its staged inputs, if it has any.
    ``accepted`` and ``assigned`` are monotonic seconds."""

    __slots__ = (
        "accepted",
        "answered",
        "assigned",
        "blobs",
        "folder",
        "future",
        "number",
        "request",
        "timer",
        "used_exchange",
    )

    def __init__(self, number: int, request: RunRequest, future: asyncio.Future[RunOutcome], accepted: float) -> None:
        super().__init__(request.timeout, batch=request.batch, size=len(request.data))
        self.number = number
        self.request = request
        self.future = future
        self.accepted = accepted
        self.assigned = accepted
        self.timer: asyncio.TimerHandle | None = None
        self.folder: Path | None = None
        self.blobs: dict[str, str] = {}
        self.answered = False
        self.used_exchange = False

    def awaits(self, number: int) -> bool:
        """Whether an answer with this number is the one that has to come."""
        return number == self.number and not self.answered

    def resolve(self, outcome: RunOutcome) -> None:
        """Answers the caller, unless it has gone away."""
        if self.timer is not None:
            self.timer.cancel()
        if not self.future.done():
            self.future.set_result(outcome)


class FileTransfer:
    """Moves inputs and results that are too large for a frame, and files, between ``staging`` and an instance's box."""

    def __init__(self, staging: Path, maximum_file_bytes: int) -> None:
        self._staging = staging
        self._maximum_file_bytes = maximum_file_bytes
        self._handed_over: list[Path] = []

    def needed(self, request: RunRequest) -> bool:
        """Whether the request's input does not fit into one frame."""
        return bool(request.blobs) or len(request.data) > MAX_PAYLOAD_IN_FRAME

    async def stage(self, call: Call) -> RunOutcome | None:
        """Fetches the call's files and writes a large input to disk. None, or the outcome if the time-out passed.
        What ``fetch`` raises is passed on."""
        call.folder = self._staging / f"in-{call.number}"
        try:
            async with asyncio.timeout(call.request.timeout):
                await self._fill(call, call.folder)
        except TimeoutError:
            await self.discard(call)
            text = f"timed out after {call.timeout:g} s: the input's files were still being fetched"
            return RunOutcome(Reason.INPUT_TIMEOUT, error_message=text)
        except BaseException:
            await self.discard(call)
            raise
        return None

    def hand_in(self, call: Call, box: Path) -> tuple[str, dict[str, str]]:
        """Moves what was staged into the box. Returns the data file ("" when the data fits into the frame) and the
        files by input field, as paths below the exchange folder."""
        assert call.folder is not None
        move_in(call.folder, box, str(call.number))
        call.folder, call.used_exchange = None, True
        blobs = {field: f"{call.number}/{path}" for field, path in call.blobs.items()}
        return f"{call.number}/{_DATA_FILE}" if _is_large(call.request) else "", blobs

    async def collect(self, call: Call, box: Path, message: Done, fields: list[str], payload: bytes) -> RunOutcome:
        """Takes a large result and output files out of the box. Raises ExchangeError for what the code may not hand
        over. The files lie in a folder of their own, so that they keep their names."""
        number = str(call.number)
        if message.result_file:
            result = ("exchange", number, message.result_file)
            payload = await asyncio.to_thread(read_file, box, result, MAX_PAYLOAD_BYTES)
        files: dict[str, Path] = {}
        folder = self._staging / f"out-{number}"
        try:
            for field, name in message.files.items():
                if field not in fields:
                    raise ExchangeError(f"a file was handed over for {field!r}, which is no output field of type blob")
                position = str(fields.index(field))
                target = folder / position / safe_name(name)
                target.parent.mkdir(parents=True)
                parts = ("exchange", number, "out", position, name)
                await asyncio.to_thread(take_file, box, parts, target, self._maximum_file_bytes)
                files[field] = target
        except BaseException:
            await asyncio.to_thread(remove_tree, folder)
            raise
        self._handed_over += [*(file.parent for file in files.values()), *([folder] if files else [])]
        return RunOutcome(Reason.COMPLETED, result=payload, files=files)

    async def drop(self, outcome: RunOutcome) -> None:
        """Removes the files of an outcome that nobody takes."""
        for file in outcome.files.values():
            await asyncio.to_thread(file.unlink, True)

    async def discard(self, call: Call) -> None:
        """Removes staged inputs that no instance has taken."""
        if call.folder is not None:
            await asyncio.to_thread(remove_tree, call.folder)
            call.folder = None

    def tidy(self) -> None:
        """Removes output folders that whoever received the files has emptied."""
        left = []
        for folder in self._handed_over:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                left.append(folder)
        self._handed_over = left

    def clear(self) -> None:
        """Empties the staging folder: what an earlier server left there belongs to nobody. Blocking."""
        for folder in self._staging.iterdir():
            remove_tree(folder)

    async def _fill(self, call: Call, folder: Path) -> None:
        await asyncio.to_thread(folder.mkdir)
        if _is_large(call.request):
            await asyncio.to_thread((folder / _DATA_FILE).write_bytes, call.request.data)
        for blob in call.request.blobs:
            path = os.path.join("in", safe_name(blob.blob_id), safe_name(blob.file_name))
            if path not in call.blobs.values():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                await blob.fetch(folder / path)
            call.blobs[blob.field] = path


def _is_large(request: RunRequest) -> bool:
    return len(request.data) > MAX_PAYLOAD_IN_FRAME
