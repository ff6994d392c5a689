"""Carries out what the pool of one version decides.

The way of a request through a warm instance is ``run`` -> ``_assign`` -> (the instance) -> ``received`` -> ``_answer``;
all else here is for starts, ends and files.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from errno import EDQUOT, ENOSPC
from itertools import count
from typing import Any, Final

from quinta.core.models.model import RunnableVersion
from quinta.core.observation.model import LogLevel, LogLine
from quinta.core.ports import LogSink
from quinta.core.reasons import Failure, Reason
from quinta.core.requests.outcome import RunOutcome, RunRequest
from quinta.engine.observation.tally import STOPPED, Tally
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.supervisor.calls import Call, FileTransfer
from quinta.engine.supervisor.capacity import Capacity
from quinta.engine.supervisor.folders import ExchangeError, move_results, remove_from_exchange
from quinta.engine.supervisor.launch import Launcher, Prepared
from quinta.engine.supervisor.leftovers import remove_cgroup
from quinta.engine.supervisor.logs import LogCapture
from quinta.engine.supervisor.meter import Meter
from quinta.engine.supervisor.pool import RETIRED, Pool
from quinta.engine.supervisor.process import Death, InstanceProcess
from quinta.engine.supervisor.settings import EngineFolders, SupervisorPolicy
from quinta.engine.supervisor.states import Action, Assign, End, Instance, InstanceState, Kill, Launch, Refuse, Shut
from quinta.engine.supervisor.waiting import Tenant
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id
from quinta.wire.messages import (
    RUN_FAILURES,
    START_FAILURES,
    Done,
    Failed,
    Message,
    Ready,
    Run,
    StartFailed,
    Stop,
    encode,
)

_log: Final = logging.getLogger(__name__)
_SUPERSEDED: Final = "its build was superseded"
_MAX_MESSAGE: Final = 4000  # characters of what an instance says about a failure
# What the end of a process is called when it comes before the model is ready.
_WHILE_STARTING: Final = {
    Reason.EXITED: Reason.START_EXITED,
    Reason.KILLED: Reason.START_KILLED_BY_SIGNAL,
    Reason.KILLED_BY_SIGNAL: Reason.START_KILLED_BY_SIGNAL,
    Reason.MEMORY: Reason.START_MEMORY,
}
_NOT_STARTED: Final = (Reason.START_IMPOSSIBLE, Reason.START_DISK_FULL)
# Files for the result may be there already when it turns out that it cannot be answered.
_LEAVES_FILES: Final = (Reason.RESULT_NOT_JSON, Reason.RESULT_TOO_LARGE, Reason.RESULT_BAD_FILE, Reason.DISK)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the runners of all versions share. ``balance`` carries out what ``capacity`` decides, for all of them."""

    folders: EngineFolders
    sandbox: Sandbox
    clock: Clock
    logs: LogSink
    policy: SupervisorPolicy
    launcher: Launcher
    files: FileTransfer
    meter: Meter
    capacity: Capacity
    balance: Callable[[], None]
    tally: Tally = field(default_factory=Tally)
    numbers: count[int] = field(default_factory=lambda: count(1))


