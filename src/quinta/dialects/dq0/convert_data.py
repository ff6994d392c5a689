"""From the core's types to bodies: datasets, and what is kept of them."""

from __future__ import annotations

import base64
import math
from typing import Any

from quinta.core.datasets.budgets import BudgetView
from quinta.core.datasets.epsilon import epsilon_of
from quinta.core.datasets.masks import MaskView
from quinta.core.datasets.sight import DatasetView
from quinta.core.datasets.thresholds import ThresholdView
from quinta.core.queries.spending import Spending
from quinta.core.tracking.surroundings import Surroundings
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.convert import seconds


def data_body(view: DatasetView, around: Surroundings) -> shapes.Data:
    """``data_meta`` is base64, as programs of 2021 got it (contract dq0 3.8); only who manages the dataset sees it."""
    dataset, budget = view.dataset, view.budget
    used = 0.0 if budget is None or budget.initial == 0 else 100 * (budget.initial - budget.current) / budget.initial
    return shapes.Data(
        data_id=dataset.number,
        data_uuid=dataset.id,
        data_name=dataset.name,
        data_type=dataset.kind,
        data_description=dataset.description,
        data_permissions=sorted(dataset.permissions if view.owns else view.sees),
        data_mean=dataset.mean,
        data_std=dataset.deviation,
        data_stats=dataset.statistics,
        data_sample=dataset.sample,
        data_size=dataset.size,
        data_usage=used,
        data_meta=base64.b64encode(dataset.meta.encode()).decode("ascii"),
        privacy_budget=0 if budget is None else math.floor(epsilon_of(budget.current)),
        commit_uuid=dataset.commit_id or "",
        commit_name=around.commit(dataset.commit_id),
        project_uuid=dataset.project_id or "",
        project_name=around.project(dataset.project_id),
        user_id=view.owner_number or 0,
        user_name=view.owner_email,
        created_at=seconds(dataset.created_at),
        updated_at=seconds(dataset.updated_at),
    )


def budget_body(view: BudgetView, spending: Spending | None = None) -> shapes.Budget:
    more: dict[str, Any] = {}
    if spending is not None:
        more = {
            "spent": epsilon_of(spending.spent),
            "spent_tightly": epsilon_of(spending.tightly),
            "tight_delta": spending.delta,
        }
    return shapes.Budget.model_construct(
        data_id=view.dataset_number,
        data_name=view.dataset_name,
        initial=epsilon_of(view.budget.initial),
        current=epsilon_of(view.budget.current),
        created_at=seconds(view.budget.created_at),
        updated_at=seconds(view.budget.updated_at),
        **more,
    )


def mask_body(view: MaskView) -> shapes.Mask:
    return shapes.Mask(
        data_id=view.dataset_number,
        data_name=view.dataset_name,
        hidden=",".join(view.hidden),
        private=",".join(view.private),
        public=",".join(view.public),
        user_id=view.user_number or 0,
        user_email=view.user_email or "",
        created_at=seconds(view.mask.created_at),
        updated_at=seconds(view.mask.updated_at),
    )


def threshold_body(view: ThresholdView) -> shapes.Threshold:
    return shapes.Threshold(
        data_id=view.dataset_number,
        data_name=view.dataset_name,
        field=view.column_name,
        threshold=view.threshold.threshold,
        user_id=view.user_number or 0,
        user_email=view.user_email or "",
        created_at=seconds(view.threshold.created_at),
        updated_at=seconds(view.threshold.updated_at),
    )
