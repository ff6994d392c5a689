"""``quinta serve``: the ASGI application of all faces, and the process around it."""

from __future__ import annotations

import logging
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvicorn

from quinta.cli.connections import patient
from quinta.cli.early import leave
from quinta.cli.measurements import measurements_page
from quinta.cli.options import DEFAULT_DATA, DataFolder
from quinta.dialects.brainstem.app import PAGES, PREFIXES, SIGN_IN
from quinta.dialects.brainstem.app import create_app as create_brainstem
from quinta.dialects.brainstem.app import create_pages as create_brainstem_pages
from quinta.dialects.brainstem.app import create_sign_in as create_brainstem_sign_in
from quinta.dialects.dq0.app import PREFIX as DQ0
from quinta.dialects.dq0.app import create_app as create_dq0
from quinta.dialects.mlflow.app import PREFIX as MLFLOW
from quinta.dialects.mlflow.app import create_app as create_mlflow
from quinta.dialects.ubiops.app import PREFIX as UBIOPS
from quinta.dialects.ubiops.app import create_app as create_ubiops
from quinta.dialects.vbrain.app import PREFIX as VBRAIN
from quinta.dialects.vbrain.app import create_app as create_vbrain
from quinta.dialects.versiontwo.app import PREFIX as VERSIONTWO
from quinta.dialects.versiontwo.app import create_app as create_versiontwo
from quinta.dialects.versiontwo.app import create_other_versions, is_other_version
from quinta.engine.data_folder import StartRefused
from quinta.kit.clock import Clock
from quinta.server import Server
from quinta.settings import SettingsError, read_settings
from quinta.storage.errors import UrlRefused

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]

_SHUTDOWN_SECONDS = 15
_OPEN_FILES = 65_536

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65_535)] = 8000,
    data: DataFolder = DEFAULT_DATA,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Refuse to start when a protection for user code is missing.")
    ] = False,
) -> None:
    """Start the server; it is ready when GET /health answers 200."""
    serve_forever(data, host, port, require_sandbox=require_sandbox)


class Application:
    """Routes by the beginning of the path to the faces; answers /health and /metrics itself."""

    def __init__(self, server: Server, on_ready: Callable[[], None]) -> None:
        self._server = server
        self._on_ready = on_ready
        self._faces = _faces(server)
        self._other_versions = create_other_versions()
        self.refusal: str | None = None

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = "/" + scope["path"].lstrip("/")
        for prefix, face in self._faces.items():
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                await face({**scope, "path": path[len(prefix) :] or "/", "root_path": prefix}, receive, send)
                return
        if path in ("/health", "/health/"):
            status, text = (200, b'{"status":"ok"}') if self._server.ready else (503, b'{"status":"starting"}')
            await _answer(send, status, b"application/json", text)
        elif path in ("/metrics", "/metrics/"):
            services = self._server.services
            headers = dict(scope["headers"])
            page = measurements_page(headers, self._server.measurements, services.authenticator, services.refusals)
            await _answer(send, *await page)
        elif is_other_version(path):
            await self._other_versions({**scope, "path": path}, receive, send)
        else:
            await _answer(send, 404, b"application/json", b'{"error":"nothing is served at this path"}')

    async def _live(self, receive: _Receive, send: _Send) -> None:
        await receive()
        try:
            await self._server.start()
        except StartRefused as refusal:
            self.refusal = str(refusal)
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # our one line says it better
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        await send({"type": "lifespan.startup.complete"})
        self._on_ready()
        await receive()
        await self._server.close()
        await send({"type": "lifespan.shutdown.complete"})


def _faces(server: Server) -> dict[str, _App]:
    """The faces by their prefixes; one that begins with another's stands before it."""
    settings = server.settings
    ubiops: _App = create_ubiops(
        server.services,
        staging=server.staging,
        maximum_upload_bytes=settings.maximum_upload_bytes,
        maximum_body_bytes=settings.maximum_body_bytes,
    )
    vbrain: _App = create_vbrain(
        server.services,
        staging=server.staging,
        maximum_upload_bytes=settings.maximum_upload_bytes,
        maximum_body_bytes=settings.maximum_body_bytes,
        zone=settings.time_zone,
    )
    brainstem: _App = create_brainstem(server.services, maximum_body_bytes=settings.maximum_body_bytes)
    sign_in: _App = create_brainstem_sign_in(server.services, maximum_body_bytes=settings.maximum_body_bytes)
    pages: _App = create_brainstem_pages(server.services, maximum_body_bytes=settings.maximum_body_bytes)
    versiontwo: _App = create_versiontwo(
        server.services, clock=server.clock, maximum_body_bytes=settings.maximum_body_bytes
    )
    dq0: _App = create_dq0(
        server.services,
        clock=server.clock,
        staging=server.staging,
        maximum_upload_bytes=settings.maximum_upload_bytes,
        maximum_body_bytes=settings.maximum_body_bytes,
    )
    mlflow: _App = create_mlflow(
        server.services,
        staging=server.staging,
        maximum_upload_bytes=settings.maximum_upload_bytes,
        maximum_body_bytes=settings.maximum_body_bytes,
    )
    return {
        UBIOPS: ubiops,
        VBRAIN: vbrain,
        **dict.fromkeys(PREFIXES, brainstem),
        SIGN_IN: sign_in,
        PAGES: pages,
        VERSIONTWO: versiontwo,
        DQ0: dq0,
        MLFLOW: mlflow,
    }


async def _answer(send: _Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve_forever(data: Path, host: str, port: int, *, require_sandbox: bool, clock: Clock | None = None) -> None:
    """Serves until the process is told to stop. Exits with 1 and one clear line when it cannot start.

    ``clock``: another one than the machine's."""
    _log_to_stderr()
    try:
        server = Server(read_settings(data, require_sandbox=require_sandbox), typer.echo, clock)
    except (SettingsError, UrlRefused, StartRefused) as error:
        raise _refused(str(error)) from None
    try:
        listening = socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise _refused(f"cannot listen on {host}:{port}: {error.strerror}") from None
    address = f"http://{host}:{listening.getsockname()[1]}"
    server.address = address
    application = Application(server, lambda: typer.echo(f"Quinta is ready at {address}"))
    config = uvicorn.Config(
        application,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        http=patient(server.settings.slow_caller_seconds),
        ws="none",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    _allow_open_files()
    signal.signal(signal.SIGTERM, leave)  # uvicorn raises the signal again once everything is closed
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        if application.refusal is not None:
            raise _refused(application.refusal)


def _allow_open_files() -> None:
    """Every connection is one, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _refused(message: str) -> typer.Exit:
    typer.echo(f"quinta: {message}", err=True)
    return typer.Exit(1)


def _log_to_stderr() -> None:
    """The server's own log: warnings and above of libraries, everything of ours, one line each, without colour."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
