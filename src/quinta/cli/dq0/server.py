"""``dq0 server``: the local API server that the SDK speaks with (contract dq0 2.1)."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import sys
from typing import Annotated

import structlog
import typer
import uvicorn

from quinta.cli.connections import patient
from quinta.cli.dq0.desk import Desk, Failure
from quinta.cli.early import leave
from quinta.gateway.app import PREFIX, create_app

_PATIENCE_SECONDS = 30.0
_SHUTDOWN_SECONDS = 15

app = typer.Typer(help="The local API server for the SDK and other programs of yours.", no_args_is_help=True)


@app.callback()
def server() -> None:
    """The local API server for the SDK and other programs of yours."""


@app.command()
def start(
    hostname: Annotated[str, typer.Option(help="Address to listen on; loopback only.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port; the SDK asks at 9000. 0 takes a free one.", min=0, max=65_535)
    ] = 9000,
) -> None:
    """Start the server; it runs until it is told to stop."""
    address = _loopback(hostname)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        listening = socket.create_server((str(address), port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Failure(f"cannot listen on {hostname}:{port}: {reason}; does a gateway run already?") from None
    port = listening.getsockname()[1]
    desk = Desk()
    desk.gateway.memory.read()  # says now if its folder cannot be used
    _log_to_stderr()
    config = uvicorn.Config(
        create_app(desk.gateway, port),
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        http=patient(_PATIENCE_SECONDS),
        ws="none",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    signal.signal(signal.SIGTERM, leave)  # uvicorn raises the signal again once everything is closed
    host = f"[{address}]" if address.version == 6 else address
    typer.echo(f"The gateway is ready at http://{host}:{port}{PREFIX}/")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listening])


def _loopback(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Failure for every other address: the API asks for no credential (contract dq0 2.3)."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if hostname == "localhost" else hostname)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise Failure(f"the gateway listens on this computer only: 127.0.0.1, localhost or ::1, not {hostname!r}")
    return address


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
