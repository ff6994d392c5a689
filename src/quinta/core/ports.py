"""What the core asks of the rooms around it, as protocols. Adapters: storage, engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from quinta.core.connectors.model import DeliveryContext
from quinta.core.datasets.metadata import DatasetMetadata
from quinta.core.events import Event
from quinta.core.files.model import InputFile
from quinta.core.files.record_query import RecordPage, RecordQuery
from quinta.core.jobs.model import JobRun
from quinta.core.models.model import JobFolders, RunnableVersion
from quinta.core.observation.audit_entry import AuditNote
from quinta.core.observation.intervals import Interval
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.observation.queues import Queue
from quinta.core.queries.model import QueryAnswer, QueryCost, Question
from quinta.core.reasons import Failure, Reason
from quinta.core.requests.outcome import RunOutcome, RunRequest
from quinta.core.scope import Scope

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Between:
    """Condition of a query: at least ``start`` and less than ``end``; None leaves that side open."""

    start: object | None = None
    end: object | None = None


@dataclass(frozen=True, slots=True)
class Differs:
    """Condition of a query: any other value than ``value``; null is another value than all but None."""

    value: object


@dataclass(frozen=True, slots=True)
class Contains:
    """Condition of a query: ``text``, which is not empty, is part of the field's, upper or lower case."""

    text: str


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a rate limit: when it was opened, and how many calls were counted in it."""

    opened_at: datetime
    used: int


class Repository(Protocol[T]):
    """The rows of one type within one scope.

    Conditions are keyword arguments by field name: a plain value means equal (None: is null), a list, tuple, set or
    frozenset means one of (None among them: or null), a ``Between`` means a range, a ``Differs`` means all but one
    value, a ``Contains`` means a part of a text.
    """

    async def get(self, **conditions: object) -> T | None:
        """The one item that matches, or None. Several matches are a mistake of the caller: ValueError."""
        ...

    async def lock(self, item_id: str) -> T:
        """The item by its id, which other writers leave alone until this transaction ends; no such item: NotFound."""
        ...

    async def find(
        self, *, order: Sequence[str] = (), limit: int | None = None, offset: int = 0, **conditions: object
    ) -> list[T]:
        """All that match. ``order``: field names, ``-`` in front for descending."""
        ...

    async def values(
        self, column: str, *, order: Sequence[str] = (), limit: int | None = None, **conditions: object
    ) -> list[Any]:
        """One field of all that match, without reading the others. ``order`` as in ``find``."""
        ...

    async def lock_all(self, *, sharing: bool = False, **conditions: object) -> list[str]:
        """Locks all that match, in the order of their ids, and answers these; waits for who else has locked one.

        Until this transaction ends nobody else changes or removes them, or adds what refers to them; ``sharing``:
        nobody removes them, and others may share."""
        ...

    async def take(self, **conditions: object) -> list[T]:
        """All that match at this moment, kept from other transactions until this one ends. What another one keeps is
        left out instead of waited for."""
        ...

    async def count(self, **conditions: object) -> int: ...

    async def distinct(self, column: str, **conditions: object) -> list[str]:
        """The different values of one field among the items that match."""
        ...

    async def sums(
        self, column: str, *, by: Sequence[str] = (), per: tuple[str, Interval] | None = None, **conditions: object
    ) -> dict[tuple[Any, ...], float]:
        """The sums of a number field among the items that match, for each different key: the values of the fields
        ``by``, then the start (UTC) of the interval that the moment lies in, ``per`` being its field and the interval.
        Only keys of items that are there; without ``by`` and ``per`` the key is ``()``."""
        ...

    async def text_bytes(self, columns: Sequence[str], *, by: str = "id", **conditions: object) -> dict[str, int]:
        """How many bytes the texts in these fields have together, for each value of ``by`` among the items that match:
        what reading them would take, without reading them."""
        ...

    async def add(self, *items: T) -> None:
        """Inserts; a broken unique rule raises AlreadyExists, an item outside the scope ValueError."""
        ...

    async def change(self, item_id: str, **values: object) -> None:
        """Sets fields of one item by its id. A broken unique rule raises AlreadyExists; no such item: NotFound."""
        ...

    async def remove(self, **conditions: object) -> int:
        """Deletes what matches (rows that hang on it go too, by foreign key); returns how many."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Leaving it normally commits, an exception rolls everything back, events included.

    After an error from a write, leave the block: PostgreSQL has aborted the transaction.
    """

    def of(self, kind: type[T], scope: Scope) -> Repository[T]: ...

    def emit(self, event: Event) -> None:
        """Puts an event into the outbox and an entry into the audit trail with this transaction; listeners hear of it
        after the commit."""
        ...

    def note(self, note: AuditNote) -> None:
        """Puts an entry into the audit trail with this transaction. Events have theirs without it."""
        ...

    async def claim(
        self,
        kind: type[T],
        /,
        *,
        waiting: str,
        working: str,
        token: str,
        now: datetime,
        until: datetime,
        limit: int,
        **conditions: object,
    ) -> list[T]:
        """Leases items: those with status ``waiting``, oldest id first, then ``working`` ones whose lease has run
        out, by the moment it did.

        They get status ``working``, the token, the lease's end, one more attempt and ``updated_at``, and are returned
        as they are then. Several servers never get the same item (SKIP LOCKED on PostgreSQL).
        """
        ...

    async def claimable(
        self, kind: type[Any], field: str, /, *, waiting: str, working: str, now: datetime, **conditions: object
    ) -> list[str]:
        """The different values of ``field`` among the items that ``claim`` would lease with the same arguments."""
        ...

    async def renew(self, kind: type[T], ids: Sequence[str], *, token: str, until: datetime) -> set[str]:
        """Lengthens leases that are still the token's own; returns the ids that were."""
        ...

    async def settle(self, kind: type[T], changes: Mapping[str, Mapping[str, object]], *, token: str) -> set[str]:
        """Sets fields by id where the lease is still the token's own and ends the lease; returns the ids settled.
        An explicit ``lease_expires_at`` stays: nobody holds the item, and it is claimed from then on.

        What is not returned was taken over, changed or deleted by somebody else: its result is dropped.
        """
        ...

    async def next_number(self, kind: type[Any]) -> int:
        """The next small integer for a new item of ``kind``, from 1; never given twice. Others who want one wait until
        this transaction ends."""
        ...

    async def records(self, query: RecordQuery) -> RecordPage:
        """The data records that a question is about."""
        ...

    async def count_call(self, subject: str, now: datetime, window_seconds: float) -> Window:
        """Counts one more call of ``subject`` in its window, exactly, whoever else counts at the same time. The first
        call after a window has ended opens the next one; so does one that finds a window of the future, from before
        the clock was put back."""
        ...

    async def forget_calls(self, before: datetime) -> None:
        """Removes windows that were opened before that moment."""
        ...

    async def queues(self, now: datetime) -> list[Queue]:
        """Every queue of the database as it is at the moment ``now``."""
        ...

    async def add_metric_points(self, points: Sequence[MetricPoint]) -> None:
        """Adds to the stored value of each (object, metric, minute), making the row if it is not there. Sets
        their organization. Points of projects that are gone are dropped."""
        ...


