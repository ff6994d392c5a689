"""Waiting for a deployment to end, within the rate budget of the key: 30 of its 100 calls a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from quinta.cli.version2.api import path
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.failures import ExitCode, Failure

T = TypeVar("T")

POLL_SECONDS = 2.0
UNREACHABLE_SECONDS = 120.0
"""A server that is started again goes on with its deployments: a wait outlives that."""

Wait = Annotated[bool, typer.Option("--wait", help="Return when it has ended; fails when it failed.")]
Timeout = Annotated[int, typer.Option(help="Longest wait, in seconds; 0 for as long as it takes.", min=0)]
DEFAULT_TIMEOUT = 1_800


class Patience:
    """Polls, at the pace that the rate budget allows, through times in which the server cannot be reached."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._answered = time.monotonic()

    def poll(self, ask: Callable[[], T]) -> T | None:
        """What ``ask`` returns, after a pause; None when there was no answer. Raises Failure (NETWORK) when there was
        none for 120 s, and every other refusal."""
        time.sleep(POLL_SECONDS)
        try:
            answer = ask()
        except Failure as failure:
            if failure.code is not ExitCode.NETWORK or time.monotonic() - self._answered > UNREACHABLE_SECONDS:
                raise
            self._desk.say(f"{failure.message}; trying again")
            return None
        self._answered = time.monotonic()
        return answer


def finish(desk: Desk, deployment: dict[str, Any], wait: bool, timeout: int) -> None:
    """Shows ``deployment``, with ``wait`` once it has ended.

    Raises Failure: GENERAL when it failed, NETWORK when it has not ended within ``timeout`` seconds.
    """
    if wait:
        desk.say(f"{deployment['id']} rolls out {deployment['version']}")
        try:
            deployment = _ended(desk, deployment, timeout)
        except KeyboardInterrupt:
            desk.say(f"{deployment['id']} goes on; see 'version2 history'")
            raise
    desk.show(deployment)
    if wait and deployment["status"] == "failed":
        raise Failure(ExitCode.GENERAL, f"{deployment['id']} failed: {reason(deployment)}")


def reason(deployment: dict[str, Any]) -> str:
    """Why a deployment failed."""
    return str(deployment.get("error") or "the server gave no reason")


def _ended(desk: Desk, deployment: dict[str, Any], timeout: int) -> dict[str, Any]:
    where = path("projects", deployment["project_id"], "deployments", deployment["id"])
    patience, start, seen = Patience(desk), time.monotonic(), None
    while True:
        if deployment["status"] != seen:
            seen = deployment["status"]
            desk.say(f"{deployment['id']} is {seen.replace('_', ' ')} after {time.monotonic() - start:.0f} s")
        if seen not in ("pending", "in_progress"):
            return deployment
        if timeout and time.monotonic() - start + POLL_SECONDS > timeout:
            raise Failure(
                ExitCode.NETWORK,
                f"{deployment['id']} is still {seen} after {timeout} s and goes on; see 'version2 history'",
            )
        deployment = patience.poll(lambda: desk.api.get(where)) or deployment
