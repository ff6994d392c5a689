"""The loop of private queries: each is answered once, and what it reserved is spent with its answer (contract dq0 5.4).

Nothing of a query is told before the transaction that ends it, which also settles its charge. So a query whose server
is killed may be answered anew for the same charge: nobody has seen the first answer. A query that fails after data
were read has cost what it reserved, for that it failed may tell something; only what is refused before is for nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from quinta.core.commits.jobs import cancelled_values, failed_values
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.epsilon import epsilon_of
from quinta.core.datasets.model import Dataset
from quinta.core.errors import InvalidInput, NotFound, QuintaError, StateConflict, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.files.keys import artifact_key
from quinta.core.jobs.model import JobStatus
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.ports import ObjectStore, QueryEngine, Store, UnitOfWork
from quinta.core.queries.model import QueryAnswer, QueryCost
from quinta.core.queries.queries import ACCURACY, RESULTS
from quinta.core.queries.questions import Questions
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import Artifact, Run, RunStatus, Source
from quinta.core.tracking.runs import end_run
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.engine.threads import in_thread
from quinta.engine.turns import Turns
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_POLICY = LeasePolicy(maximum_attempts=5)
_ASKED: Final = (DataJobKind.QUERY,)
_CHANGED: Final = "what the owner says of the data has changed since the query was asked: ask it again"
"""Its price was reserved before. Nothing is told of the answer, and that there is another price is no row's doing."""

logger = structlog.get_logger(__name__)


class _UnreadError(Exception):
    """A query ends by this, which no row has a part in."""

    def __init__(self, cause: QuintaError) -> None:
        super().__init__(cause.message)
        self.cause = cause


_Charge = Callable[[UnitOfWork, str], Awaitable[int]]


@dataclass(slots=True)
class _Running:
    job: DataJob
    task: asyncio.Task[QueryAnswer]
    is_cancelled: bool = False


