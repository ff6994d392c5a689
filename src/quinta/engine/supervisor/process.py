"""The process of one instance: started, talked to, read, killed and reaped. Knows nothing of requests and queues."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol, cast

from quinta.core.reasons import Reason
from quinta.engine.sandbox.processes import kill_launcher, kill_session, look
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.launch import Prepared
from quinta.engine.supervisor.logs import LogCapture
from quinta.engine.supervisor.states import Instance
from quinta.wire.messages import MAX_ANSWER_HEADER_BYTES, Decoder, Message, WireError

RECORD: Final = "process.json"  # beside the box: what reap_leftovers needs after a kill -9 of the server

# A process whose end is seen has its last message in the socket already; whoever still holds the other end of the
# socket after this has inherited it, and is not waited for.
_LAST_WORDS_SECONDS: Final = 0.1
_KILL_SECONDS: Final = 1.0
# Between two reads of output that is only counted: 64 MB/s are read at a twentieth of a core, and the code waits.
_FLOOD_PAUSE_SECONDS: Final = 0.001
# The exit status with which shells and bubblewrap report that signal n ended their child is this plus n.
_SIGNAL_STATUS: Final = 128
_ENDS: Final = {None: Reason.EXITED, signal.SIGKILL: Reason.KILLED}  # by signal; the others are the code's own doing


class Death(NamedTuple):
    """Why a process is gone, as a reason and the end of a sentence that begins with "the instance"."""

    reason: Reason
    text: str


class Owner(Protocol):
    """Is told what the instance says."""

    def received(self, process: InstanceProcess, message: Message, payload: bytes) -> None: ...


class InstanceProcess(asyncio.Protocol):
    """One spawned instance. ``ended`` is done when the process is reaped and all its output is read."""

    def __init__(self, instance: Instance, prepared: Prepared, sandbox: Sandbox, owner: Owner) -> None:
        self.instance = instance
        self.prepared = prepared
        self.logs: LogCapture
        self._sandbox = sandbox
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Death] = self._loop.create_future()
        self._decoder = Decoder(MAX_ANSWER_HEADER_BYTES)
        self._transport: asyncio.Transport | None = None
        self._connected = True
        self._killed: Death | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._popen: subprocess.Popen[bytes]
        self._pidfd = self._log_descriptor = -1
        self.started_at = time.monotonic()

    @property
    def id(self) -> int:
        """The process id of the launcher; it stands until ``ended``."""
        return self._popen.pid

    @property
    def killed(self) -> bool:
        """Whether the server has killed it, for whatever reason."""
        return self._killed is not None

    def start(self, theirs: socket.socket, logs: Callable[[int], LogCapture]) -> None:
        """Starts the program with ``theirs`` as its end of the connection, which is closed here.

        Must run in a thread that lives as long as the server: the kernel kills the instance when that thread ends.
        Takes about a millisecond (vfork and exec of a small shell). Raises OSError when nothing can be started.
        """
        log_descriptor, write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(log_descriptor, False)
        if self.prepared.user is not None:
            os.fchown(write_end, self.prepared.user, -1)  # or it could not open its /dev/stdout
        try:
            self._popen = subprocess.Popen(
                self.prepared.command,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError:
            os.close(log_descriptor)
            raise
        finally:
            os.close(write_end)
            theirs.close()
        try:
            self._record()
            self._pidfd = os.pidfd_open(self._popen.pid)
        except OSError:  # the disk is full, or no descriptor is left
            os.close(log_descriptor)
            self._popen.kill()
            self._popen.wait()
            raise
        self._log_descriptor, self.logs = log_descriptor, logs(log_descriptor)
        self._loop.add_reader(self._pidfd, self._exited)
        self._loop.add_reader(self._log_descriptor, self._read_logs)

    async def connect(self, ours: socket.socket) -> None:
        """Takes over the server's end of the connection and sends the first message."""
        try:
            await self._loop.create_unix_connection(lambda: self, sock=ours)
        except OSError as error:
            self._connected = False
            self.kill(Reason.START_IMPOSSIBLE, f"could not be reached ({error.strerror})")
        self.send(self.prepared.first_frame)

    def set_timer(self, seconds: float, callback: Callable[..., None], *arguments: object) -> None:
        """Calls back unless the timer is cancelled: an instance waits for one thing at a time, start or stop."""
        self._timer = self._loop.call_later(seconds, callback, *arguments)

    def cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def send(self, frame: bytes) -> None:
        """Sends a frame; to an instance that is ending it is lost, and ``ended`` will tell."""
        if self._transport is not None:
            self._transport.write(frame)

    def kill(self, reason: Reason, text: str) -> None:
        """Kills all processes of the instance. The first reason given is the one that is reported."""
        if self._killed is None:
            self._killed = Death(reason, text)
        if self._popen.returncode is not None:
            return
        if self._sandbox.bwrap is None:
            kill_session(self._popen.pid, self.instance.id)
        else:
            kill_launcher(self._popen.pid)
            self._loop.call_later(_KILL_SECONDS, self._kill_launcher_itself)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message, payload in self._decoder.feed(data):
                if self._killed is None:
                    self._owner.received(self, message, payload)
        except WireError as error:
            self.breach(str(error))

    def breach(self, what: str) -> None:
        """Kills an instance that says what it may not say."""
        self.kill(Reason.PROTOCOL_BROKEN, f"was killed because it broke the protocol: {what}")
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self._connected = None, False
        if self._popen.returncode is None:
            text = "closed its connection to the server"
            self._loop.call_later(_KILL_SECONDS, self.kill, Reason.CONNECTION_CLOSED, text)
        else:
            self._finish()

    def _read_logs(self) -> None:
        more = self.logs.read()
        if not more or self.logs.flooded:
            self._loop.remove_reader(self._log_descriptor)
        if more and self.logs.flooded:
            self._loop.call_later(_FLOOD_PAUSE_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if not self.ended.done():
            self._loop.add_reader(self._log_descriptor, self._read_logs)

    def _exited(self) -> None:
        if self._sandbox.bwrap is None:  # while its id still stands: what it has started does not end with it
            kill_session(self._popen.pid, self.instance.id)
        self._popen.wait()  # returns at once: the descriptor of the process says that it has ended
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self._connected:
            self._loop.call_later(_LAST_WORDS_SECONDS, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        if self.ended.done():
            return
        if self._transport is not None:
            self._transport.abort()
        self._loop.remove_reader(self._log_descriptor)
        self.logs.drain()
        self.ended.set_result(self._death())

    def _death(self) -> Death:
        if self._killed is not None:
            return self._killed
        cgroup = self.prepared.cgroup
        if cgroup is not None and cgroup.out_of_memory_kills():
            memory = self.instance.version.memory_megabytes
            return Death(Reason.MEMORY, f"needed more memory than its {memory} MB and was killed")
        status = self._popen.returncode
        return Death(_ENDS.get(signal_of(status), Reason.KILLED_BY_SIGNAL), f"ended with {describe_status(status)}")

    def _kill_launcher_itself(self) -> None:
        if self._popen.returncode is None:
            os.kill(self._popen.pid, signal.SIGKILL)

    def _record(self) -> None:
        process = look(self._popen.pid)
        record = {"process": self._popen.pid, "start_time": process.start_time if process else 0}
        (self.prepared.folder / RECORD).write_text(json.dumps(record))


def signal_of(status: int) -> signal.Signals | None:
    """The signal that an exit status tells of: one of our own child (negative), or one that a shell or bubblewrap
    passes on."""
    with contextlib.suppress(ValueError):
        return signal.Signals(-status if status < 0 else status - _SIGNAL_STATUS)
    return None


def describe_status(status: int) -> str:
    """An exit status in words."""
    number = signal_of(status)
    return f"exit code {status}" if number is None else f"signal {number.value} ({number.name})"
