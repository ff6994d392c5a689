"""Private queries: asked, priced, seen (contract dq0 4.2, 5, 9.17)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from quinta.core.access.levels import project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.commits import seen_projects
from quinta.core.commits.job_views import JobView, job_views
from quinta.core.commits.jobs import add_job, job_at, new_job, run_of_job
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.datasets.attachments import attached_datasets, check_readable
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.model import Dataset
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.jobs.model import JobStatus
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import QueryEngine, Store, UnitOfWork
from quinta.core.queries.asked import QueryRequest
from quinta.core.queries.model import QueryCost
from quinta.core.queries.questions import Questions, stored
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.core.tracking.model import RunStatus
from quinta.core.tracking.runs import end_run
from quinta.kit.clock import Clock
from quinta.kit.ids import parse_id

RESULTS: Final = "results.csv"
ACCURACY: Final = "accuracy.csv"
_SORTED_BY = frozenset({"created_at", "id", "updated_at"})
MOST_STATEMENT: Final = 65_536


@dataclass(frozen=True, slots=True)
class QueryView:
    """A query as one actor may see it: its job, and the datasets it may read, id by name."""

    job: JobView
    statement: str
    datasets: Mapping[str, str]


class Queries:
    """Use cases about queries. Asking needs the level WRITE on the project, and its datasets attached and readable;
    seeing needs USE. What is answered is private by what made it, and shown on every privacy level."""

    def __init__(self, store: Store, questions: Questions, engine: QueryEngine, budgets: Budgets, clock: Clock) -> None:
        self._store = store
        self._questions = questions
        self._engine = engine
        self._budgets = budgets
        self._clock = clock

    async def ask(self, actor: Actor, project_id: str, request: QueryRequest) -> DataJob:
        """Queues a query and reserves what it costs; a statement that is refused becomes a job that has failed, for
        nothing (contract dq0 9.17).

        InvalidInput: a member of the request that is none (its name); NotFound: a dataset that is not attached;
        NotPermitted: one that the actor may not read; LimitReached: the budget has less.
        """
        cost, refusal, datasets = await self._priced(actor, project_id, request)
        async with self._store.begin() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.WRITE)
            job = replace(new_job(actor, project.id, DataJobKind.QUERY, datasets, self._clock), params=stored(request))
            if refusal is not None:
                job = self._refused(job, refusal)
            await add_job(work, actor, job)
            await run_of_job(work, project, job, self._clock)
            if refusal is not None:
                await end_run(work, job.number, RunStatus.FAILED, self._clock)
            elif cost is not None and cost.epsilon:
                await self._budgets.reserve(work, cost.datasets, job.id, actor.user_id, cost.epsilon, cost.delta)
            return job

    async def cost(self, actor: Actor, project_id: str, request: QueryRequest) -> QueryCost:
        """What a query would cost, and how its noise would be; nothing is read and nothing is charged. Errors as of
        ``ask``, and InvalidInput, field ``query``, for a statement that is refused."""
        cost, refusal, _ = await self._priced(actor, project_id, request)
        if cost is None:
            raise InvalidInput(refusal or "the query is refused", field="query")
        return cost

    async def project_for(self, actor: Actor, names: Sequence[str]) -> str:
        """The actor's oldest project that has all these datasets attached, for who says none. InvalidInput."""
        async with self._store.read() as work:
            ids = (await seen_projects(work, actor, None))["project_id"]
            for project in await work.of(Project, EVERYTHING).find(id=ids, order=("created_at", "id")):
                attached = await attached_datasets(work, project.id)
                if names and all(_named(attached, name) for name in names):
                    return project.id
        raise InvalidInput(
            "say which project asks (project_uuid): none of yours has these datasets attached", field="project_uuid"
        )

    async def get(self, actor: Actor, number: str) -> QueryView:
        async with self._store.read() as work:
            job = await self._query_at(work, actor, number)
            return (await self._views(work, actor, [job]))[0]

    async def find(
        self, actor: Actor, paging: Paging, project_id: str | None = None, user_id: str | None = None
    ) -> Page[QueryView]:
        """Newest first unless the paging says otherwise."""
        order = order_of(paging, _SORTED_BY, ("-created_at",))
        async with self._store.read() as work:
            conditions = await seen_projects(work, actor, project_id)
            conditions |= {"kind": DataJobKind.QUERY} | ({} if user_id is None else {"created_by": user_id})
            jobs = work.of(DataJob, EVERYTHING)
            total = await jobs.count(**conditions)
            found = await jobs.find(order=order, limit=paging.limit, offset=paging.offset, **conditions)
            return Page(tuple(await self._views(work, actor, found)), total)

    async def _priced(
        self, actor: Actor, project_id: str, request: QueryRequest
    ) -> tuple[QueryCost | None, str | None, list[Dataset]]:
        """The cost, or else the refusal of the statement, and the datasets that it may name."""
        if len(request.statement) > MOST_STATEMENT:
            raise InvalidInput(f"a statement has at most {MOST_STATEMENT} characters", field="query")
        async with self._store.read() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.WRITE)
            datasets = await self._readable(work, actor, project, request.datasets)
            question = await self._questions.ask(work, request, datasets, actor.user_id)
        try:
            return await self._engine.cost(question), None, datasets
        except InvalidInput as error:
            if error.field != "query":
                raise
            return None, error.message, datasets

    async def _readable(self, work: UnitOfWork, actor: Actor, project: Project, names: Sequence[str]) -> list[Dataset]:
        """Those of the project's datasets that are named: all where none is."""
        attached = await attached_datasets(work, project.id)
        if not attached:
            raise InvalidInput("no dataset is attached to the project: attach one first", field="datasets")
        datasets = {}
        for name in names or [item.id for item in attached]:
            found = _named(attached, name)
            if found is None:
                raise NotFound(f"no dataset '{name[:80]}' is attached to the project", field="datasets")
            datasets[found.id] = found
        await check_readable(work, actor, project.id, list(datasets.values()))
        return list(datasets.values())

    def _refused(self, job: DataJob, refusal: str) -> DataJob:
        return replace(
            job,
            status=JobStatus.FAILED,
            error_message=refusal,
            reason=Reason.REQUEST_REFUSED,
            finished_at=job.created_at,
        )

    async def _query_at(self, work: UnitOfWork, actor: Actor, number: str) -> DataJob:
        try:
            job = await job_at(work, actor, number, PermissionLevel.USE)
        except NotFound as error:
            raise NotFound("there is no such query", field="query_uuid", refusal=error.is_refusal) from error
        if job.kind is not DataJobKind.QUERY:
            raise NotFound("there is no such query", field="query_uuid")
        return job

    async def _views(self, work: UnitOfWork, actor: Actor, jobs: Sequence[DataJob]) -> list[QueryView]:
        views = await job_views(work, actor, jobs)
        read: dict[str, list[str]] = {job.id: json.loads(job.datasets) for job in jobs}
        wanted = {item for ids in read.values() for item in ids}
        names = {item.id: item.name for item in await work.of(Dataset, EVERYTHING).find(id=wanted)} if wanted else {}
        return [
            QueryView(
                view,
                json.loads(view.job.params)["query"],
                {names[item]: item for item in read[view.job.id] if item in names},
            )
            for view in views
        ]


def _named(datasets: Sequence[Dataset], name: str) -> Dataset | None:
    """By its name, or by its id."""
    found = parse_id(name)
    return next((item for item in datasets if item.name == name or item.id == found), None)
