"""Carries out what the pool of one version decides.

The way of a request through a warm instance is ``run`` -> ``_assign`` -> (the instance) -> ``received`` -> ``_answer``;
all else here is for starts, ends and files.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final

from quinta.core.models.model import RunnableVersion
from quinta.core.ports import LogSink
from quinta.core.requests.outcome import Reason, RunOutcome, RunRequest
from quinta.engine.observation.tally import KILLED, STOPPED, Tally
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.supervisor.calls import Call, FileTransfer
from quinta.engine.supervisor.folders import ExchangeError, remove_from_exchange
from quinta.engine.supervisor.launch import Launcher, Prepared
from quinta.engine.supervisor.leftovers import remove_cgroup
from quinta.engine.supervisor.logs import LogCapture
from quinta.engine.supervisor.meter import Meter
from quinta.engine.supervisor.pool import RETIRED, Pool
from quinta.engine.supervisor.process import Death, InstanceProcess
from quinta.engine.supervisor.settings import EngineFolders, SupervisorPolicy
from quinta.engine.supervisor.states import Action, Assign, End, Instance, InstanceState, Kill, Launch, Shut
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id
from quinta.wire.messages import Done, Failed, Message, Ready, Run, StartFailed, Stop, encode

_log: Final = logging.getLogger(__name__)
_MAX_MESSAGE: Final = 4000  # characters of what an instance says about a failure


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the runners of all versions share."""

    folders: EngineFolders
    sandbox: Sandbox
    clock: Clock
    logs: LogSink
    policy: SupervisorPolicy
    launcher: Launcher
    files: FileTransfer
    meter: Meter
    tally: Tally = field(default_factory=Tally)
    numbers: count[int] = field(default_factory=lambda: count(1))