class VersionRunner:
    """The processes of one version and the requests on them; or those of one job, whose id is ``job_id``.

    ``key`` is what the capacity knows it by: the version's id, or one for the job alone. ``changed`` is set when there
    may be another number of instances, and each of ``broken`` ends with the next failure of the current revision.
    """

    def __init__(self, shop: Workshop, tenant: Tenant, key: str, job_id: str | None = None) -> None:
        self.pool = Pool(shop.policy, new_id, tenant)
        self.job_id = job_id
        self._key = key
        self.processes: dict[str, InstanceProcess] = {}
        self._shop = shop
        self._now = shop.clock.monotonic
        self._lives: dict[str, asyncio.Task[None]] = {}  # by instance: from launch until nothing is left of it
        self._background: set[asyncio.Task[Any]] = set()
        self._probes: dict[str, asyncio.Future[Failure | None]] = {}
        self.changed = asyncio.Event()
        self.broken: set[asyncio.Future[Failure]] = set()

    async def run(self, version: RunnableVersion, request: RunRequest) -> RunOutcome:
        """Runs one request. Cancelled, it is dropped from the queue, or killed with its instance when it runs: a direct
        request, whose caller has gone, after a moment in which it may end by itself."""
        loop = asyncio.get_running_loop()
        call = Call(next(self._shop.numbers), request, loop.create_future(), self._now())
        if self._shop.files.needed(request):
            late = await self._shop.files.stage(call)
            if late is not None:
                self._count(version, call, late)
                return late
        now = self._now()
        call.timer = loop.call_later(request.timeout - (now - call.accepted), self._expire, call)
        known = self.pool.version
        self.perform(self.pool.accept(call, version, now))
        if call.instance is None or self.pool.version is not known:
            capacity = self._shop.capacity
            if capacity.wants_anew(self._key, self.pool, now):
                self.scale()
        try:
            outcome = await call.future
        except asyncio.CancelledError:
            self._abandon(call)
            raise
        finally:
            if call.folder is not None:
                await self._shop.files.discard(call)
        self._count(version, call, outcome)
        return outcome

    def apply(self, version: RunnableVersion) -> None:
        self._happened(self.pool.apply(version, self._now()))

    async def probe(self, version: RunnableVersion) -> Failure | None:
        """Starts an instance of ``version``; None when it is ready, else why not."""
        if self.pool.retired is not None:
            return Failure(self.pool.retired, RETIRED[self.pool.retired])
        instance = self.pool.probe(version, self._now())
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Failure | None] = loop.create_future()
        self._probes[instance.id] = future
        patience = loop.call_later(self._shop.policy.start_timeout_seconds, self._finds_no_room, instance)
        self.scale()
        try:
            return await future
        except asyncio.CancelledError:
            if instance.state is InstanceState.PLANNED:
                self.perform(self.pool.refuse(instance, Reason.INSTANCE_STOPPED, _SUPERSEDED))
            # One of the revision that serves already is as good as any other and stays.
            elif instance.state is InstanceState.STARTING and not instance.current:
                actions = self.pool.start_failed(instance, Reason.INSTANCE_STOPPED, _SUPERSEDED, self._now())
                self._happened(actions)
            raise
        finally:
            patience.cancel()
            del self._probes[instance.id]

    async def retire(self, reason: Reason) -> None:
        """Ends all requests and instances. Returns when no process and no folder is left."""
        self.perform(self.pool.retire(reason))
        while tasks := [*self._lives.values(), *self._background]:
            await asyncio.gather(*tasks)

    def tick(self) -> None:
        """Lets time pass for the pool."""
        self.perform(self.pool.tick(self._now()))

    def received(self, process: InstanceProcess, message: Message, payload: bytes) -> None:
        """What an instance says. Anything out of turn is a breach, and the instance is killed."""
        instance, call = process.instance, process.instance.ticket
        if isinstance(message, (Done, Failed)) and isinstance(call, Call) and call.awaits(message.id):
            call.answered = True
            process.logs.drain()
            process.logs.begin(None)
            if isinstance(message, Done) and (message.files or message.result_file):
                call.used_exchange = True
                self._in_background(self._collect(process, call, message, payload))
            else:
                self._answer(process, call, self._outcome(call, message, payload))
        elif isinstance(message, Ready) and instance.state is InstanceState.STARTING:
            self._started(process)
        elif isinstance(message, StartFailed) and instance.state is InstanceState.STARTING:
            process.logs.drain()
            reason = _reason(message.code, START_FAILURES)
            self._start_failed(instance, Failure(reason, _clean(message.message)))
        elif instance.state is not InstanceState.STOPPING:
            process.breach(f"{type(message).__name__} out of turn")

    def _assign(self, instance: Instance, call: Call) -> None:
        process = self.processes[instance.id]
        process.logs.drain()  # what came since the last request is not of this one
        process.logs.begin(call.request.id, call.request.trace)
        call.assigned = self._now()
        if call.request.run_timeout is not None:
            self._time_run(call, call.request.run_timeout)
        if call.folder is None:
            process.send(encode(Run(call.number, "", {}), call.request.data))
            return
        try:
            data_file, blobs = self._shop.files.hand_in(call, process.prepared.box)
        except OSError as error:
            _log.exception("request %s: its files could not be moved to instance %s", call.request.id, instance.id)
            process.kill(Reason.INPUT_UNAVAILABLE, f"could not be given the request's files ({error.strerror})")
            return
        process.send(encode(Run(call.number, data_file, blobs), b"" if data_file else call.request.data))

    def _time_run(self, call: Call, seconds: float) -> None:
        """From here on the code's own time counts, and the time that the call waited does not."""
        if call.timer is not None:
            call.timer.cancel()
        call.timeout = seconds
        call.timer = asyncio.get_running_loop().call_later(seconds, self._expire, call)

    def _answer(self, process: InstanceProcess, call: Call, outcome: RunOutcome) -> None:
        actions = self.pool.finished(process.instance, self._now())
        call.resolve(outcome)
        self.perform(actions)
        if process.instance.state is InstanceState.READY and self._shop.capacity.short:
            self._shop.balance()
        if call.used_exchange or outcome.reason in _LEAVES_FILES:
            self._in_background(self._forget_exchange(process, call))

    def _outcome(self, call: Call, message: Done | Failed, payload: bytes) -> RunOutcome:
        elapsed = self._now() - call.assigned
        seconds = message.seconds if 0.0 <= message.seconds <= elapsed else elapsed
        if isinstance(message, Done):
            return RunOutcome(Reason.COMPLETED, result=payload, seconds=seconds)
        reason = _reason(message.code, RUN_FAILURES)
        return RunOutcome(reason, error_message=_clean(message.message), seconds=seconds)

    def _count(self, version: RunnableVersion, call: Call, outcome: RunOutcome) -> None:
        if version.runs_command:  # how it ended, and how long it says that it took, is for those who see its run
            return
        whole = self._now() - call.accepted
        waited, ran = (whole, None) if call.instance is None else (call.assigned - call.accepted, outcome.seconds)
        self._shop.tally.request(version.version_id, outcome.reason, waited, ran, whole)

    def _happened(self, actions: list[Action]) -> None:
        """Carries out what follows from an event after which another number of instances may be wanted."""
        self.perform(actions)
        self.changed.set()
        self.scale()

    def scale(self) -> None:
        """Another number of instances may be wanted from the pool."""
        self._shop.capacity.changed(self._key)
        self._shop.balance()

    def perform(self, actions: list[Action]) -> None:
        """Carries out what the pool, or the capacity, has decided."""
        for action in actions:
            if isinstance(action, Assign):
                assert isinstance(action.ticket, Call)
                self._assign(action.instance, action.ticket)
            elif isinstance(action, End):
                assert isinstance(action.ticket, Call)
                action.ticket.resolve(
                    RunOutcome(action.reason, error_message=action.message, seconds=self._ran(action.ticket))
                )
            elif isinstance(action, Launch):
                life = asyncio.create_task(self._live(action.instance), name=f"instance {action.instance.id}")
                self._lives[action.instance.id] = life
            elif isinstance(action, Refuse):
                self._answer_probe(action.instance, Failure(action.reason, action.why))
            else:
                self._stop(action)

    def _ran(self, call: Call) -> float:
        """Seconds since an instance was given the request; 0 when none was."""
        return 0.0 if call.instance is None else self._now() - call.assigned

    def _stop(self, action: Shut | Kill) -> None:
        process = self.processes.get(action.instance.id)
        if process is None:  # not spawned yet: _live looks at the state before it does
            return
        process.cancel_timer()
        if isinstance(action, Kill):
            process.logs.say(f"the instance is stopped: {Failure(action.reason, action.why)}")
            process.kill(action.reason, f"was stopped: {action.why}")
            return
        if self.job_id is None:  # of a job it says nothing new
            process.logs.say(f"the instance is stopped: {action.why}")
        process.send(encode(Stop()))
        patience = self._shop.policy.stop_grace_seconds
        process.set_timer(patience, process.kill, Reason.INSTANCE_STOPPED, "did not stop in time")

    def _abandon(self, call: Call) -> None:
        """Nobody waits for the call any more."""
        if not call.future.cancelled():  # the answer came while the caller went
            self._in_background(self._shop.files.drop(call.future.result()))
        elif call.batch or call.instance is None:
            self._cancel(call, "its request was cancelled")
        elif not call.ended:
            patience = self._shop.policy.hang_up_seconds
            text = f"its caller hung up {patience:g} s ago"
            asyncio.get_running_loop().call_later(patience, self._cancel, call, text)

    def _cancel(self, call: Call, why: str) -> None:
        if call.ended or call.answered:
            return
        instance = call.instance
        if not call.batch and instance is None:
            self._say(call, "the request was dropped from the queue: its caller hung up")
        if call.timer is not None:
            call.timer.cancel()
        self.perform(self.pool.cancelled(call, why))
        if instance is not None:
            self.scale()

    def _expire(self, call: Call) -> None:
        if not call.ended:
            self.perform(self.pool.expired(call, self._now()))
            if call.instance is not None:
                self.scale()

    def _say(self, call: Call, text: str) -> None:
        """Writes a line of the platform about a request that no instance has."""
        version, request = self.pool.version, call.request
        if version is None:
            return
        line = LogLine(
            project_id=version.project_id,
            time=self._shop.clock.now(),
            text=text,
            system=True,
            model_name=version.model_name,
            version_name=version.version_name,
            request_id=request.id,
        )
        self._shop.logs.write(line if request.trace is None else request.trace.on(line))

    def _started(self, process: InstanceProcess) -> None:
        process.cancel_timer()
        process.logs.drain()
        process.logs.begin(None)
        seconds = self._now() - process.instance.since
        process.logs.say(f"an instance started in {seconds:.2f} s")
        self._shop.tally.started(process.instance.version, seconds)
        self._answer_probe(process.instance, None)
        self._happened(self.pool.started(process.instance, self._now()))

    def _start_failed(self, instance: Instance, failure: Failure) -> None:
        self._answer_probe(instance, failure)
        self._tell_broken(instance, failure)
        failures = self.pool.failures
        actions = self.pool.start_failed(instance, failure.reason, failure.message, self._now())
        self._happened(actions)
        self._note_crash_loop(self.processes[instance.id], failures)

    def _note_crash_loop(self, process: InstanceProcess, failures_before: int) -> None:
        if self.pool.crash_looping and self.pool.failures > failures_before:
            pause = self.pool.not_before - self._now()
            text = f"no instance stays up: after {self.pool.failures} failures the next one is tried in {pause:.0f} s"
            process.logs.say(text, LogLevel.WARN)

    def _start_takes_too_long(self, instance: Instance) -> None:
        if instance.state is InstanceState.STARTING:
            limit = self._shop.policy.start_timeout_seconds
            text = f"the start took longer than {limit:g} s"
            self._start_failed(instance, Failure(Reason.START_TOOK_TOO_LONG, text))

    def _finds_no_room(self, instance: Instance) -> None:
        if instance.state is InstanceState.PLANNED:
            text = f"no instance could start within {self._shop.policy.start_timeout_seconds:g} s: {self.pool.obstacle}"
            self.perform(self.pool.refuse(instance, Reason.NO_ROOM, text))

    def _answer_probe(self, instance: Instance, answer: Failure | None) -> None:
        probe = self._probes.get(instance.id)
        if probe is not None and not probe.done():
            probe.set_result(answer)

    def _tell_broken(self, instance: Instance, failure: Failure) -> None:
        for waiting in self.broken:
            if instance.current and not waiting.done():
                waiting.set_result(failure)

    async def _live(self, instance: Instance) -> None:
        """The whole life of an instance, from its folder until nothing is left of it."""
        shop, process = self._shop, None
        shop.meter.change(instance.version, 1, self._now())
        death = Death(Reason.INSTANCE_STOPPED, "was stopped before it ran")
        try:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                number = theirs.fileno()
                prepared = await asyncio.to_thread(shop.launcher.prepare, instance.id, instance.version, number)
                if instance.state is InstanceState.STARTING:
                    process = self._spawn(instance, prepared, theirs)
                    await process.connect(ours)
                    death = await process.ended
        except Exception as error:  # noqa: BLE001 - the edge of a process: the pool must hear of every end
            _log.exception("instance %s of version %s could not be started", instance.id, instance.version.version_id)
            # The whole text of an OSError may name paths of the server.
            cause = error.strerror if isinstance(error, OSError) else error
            full = isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT)
            reason = Reason.START_DISK_FULL if full else Reason.START_IMPOSSIBLE
            death = Death(reason, f"could not be started ({cause}); the server's own log says more")
        self._bury(instance, process, death)
        await asyncio.to_thread(self._sweep, instance)
        del self._lives[instance.id]

    def _spawn(self, instance: Instance, prepared: Prepared, theirs: socket.socket) -> InstanceProcess:
        shop = self._shop
        process = InstanceProcess(instance, prepared, shop.sandbox, self)
        process.start(theirs, lambda pipe: LogCapture(pipe, instance.version, shop.logs, shop.clock, self.job_id))
        self.processes[instance.id] = process
        process.set_timer(shop.policy.start_timeout_seconds, self._start_takes_too_long, instance)
        return process

    def _bury(self, instance: Instance, process: InstanceProcess | None, death: Death) -> None:
        when = {InstanceState.STARTING: " while it was starting", InstanceState.BUSY: " during the request"}
        started = death.reason not in _NOT_STARTED
        text = f"the instance {death.text}{when.get(instance.state, '') if started else ''}"
        starting = instance.state is InstanceState.STARTING
        failure = Failure(_WHILE_STARTING.get(death.reason, death.reason) if starting else death.reason, text)
        if process is not None:
            process.cancel_timer()
            del self.processes[instance.id]
            if instance.state is not InstanceState.STOPPING:
                process.logs.say(str(failure))
        self._shop.meter.change(instance.version, -1, self._now())
        if not instance.version.runs_command:
            self._shop.tally.ended(instance.version, self._how_ended(instance, process, failure))
        self._answer_probe(instance, failure)
        if instance.state in (InstanceState.STARTING, InstanceState.READY):
            self._tell_broken(instance, failure)
        failures = self.pool.failures
        self._happened(self.pool.exited(instance, failure.reason, text, self._now()))
        if process is not None:
            self._note_crash_loop(process, failures)
            process.logs.close()

    def _how_ended(self, instance: Instance, process: InstanceProcess | None, failure: Failure) -> str:
        """For the counts: STOPPED, or the reason code of its death or of why the server killed it."""
        stopping = instance.state is InstanceState.STOPPING
        return STOPPED if stopping and (process is None or not process.killed) else failure.reason

    def _sweep(self, instance: Instance) -> None:
        cgroups = self._shop.sandbox.cgroups
        if cgroups is not None and not remove_cgroup(cgroups.existing(instance.id)):
            _log.error("instance %s: its cgroup could not be removed", instance.id)
        folder = self._shop.folders.instances / instance.id
        if instance.version.job is not None:
            try:
                move_results(folder / "box", instance.version.job.results)
            except OSError:  # run_job sees that they are not there
                _log.exception("job %s: what it left could not be moved from instance %s", self.job_id, instance.id)
        try:
            remove_tree(folder)
        except OSError:  # the next start of the server tries again
            _log.exception("instance %s: its folder could not be removed", instance.id)

    async def _collect(self, process: InstanceProcess, call: Call, message: Done, payload: bytes) -> None:
        files, box = self._shop.files, process.prepared.box
        seconds = self._outcome(call, message, payload).seconds
        try:
            outcome = await files.collect(call, box, message, process.prepared.blob_outputs, payload)
        except ExchangeError as error:
            outcome = RunOutcome(error.reason, error_message=str(error))
        except OSError as error:
            _log.exception("request %s: its files could not be taken from instance %s", call.request.id, box)
            text = f"the result's files could not be kept ({error.strerror})"
            outcome = RunOutcome(Reason.RESULT_NOT_KEPT, error_message=text)
        if call.ended or call.future.done():
            await files.drop(outcome)
        if not call.ended:  # else the time-out or the end of the instance came first
            self._answer(process, call, replace(outcome, seconds=seconds))

    async def _forget_exchange(self, process: InstanceProcess, call: Call) -> None:
        await asyncio.to_thread(remove_from_exchange, process.prepared.box, str(call.number))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _reason(code: str, known: tuple[str, ...]) -> Reason:
    return Reason(code) if code in known else Reason.PROTOCOL_BROKEN


def _clean(text: str) -> str:
    """What an instance says about a failure, fit to be stored: valid Unicode, no NUL, not without end."""
    return text[:_MAX_MESSAGE].encode("utf-8", "replace").decode().replace("\0", "")
