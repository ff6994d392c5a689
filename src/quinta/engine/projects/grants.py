"""What a job on datasets may read, asked anew when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.commits.rights import check_starter, datasets_of
from quinta.core.datasets.model import Dataset
from quinta.core.datasets.sight import hidden_columns
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Failure, Reason

_STARTED: Final = frozenset({DataJobKind.RUN, DataJobKind.TRANSFORM})
"""Jobs of the project's own code. Others read what a model learnt from, by the platform's code alone."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A dataset for one job: without its ``hidden`` columns, and with the owner's own words only where ``owned``."""

    dataset: Dataset
    hidden: frozenset[str] = frozenset()
    owned: bool = False


async def grants_of(work: UnitOfWork, job: DataJob) -> list[Grant] | Failure:
    """The job's datasets as whoever started it may see them now."""
    try:
        datasets = await datasets_of(work, job)
        if not datasets or job.kind not in _STARTED:
            return [Grant(dataset) for dataset in datasets]
        sight = await check_starter(work, job, datasets)
    except (NotFound, NotPermitted) as error:
        return Failure(error.reason or Reason.REQUEST_REFUSED, error.message)
    hidden = await hidden_columns(work, sight, datasets)
    return [
        Grant(
            dataset,
            hidden[dataset.id],
            owned=sight.level(dataset.id, dataset.owner_id) >= PermissionLevel.MANAGE,
        )
        for dataset in datasets
    ]
