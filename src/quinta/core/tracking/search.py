"""Looking for runs by what they logged, in MLflow's language (core.tracking.filters)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import InvalidInput, LimitReached
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.conditions import Condition, Kind, Operator, Subject, Value, holds, sort_key
from quinta.core.tracking.experiments import experiment_numbered
from quinta.core.tracking.filters import Language, parse_filter, parse_order
from quinta.core.tracking.model import Run, RunStatus, Stage
from quinta.core.tracking.views import RunView, views_of

MOST_FOUND = 1_000
"""Runs in one answer. MLflow's own limit is 50,000, which nobody reads on one page; its clients ask for the next."""
MOST_LOOKED_AT = 20_000
"""Runs that one search reads: about ten seconds."""
MOST_EXPERIMENTS = 1_000
_AT_A_TIME = 500
_ATTRIBUTES = {
    "run_id": "run_id",
    "run id": "run_id",
    "run_name": "run_name",
    "run name": "run_name",
    "status": "status",
    "user_id": "user_id",
    "user id": "user_id",
    "start_time": "start_time",
    "created": "start_time",
    "end_time": "end_time",
}
RUNS = Language(_ATTRIBUTES, frozenset({"start_time", "end_time"}), frozenset({Kind.METRIC, Kind.PARAM, Kind.TAG}))
_COLUMNS = {"run_id": "id", "run_name": "name", "status": "status"}
"""Of attributes that the database looks for."""
_STATUSES = frozenset(status.value for status in RunStatus)


@dataclass(frozen=True, slots=True)
class RunSearchQuery:
    """Runs of the experiments of these numbers, in a stage (None: in both). ``orders``: first the most important one;
    those that started last come first where nothing else is said."""

    experiments: Sequence[int]
    filter: str = ""
    orders: Sequence[str] = ()
    stage: Stage | None = Stage.ACTIVE
    limit: int = 1_000
    offset: int = 0


@dataclass(frozen=True, slots=True)
class RunsFound:
    """``more``: whether there are others after these."""

    runs: tuple[RunView, ...]
    more: bool


class RunSearch:
    """Use case: searching. What the actor is not shown is as if it were not there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def search(self, actor: Actor, query: RunSearchQuery) -> RunsFound:
        """InvalidInput (``filter``, ``order_by``, ``max_results``, ``experiment_ids``, ``page_token``): what breaks a
        rule. NotFound for an experiment that the actor may not know of; LimitReached where too many runs would have to
        be read."""
        conditions = parse_filter(query.filter, RUNS)
        orders = [parse_order(text, RUNS) for text in query.orders]
        _check(query)
        async with self._store.read() as work:
            found: list[tuple[Any, str]] = []
            wanted = query.offset + query.limit + 1
            async for views in self._candidates(work, actor, query, conditions):
                for view in views:
                    subject = subject_of(view)
                    if holds(conditions, subject):
                        found.append((sort_key(orders, subject), view.run.id))
                if not orders and len(found) >= wanted:  # they come as they will be shown
                    break
            if orders:
                found.sort(key=lambda item: item[0])  # keeps what is equal in the order that it came in
            shown = [run_id for _, run_id in found[query.offset : query.offset + query.limit]]
            rows = {run.id: run for run in await work.of(Run, EVERYTHING).find(id=shown)}
            runs = await views_of(work, actor, [rows[run_id] for run_id in shown])
            return RunsFound(tuple(runs), len(found) >= wanted)

    async def _candidates(
        self, work: UnitOfWork, actor: Actor, query: RunSearchQuery, conditions: Sequence[Condition]
    ) -> AsyncIterator[list[RunView]]:
        """Runs that may match, those that started last first."""
        experiments = [
            (await experiment_numbered(work, actor, number, PermissionLevel.USE))[0].id for number in query.experiments
        ]
        where: dict[str, Any] = {**_pushed_down(conditions), "experiment_id": experiments}
        if query.stage is not None:
            where["stage"] = query.stage
        runs = work.of(Run, EVERYTHING)
        for offset in range(0, MOST_LOOKED_AT, _AT_A_TIME):
            batch = await runs.find(order=("-started_at", "-id"), limit=_AT_A_TIME, offset=offset, **where)
            yield await views_of(work, actor, batch)
            if len(batch) < _AT_A_TIME:
                return
        raise LimitReached(
            f"more than {MOST_LOOKED_AT} runs would have to be read: search fewer experiments, or by status or name"
        )


def subject_of(view: RunView) -> Subject:
    """What of a run conditions are about."""
    run = view.run
    attributes: Mapping[str, Value] = {
        "run_id": run.id,
        "run_name": run.name,
        "status": run.status.value,
        "user_id": "" if view.creator is None else view.creator.email,
        "start_time": float(milliseconds(run.started_at)),
        "end_time": None if run.ended_at is None else float(milliseconds(run.ended_at)),
    }
    return Subject(
        attributes,
        {metric.key: float(metric.value) for metric in view.metrics},
        {param.key: param.value for param in view.params},
        {tag.key: tag.value for tag in view.tags},
    )


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return round(moment.timestamp() * 1_000)


def _check(query: RunSearchQuery) -> None:
    if not 1 <= query.limit <= MOST_FOUND:
        raise InvalidInput(f"max_results must be from 1 to {MOST_FOUND}, not {query.limit}", field="max_results")
    if len(query.experiments) > MOST_EXPERIMENTS:
        raise InvalidInput(f"at most {MOST_EXPERIMENTS} experiments are searched at once", field="experiment_ids")
    if query.offset < 0:
        raise InvalidInput("the page token is none of this server's", field="page_token")


def _pushed_down(conditions: Sequence[Condition]) -> dict[str, Any]:
    """What the database can look for of the conditions: one of each attribute, equal or one of several."""
    found: dict[str, Any] = {}
    for condition in conditions:
        column = _COLUMNS.get(condition.key) if condition.kind is Kind.ATTRIBUTE else None
        if column is None or column in found or condition.operator not in (Operator.EQUAL, Operator.IN):
            continue
        values = condition.value if isinstance(condition.value, tuple) else (str(condition.value),)
        if column != "status" or all(value in _STATUSES for value in values):
            found[column] = values
    return found
