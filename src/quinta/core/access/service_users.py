"""Service users: programs that act in one project with a token of their own (contract ubiops 2, 6.1, 6.4)."""

from __future__ import annotations

from dataclasses import replace

from quinta.core.access.authentication import new_key
from quinta.core.access.decide import project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import NotFound
from quinta.core.events import Event, EventName
from quinta.core.names import check_personal_name
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import in_project, of_user
from quinta.core.tenancy.model import ApiKey, KeyKind, Project, User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

_EMAIL_HOST = "serviceuser.ubiops.com"


class ServiceUsers:
    """Use cases about the service users of a project."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, project_name: str, name: str | None) -> tuple[User, str]:
        """A service user without any role, and its token, which is shown only now.

        Its e-mail names the project as it is called now, and does not follow a new name (contract ubiops 6.4).
        """
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.SERVICE_USERS_CREATE)
            user_id = new_id()
            user = User(
                id=user_id,
                email=f"{user_id}.{project.name}@{_EMAIL_HOST}",
                name=check_personal_name(name, "name"),
                surname=None,
                password_hash=None,
                is_staff=False,
                is_active=True,
                created_at=self._clock.now(),
                project_id=project.id,
            )
            await work.of(User, in_project(project.id)).add(user)
            secret = await self._give_key(work, user)
            work.emit(_event(EventName.SERVICE_USER_CREATED, user, actor))
        return user, secret

    async def find(self, actor: Actor, project_name: str) -> list[User]:
        """Oldest first."""
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.SERVICE_USERS_LIST)
            return await work.of(User, in_project(project.id)).find(order=("id",))

    async def get(self, actor: Actor, project_name: str, user_id: str) -> User:
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.SERVICE_USERS_GET)
            return await _service_user(work, project, user_id)

    async def rename(self, actor: Actor, project_name: str, user_id: str, name: str | None) -> User:
        """None changes nothing, an empty name takes it away."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.SERVICE_USERS_UPDATE)
            user = await _service_user(work, project, user_id)
            if name is None or (name or None) == user.name:
                return user
            user = replace(user, name=check_personal_name(name, "name"))
            await work.of(User, in_project(project.id)).change(user.id, name=user.name)
            work.emit(_event(EventName.SERVICE_USER_CHANGED, user, actor))
        return user

    async def reset_token(self, actor: Actor, project_name: str, user_id: str) -> str:
        """A new token, shown only now; the old one opens nothing from the next call on."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.SERVICE_USERS_UPDATE)
            user = await _service_user(work, project, user_id)
            await work.of(ApiKey, of_user(user.id)).remove()
            secret = await self._give_key(work, user)
            work.emit(Event(EventName.KEY_REVOKED, user.id, (f"user:{user.id}",), actor.user_id, project.id))
        return secret

    async def delete(self, actor: Actor, project_name: str, user_id: str) -> None:
        """Removes it with its token and roles."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.SERVICE_USERS_DELETE)
            user = await _service_user(work, project, user_id)
            await work.of(User, in_project(project.id)).remove(id=user.id)
            work.emit(_event(EventName.SERVICE_USER_DELETED, user, actor))

    async def _give_key(self, work: UnitOfWork, user: User) -> str:
        key, secret = new_key(user.id, "service user", KeyKind.API, self._clock.now())
        await work.of(ApiKey, of_user(user.id)).add(key)
        return secret


async def _service_user(work: UnitOfWork, project: Project, user_id: str) -> User:
    known = parse_id(user_id)
    user = None if known is None else await work.of(User, in_project(project.id)).get(id=known)
    if user is None:
        raise NotFound(f"there is no service user with the id '{user_id[:80]}' in project '{project.name}'")
    return user


def _event(name: EventName, user: User, actor: Actor) -> Event:
    return Event(name, user.id, (f"user:{user.id}",), actor.user_id, user.project_id)
