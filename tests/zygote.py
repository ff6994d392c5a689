"""A process that has loaded ``quinta serve`` and forks a server each time it is asked to.

    python -m tests.zygote DESCRIPTOR

To load the server takes 2 s of a core, and the suite starts it some hundred times: here each worker of the suite pays
that once. After the fork the code is the one of ``python -m quinta``, with the same words. Loading must leave nothing
behind that one server could share with the next: one thread and no open file, or this process ends before the first.

DESCRIPTOR is this end of a Unix socket. A message on it is a ``Start`` as JSON, with two descriptors: where the server
writes its output, and where this process writes the server's process id and, once it has ended, its exit code (negative
for a signal), each as a line. Only when that is closed at the other end is the server reaped: until its end was seen,
nobody else has its process id. When the control socket closes, the servers that still run are ended.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module, reload

_MESSAGE_BYTES = 200_000
_LIMITS = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})


@dataclass(frozen=True)
class Start:
    """What a new process has from the one that starts it. ``limits``: soft and hard ones by resource."""

    words: list[str]
    environment: dict[str, str]
    folder: str
    limits: list[tuple[int, tuple[int, int]]]

    @classmethod
    def here(cls, words: list[str], environment: dict[str, str]) -> Start:
        """As this process would start it."""
        return cls(words, environment, os.getcwd(), [(limit, resource.getrlimit(limit)) for limit in _LIMITS])

    @classmethod
    def of(cls, message: bytes) -> Start:
        return cls(**json.loads(message))

    def message(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def take(self, output: int) -> None:
        """Makes this process, just forked, what a fresh one would be."""
        os.dup2(output, 1)
        os.dup2(output, 2)
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2:
                with suppress(OSError):  # the listing's own
                    os.close(int(name))
        for limit, wanted in self.limits:
            if resource.getrlimit(limit) != tuple(wanted):
                resource.setrlimit(limit, tuple(wanted))
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.argv = ["quinta", *self.words]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        reload(import_module("quinta.cli.early"))  # looks at the words


class Zygote:
    """Forks on request and tells how each server ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._running: dict[int, tuple[int, int]] = {}  # by the descriptor of the process
        self._ended: dict[int, int] = {}  # process ids by the descriptor where the end was told

    def run(self) -> Start | None:
        """In the process that stays: None, at the end. In each server: what it starts with, its output in place."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._running:
                    self._tell_end(descriptor)
                    continue
                if descriptor in self._ended:
                    self._reap(descriptor)
                    continue
                message, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, 2)
                if not message:
                    self._end_servers()
                    return None
                start = Start.of(message)
                if self._fork(*descriptors) == 0:
                    self._control.detach()
                    start.take(descriptors[0])
                    return start

    def _fork(self, output: int, reply: int) -> int:
        process_id = os.fork()
        if process_id:
            os.close(output)
            ended = os.pidfd_open(process_id)
            self._running[ended] = (process_id, reply)
            self._poll.register(ended, select.POLLIN)
            os.write(reply, b"%d\n" % process_id)
        return process_id

    def _tell_end(self, ended: int) -> None:
        process_id, reply = self._running.pop(ended)
        end = os.waitid(os.P_PIDFD, ended, os.WEXITED | os.WNOWAIT)
        assert end is not None
        self._poll.unregister(ended)
        os.close(ended)
        with suppress(BrokenPipeError):  # a test that failed waits for nothing
            os.write(reply, b"%d\n" % (end.si_status if end.si_code == os.CLD_EXITED else -end.si_status))
        self._ended[reply] = process_id
        self._poll.register(reply, 0)  # its hang-up is told all the same

    def _reap(self, reply: int) -> None:
        self._poll.unregister(reply)
        os.close(reply)
        os.waitpid(self._ended.pop(reply), 0)

    def _end_servers(self) -> None:
        for process_id, _ in self._running.values():
            os.kill(process_id, signal.SIGTERM)


def main(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, who end this one
    import_module("quinta.cli.quinta")
    import_module("quinta.cli.serve")
    threads, files = os.listdir("/proc/self/task"), set(os.listdir("/proc/self/fd"))
    open_files = {name for name in files if os.path.exists(f"/proc/self/fd/{name}")}  # listing them opened one
    if len(threads) != 1 or open_files != {"0", "1", "2", str(descriptor)}:
        sys.exit(f"loading the server has left threads {threads} or files {sorted(open_files)}: it cannot be forked")
    start = Zygote(socket.socket(fileno=descriptor)).run()
    if start is not None:
        runpy.run_module("quinta", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
