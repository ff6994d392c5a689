"""What people tell others of themselves (contract dq0 4.2)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, dataclass, replace

from quinta.core.access.decide import require_person
from quinta.core.access.levels import is_administrator, roles_of
from quinta.core.access.model import Actor
from quinta.core.access.references import Reference, person_of
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.model import User, UserProfile
from quinta.kit.ids import new_id

MOST_CHARACTERS = 256
"""Of each text."""
MOST_AVATAR_BYTES = 256 * 1024
"""Of the picture itself: four times what 256 by 256 points take as PNG or JPEG."""


@dataclass(frozen=True, slots=True)
class ProfileView:
    """``number`` is the person's."""

    number: int
    profile: UserProfile


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What is None stays."""

    name: str | None = None
    public_email: str | None = None
    avatar: str | None = None
    company: str | None = None
    location: str | None = None
    website: str | None = None


class Profiles:
    """Use cases about profiles. Who has a role over the server may read everybody's; to others, people whom they do not
    know of do not exist."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def own(self, actor: Actor) -> ProfileView:
        require_person(actor)
        async with self._store.read() as work:
            return await _view(work, await _self(work, actor))

    async def get(self, actor: Actor, person: Reference) -> ProfileView:
        """NotFound for who may not know of the person."""
        require_person(actor)
        async with self._store.read() as work:
            knows = await is_administrator(work, actor) or bool(await roles_of(work, actor))
            own = await _self(work, actor)
            if not knows and person.number != own.number:
                raise NotFound(f"there is no user number {person.number}")
            return await _view(work, await person_of(work, person))

    async def change(self, actor: Actor, change: ProfileChange) -> ProfileView:
        """Changes one's own. InvalidInput, with the member's name: a text that is too long or not printable, a picture
        that is no base64 or too large."""
        require_person(actor)
        values = {name: _checked(name, value) for name, value in asdict(change).items() if value is not None}
        async with self._store.begin() as work:
            user = await work.of(User, EVERYTHING).lock(actor.user_id)
            view = await _view(work, user)
            wanted = replace(view.profile, **values)
            if wanted == view.profile:
                return view
            profiles = work.of(UserProfile, of_user(user.id))
            if view.profile.id:
                await profiles.change(view.profile.id, **values)
            else:
                wanted = replace(wanted, id=new_id())
                await profiles.add(wanted)
            work.emit(Event(EventName.PROFILE_CHANGED, user.id, (f"user:{user.id}",), actor.user_id))
            return replace(view, profile=wanted)


async def _self(work: UnitOfWork, actor: Actor) -> User:
    user = await work.of(User, EVERYTHING).get(id=actor.user_id)
    if user is None:
        raise NotFound("the account does not exist any more")
    return user


async def _view(work: UnitOfWork, user: User) -> ProfileView:
    """Whoever has told nothing yet has an empty one, without an id."""
    found = await work.of(UserProfile, of_user(user.id)).get(user_id=user.id)
    return ProfileView(user.number or 0, found or UserProfile("", user.id, "", "", "", "", "", ""))


def _checked(name: str, value: str) -> str:
    if name == "avatar":
        return _checked_avatar(value)
    text = value.strip()
    if len(text) > MOST_CHARACTERS or not text.isprintable():
        raise InvalidInput(f"{name} may have at most {MOST_CHARACTERS} printable characters", field=name)
    return text


def _checked_avatar(value: str) -> str:
    if len(value) > 2 * MOST_AVATAR_BYTES:
        raise _bad_avatar()
    try:
        picture = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _bad_avatar() from None
    if len(picture) > MOST_AVATAR_BYTES:
        raise _bad_avatar()
    return value


def _bad_avatar() -> InvalidInput:
    return InvalidInput(f"avatar has to be base64 of at most {MOST_AVATAR_BYTES // 1024} KiB", field="avatar")
