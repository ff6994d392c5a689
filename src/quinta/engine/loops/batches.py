"""The batch loop: accepted requests are run, each to one visible result (design, journey "batch request")."""

from __future__ import annotations

import math
from collections.abc import Callable

from quinta.core.errors import TooLarge
from quinta.core.events import EventName
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import RunnableVersion
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLevel, Trace
from quinta.core.pipelines.runs import Parts, PipelineRuns
from quinta.core.ports import Store, UnitOfWork
from quinta.core.reasons import RETIREMENTS, TIMEOUTS, Failure, Reason
from quinta.core.requests.batch import TIMEOUT_SECONDS
from quinta.core.requests.execution import Answer, Execution
from quinta.core.requests.model import Request, RequestStatus
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.kit.clock import Clock

MOST_IN_FLIGHT = 512
_TURN_SECONDS = 0.05
"""Each instance is handed about this much work ahead: enough to keep it busy while results are stored (a turn takes
5 to 20 ms), little enough that a direct request does not wait long behind it."""
_WAY_SECONDS = 0.0004
"""What a request takes beside its code: the way to the instance and back, and the server's work. So an instance has at
most 125 requests ahead."""
_MOST_RUNS = 10
_RUNS_WHEN_KILLED = 2
RUNS_VARIABLE = "QUINTA_BATCH_RUNS"
"""An environment variable of a version, its model or its project: how often at most, 1 to 10, a batch request is run
whose instance dies. Any other value counts as none (decision 0018)."""
_CRASHES = frozenset({Reason.KILLED, Reason.KILLED_BY_SIGNAL, Reason.EXITED})
_TRIES = 10
"""What user code does never ends the server, so a try is only lost to a kill or a power cut; ten of those while one
request runs are a sign that it should not be tried again."""


class Batches:
    """Leases batch requests and runs them.

    ``runs_here`` says whether this server has what a version's build made. Requests of other versions are left to the
    servers that have: taken here, they would fail.
    """

    def __init__(
        self,
        store: Store,
        versions: LiveVersions,
        execution: Execution,
        pipelines: PipelineRuns,
        failures: FailureCounts,
        clock: Clock,
        runs_here: Callable[[RunnableVersion], bool],
    ) -> None:
        self._runs_here = runs_here
        self._versions = versions
        self._execution = execution
        self._pipelines = pipelines
        self._failures = failures
        self._clock = clock
        self._in_flight: dict[str, int] = {}  # by version
        self._seconds: dict[str, float] = {}  # by version: mean run time of late requests
        work = LeasedWork(
            name="batches",
            kind=Request,
            waiting=RequestStatus.PENDING,
            working=RequestStatus.PROCESSING,
            work=self._work,
            give_up=self._give_up,
            concurrency=MOST_IN_FLIGHT,
            select=self._select,
            woken_by=EventName.REQUESTS_CREATED,
            cancelled_by=EventName.REQUESTS_DELETED,
            lock_first=pipelines.lock,
        )
        self.loop = LeasedLoop(work, store, clock, LeasePolicy(maximum_attempts=_TRIES))

    async def _select(self, claim: Claim[Request]) -> None:
        """For each version with work: as much as its instances can take, so that no version keeps another out."""
        for version_id in await claim.groups("version_id"):
            version = await self._versions.get(version_id)
            if version is not None and self._runs_here(version):
                await claim.take(self._room(version, claim.room), version_id=version_id)
        parents = {request.pipeline_request_id for request in claim.taken if request.pipeline_request_id is not None}
        await self._pipelines.begin(claim.unit, sorted(parents))

    def _room(self, version: RunnableVersion, free: int) -> int:
        """No version holds more than half of what the others leave, or one whose code hangs would keep them out."""
        mean = self._seconds.get(version.version_id)
        ahead = 1 if mean is None else math.ceil(_TURN_SECONDS / (mean + _WAY_SECONDS))
        wanted = version.maximum_instances * ahead
        held = self._in_flight.get(version.version_id, 0)
        return min(wanted, (held + free + 1) // 2) - held

    async def _work(self, request: Request) -> Ended | None:
        version_id = request.version_id
        self._in_flight[version_id] = self._in_flight.get(version_id, 0) + 1
        try:
            answer = await self._run(request)
        finally:
            self._in_flight[version_id] -= 1
            if not self._in_flight[version_id]:
                del self._in_flight[version_id]
        if answer is None or answer.reason in RETIREMENTS:
            return None  # this server stops, or the version is going: whoever still has the row decides
        if answer.reason in TIMEOUTS and not answer.seconds:
            return None  # it waited behind code that hung, and never had its turn
        if answer.seconds:
            self._seconds[version_id] = 0.8 * self._seconds.get(version_id, answer.seconds) + 0.2 * answer.seconds
        try:
            following = await self._pipelines.after(request, answer)
        except TooLarge as error:
            failure = Failure(Reason.RESULT_TOO_LARGE_TO_HAND_ON, error.message)
            self._failures.add(Subject.REQUEST, failure.reason)
            return self._ended(request, Answer(request.id, failure.reason, None, failure.message, answer.seconds))
        return self._ended(request, answer, following)

    async def _run(self, request: Request) -> Answer | None:
        """Runs it, and again when its instance died and the version's policy has it so. What is counted here is lost
        when the server ends, which then runs it again anyhow."""
        trace, runs = await self._pipelines.trace(request), 0
        while (version := await self._versions.get(request.version_id)) is not None:
            answer = await self._run_once(version, request, trace)
            runs += 1
            if runs >= most_runs(version, answer.reason):
                return answer
            said = f"the request is run again: {answer.error_message}"
            self._execution.say(version, request.id, said, trace, LogLevel.WARN)
        return None

    async def _run_once(self, version: RunnableVersion, request: Request, trace: Trace | None) -> Answer:
        return await self._execution.run_kept(version, request.id, request.data, TIMEOUT_SECONDS, trace, batch=True)

    def _ended(self, request: Request, answer: Answer, following: Parts | None = None) -> Ended:
        values = {
            "status": RequestStatus.COMPLETED if answer.success else RequestStatus.FAILED,
            "result": answer.result,
            "error_message": answer.error_message,
            "reason": answer.reason,
            "updated_at": self._clock.now(),
        }
        if request.pipeline_request_id is None:
            return Ended(values)

        async def carry_on(work: UnitOfWork) -> None:
            await self._pipelines.ended(work, request, answer, following)

        return Ended(values, carry_on, order=request.pipeline_request_id)

    def _give_up(self, request: Request, error: str) -> Ended:
        self._failures.add(Subject.REQUEST, Reason.GIVEN_UP)
        answer = Answer(request.id, Reason.GIVEN_UP, None, f"given up after several tries: {error}")
        return self._ended(request, answer)


def most_runs(version: RunnableVersion, reason: Reason) -> int:
    """How often a request, or a job, may run that ends for ``reason``. Nothing points at the code when an instance was
    killed, so that one is run once more; what the code's own crash did once, it does again, unless its owner knows
    better."""
    if reason not in _CRASHES:
        return 1
    given = version.environment_variables.get(RUNS_VARIABLE, "")
    if given.isdecimal() and 1 <= int(given) <= _MOST_RUNS:
        return int(given)
    return _RUNS_WHEN_KILLED if reason is Reason.KILLED else 1
