"""A question with all that holds for who asks it, read anew each time: masks, thresholds, files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from quinta.core.commits.model import DataJob
from quinta.core.commits.rights import check_starter, datasets_of
from quinta.core.datasets.epsilon import cost_of
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.masking import mask_rules
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import Dataset, Threshold
from quinta.core.errors import InvalidInput
from quinta.core.ports import UnitOfWork
from quinta.core.queries.asked import QueryRequest
from quinta.core.queries.model import AskedDataset, GroupLimit, Question
from quinta.core.scope import EVERYTHING

IN_DATABASES = frozenset({"postgresql"})
"""Types of connectors whose rows stay where they are."""


class Questions:
    """Makes questions out of requests and of the jobs that keep them."""

    def __init__(self, keeper: MetadataKeeper, rules: FileRules) -> None:
        self._keeper = keeper
        self._rules = rules

    async def ask(self, work: UnitOfWork, request: QueryRequest, datasets: Sequence[Dataset], user_id: str) -> Question:
        """The question of a request, on those datasets, for a user.

        InvalidInput (``epsilon``, ``tau``) for numbers that are none; what core.datasets.files raises for a file that
        is not there any more; StateConflict where metadata do not open.
        """
        epsilon = cost_of(request.epsilon)
        if not epsilon:
            raise InvalidInput("epsilon must be greater than 0", field="epsilon")
        if not 0 <= request.tau <= 1e12:
            raise InvalidInput("tau must be a number from 0 to 1e12", field="tau")
        ids = [dataset.id for dataset in datasets]
        rules, limits = await mask_rules(work, ids, user_id), await _thresholds(work, ids, user_id)
        asked = [
            AskedDataset(
                id=dataset.id,
                name=dataset.name,
                metadata=(metadata := await self._keeper.of(dataset)),
                rules=rules[dataset.id],
                limits=tuple(GroupLimit(item.column_name, item.threshold) for item in limits[dataset.id]),
                path=None
                if dataset.kind in IN_DATABASES or metadata.connector is None
                else str(await asyncio.to_thread(self._rules.place, metadata.connector.uri)),
            )
            for dataset in datasets
        ]
        return Question(
            statement=request.statement,
            datasets=tuple(asked),
            epsilon=epsilon,
            tau=request.tau,
            private_column=request.private_column,
            limits=request.limits,
            params=request.params,
        )

    async def of_job(self, work: UnitOfWork, job: DataJob) -> Question:
        """The question that a job keeps, under the masks and thresholds of now. NotFound, NotPermitted: it could not be
        asked any more, as of ``core.commits.rights``."""
        datasets = await datasets_of(work, job)
        await check_starter(work, job, datasets)
        return await self.ask(work, request_of(job), datasets, job.created_by or "")


async def _thresholds(work: UnitOfWork, ids: Sequence[str], user_id: str) -> dict[str, list[Threshold]]:
    """What holds for the user, by dataset: everybody's and its own. The stricter wins where both are for a column."""
    found = await work.of(Threshold, EVERYTHING).find(dataset_id=list(ids), user_id=(None, user_id))
    return {item: [row for row in found if row.dataset_id == item] for item in ids}


def stored(request: QueryRequest) -> str:
    """The request as a job keeps it, and shows it among its parameters: JSON."""
    return json.dumps(
        {
            "query": request.statement,
            "epsilon": request.epsilon,
            "tau": request.tau,
            "private_column": request.private_column,
            "permissions": [f"{limit.column}<{limit.least}" for limit in request.limits],
            "params": dict(request.params),
        },
        ensure_ascii=False,
    )


def request_of(job: DataJob) -> QueryRequest:
    """The request of a job, without its datasets' names."""
    kept: dict[str, Any] = json.loads(job.params)
    limits = (text.rpartition("<") for text in kept["permissions"])
    return QueryRequest(
        statement=kept["query"],
        datasets=(),
        epsilon=kept["epsilon"],
        tau=kept["tau"],
        private_column=kept["private_column"],
        limits=tuple(GroupLimit(column, int(least)) for column, _, least in limits),
        params=kept["params"],
    )
