"""What becomes of a run's rows: written while the job is still ours, ended together with it."""

from __future__ import annotations

import json
from typing import Any, Final

from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.logging import Batch, record
from quinta.core.tracking.model import (
    Artifact,
    CheckerStatus,
    ModelPermission,
    RegisteredModel,
    Run,
    RunMetric,
    RunParam,
    RunTag,
    Source,
)
from quinta.engine.projects.logged import Logged
from quinta.kit.ids import new_id

_ROWS_AT_A_TIME: Final = 1_000
"""Some 50 ms of SQLite's one writer."""
_MOST_REPORT: Final = 4_000


class NotOursError(Exception):
    """The job's lease is another server's by now, or the job is gone: nothing of it may be written here."""


async def held(work: UnitOfWork, job: DataJob) -> DataJob:
    """The job's row, kept from others until the transaction ends; NotOursError."""
    jobs = work.of(DataJob, EVERYTHING)
    await jobs.lock_all(id=job.id, lease_token=job.lease_token)
    found = await jobs.get(id=job.id, lease_token=job.lease_token)
    if found is None:
        raise NotOursError(job.id)
    return found


async def clear_run(store: Store, job: DataJob) -> None:
    """Removes what an earlier try of the job has written."""
    async with store.begin() as work:
        await held(work, job)
        for kind in (RunMetric, Artifact):
            await work.of(kind, EVERYTHING).remove(run_id=job.number)
        await work.of(RunTag, EVERYTHING).remove(run_id=job.number, source=Source.USER)
        await work.of(RunParam, EVERYTHING).remove(run_id=job.number)
        if job.kind in (DataJobKind.RUN, DataJobKind.TRANSFORM):
            arguments = json.loads(job.params).items()
            rows = (RunParam(new_id(), job.number, name, value, Source.USER) for name, value in arguments)
            await work.of(RunParam, EVERYTHING).add(*rows)


async def write_logged(store: Store, job: DataJob, logged: Logged, source: Source) -> None:
    """Writes what a run logged, some rows in a transaction. What was said before it began stays, but what the platform
    says takes the place of what others have said under the same name."""
    said: dict[str, Any] = {"run_id": job.number} | ({"source": source} if source is Source.PLATFORM else {})
    async with store.read() as work:
        run = await work.of(Run, EVERYTHING).get(id=job.number)
        params = set(await work.of(RunParam, EVERYTHING).values("key", **said))
        tags = set(await work.of(RunTag, EVERYTHING).values("key", **said))
    if run is None:
        raise NotOursError(job.id)
    first = Batch(
        params=[pair for key, pair in logged.params.items() if key not in params],
        tags=[pair for key, pair in logged.tags.items() if key not in tags],
    )
    rest = (logged.metrics[at : at + _ROWS_AT_A_TIME] for at in range(0, len(logged.metrics), _ROWS_AT_A_TIME))
    for batch in (first, *(Batch(metrics=metrics) for metrics in rest)):
        async with store.begin() as work:
            await held(work, job)
            await record(work, run, batch, source)


async def write_artifact(store: Store, job: DataJob, artifact: Artifact) -> None:
    async with store.begin() as work:
        await held(work, job)
        await work.of(Artifact, EVERYTHING).add(artifact)


def check_of(report: Any) -> tuple[CheckerStatus, str, tuple[ModelPermission, ...]]:
    """What the checker said: an object with ``passed``, the ``permissions`` that follow, and a ``text``."""
    if not isinstance(report, dict) or not isinstance(report.get("passed"), bool):
        return CheckerStatus.ERROR, "", ()
    text = str(report.get("text", ""))[:_MOST_REPORT].replace("\0", "")
    if not report["passed"]:
        return CheckerStatus.FAILED, text, ()
    said = report.get("permissions")
    named = set(map(str, said)) if isinstance(said, list) else set()
    return CheckerStatus.PASSED, text, tuple(permission for permission in ModelPermission if permission in named)


async def is_released_by_check(work: UnitOfWork, job: DataJob) -> bool:
    """Whether a passed check lets the job's model be used: of public data, or trained privately. What else somebody
    wrote into the weights on purpose no check looks for: the data's owners say then (docs/training.md)."""
    model = await work.of(RegisteredModel, EVERYTHING).get(id=job.model_id)
    run = None if model is None else await work.of(Run, EVERYTHING).get(id=model.run_id)
    return model is not None and run is not None and (not run.withheld or model.epsilon is not None)


def platform_files(report: Any) -> frozenset[str]:
    """The artifacts that a private training declares private by construction (docs/training.md)."""
    listed = report.get("artifacts") if isinstance(report, dict) else None
    if not isinstance(listed, dict):
        return frozenset()
    return frozenset(path for path, audience in listed.items() if audience == "platform")
