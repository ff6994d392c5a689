"""What a run logged, as lines that its sandbox left. User code can write any of them: nothing of them is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from quinta.core.errors import QuintaError
from quinta.core.tracking.logging import Batch, MetricValue, Pair, check_batch
from quinta.core.tracking.rules import MOST_KEYS
from quinta.engine.supervisor.folders import ExchangeError, take_file
from quinta.wire.messages import TRACKING_FILE

MOST_BYTES: Final = 64 << 20
MOST_METRICS: Final = 50_000
MOST_PAIRS: Final = 1_000
"""Parameters, and tags."""
_MOST_LINE_BYTES: Final = 64 << 10
_RESERVED: Final = "mlflow.project."


@dataclass(slots=True)
class Logged:
    """What is to be recorded in a run. ``left_out`` counts lines that could not be taken."""

    metrics: list[MetricValue] = field(default_factory=list)
    metric_keys: set[str] = field(default_factory=set)
    params: dict[str, Pair] = field(default_factory=dict)
    tags: dict[str, Pair] = field(default_factory=dict)
    left_out: int = 0


def read_logged(logs: Path, copy: Path) -> Logged:
    """What is in the tracking file in the folder ``logs``, which is copied to ``copy`` first: no link in its place is
    followed. Blocks."""
    logged = Logged()
    if not logs.is_dir():  # nothing of the job ever ran
        return logged
    try:
        take_file(logs, (TRACKING_FILE,), copy, MOST_BYTES)
    except ExchangeError:  # the code removed it, or put something else there, or it is too large
        return logged
    with copy.open("rb") as lines:
        for line in _bounded(lines):
            try:
                if line is None:
                    raise ValueError("too long")
                _take(logged, json.loads(line))
            except (QuintaError, ValueError, TypeError, OverflowError, RecursionError, AttributeError):
                logged.left_out += 1
    return logged


def _bounded(lines: Any) -> Iterator[bytes | None]:
    """Lines; None for one that is too long, whose rest is passed over."""
    while line := lines.readline(_MOST_LINE_BYTES):
        if line.endswith(b"\n") or len(line) < _MOST_LINE_BYTES:
            yield line
            continue
        while (rest := lines.readline(_MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        yield None


def _take(logged: Logged, line: Any) -> None:
    ((kind, values),) = line.items()
    if kind == "metric":
        key, value, step, moment = values
        metric = MetricValue(str(key), float(value), int(moment), int(step))
        check_batch(Batch(metrics=[metric]))
        if len(logged.metrics) >= MOST_METRICS or len(logged.metric_keys | {metric.key}) > MOST_KEYS:
            raise ValueError(kind)
        logged.metric_keys.add(metric.key)
        logged.metrics.append(metric)
    elif kind == "param":
        pair = _pair(values)
        check_batch(Batch(params=[pair]))
        if len(logged.params) >= MOST_PAIRS:
            raise ValueError(kind)
        logged.params.setdefault(pair.key, pair)
    elif kind == "tag":
        pair = _pair(values)
        check_batch(Batch(tags=[pair]))
        if len(logged.tags) >= MOST_PAIRS or pair.key.startswith(_RESERVED):
            raise ValueError(kind)
        logged.tags[pair.key] = pair
    else:
        raise ValueError(kind)


def _pair(values: Any) -> Pair:
    key, value = values
    if not isinstance(key, str) or not isinstance(value, str) or "\0" in value:
        raise ValueError("pair")
    value.encode("utf-8")  # half a surrogate pair could be stored nowhere
    return Pair(key, value)
