"""Which columns exist for a user, and how: of the default mask and the user's own the stricter (contract dq0 5.5)."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from quinta.core.datasets.model import Mask, MaskRules
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING


def columns_in(text: str) -> tuple[str, ...]:
    """The names in a field of a Mask."""
    return tuple(json.loads(text))


async def mask_rules(work: UnitOfWork, dataset_ids: Collection[str], user_id: str) -> dict[str, MaskRules]:
    """What holds for the user, by dataset; each of ``dataset_ids`` has one."""
    masks = work.of(Mask, EVERYTHING)
    found = await masks.find(dataset_id=list(dataset_ids), user_id=(None, user_id))
    return {item: stricter([mask for mask in found if mask.dataset_id == item]) for item in dataset_ids}


def stricter(masks: Sequence[Mask]) -> MaskRules:
    """A column is hidden if one of the masks hides it, and public only if all make it public."""
    hidden = frozenset(column for mask in masks for column in columns_in(mask.hidden))
    public = [frozenset(columns_in(mask.public)) for mask in masks]
    return MaskRules(hidden, frozenset.intersection(*public) - hidden if public else frozenset())


def without_columns(sample: str, hidden: frozenset[str]) -> str:
    """A sample, the JSON text of a list of rows, without some of its columns; "" stays as it is."""
    if not sample or not hidden:
        return sample
    rows: list[dict[str, Any]] = json.loads(sample)
    kept = [{name: value for name, value in row.items() if name not in hidden} for row in rows]
    return json.dumps(kept, ensure_ascii=False)
