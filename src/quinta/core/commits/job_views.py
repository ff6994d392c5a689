"""Jobs on datasets as an actor may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from quinta.core.access.model import Actor
from quinta.core.commits.model import DataJob
from quinta.core.commits.sight import WITHHELD, shown_of
from quinta.core.jobs.model import JobStatus
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import Run

CANCELLED: Final = "job cancelled by user"
_WORDS: Final = {JobStatus.QUEUED: "created", JobStatus.FINISHED: "finished", JobStatus.FAILED: "error"}


@dataclass(frozen=True, slots=True)
class JobView:
    """A job without what the actor may not see: ``withheld`` says that something is left out, in ``job.result`` (of a
    job that finished) or ``job.error_message`` too. ``run`` is what it logs to; None for a query.

    What stays to be seen of a withheld job is that it ran, how long, and whether it ended well.
    """

    job: DataJob
    run: Run | None
    withheld: bool

    @property
    def state(self) -> str:
        """``created``, ``prepared`` (its environment is being made), ``running``, ``finished`` or ``error``: the words
        that end the polling of the SDK, and no others (contract dq0 3.4)."""
        if self.job.status is JobStatus.STARTED:
            return "prepared" if self.job.started_at is None else "running"
        return _WORDS[self.job.status]


async def job_views(work: UnitOfWork, actor: Actor, jobs: Sequence[DataJob]) -> list[JobView]:
    """The jobs, of projects that the actor may read, in their order."""
    shown = await shown_of(work, actor, jobs)
    numbers = {job.number for job in jobs}
    runs = {run.id: run for run in await work.of(Run, EVERYTHING).find(id=numbers)} if numbers else {}
    return [
        JobView(
            job=job if job.id in shown else without_output(job),
            run=runs.get(job.number),
            withheld=job.id not in shown,
        )
        for job in jobs
    ]


def without_output(job: DataJob) -> DataJob:
    """Without anything that user code can choose. Why a job failed before its code began, and that somebody cancelled
    it, are no words of the code's."""
    text = WITHHELD.format(level=job.privacy_level)
    finished, failed = job.status is JobStatus.FINISHED, job.status is JobStatus.FAILED
    cancelled = job.cancelled_at is not None and job.error_message == CANCELLED  # the text alone code could choose
    told = job.started_at is None or cancelled
    return replace(
        job,
        progress=100 if finished else 0,
        result=f'{{"withheld": "{text}"}}' if finished else None,
        error_message=(job.error_message if told else text) if failed else None,
        reason=job.reason if told else None,
        log_key=job.log_key if job.status.ended and job.started_at is None else None,
    )
