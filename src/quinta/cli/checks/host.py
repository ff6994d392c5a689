"""The machine: user, open files, clock, time zones, port."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import quinta
from quinta.cli.checks.finding import Finding, failure, ok, warning

_ROOT: Final = 0
_WANTED_FILES: Final = 8_192
"""5,000 connections, three descriptors for each of 500 instances, files and the database."""


def check_user() -> Finding:
    if os.geteuid() != _ROOT:
        return ok("user", f"the server would run as user {os.geteuid()}, not as root")
    return warning(
        "user",
        "the server would run as root: a fault in it, or a gap in the sandbox, would lay open the whole machine",
        "make a user for the server and run it, and this command, as that user",
    )


def check_open_files() -> Finding:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit == resource.RLIM_INFINITY or limit >= _WANTED_FILES:
        return ok("open files", f"{'any number of' if limit == resource.RLIM_INFINITY else limit} files may be open")
    return warning(
        "open files",
        f"only {limit} files may be open at a time: that many connections and instances together are refused",
        f"raise the hard limit to {_WANTED_FILES} or more (LimitNOFILE= in a systemd unit, nofile in limits.conf)",
    )


def check_clock() -> Finding:
    """Our own files are in the past wherever the clock is right."""
    newest = max(file.stat().st_mtime for file in Path(quinta.__file__).parent.rglob("*.py"))
    now = datetime.now(UTC)
    if now.timestamp() >= newest:
        return ok("clock", f"it is {now:%Y-%m-%d %H:%M:%S} UTC")
    return failure(
        "clock",
        f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC, which is before Quinta was installed",
        "set the clock and keep it right (chrony, systemd-timesyncd): tokens, schedules and leases go by it",
    )


def check_time_zones() -> Finding:
    try:
        ZoneInfo("Europe/Amsterdam")
    except ZoneInfoNotFoundError:
        return warning(
            "time zones", "there is no time zone data: models that ask for one fail", "install the package tzdata"
        )
    return ok("time zones", "time zone data is there")


def check_port(host: str, port: int, server: Mapping[str, Any] | None) -> Finding:
    """``server`` is what the server that runs on the data folder says of itself; None when there is none."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        if server is not None and str(server["address"]).endswith(f":{port}"):
            return ok("port", f"{host}:{port} is taken by the server on this data folder")
        return failure(
            "port",
            f"a server cannot listen on {host}:{port}: {error.strerror}",
            "choose another with --port, or stop what listens there",
        )
    return ok("port", f"{host}:{port} is free")
