"""``version2 logs`` and ``version2 metrics``."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer

from quinta.cli.version2 import render
from quinta.cli.version2.api import Query, path
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.failures import ExitCode, Failure
from quinta.cli.version2.settings import Output
from quinta.cli.version2.times import moment, read, written
from quinta.cli.version2.waiting import Patience
from quinta.cli.version2.words import Project, word

LARGEST_PAGE = 1_000
"""Of logs (contract versiontwo 5.5)."""
OVERLAP = timedelta(seconds=5)
"""Servers write lines down in batches: what was said earlier may be there only after what was said later."""

Line = dict[str, Any]


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    WARNING = "warning"
    ERROR = "error"


class Interval(StrEnum):
    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    HOUR = "1h"


def logs(
    desk: Desk,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    since: Annotated[str | None, typer.Option(help="A time, or how long ago such as 10m; else the last hour.")] = None,
    tail: Annotated[int, typer.Option("--tail", "-n", help="How many lines at most, the newest.", min=1)] = 100,
    level: Annotated[Level | None, typer.Option(help="This one and those above it.")] = None,
    component: Annotated[str | None, typer.Option("--component", "--type", help="Such as a model's name.")] = None,
    search: Annotated[str | None, typer.Option(help="Only lines with this text, in any case.")] = None,
    project: Project = None,
) -> None:
    """Show the log lines of a project's instances, the oldest first.

    With --follow, JSON is one object a line."""
    where = path("projects", desk.project(project), "logs")
    query = {"level": level and level.value, "component": component, "search": search}
    start = moment(since, "--since") if since is not None else None
    lines = _newest(desk, where, {**query, "start_time": start}, tail)
    if not follow:
        _show(desk, lines)
        return
    for line in lines:
        _print_followed(desk, line)
    try:
        _follow(desk, where, query, start, lines)
    except KeyboardInterrupt:
        desk.say("")


def metrics(
    desk: Desk,
    metric: Annotated[str | None, typer.Argument(help="Only this one, such as cpu.", metavar="METRIC")] = None,
    named: Annotated[str | None, typer.Option("--metric", help="The same as the argument.")] = None,
    start: Annotated[str | None, typer.Option(help="A time, or how long ago; else an hour before the end.")] = None,
    end: Annotated[str | None, typer.Option(help="A time, or how long ago; else now.")] = None,
    interval: Annotated[Interval | None, typer.Option(help="Time between values; else by the length.")] = None,
    project: Project = None,
) -> None:
    """Show a project's metrics.

    cpu is in percent of one core, memory in MB: means over the project's instances."""
    query = {
        "start_time": moment(start, "--start") if start is not None else None,
        "end_time": moment(end, "--end") if end is not None else None,
        "interval": interval and interval.value,
    }
    found = desk.api.get(path("projects", desk.project(project), "metrics"), query)["metrics"]
    wanted = metric or named
    if wanted is not None and wanted not in found:
        raise Failure(ExitCode.GENERAL, f"there is no metric {wanted!r}; there are {', '.join(sorted(found))}")
    shown = found if wanted is None else {wanted: found[wanted]}
    if desk.output is not Output.TABLE:
        render.print_value({"metrics": shown}, desk.output)
        return
    rows: dict[str, dict[str, Any]] = {}
    for name, series in shown.items():
        for point in series["values"]:
            rows.setdefault(point["timestamp"], {"timestamp": point["timestamp"]})[name] = point["value"]
    if rows:
        render.print_table(("timestamp", *shown), [rows[when] for when in sorted(rows, key=read)])
    else:
        desk.say("nothing was measured in that time")


def _newest(desk: Desk, where: str, query: Query, most: int | None) -> list[Line]:
    """The newest lines, the oldest first: each further page holds older ones."""
    lines: list[Line] = []
    limit = LARGEST_PAGE if most is None else min(most, LARGEST_PAGE)
    for page in desk.api.each_page(where, "logs", {**query, "limit": limit}):
        lines = page + lines
        if most is not None and len(lines) >= most:
            return lines[-most:]
    return lines


def _show(desk: Desk, lines: list[Line]) -> None:
    if desk.output is not Output.TABLE:
        render.print_value({"logs": lines}, desk.output)
        return
    for line in lines:
        typer.echo(_text(line))
    if not lines:
        desk.say("there are no such lines")


def _text(line: Line) -> str:
    return render.visible(f"{line['timestamp']}  {line['level']:<5}  {line['component']}  {line['message'].rstrip()}")


def _follow(desk: Desk, where: str, query: Query, start: str | None, shown: list[Line]) -> None:
    """Prints what comes after the lines that were ``shown``."""
    patience = Patience(desk)
    newest = shown[-1]["id"] if shown else None
    last = max((read(line["timestamp"]) for line in shown), default=None)
    seen = {line["id"]: read(line["timestamp"]) for line in shown}
    while True:
        since = start if last is None else written(last - OVERLAP)
        lines = patience.poll(partial(_newest, desk, where, {**query, "start_time": since}, None))
        if lines is None:
            continue
        if newest is not None:  # what --tail cut off is older than what was shown
            ids = [line["id"] for line in lines]
            until = ids.index(newest) + 1 if newest in ids else 0
            seen |= {line["id"]: read(line["timestamp"]) for line in lines[:until]}
            newest = None
        for line in lines:
            if line["id"] not in seen:
                _print_followed(desk, line)
        seen |= {line["id"]: read(line["timestamp"]) for line in lines}
        last = max(seen.values(), default=None)
        if last is not None:
            seen = {line_id: when for line_id, when in seen.items() if when >= last - OVERLAP}


def _print_followed(desk: Desk, line: Line) -> None:
    if desk.output is Output.TABLE:
        typer.echo(_text(line))
    elif desk.output is Output.JSON:
        typer.echo(json.dumps(line, ensure_ascii=False))
    else:
        render.print_value([line], Output.YAML)


def add_to(app: typer.Typer) -> None:
    word(app, "logs", "version2 logs --since 10m --level warn", "version2 logs --follow --search timeout")(logs)
    word(app, "metrics", "version2 metrics cpu --start 6h --interval 5m")(metrics)
