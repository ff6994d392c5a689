"""The gateway's operations: those of this computer, and all others, which go on to the server (contract dq0 2.3)."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from quinta.gateway.calls import GatewayFailure, LocalCall, Reply
from quinta.gateway.desk import Desk
from quinta.gateway.predictions import Predictions
from quinta.gateway.projects import Projects
from quinta.gateway.proxies import Proxies
from quinta.gateway.sessions import Sessions
from quinta.gateway.state import StateFolder
from quinta.kit.clock import Clock

API_VERSION = "1.0"
"""Of the reference (contract dq0 9.27)."""
_LOCAL = re.compile("/(device|proxies)(/.*)?")
"""Of which the server knows nothing."""
_Operation = Callable[..., Reply]


class Gateway:
    """One person's, with its memory in ``folder``. ``answer`` may be called by several threads at once."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.memory = StateFolder(folder)
        self._desk = Desk(self.memory, clock)
        self._operations = _operations(self._desk)

    def answer(self, call: LocalCall) -> Reply:
        """What the operation gives; every failure has an ``error`` (contract dq0 1.5)."""
        try:
            for method, pattern, operation in self._operations:
                if method == call.method and (found := pattern.fullmatch(call.path)) is not None:
                    return operation(call, *found.groups())
            if _LOCAL.fullmatch(call.path):
                raise GatewayFailure(404, f"there is no operation {call.method} {call.path[:200]}")
            return self._desk.forward(call)
        except GatewayFailure as failure:
            return Reply(failure.status, {"error": failure.message})


def _operations(desk: Desk) -> list[tuple[str, re.Pattern[str], _Operation]]:
    """What is done here; ``{}`` stands for one segment. The first that fits counts: words before parameters."""
    proxies, sessions, projects = Proxies(desk), Sessions(desk), Projects(desk)
    table: list[tuple[str, str, _Operation]] = [
        ("GET", "/device/version", _version),
        ("GET", "/proxies", proxies.find),
        ("POST", "/proxies", proxies.add),
        ("GET", "/proxies/current", proxies.current),
        ("GET", "/proxies/{}", proxies.get),
        ("DELETE", "/proxies/{}", proxies.remove),
        ("POST", "/proxies/{}/activate", proxies.activate),
        *(
            (method, f"/{noun}/{verb}", operation)
            for noun in ("auth", "users")
            for method, verb, operation in (
                ("POST", "register", sessions.register),
                ("POST", "login", sessions.login),
                ("POST", "logout", sessions.logout),
                ("GET", "session", sessions.session),
            )
        ),
        ("POST", "/projects", projects.create),
        ("DELETE", "/projects/{}", projects.unlink),
        ("POST", "/projects/{}/deploy", projects.deploy),
        ("POST", "/projects/{}/attach", projects.attach),
        ("POST", "/projects/{}/detach", projects.detach),
        ("POST", "/projects/{}/set-experiment-name", projects.set_experiment_name),
        ("POST", "/commits/{}/content", projects.commit_content),
        ("POST", "/models/{}/predict", Predictions(desk).predict),
    ]
    return [(method, re.compile(path.replace("{}", "([^/]+)")), operation) for method, path, operation in table]


def _version(_: LocalCall) -> Reply:
    machine = platform.uname()
    built = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)  # when it was put on this computer
    return Reply(
        200,
        {
            "api_version": API_VERSION,
            "cli_version": version("quinta"),
            "architecture": machine.machine,
            "os": machine.system.lower(),
            "built": f"{built:%Y-%m-%dT%H:%M:%SZ}",
        },
    )
