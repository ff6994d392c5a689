"""Who sees what user code of a job put out: who sees all of its run (core.tracking.visibility, contract dq0 5.7)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from quinta.core.access.model import Actor
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import Run
from quinta.core.tracking.visibility import Shown, visible_of

WITHHELD = "withheld: the job read data of privacy level {level}; a data owner can approve it"


def dataset_ids_of(job: DataJob) -> list[str]:
    """The ids of the datasets that were attached when the job was made."""
    return [str(each) for each in json.loads(job.datasets)]


async def shown_of(work: UnitOfWork, actor: Actor, jobs: Sequence[DataJob]) -> set[str]:
    """The ids of those jobs whose output the actor sees: of whose runs it is shown everything.

    Answers of queries are private by what made them, and shown on every level.
    """
    shown = {job.id for job in jobs if job.privacy_level == 0 or job.kind is DataJobKind.QUERY}
    rest = {job.number: job for job in jobs if job.id not in shown}
    if rest:
        runs = await work.of(Run, EVERYTHING).find(id=list(rest))
        seen = await visible_of(work, actor, runs)
        shown.update(rest[run_id].id for run_id, much in seen.items() if much is Shown.EVERYTHING)
    return shown
