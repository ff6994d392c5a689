"""Budgets, masks and thresholds of datasets (contract dq0 4.2, 5.4, 5.5)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.convert_data import budget_body, mask_body, threshold_body
from quinta.dialects.dq0.documentation import DATA, INTEGER, NUMBER, TEXT, USER, paged_as_it_is, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import dataset_asked, dataset_in, user_if_any

_LISTED = paged_as_it_is(**DATA)

router = APIRouter(prefix="/privacy", tags=["privacy"])


@router.get("/budgets", name="PrivacyBudgetList", openapi_extra=_LISTED, response_model_exclude_unset=True)
async def privacy_budget_list(call: Authenticated) -> shapes.Budgets:
    """What is left of the budgets of the datasets that the caller may use; of one that it manages, when asked for that
    one, also what it was spent for."""
    listing, dataset = listing_of(call.query, {}), dataset_asked(call.query)
    found = await call.quarantine.budgets.find(call.actor, listing.paging, dataset)
    spending = None if dataset is None else await call.quarantine.spendings.of(call.actor, dataset)
    return shapes.Budgets(**listing.body(found, [budget_body(view, spending) for view in found.items]))


@router.post("/budgets", name="PrivacyBudgetSetPermission", openapi_extra=takes({**DATA}, "current", current=NUMBER))
async def privacy_budget_set(call: Authenticated) -> shapes.Nothing:
    """Sets what is left; for who manages the dataset."""
    members = await call.members()
    await call.quarantine.budgets.set_current(call.actor, dataset_in(members), members.needed_number("current"))
    return shapes.Nothing()


@router.get("/masks", name="PrivacyMaskList", openapi_extra=_LISTED)
async def privacy_mask_list(call: Authenticated) -> shapes.Masks:
    """All masks for who manages the dataset, their own for others."""
    listing = listing_of(call.query, {})
    found = await call.quarantine.masks.find(call.actor, listing.paging, dataset_asked(call.query))
    return shapes.Masks(**listing.body(found, [mask_body(view) for view in found.items]))


@router.post(
    "/masks",
    name="PrivacyMaskSetPermission",
    openapi_extra=takes({**DATA, **USER}, "mask_data", mask_data={"type": "object"}),
)
async def privacy_mask_set(call: Authenticated) -> shapes.Nothing:
    """Sets which columns are hidden, private and public, for a user or for everybody; for who manages the dataset."""
    members = await call.members()
    data = members.needed_object("mask_data")
    await call.quarantine.masks.set(call.actor, dataset_in(members), data, user_if_any(members))
    return shapes.Nothing()


@router.get("/thresholds", name="PrivacyThresholdList", openapi_extra=_LISTED)
async def privacy_threshold_list(call: Authenticated) -> shapes.Thresholds:
    """All thresholds for who manages the dataset, their own for others."""
    listing = listing_of(call.query, {})
    found = await call.quarantine.thresholds.find(call.actor, listing.paging, dataset_asked(call.query))
    return shapes.Thresholds(**listing.body(found, [threshold_body(view) for view in found.items]))


@router.post(
    "/thresholds",
    name="PrivacyThresholdSetPermission",
    openapi_extra=takes({**DATA, **USER}, "field", "threshold", field=TEXT, threshold=INTEGER),
)
async def privacy_threshold_set(call: Authenticated) -> shapes.Nothing:
    """Sets for how many values of a column a group must stand, for a user or for everybody; 0 removes it."""
    members = await call.members()
    column, threshold = members.needed_text("field"), members.needed_integer("threshold")
    await call.quarantine.thresholds.set(call.actor, dataset_in(members), column, threshold, user_if_any(members))
    return shapes.Nothing()
