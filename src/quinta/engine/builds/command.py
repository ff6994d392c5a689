"""Runs one program of a build in the sandbox: its output line by line, and the end of its whole process tree."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from quinta.engine.sandbox.cgroups import BUILDS, Cgroup
from quinta.engine.sandbox.processes import MARKER, kill_launcher, kill_session
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.kit.ids import new_id

_CHUNK_BYTES: Final = 1 << 16
_LINE_CHARACTERS: Final = 4_000
_OUTPUT_CHARACTERS: Final = 4 << 20
_DRAIN_SECONDS: Final = 5.0
"""How long output is awaited after the program itself has ended: a child it left behind may hold the pipe."""
_NICE: Final = "10"  # instances that serve requests come first
_GROUP_ATTEMPTS: Final = 40
_GROUP_PAUSE_SECONDS: Final = 0.05

# Variables with passwords come from a file: command lines can be read by every user of the machine.
_WITH_VARIABLES: Final = ("/bin/sh", "-c", '. "$1"; shift; exec "$@"', "quinta-build")
_ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Step:
    """One program to run. Paths are seen inside the sandbox where they are on the host, so that links, ``pyvenv.cfg``
    and scripts hold in both. ``variables`` is a shell script that is read before the program starts."""

    argv: Sequence[str]
    folder: Path
    read_only: Sequence[Path]
    writable: Sequence[Path]
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    variables: Path | None = None


@dataclass(frozen=True, slots=True)
class StepRunner:
    """Runs steps in ``sandbox``, each with at most ``memory_megabytes`` (2**20 bytes) and ``processes`` where the
    machine has cgroups."""

    sandbox: Sandbox
    memory_megabytes: int
    processes: int

    async def run(self, step: Step, on_line: Callable[[str], None]) -> int:
        """Runs ``step`` and returns its exit code, negative for a signal; nothing it started is left then.

        Standard output and error go to ``on_line`` in the order they come, a long line in pieces of 4,000 characters,
        at most 4 MiB. When the awaiting task is cancelled, a time limit among the reasons, the process tree is killed
        first. Raises OSError when the program cannot be started.
        """
        name = new_id()
        group = self._group(name)
        try:
            code = await self._run(self._command(step, name, group), name, on_line)
            if group and group.out_of_memory_kills():
                on_line(f"The build was over its memory of {self.memory_megabytes} MB and parts of it were killed.")
            return code
        finally:
            if group:
                await _remove(group)

    def _group(self, name: str) -> Cgroup | None:
        if self.sandbox.cgroups is None:
            return None
        return self.sandbox.cgroups.create(
            f"build-{name}", BUILDS, memory_bytes=self.memory_megabytes << 20, processes=self.processes
        )

    def _command(self, step: Step, name: str, group: Cgroup | None) -> list[str]:
        environment = {**_ENVIRONMENT, **step.environment}
        if self.sandbox.bwrap is None:
            environment[MARKER] = name
        with_variables = [*_WITH_VARIABLES, str(step.variables)] if step.variables else []
        return self.sandbox.command(
            ["nice", "-n", _NICE, *with_variables, *step.argv],
            read_only={path: str(path) for path in step.read_only},
            writable={path: str(path) for path in step.writable},
            network=step.network,
            environment=environment,
            workdir=str(step.folder),
            cgroup=group,
        )

    async def _run(self, command: list[str], name: str, on_line: Callable[[str], None]) -> int:
        process = await self._start(command, name)
        assert process.stdout is not None
        lines = _Lines(on_line)
        reading = asyncio.ensure_future(_read(process.stdout, lines))
        try:
            return await process.wait()
        finally:
            await self._end(process, name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reading, _DRAIN_SECONDS)
            lines.close()

    async def _start(self, command: list[str], name: str) -> asyncio.subprocess.Process:
        """When this is cancelled it still waits for the start, then ends the whole tree: asyncio would kill the program
        alone, which may have children before the event loop has seen it start."""
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={},  # what the launcher gets would be visible inside as /proc/1/environ
                start_new_session=True,
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):  # it could not be started: nothing to end
                await self._end(await starting, name)
            raise

    async def _end(self, process: asyncio.subprocess.Process, name: str) -> None:
        if self.sandbox.bwrap is None:
            kill_session(process.pid, name)
        elif process.returncode is None:
            kill_launcher(process.pid)
        await process.wait()


async def _remove(group: Cgroup) -> None:
    for _ in range(_GROUP_ATTEMPTS):  # a killed process takes a moment to leave its group
        group.kill()
        if group.remove():
            return
        await asyncio.sleep(_GROUP_PAUSE_SECONDS)


async def _read(stream: asyncio.StreamReader, lines: _Lines) -> None:
    while data := await stream.read(_CHUNK_BYTES):
        lines.feed(data)


class _Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._left = _OUTPUT_CHARACTERS
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        for line in whole:
            self._emit(line)
        while len(self._rest) > _LINE_CHARACTERS:
            self._emit(self._rest[:_LINE_CHARACTERS])
            self._rest = self._rest[_LINE_CHARACTERS:]

    def close(self) -> None:
        self._emit(self._rest + self._decoder.decode(b"", final=True))
        self._rest = ""
        if self._dropped:
            self._on_line(f"({self._dropped:,} more lines were dropped)")

    def _emit(self, line: str) -> None:
        line = line.rstrip()
        for start in range(0, len(line), _LINE_CHARACTERS):
            piece = line[start : start + _LINE_CHARACTERS]
            self._left -= len(piece)
            if self._left >= 0:
                self._on_line(piece)
            else:
                self._dropped += 1
