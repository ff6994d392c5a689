"""The rollout loop: the models of a project get another live version, all at once or not at all (decision 0030)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.deployments.rollout import Plan, Target, Trouble, begin, complete, fail, plan_of
from quinta.core.events import Event, EventName
from quinta.core.models.model import RunnableVersion
from quinta.core.models.scaling import scaled
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLevel, LogLine
from quinta.core.ports import LogSink, ModelRunner, Secrets, Store, UnitOfWork
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.kit.clock import Clock

CONCURRENT_ROLLOUTS: Final = 8
ELSEWHERE_AFTER: Final = timedelta(minutes=10)
"""A release whose versions were built on different servers finds none that could warm all of them: it fails then."""
_POLICY: Final = LeasePolicy()
_WAKING: Final = frozenset(
    {EventName.BUILD_ENDED, EventName.ORGANIZATION_CHANGED, EventName.VERSION_DELETED, EventName.DEPLOYMENT_CREATED}
)

_ENDING: Final = frozenset({EventName.DEPLOYMENT_COMPLETED, EventName.DEPLOYMENT_FAILED})


class Rollouts:
    """Leases deployments and carries them out. ``runs_here`` says whether this server has what a version's build made:
    a server takes the deployments whose versions it can run itself."""

    def __init__(
        self,
        store: Store,
        secrets: Secrets,
        runner: ModelRunner,
        logs: LogSink,
        failures: FailureCounts,
        clock: Clock,
        runs_here: Callable[[RunnableVersion], bool],
        policy: LeasePolicy = _POLICY,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._runner = runner
        self._logs = logs
        self._failures = failures
        self._clock = clock
        self._runs_here = runs_here
        self._warmed: dict[str, frozenset[str]] = {}  # by deployments that have not ended: the ids of their versions
        work = LeasedWork(
            name="rollouts",
            kind=Deployment,
            waiting=DeploymentStatus.PENDING,
            working=DeploymentStatus.IN_PROGRESS,
            work=self._work,
            give_up=self._give_up,
            concurrency=CONCURRENT_ROLLOUTS,
            select=self._select,
            forward_only=True,
        )
        self.loop = LeasedLoop(work, store, clock, policy)
        store.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if event.name in _WAKING:
            self.loop.wake()
        elif event.name in _ENDING:
            self._let_go(event)

    def _let_go(self, end: Event) -> None:
        """Only once the end is stored, by whichever server: until then the work may be taken up again. What became live
        is let go of when it has its numbers (``engine.loops.instances``)."""
        warmed = self._warmed.pop(end.subject_id, frozenset())
        if end.name is EventName.DEPLOYMENT_FAILED:
            for version_id in warmed.difference(*self._warmed.values()):  # another environment's rollout may want it
                self._runner.let_go(version_id, serves=False)

    async def _select(self, claim: Claim[Deployment]) -> None:
        """Those that can begin: one whose versions are being built stays as it is, and costs no attempt."""
        for deployment_id in await claim.groups("id"):
            deployment = await claim.unit.of(Deployment, EVERYTHING).get(id=deployment_id)
            if deployment is not None and await self._may_begin(claim.unit, deployment):
                await claim.take(1, id=deployment_id)
        for deployment in claim.taken:
            if deployment.started_at is None:
                await begin(claim.unit, deployment, self._clock.now())

    async def _may_begin(self, work: UnitOfWork, deployment: Deployment) -> bool:
        plan = await plan_of(work, self._secrets, deployment)
        if isinstance(plan, Trouble):
            return True
        return not plan.waiting and (not self._elsewhere(plan) or self._waited_in_vain(deployment))

    def _elsewhere(self, plan: Plan) -> list[str]:
        return [target.name for target in plan.targets if not self._runs_here(target.version)]

    def _waited_in_vain(self, deployment: Deployment) -> bool:
        return self._clock.now() - deployment.created_at >= ELSEWHERE_AFTER

    async def _work(self, deployment: Deployment) -> Ended | None:
        async with self._store.read() as work:
            plan = await plan_of(work, self._secrets, deployment)
        if isinstance(plan, Trouble):
            return self._failed(deployment, plan)
        elsewhere = self._elsewhere(plan)
        if elsewhere and self._waited_in_vain(deployment):
            text = (
                f"no server has the builds of all versions; {', '.join(elsewhere)} was built on another one than this"
            )
            return self._failed(deployment, Trouble(f"{text}: upload them again to one server"))
        if plan.waiting or elsewhere:
            return None
        self._warmed[deployment.id] = frozenset(target.version.version_id for target in plan.targets)
        self._say(deployment, f"the rollout of {deployment.version} to {deployment.environment} has begun")
        trouble = await self._warm(deployment, plan.targets)
        if trouble is not None and trouble.reason is Reason.SERVER_STOPPING:
            return None
        if trouble is not None:
            return self._failed(deployment, trouble)
        return self._completed(deployment, plan.targets)

    async def _warm(self, deployment: Deployment, targets: Sequence[Target]) -> Trouble | None:
        """Twice where there are several: the first ones must still be up when the last one is."""
        for _ in range(min(len(targets), 2)):
            wanted = [scaled(target.version, deployment.config).minimum_instances for target in targets]
            answers = await asyncio.gather(
                *(
                    self._runner.warm(target.version, max(count, 1))
                    for target, count in zip(targets, wanted, strict=True)
                )
            )
            for target, failure in zip(targets, answers, strict=True):
                if failure is not None:
                    return Trouble(f"model '{target.version.model_name}': {failure.message}", failure.reason)
        return None

    def _completed(self, deployment: Deployment, targets: Sequence[Target]) -> Ended:
        async def effect(work: UnitOfWork) -> None:
            await complete(work, deployment, targets, self._clock.now())

        names = ", ".join(target.name for target in targets) or "nothing, for the project has no models"
        self._say(deployment, f"the rollout of {deployment.version} is ready to serve: {names}")
        return Ended({"status": DeploymentStatus.COMPLETED}, effect, order=deployment.project_id)

    def _failed(self, deployment: Deployment, trouble: Trouble) -> Ended:
        async def effect(work: UnitOfWork) -> None:
            await fail(work, deployment, trouble, self._clock.now())

        if trouble.reason is not None:
            self._failures.add(Subject.DEPLOYMENT, trouble.reason)
        code = "" if trouble.reason is None else f" [{trouble.reason}]"
        text = f"the rollout of {deployment.version} failed: {trouble.message}{code}"
        self._say(deployment, text, LogLevel.ERROR)
        return Ended({"status": DeploymentStatus.FAILED}, effect, order=deployment.project_id)

    def _give_up(self, deployment: Deployment, error: str) -> Ended:
        return self._failed(deployment, Trouble(f"given up after several tries: {error}", Reason.GIVEN_UP))

    def _say(self, deployment: Deployment, text: str, level: LogLevel = LogLevel.INFO) -> None:
        self._logs.write(LogLine(deployment.project_id, self._clock.now(), text, system=True, level=level))
