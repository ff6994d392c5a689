"""What a password is exchanged for: the same token each time, and pairs whose refresh token works once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from quinta.core.access.lasting import seal_tokens_again
from quinta.core.access.sign_in import DAY, HOUR, Session
from quinta.core.errors import NotAuthenticated
from quinta.core.events import EventName
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import ApiKey, KeyKind
from quinta.storage.database import Database
from tests.core.account_scene import EMAIL, HERE, KEYRING, PASSWORD, Scene, keyring, make_scene


@pytest.fixture
async def scene(database: Database) -> Scene:
    return await make_scene(database)


async def pair(scene: Scene) -> Session:
    return await scene.sign_in.session(EMAIL, PASSWORD, HERE, HOUR)


async def refused(scene: Scene, token: str) -> None:
    with pytest.raises(NotAuthenticated):
        await scene.who(token)


async def test_the_lasting_token_is_the_same_each_time(scene: Scene) -> None:
    token = await scene.token()
    assert len(token) == 40
    scene.clock.move(days=4_000)
    assert await scene.sign_in.lasting_token(f" {EMAIL.upper()} ", PASSWORD, HERE) == token
    assert await scene.who(token) == EMAIL
    (key,) = await scene.keys()
    assert token not in str(key)
    (event,) = scene.events
    assert (event.name, event.subject_id, event.actor_id) == (EventName.KEY_CREATED, key.id, scene.ann.id)


async def test_two_who_sign_in_at_once_get_one_token(scene: Scene) -> None:
    tokens = await asyncio.gather(*[scene.token() for _ in range(4)])
    assert len(set(tokens)) == 1
    assert len(await scene.keys()) == 1


async def test_a_new_password_ends_what_came_of_the_old_one(scene: Scene) -> None:
    token, session = await scene.token(), await pair(scene)
    spent, session = session, await scene.sign_in.refresh(session.refresh, HOUR)
    new = await scene.change_password()
    for secret in (token, session.access, spent.access):
        await refused(scene, secret)
    with pytest.raises(NotAuthenticated):
        await scene.sign_in.refresh(session.refresh, HOUR)
    assert await scene.keys() == []
    with pytest.raises(NotAuthenticated):
        await scene.token()
    again = await scene.sign_in.lasting_token(EMAIL, new, HERE)
    assert again != token
    assert await scene.who(again) == EMAIL


async def test_a_token_whose_keyring_is_gone_is_replaced(scene: Scene) -> None:
    token = await scene.token()
    elsewhere = keyring("cd" * 32)
    assert await seal_tokens_again(scene.database, elsewhere) == 1
    assert await scene.who(token) == EMAIL
    new = await scene.signing_in(elsewhere).lasting_token(EMAIL, PASSWORD, HERE)
    await refused(scene, token)
    assert await scene.who(new) == EMAIL
    assert [event.name for event in scene.events][1:] == [EventName.KEY_REVOKED, EventName.KEY_CREATED]


async def test_a_token_stays_when_the_keyring_is_rotated(scene: Scene) -> None:
    token = await scene.token()
    assert await seal_tokens_again(scene.database, keyring(f"{KEYRING} {'cd' * 32}")) == 0
    newest = keyring("cd" * 32)
    assert await seal_tokens_again(scene.database, newest) == 0
    assert await scene.signing_in(newest).lasting_token(EMAIL, PASSWORD, HERE) == token


async def test_a_sealed_token_opens_in_its_own_row_only(scene: Scene) -> None:
    await scene.token()
    (key,) = await scene.keys()
    async with scene.database.begin() as work:
        keys = work.of(ApiKey, EVERYTHING)
        await keys.remove(id=key.id)
        await keys.add(replace(key, id=scene.ann.id))
    assert await seal_tokens_again(scene.database, scene.secrets) == 1


async def test_an_account_that_is_not_active_gets_nothing(scene: Scene) -> None:
    session = await pair(scene)
    await scene.set_active(active=False)
    for attempt in (scene.token(), pair(scene), scene.sign_in.refresh(session.refresh, HOUR)):
        with pytest.raises(NotAuthenticated, match="not active"):
            await attempt
    await scene.set_active(active=True)
    await scene.sign_in.refresh(session.refresh, HOUR)
    await scene.token()


async def test_a_pair_opens_for_an_hour_and_refreshes_for_thirty_days(scene: Scene) -> None:
    session = await pair(scene)
    assert await scene.who(session.access) == EMAIL
    await refused(scene, session.refresh)
    scene.clock.move(minutes=59, seconds=59)
    assert await scene.who(session.access) == EMAIL
    scene.clock.move(seconds=1)
    await refused(scene, session.access)
    scene.clock.move(days=29, hours=22, minutes=59)
    session = await scene.sign_in.refresh(session.refresh, HOUR)
    scene.clock.move(days=30)
    with pytest.raises(NotAuthenticated, match="expired"):
        await scene.sign_in.refresh(session.refresh, HOUR)
    assert HOUR.refresh == timedelta(days=30)


async def test_a_refresh_token_that_comes_again_ends_its_session_and_no_other(scene: Scene) -> None:
    first, other = await pair(scene), await pair(scene)
    second = await scene.sign_in.refresh(first.refresh, HOUR)
    third = await scene.sign_in.refresh(second.refresh, HOUR)
    assert await scene.who(third.access) == EMAIL
    with pytest.raises(NotAuthenticated, match="was used before"):
        await scene.sign_in.refresh(first.refresh, HOUR)
    for session in (first, second, third):
        await refused(scene, session.access)
        with pytest.raises(NotAuthenticated):
            await scene.sign_in.refresh(session.refresh, HOUR)
    assert await scene.who(other.access) == EMAIL
    await scene.sign_in.refresh(other.refresh, HOUR)
    assert EventName.KEY_REVOKED in [event.name for event in scene.events]


async def test_of_two_refreshes_at_once_one_pair_at_most_lives(scene: Scene) -> None:
    session = await pair(scene)
    answers = await asyncio.gather(
        *[scene.sign_in.refresh(session.refresh, HOUR) for _ in range(2)], return_exceptions=True
    )
    (made,) = [answer for answer in answers if isinstance(answer, Session)]
    assert [type(answer) for answer in answers if answer is not made] == [NotAuthenticated]
    await refused(scene, made.access)  # nobody can tell which of the two was a thief


async def test_what_is_no_refresh_token_gets_nothing(scene: Scene) -> None:
    session, token = await pair(scene), await scene.token()
    for secret in (session.access, token, "0" * 40, ""):
        with pytest.raises(NotAuthenticated):
            await scene.sign_in.refresh(secret, HOUR)
    assert await scene.who(session.access) == EMAIL


async def test_keys_that_have_expired_go_at_the_next_sign_in(scene: Scene) -> None:
    await scene.sign_in.session(EMAIL, PASSWORD, HERE, DAY)
    await pair(scene)
    token = await scene.token()
    scene.clock.move(days=15)
    await pair(scene)
    kinds = [key.kind for key in await scene.keys()]
    assert sorted(kinds) == [KeyKind.REFRESH, KeyKind.REFRESH, KeyKind.SESSION, KeyKind.SESSION]
    assert await scene.who(token) == EMAIL