class Store(Protocol):
    """Where rows live."""

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction that may write."""
        ...

    def read(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction that only reads; a write in it is a mistake and fails."""
        ...

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Calls ``listener`` for each committed event: for this process's own before the unit of work's block is
        left, for other processes' within a second. Listeners must not block or raise."""
        ...

    async def purge_events(self, before: datetime) -> int:
        """Deletes events written before that moment; returns how many."""
        ...


class ObjectStore(Protocol):
    """Where bytes live. Keys are relative paths of lower-case letters, digits, ``-``, ``_``, ``.`` and ``/``."""

    async def put_file(self, key: str, path: Path) -> None:
        """Stores the content of ``path``. It is whole or not there, also after a crash."""
        ...

    async def fetch(self, key: str, path: Path) -> None:
        """Writes an object's content to ``path``; NotFound when there is none."""
        ...

    async def size(self, key: str) -> int:
        """How many bytes an object has; NotFound when there is none."""
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """An object's content in pieces; NotFound when there is none."""
        ...

    async def delete(self, key: str) -> None:
        """Removes an object; no object is no error."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[tuple[str, datetime]]:
        """Every key that starts with the folder ``prefix``, with the moment it was stored."""
        ...


class Passwords(Protocol):
    """Hashes passwords slowly, off the event loop."""

    async def hash(self, password: str) -> str: ...

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is right; takes as long for an account without a hash as for one with."""
        ...


