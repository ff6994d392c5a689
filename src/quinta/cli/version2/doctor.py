"""``version2 doctor``: looks whether this command can work, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated

import typer

from quinta.cli.version2 import render
from quinta.cli.version2.api import is_loopback, path
from quinta.cli.version2.auth import CHECK
from quinta.cli.version2.desk import Desk, others_may_read
from quinta.cli.version2.documents import SECRET_MODE
from quinta.cli.version2.failures import ExitCode, Failure
from quinta.cli.version2.settings import Output, Scope
from quinta.cli.version2.validation import problems
from quinta.cli.version2.words import word

MOST_SKEW_SECONDS = 60.0
"""A wrong clock shifts what 'logs --since 10m' shows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``level`` is ok, warning or failure; ``code`` what the command would end with."""

    level: str
    check: str
    said: str
    code: int = ExitCode.OK


def doctor(
    desk: Desk, fix: Annotated[bool, typer.Option("--fix", help="Repair what can be repaired.")] = False
) -> None:
    """Check files, server, key and project, and say what to do.

    The exit code is that of the first failure, else 0."""
    findings = [finding for check in (_files, _server, _key, _project) for finding in _looked(desk, check, fix)]
    if desk.output is Output.TABLE:
        render.print_table(("level", "check", "said"), [asdict(finding) for finding in findings])
    else:
        render.print_value({"findings": [asdict(finding) for finding in findings]}, desk.output)
    failed = next((finding for finding in findings if finding.level == "failure"), None)
    if failed is not None:
        raise Failure(ExitCode(failed.code), f"{failed.check}: {failed.said}")


Check = Callable[[Desk, bool], Iterator[Finding]]


def _looked(desk: Desk, check: Check, fix: bool) -> Iterator[Finding]:
    try:
        yield from check(desk, fix)
    except Failure as failure:
        yield Finding("failure", check.__name__.removeprefix("_"), failure.message, failure.code)


def _files(desk: Desk, fix: bool) -> Iterator[Finding]:
    for scope in Scope:
        if scope is Scope.GLOBAL and fix:
            yield from _mode_set(desk)
        wrong = problems(desk, scope)
        for line in wrong:
            yield Finding("failure", f"{scope.value} file", line, ExitCode.CONFIGURATION)
        if not wrong:
            yield Finding("ok", f"{scope.value} file", str(desk.files[scope].source or "not there"))


def _mode_set(desk: Desk) -> Iterator[Finding]:
    source = desk.files[Scope.GLOBAL].source
    if source is not None and others_may_read(source):
        source.chmod(SECRET_MODE)
        yield Finding("ok", "global file", f"{source} can be read by nobody else from now on")


def _server(desk: Desk, _fix: bool) -> Iterator[Finding]:
    api = desk.api_with(None)
    answer = api.health()
    yield Finding("ok", "server", f"{api.endpoint} answers")
    if api.endpoint.startswith("http:") and not is_loopback(api.endpoint):
        yield Finding("warning", "server", "the key goes over the network unencrypted; use https")
    if answer.headers.get("Date"):
        skew = (datetime.now(UTC) - parsedate_to_datetime(answer.headers["Date"])).total_seconds()
        if abs(skew) > MOST_SKEW_SECONDS:
            how = "ahead of" if skew > 0 else "behind"
            yield Finding("warning", "clock", f"this machine is {abs(skew):.0f} s {how} the server")


def _key(desk: Desk, _fix: bool) -> Iterator[Finding]:
    answer = desk.api.call("GET", "/projects", query=CHECK)
    left, limit = answer.headers.get("X-RateLimit-Remaining"), answer.headers.get("X-RateLimit-Limit")
    budget = f"; {left} of {limit} calls are left in this minute" if left and limit else ""
    yield Finding("ok", "key", f"the server takes it{budget}")


def _project(desk: Desk, _fix: bool) -> Iterator[Finding]:
    if desk.setting("project_id"):
        found = desk.api.get(path("projects", desk.project(None)))
        yield Finding("ok", "project", f"{found['name']} ({found['id']})")
    elif desk.setting("name"):
        yield Finding("ok", "project", f"{desk.setting('name')}, which 'version2 deploy' finds or makes")
    else:
        yield Finding("ok", "project", "none here; 'version2 init' begins one")


def add_to(app: typer.Typer) -> None:
    word(app, "doctor")(doctor)
