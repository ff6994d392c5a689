"""Datasets, their budgets, masks and thresholds: frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

NANO = 1_000_000_000
"""Budgets are counted in integers of 1e-9 epsilon, which never drift (contract dq0 5.4)."""


class DataPermission(StrEnum):
    """What a dataset's owner lets others have of it (contract dq0 5.6)."""

    READ = "read"
    META = "meta"
    TYPES = "types"
    STATS = "stats"
    SAMPLE = "sample"


DEFAULT_PERMISSIONS = (DataPermission.READ, DataPermission.META, DataPermission.TYPES)
"""Of a dataset whose owner says nothing else."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A registered source of rows. ``id`` is a random UUID (contract dq0 1.19), ``number`` its small integer.

    ``meta`` is the metadata as its owner wrote it, YAML; ``kind`` the connector's type name. ``mean``, ``deviation``,
    ``statistics`` and ``sample`` are texts that the owner supplied, never read from the rows. ``name`` is unique among
    those that are not deleted; a deleted one stays, for its runs and its budget (contract dq0 9.28). ``commit_id`` and
    ``project_id`` say where a derived one came from.
    """

    id: str
    number: int
    name: str
    owner_id: str
    kind: str
    description: str
    meta: str
    privacy_level: int
    size: int
    permissions: tuple[DataPermission, ...]
    mean: str
    deviation: str
    statistics: str
    sample: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    commit_id: str | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class PrivacyBudget:
    """What a dataset's users may spend together, in 1e-9 epsilon. ``current`` is what is left and not reserved.

    Where ``interval_days`` is set, ``current`` becomes ``initial`` again that long after ``refilled_at``.
    """

    id: str
    dataset_id: str
    initial: int
    current: int
    interval_days: int | None
    refilled_at: datetime
    created_at: datetime
    updated_at: datetime


class ChargeState(StrEnum):
    """Life of a charge: reserved before anything is read; then settled, or returned where nothing was learnt."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class BudgetCharge:
    """One entry of the ledger: what a job, or the release of a model, takes of a dataset's budget.

    ``amount`` is in 1e-9 epsilon; ``delta`` is tracked and never refused on (contract dq0 9.29). There is at most one
    for a job and a dataset.
    """

    id: str
    dataset_id: str
    job_id: str
    user_id: str | None
    amount: int
    delta: float
    state: ChargeState
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Mask:
    """Which columns exist for a user (None: for everybody), and how (contract dq0 5.5): JSON texts of lists of column
    names. Unlisted ones are private; of the default and the personal mask the stricter holds."""

    id: str
    dataset_id: str
    user_id: str | None
    hidden: str
    private: str
    public: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MaskRules:
    """What all masks together say for one user and dataset. ``hidden`` columns do not exist for the user, ``public``
    ones may be put out and grouped by; all others are private: inside noisy aggregates only."""

    hidden: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A group of a result is told to a user (None: to anybody) only if it stands for ``threshold`` different values of
    ``column_name`` (contract dq0 5.5)."""

    id: str
    dataset_id: str
    user_id: str | None
    column_name: str
    threshold: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DatasetAttachment:
    """That a project's jobs may use a dataset."""

    id: str
    project_id: str
    dataset_id: str
    created_at: datetime
