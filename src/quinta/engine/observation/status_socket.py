"""A socket in the data folder that answers who connects with one JSON document: no key is needed, since only the
server's user can enter the folder (decision 0020)."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import structlog

FILE_NAME: Final = "status.sock"
_ANSWER_SECONDS: Final = 30.0
_CHUNK: Final = 1 << 16

logger = structlog.get_logger(__name__)


class NotListening(Exception):
    """Nobody listens at the socket, or there is none."""


class StatusSocket:
    """Serves what ``report`` answers at ``folder``/status.sock."""

    def __init__(self, folder: Path, report: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self._folder = folder
        self._report = report
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listens. A file system that has no sockets costs the status, not the server: it is logged."""
        try:
            listening = self._bind()
        except OSError as error:
            logger.warning("status.no_socket", folder=str(self._folder), error=str(error))
            return
        self._server = await asyncio.start_unix_server(self._answer, sock=listening)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            (self._folder / FILE_NAME).unlink(missing_ok=True)

    def _bind(self) -> socket.socket:
        """Takes the place of a killed server's socket: the data folder's lock says that it is nobody else's."""
        (self._folder / FILE_NAME).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        try:
            with _short_path(self._folder) as path:
                listening.bind(path)
            (self._folder / FILE_NAME).chmod(0o600)
        except OSError:
            listening.close()
            raise
        return listening

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                writer.write(json.dumps(await self._report()).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError):
            logger.info("status.not_taken")
        except Exception:
            logger.exception("status.failed")
        finally:
            writer.close()


def ask(folder: Path, patience_seconds: float) -> dict[str, Any]:
    """The document of the server on the data folder ``folder``. Blocking.

    NotListening when there is none; OSError (TimeoutError among them) and ValueError when one is there and does not
    answer as it should.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience_seconds)
        try:
            with _short_path(folder) as path:
                connection.connect(path)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
            raise NotListening from error
        pieces = []
        with suppress(ConnectionResetError):
            while piece := connection.recv(_CHUNK):
                pieces.append(piece)
    if not pieces:
        raise OSError("the server ended the connection without an answer: see its log")
    document = json.loads(b"".join(pieces))
    if not isinstance(document, dict):
        raise ValueError("the answer is no object")
    return document


@contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """A socket's path may have 107 bytes, and data folders lie deeper: the folder's descriptor stands for it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{FILE_NAME}"
    finally:
        os.close(descriptor)
