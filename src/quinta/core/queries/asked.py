"""What callers write in a query's request (contract dq0 5.3): lists as texts, limits, parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from quinta.core.errors import InvalidInput
from quinta.core.queries.model import GroupLimit

_LIMIT = re.compile(r"\s*(?P<column>[^<>=,;]{1,200}?)\s*(?P<operator><=?)\s*(?P<number>[0-9]{1,9})\s*")
_PARAMETER = re.compile(r"\s*:?(?P<name>[A-Za-z_][A-Za-z0-9_]{0,62})\s*=(?P<value>.*)", re.DOTALL)
_MOST_PARTS: Final = 100


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A query as it was sent. ``datasets`` are names or ids; ``epsilon`` and ``tau`` as callers write them."""

    statement: str
    datasets: tuple[str, ...]
    epsilon: float = 1.0
    tau: float = 0.0
    private_column: str = ""
    limits: tuple[GroupLimit, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)


def datasets_in(value: Any, name: str = "datasets") -> tuple[str, ...]:
    """Names or ids out of a text with commas, or a list of them; blanks and quotes around each do not count."""
    parts = value.split(",") if isinstance(value, str) else value
    if parts is None:
        return ()
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InvalidInput(f"'{name}' must be a text with commas, or a list of texts", field=name)
    found = (part.strip().strip("\"'`").strip() for part in parts)
    return tuple(dict.fromkeys(part for part in found if part))


def limits_in(value: Any) -> tuple[GroupLimit, ...]:
    """Limits such as ``households<75``: groups that stand for fewer than 75 different households are not told. Several
    stand apart by commas or semicolons, or are a list; ``<=`` asks for one more. InvalidInput, ``permissions``."""
    limits = []
    for part in _parts(value, "permissions", ",;"):
        found = _LIMIT.fullmatch(part)
        if found is None:
            raise InvalidInput(f"permissions: '{part[:80]}' is no limit such as households<75", field="permissions")
        column = found["column"].strip().strip("\"'`")
        limits.append(GroupLimit(column, int(found["number"]) + (found["operator"] == "<=")))
    return tuple(limits)


def params_in(value: Any) -> Mapping[str, str]:
    """Values by name out of ``p1=123``, several apart by commas or semicolons (which values then do not contain), a
    list of such texts, or an object. InvalidInput, field ``params``."""
    if isinstance(value, str) and value.strip().startswith("{"):
        value = _json(value, "params")
    if isinstance(value, dict):
        pairs = [(name, _text(item)) for name, item in value.items()]
    else:
        pairs = [_pair(part) for part in _parts(value, "params", ",;")]
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"params: '{twice[0][:80]}' has two values", field="params")
    return dict(pairs)


def _pair(part: str) -> tuple[str, str]:
    found = _PARAMETER.fullmatch(part)
    if found is None:
        raise InvalidInput(f"params: '{part[:80]}' is no value such as p1=123", field="params")
    return found["name"], found["value"].strip()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    raise InvalidInput("params: values are texts, numbers, true or false", field="params")


def _parts(value: Any, name: str, separators: str) -> Sequence[str]:
    """The texts of a list, JSON or not, or of a text with separators; none for null and nothing."""
    if isinstance(value, str) and value.strip().startswith("["):
        value = _json(value, name)
    if value is None:
        return []
    if isinstance(value, str):
        parts = [part for part in re.split(f"[{separators}]", value) if part.strip()]
    elif isinstance(value, list) and all(isinstance(part, str) for part in value):
        parts = [part for part in value if part.strip()]
    else:
        raise InvalidInput(f"'{name}' must be a text, or a list of texts", field=name)
    if len(parts) > _MOST_PARTS:
        raise InvalidInput(f"'{name}' has more than {_MOST_PARTS} parts", field=name)
    return parts


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(f"'{name}' is no JSON", field=name) from None
