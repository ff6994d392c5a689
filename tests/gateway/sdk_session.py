"""A person's session with the real SDK, as a program: ``python -m tests.gateway.sdk_session``, in an empty folder.

It owns port 9000, which the SDK asks (contract dq0 1.2): the test starts it in a network of its own where it can.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from dq0.sdk.cli import Data, Experiment, Project, Query  # type: ignore[import-not-found]
from dq0.sdk.errors import DQ0SDKError  # type: ignore[import-not-found]

from quinta.gateway.app import create_app
from quinta.gateway.calls import LocalCall
from quinta.gateway.gateway import Gateway
from quinta.kit.clock import SystemClock
from tests.gateway.quarantine import PASSWORD, Quarantine, listening

_SIOCSIFFLAGS = 0x8914
_UP = 0x49
"""IFF_UP, IFF_LOOPBACK and IFF_RUNNING (netdevice(7))."""
_SECONDS = 240
EMAIL = "ann@example.com"


def main() -> None:
    """Fails with an AssertionError, or with what the SDK raises."""
    if "--loopback" in sys.argv:
        raise_loopback()
    server = Quarantine()
    gateway = Gateway(Path("state").resolve(), SystemClock())
    with server.served() as port, listening(lambda own: create_app(gateway, own), 9000):
        with refused("no active proxy"):
            Project(name="early")
        post(gateway, "/proxies", {"hostname": "127.0.0.1", "port": port})
        with refused("dq0 user login"):
            Project(name="early")
        credentials = {"email": EMAIL, "password": PASSWORD}
        post(gateway, "/auth/register", credentials)
        server.confirm(EMAIL)
        post(gateway, "/auth/login", credentials)
        _quickstart()


def _quickstart() -> None:
    """Contract dq0 3.7."""
    start = Path.cwd()
    made = Project(name="model_1")
    assert Path.cwd() == start / "model_1"
    project = Project.load()
    assert project.project_uuid == made.project_uuid
    sources = project.get_available_data_sources()
    assert project.get_data_info(sources[0])["data_name"] == "census"
    project.attach_data_source(sources[0])
    assert [source.name for source in Project.load().datasets] == ["census"]

    run = Experiment(project=project, name="experiment_1").run()
    assert Project.load().commit_uuid == project.commit_uuid
    run.wait_for_completion(verbose=True)
    assert run.get_results() is not None
    model = run.get_model()
    model.register()
    prediction = model.predict(np.array([["a", 2, None]], dtype=object))
    prediction.wait_for_completion()

    query = Query(project).for_data(Data("census")).execute("SELECT COUNT(*) AS n FROM a.b")
    query.wait_for_completion()
    assert query.get_results() == "n\n12\n"
    with refused("there is no /data/"):
        Data("00000000-0000-4000-8000-000000000000")
    project.detach_data_source(sources[0])
    assert Project.load().datasets == []


@contextmanager
def refused(said: str) -> Iterator[None]:
    """The SDK's own error with a text, never a KeyError (acceptance 5)."""
    try:
        yield
    except DQ0SDKError as error:
        if said not in str(error):
            raise
    else:
        raise AssertionError(f"nothing was refused with {said!r}")


def hurry() -> None:
    """The SDK looks every 5 s for as long as it takes."""
    sleep, end = time.sleep, time.monotonic() + _SECONDS

    def shorter(seconds: float) -> None:
        assert time.monotonic() < end, "the job does not end"
        sleep(min(seconds, 0.25))

    time.sleep = shorter  # type: ignore[assignment]


def post(gateway: Gateway, path: str, values: object) -> None:
    reply = gateway.answer(LocalCall("POST", path, body=json.dumps(values).encode()))
    assert not reply.failed, reply


def raise_loopback() -> None:
    """A new network has its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))


if __name__ == "__main__":
    os.umask(0o022)
    main()
