"""What a refusal of a statement looks like: where, what is wrong, what to do instead.

Refusals depend on the statement and the metadata alone, never on rows, and say no bound, value or number of the
metadata (contract dq0 6.2: these are for owners).
"""

from __future__ import annotations

from sqlglot import ErrorLevel, exp

from quinta.core.errors import InvalidInput

LONGEST_SHOWN = 60


def refused(message: str, node: exp.Expr | None = None) -> InvalidInput:
    """The error to raise: ``message`` with the line and the column, from 0, where ``node`` begins, if that is known."""
    where = place_of(node) if node is not None else None
    return InvalidInput(f"{message} (line {where[0]} column {where[1]})" if where else message, field="query")


def place_of(node: exp.Expr) -> tuple[int, int] | None:
    """Line, from 1, and column, from 0, of the first word of a node whose place the parser noted."""
    places = [
        (meta["start"], meta["line"], meta["col"] - (meta["end"] - meta["start"] + 1))
        for meta in (found._meta for found in node.walk())
        if meta and "start" in meta
    ]
    return min(places)[1:] if places else None


def shown(text: str) -> str:
    """A piece of the statement to quote in a sentence, cut off where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}…"


def text_of(node: exp.Expr) -> str:
    """A node as SQL, in quotes, cut off where it is long."""
    return repr(sql_of(node))


def sql_of(node: exp.Expr) -> str:
    return shown(node.sql("postgres", unsupported_level=ErrorLevel.IGNORE))


def only(node: exp.Expr, *arguments: str) -> None:
    """Raises InvalidInput where a node says more than the given arguments: what is not understood is never ignored."""
    for name, value in node.args.items():
        if value and name not in arguments:
            said = name.strip("_").replace("_", " ").upper()
            raise refused(f"{said} is not supported in {text_of(node)}: leave it out", node)
