"""From a question to its plan, or a refusal that says what is wrong, where, and what to do instead (issue 9: Analysis).

Analysis reads the statement and the metadata, never a row: what it refuses, and how, tells nothing of the data.
"""

from __future__ import annotations

import math

from quinta.core.queries.model import Question
from quinta.privacy.queries.statements.catalogue import Catalogue, Table
from quinta.privacy.queries.statements.levels import Levels
from quinta.privacy.queries.statements.outer import shape_of
from quinta.privacy.queries.statements.parsing import parsed
from quinta.privacy.queries.statements.relations import Core
from quinta.privacy.queries.statements.thresholds import delta_of, limits_of, tau_of
from quinta.privacy.queries.tree import COUNTS, Plan, Scan, Source, Value


def analyse(question: Question) -> Plan:
    """The plan of a statement. InvalidInput, on the fields query, params, permissions or private_column, for what is
    not supported or not allowed; NotPermitted for protecting a column that the owner did not mark (contract dq0 5.3).
    """
    tree = parsed(question.statement, question.params)
    noisy = Levels(Catalogue(question)).statement(tree)
    core = noisy.core
    scans = core.relation.scans
    return Plan(
        source=_source(core),
        keys=core.keys,
        aggregates=core.aggregates,
        shape=shape_of(noisy),
        limits=limits_of(question, scans),
        tau=tau_of(question, scans),
        delta=delta_of(scans),
        clamps_counts=any(table.metadata.clamp_counts for table in scans),
        is_empty=core.is_empty or noisy.never,
        constants=_constants(core),
        datasets=tuple(dict.fromkeys(table.asked.id for table in scans)),
        notes=_notes(core),
    )


def _source(core: Core) -> Source:
    scans = tuple(_scan(table) for table in core.relation.scans)
    return Source(scans, core.relation.joins, core.where, math.prod(scan.most_rows for scan in scans))


def _scan(table: Table) -> Scan:
    """Without a privacy column every row is somebody else, and one row is all that anybody adds."""
    metadata = table.metadata
    unit = table.unit.name if table.unit is not None else None
    most = metadata.max_ids if unit is not None else 1
    return Scan(table.dataset, table.schema, metadata.name, unit, most, metadata.sample_max_ids)


def _constants(core: Core) -> tuple[Value, ...] | None:
    """Of no rows at all, where they are no groups: counts are 0, all else is NULL."""
    if not core.is_empty or core.keys:
        return None
    return tuple(0 if aggregate.kind in COUNTS else None for aggregate in core.aggregates)


def _notes(core: Core) -> tuple[str, ...]:
    if any(key.values is not None for key in core.keys):
        return ("Groups are those known beforehand: rows whose key is NULL, or another value, are in none.",)
    return ()