class Secrets(Protocol):
    """Keeps short texts so that what is stored tells nothing without a key from elsewhere (decision 0011)."""

    def seal(self, text: str, owner_id: str) -> str:
        """What to store of ``text``; it opens for the same ``owner_id`` only."""
        ...

    def open(self, sealed: str, owner_id: str) -> str | None:
        """The text again; None when its key is not there, it belongs to another owner, or it was changed."""
        ...

    def is_current(self, sealed: str) -> bool:
        """Whether it is sealed with the key that ``seal`` uses now."""
        ...


class Apart(Protocol):
    """Calls functions in another process, for work that would hold up the event loop."""

    async def call(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """What ``function``, a pure one of a module, returns. Errors of our family are raised as they are; TooLarge
        when it needs too much memory."""
        ...


class QueryEngine(Protocol):
    """Answers questions about data, where nobody sees it (privacy/queries, in processes of their own)."""

    async def cost(self, question: Question) -> QueryCost:
        """What it would cost; no data is read. InvalidInput, field ``query``, says what of the statement is refused,
        other fields what else of the request."""
        ...

    async def answer(self, question: Question) -> QueryAnswer:
        """Raises as ``cost``; NotFound or StateConflict where the data cannot be read, TooLarge where that needs too
        much memory or time, Unavailable where it may be tried again."""
        ...

    async def together(self, charges: Sequence[tuple[int, float]], delta: float) -> int:
        """An epsilon, in 1e-9, that charges of (epsilon in 1e-9, delta) come to at ``delta``: at most their sum."""
        ...

    async def warm(self) -> None:
        """Makes ready what answers, so that the first question does not wait for it."""
        ...


class MetadataReader(Protocol):
    """Reads the metadata of datasets (privacy/metadata)."""

    def read(self, text: str) -> DatasetMetadata:
        """What a YAML text says, in any of the formats of contract dq0 6; InvalidInput, field ``meta``, says what is
        wrong and where. It can be called through ``Apart``, which it needs: a MiB takes 12 s."""
        ...

    def redacted(self, text: str, hidden: Collection[str], dropped: Collection[int]) -> str:
        """The YAML of the same dataset for who does not own it: without the columns ``hidden``, which stood at the
        places ``dropped`` of its file, and without where the rows are and how to get in there."""
        ...


class ModelRunner(Protocol):
    """Runs user code in instances (engine/supervisor)."""

    async def run(self, version: RunnableVersion, request: RunRequest) -> RunOutcome:
        """Runs one request on an instance of ``version``, starting one when none is free.

        Never raises for what user code does: every end is an outcome with a reason. Cancelling the call ends the
        request: one that runs is killed with its instance, a direct one if it does not end within a moment.
        """
        ...

    def apply(self, version: RunnableVersion) -> None:
        """Makes ``version`` the revision to run: keeps its minimum of instances, replaces instances of older
        revisions once a new one is ready. An older revision than the one known is ignored; of the one known the numbers
        of instances are taken, which are no part of a revision where a configuration says them."""
        ...

    async def probe(self, version: RunnableVersion) -> Failure | None:
        """Starts one instance of a revision that does not serve yet. None when it became ready (it is kept for the
        first request), else why not."""
        ...

    async def warm(self, version: RunnableVersion, instances: int) -> Failure | None:
        """Has ``instances`` of a revision ready that does not get traffic yet, each probed, and keeps them for the
        moment when it does (a while at most). None when they are ready, else why they are not; at most as many as
        memory has room for beside what serves, but at least one."""
        ...

    def let_go(self, version_id: str, *, serves: bool) -> None:
        """The rollout that had instances of the version warmed has ended. They stay if it ``serves`` now, else those
        that are idle stop, except as many as it had before."""
        ...

    async def retire(self, version_id: str, reason: Reason) -> None:
        """Stops all instances of a version and ends what waits for them with ``reason``, one of RETIREMENTS."""
        ...


class JobRunner(Protocol):
    """Runs one-shot jobs in the same sandbox (engine/supervisor)."""

    async def run_job(
        self, version: RunnableVersion, run: JobRun, folders: JobFolders, logs: LogSink | None = None
    ) -> RunOutcome:
        """Runs the application in ``version``'s package once, in an instance of its own, and returns when no process of
        it is left. Never raises for what user code does; a run that waits for room until its time is over ends with a
        reason of TIMEOUTS and no seconds. Cancelling the call kills it. ``logs`` gets every line about it and of it, in
        place of the project's log."""
        ...


class Archives(Protocol):
    """Opens and makes zip archives beside the event loop (engine/archives)."""

    async def take_in(self, upload: Path, file_name: str, target: Path) -> tuple[InputFile, ...]:
        """Writes the files in ``upload`` to the new zip ``target``; answers them by path.

        By the name's extension: a ``.zip`` is opened, its single top folder INPUT (any case) stripped; a ``.csv``,
        ``.xlsx`` or ``.json`` becomes the one file of that name (contract vbrain 4.1). InvalidInput (field ``file``)
        for another extension and for what is unreadable, unsafe or encrypted, TooLarge for what holds too much.
        """
        ...

    async def put_in(self, archive: Path, folder: Path) -> None:
        """Unpacks an archive that ``take_in`` or ``pack`` made into ``folder``, over what is there."""
        ...

    async def pack(self, folder: Path, target: Path) -> tuple[InputFile, ...]:
        """Writes the regular files below ``folder``, which user code may have arranged, to the new zip ``target``;
        links and whatever else is no regular file are left out. TooLarge beyond the limits."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an archive of a project holds: the digest of all its paths and contents (SHA-256, hexadecimal), and the text
    for ``Commit.entry_points``."""

    digest: str
    entry_points: str


class Snapshots(Protocol):
    """Looks into archives that ``Archives.take_in`` made of projects (engine/projects)."""

    async def describe(self, archive: Path) -> Snapshot:
        """InvalidInput, field ``MLproject``, where that file says what cannot be run."""
        ...

    async def member(self, archive: Path, path: str, most: int) -> bytes:
        """The content of one file; TooLarge when it has more than ``most`` bytes."""
        ...


class LogSink(Protocol):
    """Takes log lines without waiting; they are stored soon after."""

    def write(self, line: LogLine) -> None: ...


class MeterSink(Protocol):
    """Adds to metrics of the present minute without waiting."""

    def add(self, project_id: str, object_type: str, object_id: str, values: Mapping[str, float]) -> None:
        """Adds each value to the metric of that name."""
        ...


class Deliveries(Protocol):
    """Writes messages to the stores behind connectors (engine/connectors)."""

    async def deliver(self, connector_id: str, data: str, *, context: DeliveryContext) -> Failure | None:
        """Writes one message, given as JSON text: an object with a value for each input field of the connector, the id
        of a blob where that is the type.

        None when it was written, else why not; nothing is raised for what the store or the values do. Unavailable when
        the server itself cannot do this now: nothing was written, and nothing told. Trouble that may pass is tried
        three times with growing pauses. The log of the project and the metrics of the connector are kept here: the
        caller writes neither. Cancelling ends the try.
        """
        ...