class QueryLoop:
    """Leases queries, as many at once as there are processes to answer them."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        questions: Questions,
        engine: QueryEngine,
        budgets: Budgets,
        failures: FailureCounts,
        clock: Clock,
        staging: Path,
        at_a_time: int,
        policy: LeasePolicy = _POLICY,
    ) -> None:
        self._store = store
        self._objects = objects
        self._questions = questions
        self._engine = engine
        self._budgets = budgets
        self._failures = failures
        self._clock = clock
        self._staging = staging
        self._running: dict[str, _Running] = {}
        self._turns: Turns[str | None] = Turns(leaves_room=False)
        work = LeasedWork(
            name="queries",
            kind=DataJob,
            waiting=JobStatus.QUEUED,
            working=JobStatus.STARTED,
            work=self._work,
            give_up=self._give_up,
            concurrency=at_a_time,
            select=self._select,
            woken_by=EventName.DATA_JOB_CREATED,
            forward_only=True,
        )
        self.loop = LeasedLoop(work, store, clock, policy)
        store.subscribe(self._hear)

    async def warm(self) -> None:
        """Once, when the server starts: where there are datasets, somebody will ask."""
        async with self._store.read() as work:
            if not await work.of(Dataset, EVERYTHING).count(deleted_at=None):
                return
        try:
            await self._engine.warm()
        except QuintaError as error:
            logger.warning("queries.not_warmed", error=error.message)

    async def _select(self, claim: Claim[DataJob]) -> None:
        """By turns of people. From here on a query may have read something, which its cancellation must not make free
        of charge."""
        people = await claim.groups("created_by", kind=_ASKED)
        under_way = [running.job.created_by for running in self._running.values()]
        await self._turns.take(claim, people, under_way, lambda person: claim.take(1, created_by=person, kind=_ASKED))
        now = self._clock.now()
        for job in claim.taken:
            if job.started_at is None:
                await claim.unit.of(DataJob, EVERYTHING).change(job.id, started_at=now, updated_at=now)
            runs = claim.unit.of(Run, EVERYTHING)
            await runs.change(job.number, status=RunStatus.RUNNING, started_at=now, updated_at=now)

    async def _work(self, job: DataJob) -> Ended | None:
        if job.cancelled_at is not None:  # before its server ended
            return self._cancelled(job)
        running = self._running[job.id] = _Running(job, asyncio.create_task(self._answer(job)))
        try:
            await asyncio.wait({running.task})
            if running.is_cancelled:
                return self._cancelled(job)
            return await self._answered(job, running.task.result())
        except Unavailable:
            raise  # tried again
        except _UnreadError as error:
            return self._failed(job, error.cause, is_free=True)
        except QuintaError as error:
            return self._failed(job, error, is_free=isinstance(error, InvalidInput | NotFound))
        finally:
            running.task.cancel()
            del self._running[job.id]

    async def _answer(self, job: DataJob) -> QueryAnswer:
        try:
            async with self._store.read() as work:
                question = await self._questions.of_job(work, job)
        except Unavailable:
            raise
        except QuintaError as error:
            raise _UnreadError(error) from error
        answer = await self._engine.answer(question)
        async with self._store.read() as work:
            cost = answer.cost
            if not await self._budgets.covers(work, job.id, cost.datasets, cost.epsilon, cost.delta):
                raise _UnreadError(StateConflict(_CHANGED))
        return answer

    async def _answered(self, job: DataJob, answer: QueryAnswer) -> Ended:
        files = {RESULTS: answer.results, ACCURACY: answer.accuracy}
        artifacts = await asyncio.gather(*(self._keep(job, path, content) for path, content in files.items()))
        values = {
            "status": JobStatus.FINISHED,
            "progress": 100,
            "result": json.dumps(_told(answer.cost, answer.message)),
            "error_message": None,
            "reason": Reason.COMPLETED,
        }

        async def tell(work: UnitOfWork, job_id: str) -> int:
            await work.of(Artifact, EVERYTHING).add(*artifacts)
            return await self._budgets.settle(work, job_id)

        return self._ended(job, RunStatus.FINISHED, values, tell)

    async def _keep(self, job: DataJob, path: str, content: bytes) -> Artifact:
        artifact_id = new_id()
        key, staged = artifact_key(job.project_id, job.number, artifact_id), self._staging / artifact_id
        try:
            await in_thread(staged.write_bytes, content)
            await self._objects.put_file(key, staged)
        finally:
            await in_thread(staged.unlink, missing_ok=True)
        return Artifact(artifact_id, job.number, path, key, len(content), Source.PLATFORM, self._clock.now())

    def _failed(self, job: DataJob, error: QuintaError, *, is_free: bool) -> Ended:
        """``is_free``: it is refused, or not there, whatever the rows are, and costs nothing."""
        reason = error.reason or (Reason.REQUEST_REFUSED if is_free else Reason.INPUT_UNAVAILABLE)
        self._failures.add(Subject.JOB, reason)
        charge = self._budgets.give_back if is_free else self._budgets.settle
        return self._ended(job, RunStatus.FAILED, failed_values(Failure(reason, error.message)), charge)

    def _cancelled(self, job: DataJob) -> Ended:
        return self._ended(job, RunStatus.KILLED, cancelled_values(self._clock), self._budgets.settle)

    def _give_up(self, job: DataJob, error: str) -> Ended:
        logger.error("queries.given_up", job=job.id, error=error)
        failure = Failure(Reason.GIVEN_UP, "the query was given up after several tries: ask the operator of the server")
        self._failures.add(Subject.JOB, failure.reason)
        return self._ended(job, RunStatus.FAILED, failed_values(failure), self._budgets.settle)

    def _ended(self, job: DataJob, status: RunStatus, values: dict[str, Any], charge: _Charge) -> Ended:
        """``charge`` is what becomes of what the query reserved, in the transaction that ends it."""
        now = self._clock.now()

        async def effect(work: UnitOfWork) -> None:
            await charge(work, job.id)
            await end_run(work, job.number, status, self._clock)

        return Ended({**values, "finished_at": now, "updated_at": now}, effect)

    def _hear(self, event: Event) -> None:
        """A query that is cancelled stops at once: it has nothing to put in order."""
        cancelled = (EventName.DATA_JOB_CANCELLED, EventName.DATA_JOB_KILLED, EventName.PROJECT_DELETED)
        if event.name in cancelled:
            for running in self._running.values():
                if {f"data_job:{running.job.id}", f"project:{running.job.project_id}"} & set(event.tags):
                    running.is_cancelled = True
                    running.task.cancel()


def _told(cost: QueryCost, message: str) -> dict[str, Any]:
    """What is told of an answer beside its rows (issue: epsilon means what it says)."""
    return {
        "message": message,
        "epsilon": epsilon_of(cost.epsilon),
        "delta": cost.delta,
        "tau": cost.tau,
        "columns": [
            {
                "name": column.name,
                "mechanism": column.mechanism,
                "epsilon": epsilon_of(column.epsilon),
                "scale": column.scale,
            }
            for column in cost.columns
        ],
        "notes": list(cost.notes),
    }
