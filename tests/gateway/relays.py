"""A relay between a gateway and its server, as a proxy of the vendor's would be: it sees bytes, and keeps them.

It also comes in two halves with a socket in the file system between them, which programs reach from any network of the
machine.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_PIECE = 65_536
Connect = Callable[[], socket.socket]


@dataclass
class Relay:
    """What listens at ``port``, and the bytes that went over it either way, piece by piece."""

    port: int
    seen: list[bytes] = field(default_factory=list)


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """Leads connections to a port of loopback on to another one."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        made = Relay(door.getsockname()[1])
        with _passing(door, lambda: socket.create_connection(("127.0.0.1", port)), made.seen.append):
            yield made


@contextmanager
def outer_half(place: Path, port: int) -> Iterator[list[bytes]]:
    """Leads connections to the socket ``place`` on to a port of loopback; what went over them, piece by piece."""
    seen: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(place))
        door.listen(64)
        with _passing(door, lambda: socket.create_connection(("127.0.0.1", port)), seen.append):
            yield seen


@contextmanager
def inner_half(place: Path) -> Iterator[int]:
    """Leads connections to a port of loopback, which it yields, on to the socket ``place``."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as door,
        _passing(door, lambda: _connected(place), lambda _: None),
    ):
        yield door.getsockname()[1]


def _connected(place: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(place))
    return client


@contextmanager
def _passing(door: socket.socket, connect: Connect, see: Callable[[bytes], None]) -> Iterator[None]:
    """Until the end of the block; connections that there are end with it, and whoever comes later is refused."""
    ends: list[socket.socket] = []
    thread = threading.Thread(target=_accept, args=(door, connect, see, ends), daemon=True)
    thread.start()
    try:
        yield
    finally:
        door.shutdown(socket.SHUT_RDWR)  # ends the accepting, which close alone would not
        thread.join(timeout=30)
        for end in ends:
            end.close()


def _accept(door: socket.socket, connect: Connect, see: Callable[[bytes], None], ends: list[socket.socket]) -> None:
    threads = []
    while True:
        try:
            near, _ = door.accept()
        except OSError:
            break
        far = connect()
        ends += (near, far)
        for source, sink in ((near, far), (far, near)):
            threads.append(threading.Thread(target=_pass_on, args=(source, sink, see), daemon=True))
            threads[-1].start()
    for end in ends:
        with suppress(OSError):  # its other side went away
            end.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(timeout=30)


def _pass_on(source: socket.socket, sink: socket.socket, see: Callable[[bytes], None]) -> None:
    with suppress(OSError):  # one side went away
        while piece := source.recv(_PIECE):
            see(piece)
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
