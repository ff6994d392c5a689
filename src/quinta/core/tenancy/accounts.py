"""A person's account: making it, changing it, leaving (contract ubiops 2, 5.5 and 10.35)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from quinta.core.access.decide import require_person
from quinta.core.access.model import Actor
from quinta.core.datasets.references import require_no_dataset
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.names import check_email, check_personal_name
from quinta.core.ports import Passwords, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.groups import leave_all_groups
from quinta.core.tenancy.members import join_where_invited
from quinta.core.tenancy.model import SIGNED_IN, ApiKey, Membership, User
from quinta.core.tenancy.places import require_another_administrator
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_SYMBOLS = "!#$%&')(*+,./:;\"<=>?[@]^_`{|}~-"


@dataclass(frozen=True, slots=True)
class NewAccount:
    email: str
    password: str
    name: str | None = None
    surname: str | None = None


@dataclass(frozen=True, slots=True)
class AccountChange:
    """Members that are None stay as they are."""

    email: str | None = None
    password: str | None = None
    previous_password: str | None = None
    name: str | None = None
    surname: str | None = None


class Accounts:
    """Use cases about one's own account.

    ``activate_at_once`` is false where an administrator must confirm each new account.
    """

    def __init__(self, store: Store, clock: Clock, passwords: Passwords, *, activate_at_once: bool = True) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._activate_at_once = activate_at_once

    async def create(self, new: NewAccount) -> User:
        """Opens an account, and joins the organizations that have invited the address.

        InvalidInput: address or password against the rules; AlreadyExists: a known address.
        """
        user = await new_user(new, self._passwords, self._clock, is_active=self._activate_at_once)
        async with self._store.begin() as work:
            return await add_account(work, user)

    async def get(self, actor: Actor) -> User:
        async with self._store.read() as work:
            return await _user(work, actor)

    async def update(self, actor: Actor, change: AccountChange) -> User:
        """Changes what is given. A new password needs the previous one and the stricter rule of contract 10.23,
        and ends every other session."""
        require_person(actor)
        async with self._store.read() as work:
            user = await _user(work, actor)
        values: dict[str, object] = {}
        if change.email is not None:
            values["email"] = check_email(change.email)
        if change.name is not None:
            values["name"] = check_personal_name(change.name, "name")
        if change.surname is not None:
            values["surname"] = check_personal_name(change.surname, "surname")
        if change.password is not None:
            _check_new_password(change.password)
            if change.previous_password is None:
                raise InvalidInput("previous_password is needed to change the password", field="previous_password")
            if not await self._passwords.matches(change.previous_password, user.password_hash):
                raise InvalidInput("previous_password is not the current password", field="previous_password")
            values["password_hash"] = await self._passwords.hash(change.password)
        if not values:
            return user
        async with self._store.begin() as work:
            if "email" in values and values["email"] != user.email:
                await _require_free(work, str(values["email"]))
            await work.of(User, EVERYTHING).change(user.id, **values)
            if "password_hash" in values:
                await end_sessions(work, actor.user_id, but=actor.key_id)  # whoever knew the old password is out
            work.emit(Event(EventName.USER_CHANGED, user.id, (f"user:{user.id}",), actor_id=user.id))
        return replace(user, **values)  # type: ignore[arg-type]  # keys are User's own fields, set above

    async def delete(self, actor: Actor) -> None:
        """Closes the account; StateConflict while it is the last administrator of an organization, or the last owner of
        a group that has others in it or is listed by data records, or the owner of datasets. Groups with nobody else go
        too."""
        require_person(actor)
        async with self._store.begin() as work:
            await remove_account(work, actor.user_id, actor)


async def new_user(new: NewAccount, passwords: Passwords, clock: Clock, *, is_active: bool) -> User:
    """What ``add_account`` adds. InvalidInput: address, password or names against the rules."""
    email = check_email(new.email)
    if len(new.password) < 8 or len(new.password) > 128:
        raise InvalidInput("the password needs 8 to 128 characters", field="password")
    return User(
        id=new_id(),
        email=email,
        name=check_personal_name(new.name, "name"),
        surname=check_personal_name(new.surname, "surname"),
        password_hash=await passwords.hash(new.password),
        is_staff=False,
        is_active=is_active,
        created_at=clock.now(),
    )


async def add_account(work: UnitOfWork, user: User) -> User:
    """Opens the account, with a number, and joins the organizations that have invited the address. AlreadyExists: a
    known address."""
    await _require_free(work, user.email)
    user = replace(user, number=await work.next_number(User))
    await work.of(User, EVERYTHING).add(user)
    await join_where_invited(work, user)
    work.emit(Event(EventName.USER_CREATED, user.id, (f"user:{user.id}",), actor_id=user.id))
    return user


async def remove_account(work: UnitOfWork, user_id: str, actor: Actor) -> None:
    """Closes the user's account in the actor's name; StateConflict as of ``Accounts.delete``."""
    mine = work.of(Membership, of_user(user_id))
    for membership in await mine.find(is_admin=True, order=("organization_id",)):
        await require_another_administrator(work, membership)
    await leave_all_groups(work, user_id, actor)
    await require_no_dataset(work, user_id)
    await work.of(User, EVERYTHING).remove(id=user_id)
    work.emit(Event(EventName.USER_DELETED, user_id, (f"user:{user_id}",), actor_id=actor.user_id))


async def end_sessions(work: UnitOfWork, user_id: str, *, but: str | None = None) -> None:
    """Ends every session of the user except the one of that key. Keys made for programs stay."""
    keys = work.of(ApiKey, of_user(user_id))
    sessions = await keys.find(kind=SIGNED_IN)
    await keys.remove(id=[key.id for key in sessions if key.id != but])


async def _user(work: UnitOfWork, actor: Actor) -> User:
    user = await work.of(User, EVERYTHING).get(id=actor.user_id)
    if user is None:
        raise NotFound("the account does not exist any more")
    return user


async def _require_free(work: UnitOfWork, email: str) -> None:
    if await work.of(User, EVERYTHING).get(email=email) is not None:
        raise AlreadyExists(f"an account with the email '{email}' exists already", field="email")


def _check_new_password(password: str) -> None:
    rules = (
        (8 <= len(password) <= 128, "8 to 128 characters"),
        (any(c.isupper() for c in password), "an upper-case letter"),
        (any(c.islower() for c in password), "a lower-case letter"),
        (any(c.isdigit() for c in password), "a digit"),
        (any(c in _SYMBOLS for c in password), f"one of the symbols {_SYMBOLS}"),
    )
    missing = [what for kept, what in rules if not kept]
    if missing:
        raise InvalidInput(f"the new password lacks: {', '.join(missing)}", field="password")
