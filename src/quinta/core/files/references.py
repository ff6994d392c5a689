"""What holds on to stored data: the records that point at it (decision 0026)."""

from __future__ import annotations

from quinta.core.errors import StateConflict
from quinta.core.files.model import RecordTarget
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING


async def require_no_record(work: UnitOfWork, what: str, **pointed: str) -> None:
    """StateConflict when records point at targets with these values, such as ``target_id``; ``what`` is to be deleted:
    "the blob 'x'". The caller may belong to none of their groups, so it is told how many there are and no more.

    To be asked when the row that is to go is locked: core.files.targets locks it before a record points at it.
    """
    targets = await work.of(RecordTarget, EVERYTHING).distinct("record_id", **pointed)
    if targets:
        what_points = "a data record points" if len(targets) == 1 else f"{len(targets)} data records point"
        raise StateConflict(f"{what_points} at {what}: it can be deleted when none does any more")