class VersionRunner:
    """The processes of one version and the requests on them."""

    def __init__(self, shop: Workshop) -> None:
        self.pool = Pool(shop.policy, new_id)
        self.processes: dict[str, InstanceProcess] = {}
        self._shop = shop
        self._now = shop.clock.monotonic
        self._lives: dict[str, asyncio.Task[None]] = {}  # by instance: from launch until nothing is left of it
        self._background: set[asyncio.Task[Any]] = set()
        self._probes: dict[str, asyncio.Future[str | None]] = {}

    async def run(self, version: RunnableVersion, request: RunRequest) -> RunOutcome:
        """Runs one request. Cancelled, it is dropped from the queue, or killed with its instance when it runs."""
        loop = asyncio.get_running_loop()
        call = Call(next(self._shop.numbers), request, loop.create_future(), self._now())
        if self._shop.files.needed(request):
            late = await self._shop.files.stage(call)
            if late is not None:
                self._count(version, call, late)
                return late
        now = self._now()
        call.timer = loop.call_later(request.timeout - (now - call.accepted), self._expire, call)
        self._perform(self.pool.accept(call, version, now))
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
        self._perform(self.pool.apply(version, self._now()))

    async def probe(self, version: RunnableVersion) -> str | None:
        """Starts an instance of ``version``; None when it is ready, else why not."""
        if self.pool.retired:
            return RETIRED
        instance, actions = self.pool.probe(version, self._now())
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._probes[instance.id] = future
        self._perform(actions)
        try:
            return await future
        except asyncio.CancelledError:
            # One of the revision that serves already is as good as any other and stays.
            if instance.state is InstanceState.STARTING and not instance.current:
                self._perform(self.pool.start_failed(instance, "its build was superseded", self._now()))
            raise
        finally:
            del self._probes[instance.id]

    async def retire(self) -> None:
        """Ends all requests and instances. Returns when no process and no folder is left."""
        self._perform(self.pool.retire())
        while tasks := [*self._lives.values(), *self._background]:
            await asyncio.gather(*tasks)

    def tick(self) -> None:
        """Lets time pass for the pool."""
        self._perform(self.pool.tick(self._now()))

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
            self._start_failed(instance, _clean(message.message))
        elif instance.state is not InstanceState.STOPPING:
            process.breach(f"{type(message).__name__} out of turn")

    def _assign(self, instance: Instance, call: Call) -> None:
        process = self.processes[instance.id]
        process.logs.drain()  # what came since the last request is not of this one
        process.logs.begin(call.request.id, call.request.trace)
        call.assigned = self._now()
        if call.folder is None:
            process.send(encode(Run(call.number, "", {}), call.request.data))
            return
        try:
            data_file, blobs = self._shop.files.hand_in(call, process.prepared.box)
        except OSError as error:
            _log.exception("request %s: its files could not be moved to instance %s", call.request.id, instance.id)
            process.kill(Reason.CRASHED, f"could not be given the request's files ({error.strerror})")
            return
        process.send(encode(Run(call.number, data_file, blobs), b"" if data_file else call.request.data))

    def _answer(self, process: InstanceProcess, call: Call, outcome: RunOutcome) -> None:
        actions = self.pool.finished(process.instance, self._now())
        call.resolve(outcome)
        self._perform(actions)
        if call.used_exchange or outcome.reason is Reason.INVALID_RESULT:
            self._in_background(self._forget_exchange(process, call))

    def _outcome(self, call: Call, message: Done | Failed, payload: bytes) -> RunOutcome:
        elapsed = self._now() - call.assigned
        seconds = message.seconds if 0.0 <= message.seconds <= elapsed else elapsed
        if isinstance(message, Done):
            return RunOutcome(Reason.COMPLETED, result=payload, seconds=seconds)
        reason = Reason.INVALID_RESULT if message.invalid_result else Reason.MODEL_ERROR
        return RunOutcome(reason, error_message=_clean(message.message), seconds=seconds)

    def _count(self, version: RunnableVersion, call: Call, outcome: RunOutcome) -> None:
        whole = self._now() - call.accepted
        waited, ran = (whole, None) if call.instance is None else (call.assigned - call.accepted, outcome.seconds)
        self._shop.tally.request(version.version_id, outcome.reason, waited, ran, whole)

    def _perform(self, actions: list[Action]) -> None:
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
            else:
                self._stop(action)

    def _ran(self, call: Call) -> float:
        """Seconds since an instance was given the request; 0 when none was."""
        return 0.0 if call.instance is None else self._now() - call.assigned

    def _stop(self, action: Shut | Kill) -> None:
        process = self.processes.get(action.instance.id)
        if process is None:  # not spawned yet: _live looks at the state before it does
            return
        process.logs.say(f"the instance is stopped: {action.why}")
        process.cancel_timer()
        if isinstance(action, Kill):
            process.kill(Reason.CRASHED, f"was stopped: {action.why}")
            return
        process.send(encode(Stop()))
        process.set_timer(self._shop.policy.stop_grace_seconds, process.kill, Reason.CRASHED, "did not stop in time")

    def _abandon(self, call: Call) -> None:
        self._perform(self.pool.cancelled(call, self._now()))
        if call.timer is not None:
            call.timer.cancel()
        if not call.future.cancelled():  # the answer came while the caller went
            self._in_background(self._shop.files.drop(call.future.result()))

    def _expire(self, call: Call) -> None:
        if not call.ended:
            self._perform(self.pool.expired(call, self._now()))

    def _started(self, process: InstanceProcess) -> None:
        process.cancel_timer()
        process.logs.drain()
        process.logs.begin(None)
        seconds = self._now() - process.instance.since
        process.logs.say(f"an instance started in {seconds:.2f} s")
        self._shop.tally.started(process.instance.version, seconds)
        self._answer_probe(process.instance, None)
        self._perform(self.pool.started(process.instance, self._now()))

    def _start_failed(self, instance: Instance, message: str) -> None:
        self._answer_probe(instance, message)
        failures = self.pool.failures
        self._perform(self.pool.start_failed(instance, message, self._now()))
        self._note_crash_loop(self.processes[instance.id], failures)

    def _note_crash_loop(self, process: InstanceProcess, failures_before: int) -> None:
        if self.pool.crash_looping and self.pool.failures > failures_before:
            pause = self.pool.not_before - self._now()
            text = f"no instance stays up: after {self.pool.failures} failures the next one is tried in {pause:.0f} s"
            process.logs.say(text)

    def _start_takes_too_long(self, instance: Instance) -> None:
        if instance.state is InstanceState.STARTING:
            limit = self._shop.policy.start_timeout_seconds
            self._start_failed(instance, f"the start took longer than {limit:g} s")

    def _answer_probe(self, instance: Instance, answer: str | None) -> None:
        probe = self._probes.get(instance.id)
        if probe is not None and not probe.done():
            probe.set_result(answer)

    async def _live(self, instance: Instance) -> None:
        """The whole life of an instance, from its folder until nothing is left of it."""
        shop, process = self._shop, None
        shop.meter.change(instance.version, 1, self._now())
        death = Death(Reason.RETIRED, "was stopped before it ran")
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
            death = Death(Reason.START_FAILED, f"could not be started ({cause}); the server's own log says more")
        self._bury(instance, process, death)
        await asyncio.to_thread(self._sweep, instance)
        del self._lives[instance.id]

    def _spawn(self, instance: Instance, prepared: Prepared, theirs: socket.socket) -> InstanceProcess:
        shop = self._shop
        process = InstanceProcess(instance, prepared, shop.sandbox, self)
        process.start(theirs, lambda pipe: LogCapture(pipe, instance.version, shop.logs, shop.clock))
        self.processes[instance.id] = process
        process.set_timer(shop.policy.start_timeout_seconds, self._start_takes_too_long, instance)
        return process

    def _bury(self, instance: Instance, process: InstanceProcess | None, death: Death) -> None:
        when = {InstanceState.STARTING: " while it was starting", InstanceState.BUSY: " during the request"}
        started = death.reason is not Reason.START_FAILED
        text = f"the instance {death.text}{when.get(instance.state, '') if started else ''}"
        if process is not None:
            process.cancel_timer()
            del self.processes[instance.id]
            if instance.state is not InstanceState.STOPPING:
                process.logs.say(text)
        self._shop.meter.change(instance.version, -1, self._now())
        self._shop.tally.ended(instance.version, self._how_ended(instance, process, death))
        self._answer_probe(instance, text)
        failures = self.pool.failures
        self._perform(self.pool.exited(instance, death.reason, text, self._now()))
        if process is not None:
            self._note_crash_loop(process, failures)
            process.logs.close()

    def _how_ended(self, instance: Instance, process: InstanceProcess | None, death: Death) -> str:
        """For the counts: how it was ended by the server, or the reason code of its death."""
        if instance.state is not InstanceState.STOPPING:
            return death.reason
        return KILLED if process is not None and process.killed else STOPPED

    def _sweep(self, instance: Instance) -> None:
        cgroups = self._shop.sandbox.cgroups
        if cgroups is not None and not remove_cgroup(cgroups.existing(instance.id)):
            _log.error("instance %s: its cgroup could not be removed", instance.id)
        try:
            remove_tree(self._shop.folders.instances / instance.id)
        except OSError:  # the next start of the server tries again
            _log.exception("instance %s: its folder could not be removed", instance.id)

    async def _collect(self, process: InstanceProcess, call: Call, message: Done, payload: bytes) -> None:
        files, box = self._shop.files, process.prepared.box
        seconds = self._outcome(call, message, payload).seconds
        try:
            outcome = await files.collect(call, box, message, process.prepared.blob_outputs, payload)
        except ExchangeError as error:
            outcome = RunOutcome(Reason.INVALID_RESULT, error_message=str(error))
        except OSError as error:
            _log.exception("request %s: its files could not be taken from instance %s", call.request.id, box)
            text = f"the result's files could not be kept ({error.strerror})"
            outcome = RunOutcome(Reason.INVALID_RESULT, error_message=text)
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


def _clean(text: str) -> str:
    """What an instance says about a failure, fit to be stored: valid Unicode, no NUL, not without end."""
    return text[:_MAX_MESSAGE].encode("utf-8", "replace").decode().replace("\0", "")
