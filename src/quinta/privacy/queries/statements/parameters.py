"""``params`` as typed literals for ``:name`` and ``{name}``, never as text (contract dq0 5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from quinta.core.errors import InvalidInput
from quinta.privacy.queries.statements.refusals import refused, shown

GIVEN = "given"
"""Key of a literal's ``meta``: the parameter's text, for where a number turns out to stand for a text."""

LONGEST_STATEMENT = 65_536
"""Bytes of UTF-8."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


def check_text(text: str, field: str, what: str) -> None:
    """InvalidInput on ``field`` for what is too long, or no text that a source can hold."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(f"{what} is no valid text: it has half a surrogate pair", field=field) from None
    if size > LONGEST_STATEMENT:
        raise InvalidInput(f"{what} is longer than {LONGEST_STATEMENT} bytes", field=field)
    if "\x00" in text:
        raise InvalidInput(f"{what} contains a zero byte", field=field)


def put_in(tree: exp.Expr, params: Mapping[str, str]) -> None:
    """Replaces parameters by their values. InvalidInput on ``params`` names one that is missing or not used."""
    used: set[str] = set()
    for node in list(tree.find_all(exp.Placeholder)):
        if not isinstance(node.this, str) or not node.this or len(node.args) != 1:
            raise refused("parameters are written :name or {name}", node)
        if node.this not in params:
            raise _wrong(f"the statement uses the parameter {shown(node.this)!r}, for which there is no value")
        used.add(node.this)
        node.replace(_literal(params[node.this]))
    for name in params:
        if name not in used:
            raise _wrong(
                f"the parameter {shown(name)!r} is not used by the statement: write :{shown(name)} or leave it out"
            )


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, field="params")


def _literal(value: str) -> exp.Expr:
    """A number where it looks like one, else a text; quotes around it make a text of anything."""
    check_text(value, "params", "a parameter")
    if len(value) > 1 and value[0] == value[-1] == "'":
        return exp.Literal.string(value[1:-1].replace("''", "'"))
    if value.lower() in ("true", "false"):
        node: exp.Expr = exp.Boolean(this=value.lower() == "true")
    elif _NUMBER.fullmatch(value):
        node = exp.Literal(this=value.lstrip("+-"), is_string=False)
        if value.startswith("-"):
            node = exp.Neg(this=node)
    else:
        return exp.Literal.string(value)
    node.meta[GIVEN] = value
    return node
