"""What every command works with. The gateway's own code answers here, in this process, from the folder that a running
gateway works with too: whoever listens on a port may be anybody, and gets no passwords from this command."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from quinta.cli.options import Output
from quinta.cli.tables import table
from quinta.cli.version2.render import cell, json_text, print_object
from quinta.gateway.calls import LocalCall
from quinta.gateway.gateway import Gateway
from quinta.gateway.metafile import read_meta
from quinta.gateway.state import LocalProject
from quinta.kit.clock import SystemClock
from quinta.settings import read_gateway_settings

OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print data.")]
FIRST_PAUSE_SECONDS = 0.05
"""A query takes a tenth of a second, a training minutes: each pause is twice the one before, up to LONGEST."""
LONGEST_PAUSE_SECONDS = 1.0
_LAST_STATES = ("finished", "error")


class Failure(Exception):
    """Ends the command with 1 after one line: what was wrong and what to do."""


class Desk:
    """One run of the command."""

    def __init__(self) -> None:
        self.gateway = Gateway(read_gateway_settings().folder, SystemClock())

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return self.call("GET", path, query=urlencode({name: value for name, value in query.items() if value}))

    def post(self, path: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.call("POST", path, values)

    def call(self, method: str, path: str, values: Mapping[str, Any] | None = None, query: str = "") -> dict[str, Any]:
        """The answer; Failure for a refusal."""
        body = b"" if values is None else json.dumps(values).encode()
        reply = self.gateway.answer(LocalCall(method, path, query, body))
        if reply.failed:
            raise Failure(reply.body["error"])
        return dict(reply.body)

    def project(self) -> str:
        """The uuid of the project in whose folder the command runs; Failure elsewhere."""
        meta = read_meta(Path())
        if meta is None:
            raise Failure("this is no project's folder (it has no .meta): run 'dq0 project create NAME', then cd NAME")
        return str(meta["project_uuid"])

    def remembered(self, uuid: str) -> LocalProject | None:
        """What the command noted of the project."""
        return self.gateway.memory.read().projects.get(uuid)

    def remember(self, uuid: str, *, job: str = "", model: str = "") -> None:
        """Notes the last job or model of a project that is on this computer."""
        with self.gateway.memory.change() as state:
            project = state.projects.get(uuid)
            if project is not None:
                project.job, project.model = job or project.job, model or project.model

    def wait(self, job: str) -> dict[str, Any]:
        """The job once it has ended; Failure when it ended with an error."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            found = self.get(path("jobs", job))
            if found["job_state"] in _LAST_STATES:
                break
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if found["job_state"] == "error":
            raise Failure(f"job {job} failed: {found.get('job_errors') or 'the server does not say why'}")
        return found


def path(*segments: str) -> str:
    """A path of the API, each segment escaped."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def show(item: Mapping[str, Any], output: Output) -> None:
    """One object."""
    if output is Output.JSON:
        typer.echo(json_text(item))
    else:
        print_object(item)


def show_list(answer: Mapping[str, Any], columns: Sequence[str], output: Output) -> None:
    """A list as it was answered, or a table of some of its columns."""
    if output is Output.JSON:
        typer.echo(json_text(answer))
        return
    headers = [column.replace("_", " ").upper() for column in columns]
    typer.echo(table(headers, [[cell(item.get(column)) for column in columns] for item in answer["items"]]))
    if (left := answer["total"] - len(answer["items"])) > 0:
        typer.echo(f"(and {left} more)", err=True)


def say(answer: Mapping[str, Any]) -> None:
    """The message of an answer."""
    typer.echo(cell(answer.get("message", "")))


def asked(question: str, given: str | None, *, hidden: bool = False, twice: bool = False) -> str:
    """``given``, or what the person types, ``twice`` for what nobody sees and nobody can look up; without a terminal,
    the next line of standard input."""
    if given is None and sys.stdin.isatty():
        again = f"{question} again" if twice else False
        given = str(typer.prompt(question, hide_input=hidden, confirmation_prompt=again, err=True))
    elif given is None:
        given = sys.stdin.readline().rstrip("\n")
    if not given.strip():
        raise Failure(f"no {question.lower()} was given")
    return given
