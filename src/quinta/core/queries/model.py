"""Private queries: frozen types of what is asked and answered (contract dq0 5, 9.27 to 9.36)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from quinta.core.datasets.metadata import DatasetMetadata
from quinta.core.datasets.model import MaskRules


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """A group of the result is told only if it stands for at least ``least`` different values of ``column`` (contract
    dq0 5.3 ``permissions``, 5.5 thresholds)."""

    column: str
    least: int


@dataclass(frozen=True, slots=True)
class AskedDataset:
    """A dataset that a statement may name. ``rules`` and ``limits`` are those that hold for who asks; ``path`` is the
    file, free of links, None where the rows are in a database. Its metadata are for owners: no error text and nothing
    of an answer may say a bound, a cardinality, an allowed value, a number of rows or a budget of them."""

    id: str
    name: str
    metadata: DatasetMetadata
    rules: MaskRules
    limits: tuple[GroupLimit, ...] = ()
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A query with all that holds for it. ``epsilon`` is the total that it may cost, in 1e-9. ``tau`` 0 means what the
    metadata say, and so does ``private_column`` "". ``params`` are values for ``:name`` and ``{name}``."""

    statement: str
    datasets: tuple[AskedDataset, ...]
    epsilon: int
    tau: float = 0.0
    private_column: str = ""
    limits: tuple[GroupLimit, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoisyColumn:
    """How a column of the result is made noisy: ``mechanism`` in words, ``epsilon`` its share of the query's in 1e-9,
    ``scale`` that of the noise in the column's own unit, None where there is no such number (a quantile, a ratio)."""

    name: str
    mechanism: str
    epsilon: int
    scale: float | None


@dataclass(frozen=True, slots=True)
class QueryCost:
    """What a query costs, known before anything is read. ``epsilon``, in 1e-9, is 0 where the answer is the same for
    all data; ``datasets`` are the ids of those that it reads. ``tau``: groups with a smaller noisy number of
    individuals are left out; None where no group is. ``notes`` are sentences for who asked."""

    epsilon: int
    delta: float
    datasets: tuple[str, ...]
    columns: tuple[NoisyColumn, ...]
    tau: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """``results`` and ``accuracy`` are CSV (contract dq0 9.36) of the same rows: ``accuracy`` has for each noisy column
    half the width of its interval of 95 %. ``message`` says both in words, and what was left out."""

    results: bytes
    accuracy: bytes
    cost: QueryCost
    message: str
