"""People, as administrators see them, and what they tell of themselves (contract dq0 4.2, 4.3)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.access.references import Reference
from quinta.core.errors import InvalidInput
from quinta.core.tenancy.people import PersonState
from quinta.core.tenancy.profiles import ProfileChange
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.convert import account_body, profile_body
from quinta.dialects.dq0.documentation import GROUP, INTEGER, ROLE, TEXT, USER, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import group_in, number_of, role_in, user_in

_ORDER = {"id": "number", "email": "email", "created_at": "created_at"}
_PROFILE = ("name", "public_email", "avatar", "company", "location", "website")
_STATES = [state.value for state in PersonState]
_WITH_ROLE = takes({**USER, "user_name": TEXT}, **ROLE)
_WITH_GROUP = takes({**USER}, **GROUP)

router = APIRouter(tags=["users"])


@router.get("/users", name="UserList", openapi_extra=paged())
async def user_list(call: Authenticated) -> shapes.Accounts:
    """All people with an account; for administrators."""
    listing = listing_of(call.query, _ORDER)
    found = await call.quarantine.people.find(call.actor, listing.paging)
    return shapes.Accounts(**listing.body(found, [account_body(person) for person in found.items]))


@router.get("/users/profile", name="UserProfileCurrent")
async def user_profile_current(call: Authenticated) -> shapes.Profile:
    """One's own profile."""
    return profile_body(await call.quarantine.profiles.own(call.actor))


@router.patch("/users/profile", name="UserProfileUpdate", openapi_extra=takes(dict.fromkeys(_PROFILE, TEXT)))
async def user_profile_update(call: Authenticated) -> shapes.Message:
    """Changes one's own profile: what is given."""
    members = await call.members()
    change = ProfileChange(**{name: members.optional_text(name) for name in _PROFILE})
    await call.quarantine.profiles.change(call.actor, change)
    return shapes.Message(message="successfully updated the profile")


@router.get("/users/profile/{user_id}", name="UserProfileGet")
@router.get("/users/{user_id}", name="UserGet")
async def user_profile(call: Authenticated, user_id: str) -> shapes.Profile:
    """Somebody's profile."""
    person = Reference(number_of(user_id, "user"))
    return profile_body(await call.quarantine.profiles.get(call.actor, person))


@router.patch(
    "/users/{user_id}",
    name="UserUpdate",
    openapi_extra=takes({"roles": {"type": "array", "items": INTEGER}, "state": {"enum": _STATES}}),
)
async def user_update(call: Authenticated, user_id: str) -> shapes.Account:
    """Confirms or disables an account, and gives it these roles in place of its own; for administrators."""
    members = await call.members()
    state = members.text("state")
    if state and state not in _STATES:
        raise InvalidInput(f"'state' must be one of {', '.join(_STATES)}", field="state")
    changed = await call.quarantine.people.change(
        call.actor,
        Reference(number_of(user_id, "user")),
        state=PersonState(state) if state else None,
        roles=members.integers("roles"),
    )
    return account_body(changed)


@router.delete("/user/{user_id}", name="UserDelete")
@router.delete("/users/{user_id}", name="UserDelete", include_in_schema=False)
async def user_delete(call: Authenticated, user_id: str) -> shapes.Message:
    """Closes an account; for administrators."""
    await call.quarantine.people.delete(call.actor, Reference(number_of(user_id, "user")))
    return shapes.Message(message=f"successfully deleted user {user_id}")


@router.post("/users/add-role", name="UserAddRole", include_in_schema=False)
@router.post("/users/{user_id}/add-role", name="UserAddRole", openapi_extra=_WITH_ROLE)
async def user_add_role(call: Authenticated, user_id: str = "") -> shapes.Nothing:
    """Gives a user a role; for administrators."""
    members = await call.members()
    await call.quarantine.server_roles.give_to_user(call.actor, role_in(members), user_in(members, user_id))
    return shapes.Nothing()


@router.post("/users/remove-role", name="UserRemoveRole", include_in_schema=False)
@router.post("/users/{user_id}/remove-role", name="UserRemoveRole", openapi_extra=_WITH_ROLE)
async def user_remove_role(call: Authenticated, user_id: str = "") -> shapes.Nothing:
    """Takes a role from a user; for administrators."""
    members = await call.members()
    await call.quarantine.server_roles.take_from_user(call.actor, role_in(members), user_in(members, user_id))
    return shapes.Nothing()


@router.post("/users/add-group", name="UserAddGroup", include_in_schema=False)
@router.post("/users/{user_id}/add-group", name="UserAddGroup", openapi_extra=_WITH_GROUP)
async def user_add_group(call: Authenticated, user_id: str = "") -> shapes.Nothing:
    """Puts a user into a group; for administrators."""
    members = await call.members()
    await call.quarantine.groups.add_user(call.actor, group_in(members), user_in(members, user_id))
    return shapes.Nothing()


@router.post("/users/remove-group", name="UserRemoveGroup", include_in_schema=False)
@router.post("/users/{user_id}/remove-group", name="UserRemoveGroup", openapi_extra=_WITH_GROUP)
async def user_remove_group(call: Authenticated, user_id: str = "") -> shapes.Nothing:
    """Takes a user out of a group; for administrators."""
    members = await call.members()
    await call.quarantine.groups.remove_user(call.actor, group_in(members), user_in(members, user_id))
    return shapes.Nothing()
